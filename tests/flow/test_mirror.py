"""The mirror on a real server: what was committed appears on the stream, in order, whoever is away."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs

from producer import mirror
from schemas.database import Database
from tests.flow.mirror_house import (
    Application,
    all_marked,
    mirroring,
    on_stream,
    outbox,
    said,
    wait_for_stream,
)
from tests.flow.stream_house import KEYS, StreamHouse, eventually


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweep often, so that tests need not wait."""
    monkeypatch.setattr(mirror, "SWEEP_EVERY", 0.02)


async def test_a_commit_wakes_it(
    streaming: StreamHouse, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No hint has to be sent, and no sweep to come: the host's commit is enough."""
    monkeypatch.setattr(mirror, "SWEEP_EVERY", 3000.0)
    async with mirroring(streaming, lease=3600):
        application.commits("m1")
        await wait_for_stream(streaming, "m1")
        for number in range(2, 6):
            application.commits(f"m{number}")
            async with asyncio.timeout(5):
                await wait_for_stream(streaming, *(f"m{each}" for each in range(1, number + 1)))


async def test_what_is_not_committed_does_not_appear(
    streaming: StreamHouse, application: Application
) -> None:
    """A match that was taken back never existed."""
    async with mirroring(streaming):
        application.begins("m1")
        application.session.rollback()
        application.commits("m2")
        await wait_for_stream(streaming, "m2")


async def test_rows_say_where_they_went(streaming: StreamHouse, application: Application) -> None:
    """Each row knows its entry, and the entry carries the row."""
    application.commits("m1", "m2")
    async with mirroring(streaming):
        await wait_for_stream(streaming, "m1", "m2")
        await eventually(lambda: all_marked(streaming))

    entries = await streaming.redis.xrange(KEYS.matches)
    assert await outbox(streaming, "stream_id, payload, carried_at") == [
        (entry_id.decode(), fields[b"data"].decode(), None) for entry_id, fields in entries
    ]


async def test_a_backlog_keeps_its_order(streaming: StreamHouse, application: Application) -> None:
    """More than a batch, each once."""
    names = [f"m{number:04}" for number in range(1203)]
    application.commits(*names)

    async with mirroring(streaming):
        await wait_for_stream(streaming, *names)


async def test_redis_goes_away_and_comes_back(streaming: StreamHouse, application: Application) -> None:
    """What was committed meanwhile waits in the outbox."""
    async with mirroring(streaming):
        application.commits("m1")
        await wait_for_stream(streaming, "m1")
        await asyncio.to_thread(streaming.server.stop)
        with capture_logs() as logs:
            application.commits("m2")
            await eventually(said(logs, "mirror.waiting"))
        await asyncio.to_thread(streaming.server.start)
        await wait_for_stream(streaming, "m1", "m2")


async def test_the_host_is_busy(streaming: StreamHouse, application: Application) -> None:
    """A row that cannot be marked as mirrored is added again: twice is harmless, never is not."""
    await streaming.house.app.close()
    streaming.house.app = Database(streaming.house.app.url, "app", busy_timeout=0.02)
    async with mirroring(streaming):
        application.commits("m1")
        await wait_for_stream(streaming, "m1")
        with capture_logs() as logs:
            application.commits("m2")
            application.begins()
            await eventually(said(logs, "mirror.waiting"))
            application.session.rollback()
        await eventually(lambda: all_marked(streaming))

    assert set(await on_stream(streaming)) == {"m1", "m2"}


async def test_two_mirrors(streaming: StreamHouse, application: Application) -> None:
    """One is active, the other stands by: nothing comes twice."""
    names = [f"m{number}" for number in range(30)]
    with capture_logs() as logs:
        async with mirroring(streaming), mirroring(streaming):
            await eventually(said(logs, "mirror.active"))
            await eventually(said(logs, "mirror.standing_by"))
            for name in names:
                application.commits(name)
            await wait_for_stream(streaming, *names)

    assert [each["event"] for each in logs].count("mirror.active") == 1


@pytest.mark.parametrize("ending", ["killed", "stopped"])
async def test_the_second_takes_over(streaming: StreamHouse, application: Application, ending: str) -> None:
    """After the lease of one that died, or at once after one that gave it back."""
    lease = 0.5 if ending == "killed" else 60
    async with AsyncExitStack() as stack:
        with capture_logs() as logs:
            end = await stack.enter_async_context(mirroring(streaming, lease=lease))
            await eventually(said(logs, "mirror.active"))
        with capture_logs() as logs:
            # of a long lease it asks every second whether it is free
            await stack.enter_async_context(mirroring(streaming, lease=0.5))
            await eventually(said(logs, "mirror.standing_by"))
            application.commits("m1")
            await wait_for_stream(streaming, "m1")
            await end(ending == "killed")
            await eventually(said(logs, "mirror.active"))
        application.commits("m2")
        await wait_for_stream(streaming, "m1", "m2")
    assert await streaming.redis.exists(KEYS.mirror_lease) == 0
