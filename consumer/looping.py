"""The loop of a room: work, back off while the database is in trouble, wait for a nudge or a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from consumer.world import World
from schemas.errors import StorageError

log = structlog.get_logger(__name__)


async def keep_at(
    work: Callable[[], Awaitable[bool | None]],
    nudged: asyncio.Event,
    *,
    world: World,
    every: float,
    trouble: str,
    together: float = 0.0,
) -> None:
    """Do ``work`` until cancelled: at once again while it tells (True) that there may be more.

    Else at the next nudge, or after ``every`` seconds without one; ``together`` is how many seconds after a
    nudge more of them are awaited.  ``trouble`` is the name under which a database in trouble is logged.
    Any other error ends the room.
    """
    failures = 0
    while True:
        # Before the work: whoever nudges meanwhile may have come too late for it.
        nudged.clear()
        try:
            is_more = await work()
            failures = 0
        except StorageError as error:
            failures += 1
            log.error(trouble, error=str(error), failures=failures)  # noqa: TRY400 - expected
            await asyncio.sleep(world.back_off(failures))
            continue
        if is_more:
            continue
        try:
            async with asyncio.timeout(every):
                await nudged.wait()
        except TimeoutError:
            continue
        if together:
            await asyncio.sleep(together)
