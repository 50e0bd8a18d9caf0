"""What Redis forgot is added again, and only that: a flush, a rewind and a new group are one rule."""

import asyncio

import pytest
from structlog.testing import capture_logs

from producer import mirror
from schemas.keys import GROUP
from tests.flow.mirror_house import (
    Application,
    all_marked,
    carried,
    mirroring,
    on_stream,
    outbox,
    said,
    wait_for_stream,
)
from tests.flow.stream_house import KEYS, StreamHouse, eventually

SOON = 0.03
"""Seconds after which a mirrored row is checked, here."""


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweep often, so that tests need not wait."""
    monkeypatch.setattr(mirror, "SWEEP_EVERY", 0.01)


async def wait_for_carried(streaming: StreamHouse, *keys: str) -> None:
    """Wait until exactly these rows are carried."""

    async def is_so() -> bool:
        return await carried(streaming) == list(keys)

    await eventually(is_so)


async def test_a_flush(streaming: StreamHouse, application: Application) -> None:
    """Everything that the ledger has not is there again, once, and the operator is told."""
    async with mirroring(streaming, grace=SOON):
        application.commits("m1", "m2", "m3")
        await wait_for_stream(streaming, "m1", "m2", "m3")
        await streaming.house.arrive("m2")
        await wait_for_carried(streaming, "m2:1")
        with capture_logs() as logs:
            await streaming.redis.flushall()
            await wait_for_stream(streaming, "m1", "m3")
            # and nothing more comes while consumers are away
            await asyncio.sleep(5 * SOON)
            assert await on_stream(streaming) == ["m1", "m3"]

    assert await said(logs, "mirror.found_lost")()


async def test_what_was_mirrored_just_now(streaming: StreamHouse, application: Application) -> None:
    """A row has a minute to arrive before anybody looks for it."""
    async with mirroring(streaming, grace=60):
        application.commits("m1")
        await wait_for_stream(streaming, "m1")
        await eventually(lambda: all_marked(streaming))
        await streaming.redis.flushall()
        application.commits("m2")
        await wait_for_stream(streaming, "m2")
        await asyncio.sleep(10 * SOON)

        assert await on_stream(streaming) == ["m2"]


async def test_a_flush_while_it_was_down(streaming: StreamHouse, application: Application) -> None:
    """The next mirror finds what is missing, also under a group that consumers have made anew."""
    async with mirroring(streaming):
        application.commits("m1", "m2")
        await wait_for_stream(streaming, "m1", "m2")
        await eventually(lambda: all_marked(streaming))
    await streaming.redis.flushall()
    await streaming.stream().ensure_group()

    async with mirroring(streaming, grace=SOON):
        await wait_for_stream(streaming, "m1", "m2")


async def test_a_rewound_server(streaming: StreamHouse, application: Application) -> None:
    """It forgot its last entries; they are added again, behind those it still has."""
    async with mirroring(streaming, grace=1000):
        application.commits("m1")
        await wait_for_stream(streaming, "m1")
        saved = await streaming.redis.dump(KEYS.matches)
        application.commits("m2", "m3")
        await wait_for_stream(streaming, "m1", "m2", "m3")
        await eventually(lambda: all_marked(streaming))
    await streaming.redis.restore(KEYS.matches, 0, saved, replace=True)

    async with mirroring(streaming, grace=SOON):
        await wait_for_stream(streaming, "m1", "m2", "m3")
        await asyncio.sleep(5 * SOON)
        assert await on_stream(streaming) == ["m1", "m2", "m3"]


async def test_what_was_lost_between_entries(streaming: StreamHouse, application: Application) -> None:
    """A gap is noticed when the group has passed it."""
    async with mirroring(streaming, grace=SOON):
        application.commits("m1", "m2", "m3")
        await wait_for_stream(streaming, "m1", "m2", "m3")
        await eventually(lambda: all_marked(streaming))
        [[lost]] = await streaming.house.host("SELECT stream_id FROM push_outbox WHERE event_key = 'm2:1'")
        await streaming.redis.xdel(KEYS.matches, lost)

        async with streaming.intake():
            await streaming.wait_for("m1", "m2", "m3")
        await wait_for_carried(streaming, "m1:1", "m2:1", "m3:1")


async def test_what_is_pending_or_ahead_is_left_alone(
    streaming: StreamHouse, application: Application
) -> None:
    """However long consumers are down or busy, a row has at most one unread entry."""
    async with mirroring(streaming, grace=SOON):
        application.commits("read", "ahead")
        await wait_for_stream(streaming, "read", "ahead")
        stream = streaming.stream("slow-1")
        await stream.ensure_group()
        await stream.fresh(1, block=0)
        await asyncio.sleep(10 * SOON)

        assert await on_stream(streaming) == ["read", "ahead"]
        assert await carried(streaming) == []


async def test_acked_and_not_in_the_ledger(streaming: StreamHouse, application: Application) -> None:
    """Whoever acked it lied: the ledger decides, and the event comes again."""
    async with mirroring(streaming, grace=SOON):
        application.commits("m1")
        await wait_for_stream(streaming, "m1")
        await eventually(lambda: all_marked(streaming))
        stream = streaming.stream()
        await stream.ensure_group()
        [entry] = await stream.fresh(1, block=0)
        await stream.ack([entry.entry_id])

        await wait_for_stream(streaming, "m1", "m1")


async def test_what_arrived_is_carried(streaming: StreamHouse, application: Application) -> None:
    """A delivery in any state, or a dead letter, is an arrival: the stream may forget it."""
    async with mirroring(streaming, grace=SOON), streaming.intake():
        application.commits("m1", "m2")
        await streaming.wait_for("m1", "m2")
        await streaming.house.plan()
        application.session.tx.execute(
            "INSERT INTO push_outbox (event_key, event_type, user_id, payload, created_at)"
            " VALUES ('bad:1', 'kfpush.match.created.v1', 'u1', 'nonsense', ''),"
            " ('new:1', 'kfpush.match.created.v7', 'u1', '{}', '')"
        )
        await wait_for_carried(streaming, "m1:1", "m2:1", "bad:1", "new:1")
        await streaming.redis.flushall()
        application.commits("m3")
        await streaming.wait_for("m1", "m2", "m3", "new")
        await asyncio.sleep(5 * SOON)

        assert set(await on_stream(streaming)) == {"m3"}


async def test_the_group_is_made_anew(streaming: StreamHouse, application: Application) -> None:
    """It begins at the beginning: old entries come again, and are acked because their rows exist."""
    async with mirroring(streaming, grace=SOON), streaming.intake():
        application.commits("m1", "m2")
        await streaming.wait_for("m1", "m2")
        await streaming.house.plan()
        with capture_logs() as logs:
            await streaming.redis.xgroup_destroy(KEYS.matches, GROUP)
            await eventually(said(logs, "intake.group_made"))
        await streaming.wait_for_pending()
        application.commits("m3")
        await streaming.wait_for("m1", "m2", "m3")

    assert await outbox(streaming, "event_key") == [("m1:1",), ("m2:1",), ("m3:1",)]
    assert await streaming.house.standing("m1", "m2") == [("parked", "no_session")] * 2
