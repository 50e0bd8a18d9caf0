"""The loop that rooms share: when it works again, and what ends it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from consumer.looping import keep_at
from consumer.world import World
from schemas.errors import DatabaseBusy

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
WORLD = World(lambda: NOON, lambda: NOON, lambda: 0.0)
LONG = 3600.0


@asynccontextmanager
async def room(
    work: Callable[[], Awaitable[bool | None]], nudged: asyncio.Event, *, every: float = LONG
) -> AsyncIterator[asyncio.Task[None]]:
    """A room at work, cancelled in the end."""
    task = asyncio.create_task(keep_at(work, nudged, world=WORLD, every=every, trouble="test.waiting"))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_more_is_done_at_once() -> None:
    """While the work says that there is more, nothing is awaited; then it rests."""
    left, seen = [True, True, False], asyncio.Event()

    async def work() -> bool:
        if not left:
            pytest.fail("nobody nudged it")
        more = left.pop(0)
        if not left:
            seen.set()
        return more

    async with room(work, asyncio.Event()) as task:
        await asyncio.wait_for(seen.wait(), 5)
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()


async def test_a_nudge_while_it_works_is_not_lost() -> None:
    """Whoever nudges after the work looked is looked for again."""
    nudged, twice = asyncio.Event(), asyncio.Event()
    looks = 0

    async def work() -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            nudged.set()
        else:
            twice.set()

    async with room(work, nudged):
        await asyncio.wait_for(twice.wait(), 5)


async def test_a_database_in_trouble_is_waited_for() -> None:
    """It backs off and tries again without a nudge."""
    again = asyncio.Event()
    looks = 0

    async def work() -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise DatabaseBusy("locked")
        again.set()

    async with room(work, asyncio.Event()):
        await asyncio.wait_for(again.wait(), 5)


async def test_any_other_error_ends_the_room() -> None:
    """A fault of ours is not hidden by a loop."""

    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await keep_at(work, asyncio.Event(), world=WORLD, every=LONG, trouble="test.waiting")


async def test_it_looks_without_a_nudge_after_a_while() -> None:
    """What nobody announces is found."""
    twice = asyncio.Event()
    looks = 0

    async def work() -> None:
        nonlocal looks
        looks += 1
        if looks > 1:
            twice.set()

    async with room(work, asyncio.Event(), every=0.001):
        await asyncio.wait_for(twice.wait(), 5)
