"""Intake while something is away: nothing that was read is lost, or counts against its entry."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from schemas.database import Database
from tests.engines import held
from tests.flow.stream_house import KEYS, StreamHouse, eventually


@pytest.fixture
async def impatient(streaming: StreamHouse) -> AsyncIterator[Database]:
    """A handle on the ledger that waits for a lock only shortly."""
    database = Database(streaming.house.own.url, "own", wal=True, busy_timeout=0.02)
    yield database
    await database.close()


@contextmanager
def locked(streaming: StreamHouse) -> Iterator[None]:
    """Somebody else writes to the ledger and does not come to an end."""
    with held(streaming.house.own.url):
        yield


async def test_the_ledger_is_locked_while_entries_are_read(
    streaming: StreamHouse, impatient: Database
) -> None:
    """They are kept in memory and stored later; nothing counts against them, and nothing spins."""
    async with streaming.intake(own=impatient):
        await streaming.add("m0")
        await streaming.wait_for("m0")
        with capture_logs() as logs, locked(streaming):
            ids = await streaming.add("m1", "m2")
            await eventually(
                lambda: asyncio.sleep(0, [each for each in logs if each["event"] == "intake.waiting"])
            )
            await asyncio.sleep(0.4)
        tries = len(logs)
        await streaming.wait_for("m0", "m1", "m2")

    assert tries <= 6
    assert {each["event"] for each in logs} == {"intake.waiting"}
    assert [times for entry_id, _, times in await streaming.pending() if entry_id in ids] == [1, 1]
    assert await streaming.house.rows("SELECT * FROM push_dead_letters") == []


async def test_the_ledger_is_locked_when_it_starts(streaming: StreamHouse, impatient: Database) -> None:
    """It waits for it before it reads anything, so that a crash loop poisons nothing."""
    await streaming.add("m1")
    with locked(streaming), capture_logs() as logs:
        async with streaming.intake(own=impatient):
            await eventually(lambda: asyncio.sleep(0, len(logs) >= 2))
            assert await streaming.redis.xinfo_groups(KEYS.matches) == []

    async with streaming.intake(own=impatient):
        await streaming.wait_for("m1")
    assert [times for _, _, times in await streaming.pending()] == [1]


async def test_redis_goes_away_and_comes_back(streaming: StreamHouse) -> None:
    """Intake waits, and goes on where it was."""
    async with streaming.intake() as task:
        await streaming.add("m1")
        await streaming.wait_for("m1")
        await asyncio.to_thread(streaming.server.stop)
        with capture_logs() as logs:
            await eventually(
                lambda: asyncio.sleep(0, [each for each in logs if each["event"] == "intake.waiting"])
            )
        await asyncio.to_thread(streaming.server.start)
        await streaming.add("m2")
        await streaming.wait_for("m1", "m2")
        assert not task.done()


async def test_a_flush(streaming: StreamHouse) -> None:
    """The group is made again, from the beginning, and says so."""
    async with streaming.intake():
        await streaming.add("m1")
        await streaming.wait_for("m1")
        with capture_logs() as logs:
            await streaming.redis.flushall()
            await streaming.add("m2")
            await streaming.wait_for("m1", "m2")

    assert [each["event"] for each in logs][:2] == ["intake.group_gone", "intake.group_made"]


async def test_it_stops_while_the_ledger_is_locked(streaming: StreamHouse, impatient: Database) -> None:
    """What it had read stays pending, and the next one under its name stores it."""
    async with streaming.intake(own=impatient):
        await streaming.add("m0")
        await streaming.wait_for("m0")
        with capture_logs() as logs, locked(streaming):
            [entry_id] = await streaming.add("m1")
            await eventually(lambda: asyncio.sleep(0, logs))
            assert (entry_id, "a-1", 1) in await streaming.pending()
    with locked(streaming):
        assert await streaming.matches() == ["m0"]

    async with streaming.intake(own=impatient):
        await streaming.wait_for("m0", "m1")
