"""The matches stream: one suite of promises, kept by a real server and by the one that unit tests use."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from consumer.stream import Abandoned, Delivered, GroupGone
from schemas.entries import SOURCE
from schemas.errors import RedisUnavailable
from schemas.keys import GROUP
from tests.contract.streams import KEYS, Bench


async def test_the_group_begins_at_the_beginning(bench: Bench) -> None:
    """What was on the stream before the first consumer came is read, not skipped."""
    ids = await bench.add(2)

    assert await bench.reader().ensure_group() is True
    assert [entry.entry_id for entry in await bench.reader().fresh(10, block=0)] == ids


async def test_making_the_group_twice(bench: Bench) -> None:
    """The second consumer finds it there, and takes nothing back that was read."""
    assert await bench.reader("a-1").ensure_group() is True
    await bench.add(1)
    await bench.reader("a-1").fresh(10, block=0)

    assert await bench.reader("a-2").ensure_group() is False
    assert await bench.reader("a-2").fresh(10, block=0) == []


async def test_an_entry_arrives_as_it_was_added(bench: Bench) -> None:
    """CloudEvents attributes as plain fields, in bytes."""
    [entry_id] = await bench.add(1)
    reader = bench.reader()
    await reader.ensure_group()

    [entry] = await reader.fresh(10, block=0)

    assert entry.entry_id == entry_id
    assert dict(entry.fields or {}) == {
        b"specversion": b"1.0",
        b"id": b"m1:1",
        b"type": b"kfpush.match.created.v1",
        b"source": SOURCE.encode(),
        b"time": b"2026-11-22T04:00:00.000Z",
        b"subject": b"m1:1",
        b"datacontenttype": b"application/json",
        b"data": b'{"n": 1}',
    }


async def test_every_entry_goes_to_one_consumer(bench: Bench) -> None:
    """In order, as many as asked for, to whoever asks first."""
    ids = await bench.add(5)
    await bench.reader().ensure_group()

    shares = [
        [entry.entry_id for entry in await bench.reader(name).fresh(2, block=0)]
        for name in ("a-1", "a-2", "a-1", "a-2")
    ]

    assert shares == [ids[0:2], ids[2:4], ids[4:5], []]
    assert [(consumer, times) for _, consumer, times in await bench.pending()] == [
        ("a-1", 1),
        ("a-1", 1),
        ("a-2", 1),
        ("a-2", 1),
        ("a-1", 1),
    ]


async def test_a_reader_that_waits_is_given_what_comes(bench: Bench) -> None:
    """The block ends with the next entry, not with its time."""
    bench.needs_a_real_server("XREADGROUP does not block, it answers at once")
    reader = bench.reader()
    await reader.ensure_group()
    waiting = asyncio.create_task(reader.fresh(10, block=30_000))
    writer = bench.connect()
    await asyncio.sleep(0)

    await writer.xadd(KEYS.matches, {"data": "x"})

    assert [entry.fields for entry in await asyncio.wait_for(waiting, 20)] == [{b"data": b"x"}]


async def test_a_block_ends_by_itself(bench: Bench) -> None:
    """So that a consumer notices that it is asked to stop."""
    bench.needs_a_real_server("XREADGROUP does not block, it answers at once")
    reader = bench.reader()
    await reader.ensure_group()
    began = time.monotonic()

    assert await reader.fresh(10, block=60) == []

    assert 0.05 <= time.monotonic() - began < 10


async def test_its_own_pending_entries(bench: Bench) -> None:
    """What its name read and did not ack, oldest first; asking counts as no delivery."""
    ids = await bench.add(3)
    mine, other = bench.reader("a-1"), bench.reader("a-2")
    await mine.ensure_group()
    assert await mine.own(10) == []
    await mine.fresh(2, block=0)
    await other.fresh(1, block=0)
    await mine.ack(ids[:1])

    for _ in range(2):
        assert await bench.reader("a-1").own(10) == [Abandoned(ids[1], "a-1", 1)]
    assert await other.own(10) == [Abandoned(ids[2], "a-2", 1)]


async def test_acked_is_acked(bench: Bench) -> None:
    """By whoever asks, as often as they like, entries nobody ever read included."""
    ids = await bench.add(2)
    await bench.reader("a-1").ensure_group()
    await bench.reader("a-1").fresh(10, block=0)

    await bench.reader("a-2").ack([ids[0]])
    await bench.reader("a-2").ack([ids[0], ids[0], "1-1"])
    await bench.reader("a-2").ack([])

    assert await bench.pending() == [(ids[1], "a-1", 1)]


async def test_abandoned_entries(bench: Bench) -> None:
    """Idle for long enough, oldest first, with who held them and how often they were handed out."""
    ids = await bench.add(3)
    await bench.reader("a-1").ensure_group()
    await bench.reader("a-1").fresh(2, block=0)
    await bench.reader("a-2").fresh(1, block=0)
    await asyncio.sleep(0.03)

    found = await bench.reader("a-3").abandoned(20, 10)

    assert found == [Abandoned(ids[0], "a-1", 1), Abandoned(ids[1], "a-1", 1), Abandoned(ids[2], "a-2", 1)]
    assert await bench.reader("a-3").abandoned(20, 2) == found[:2]
    assert await bench.reader("a-3").abandoned(60_000, 10) == []


async def test_claiming_one_at_a_time(bench: Bench) -> None:
    """Each claim is a delivery of that entry alone; its neighbours' counts stay."""
    ids = await bench.add(2)
    await bench.reader("a-1").ensure_group()
    await bench.reader("a-1").fresh(10, block=0)

    claimed = await bench.reader("a-2").claim(ids[0], 0)

    assert claimed is not None
    assert (claimed.entry_id, (claimed.fields or {})[b"id"]) == (ids[0], b"m1:1")
    assert await bench.pending() == [(ids[0], "a-2", 2), (ids[1], "a-1", 1)]
    for times in (3, 4, 5):
        await bench.reader(f"a-{times}").claim(ids[0], 0)
    assert await bench.pending() == [(ids[0], "a-5", 5), (ids[1], "a-1", 1)]


async def test_two_claim_the_same(bench: Bench) -> None:
    """The second finds it no longer idle and gets nothing."""
    ids = await bench.add(1)
    await bench.reader("a-1").ensure_group()
    await bench.reader("a-1").fresh(10, block=0)
    await asyncio.sleep(0.12)

    first = await bench.reader("a-2").claim(ids[0], 100)
    second = await bench.reader("a-3").claim(ids[0], 100)

    assert (first is not None, second) == (True, None)
    assert await bench.pending() == [(ids[0], "a-2", 2)]


async def test_claiming_what_was_acked(bench: Bench) -> None:
    """It is nobody's any more."""
    ids = await bench.add(1)
    await bench.reader("a-1").ensure_group()
    await bench.reader("a-1").fresh(10, block=0)
    await bench.reader("a-1").ack(ids)

    assert await bench.reader("a-2").claim(ids[0], 0) is None
    assert await bench.pending() == []


async def test_claiming_what_was_deleted_while_pending(bench: Bench) -> None:
    """The server forgets it, and there is nothing left to ack."""
    bench.needs_a_real_server("XCLAIM keeps a deleted entry pending; Redis 7 and Valkey drop it")
    ids = await bench.add(2)
    await bench.reader("a-1").ensure_group()
    await bench.reader("a-1").fresh(10, block=0)
    await bench.redis.xdel(KEYS.matches, ids[0])

    assert await bench.reader("a-2").claim(ids[0], 0) is None
    assert await bench.pending() == [(ids[1], "a-1", 1)]


async def test_what_was_deleted_while_pending_is_still_listed(bench: Bench) -> None:
    """Nobody knows before it is claimed; acking it is possible and harmless."""
    ids = await bench.add(1)
    mine = bench.reader("a-1")
    await mine.ensure_group()
    await mine.fresh(10, block=0)
    await bench.redis.xdel(KEYS.matches, ids[0])

    assert await mine.own(10) == [Abandoned(ids[0], "a-1", 1)]
    assert await mine.fresh(10, block=0) == []
    await mine.ack(ids)
    assert await bench.pending() == []


@pytest.mark.parametrize("lost", ["the group", "the stream", "everything"])
@pytest.mark.parametrize("asked", ["fresh", "waiting", "own", "abandoned", "claim"])
async def test_the_group_is_gone(bench: Bench, lost: str, asked: str) -> None:
    """A flush, a restore, another database: it says so instead of failing, and a new group heals it."""
    if lost != "the group" and asked in {"fresh", "waiting"}:
        bench.needs_a_real_server("without the stream XREADGROUP answers with another error than NOGROUP")
    ids = await bench.add(1)
    reader = bench.reader()
    await reader.ensure_group()
    await reader.fresh(10, block=0)
    if lost == "the group":
        await bench.redis.xgroup_destroy(KEYS.matches, GROUP)
    elif lost == "the stream":
        await bench.redis.delete(KEYS.matches)
    else:
        await bench.redis.flushall()
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "fresh": lambda: reader.fresh(1, block=0),
        "waiting": lambda: reader.fresh(1, block=20),
        "own": lambda: reader.own(1),
        "abandoned": lambda: reader.abandoned(0, 1),
        "claim": lambda: reader.claim(ids[0], 0),
    }

    with pytest.raises(GroupGone):
        await questions[asked]()

    assert await reader.ensure_group() is True
    assert [entry.entry_id for entry in await reader.fresh(10, block=0)] == (
        ids if lost == "the group" else []
    )


async def test_the_group_goes_while_somebody_waits(bench: Bench) -> None:
    """A reader that is blocked on the stream learns of it at once."""
    bench.needs_a_real_server("a blocked XREADGROUP does not notice that its group was destroyed")
    reader = bench.reader()
    await reader.ensure_group()
    waiting = asyncio.create_task(reader.fresh(1, block=30_000))
    other = bench.connect()
    while not (await other.info("clients"))["blocked_clients"]:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.005)

    await other.flushall()

    with pytest.raises(GroupGone):
        await asyncio.wait_for(waiting, 20)


async def test_leaving_with_nothing_pending(bench: Bench) -> None:
    """The name disappears from the group."""
    ids = await bench.add(1)
    reader = bench.reader()
    await reader.ensure_group()
    await reader.fresh(10, block=0)
    await reader.ack(ids)
    assert await bench.consumers() == ["a-1"]

    await reader.leave()

    assert await bench.consumers() == []


async def test_leaving_with_something_pending(bench: Bench) -> None:
    """The name stays, because removing it would drop what it has pending."""
    ids = await bench.add(1)
    reader = bench.reader()
    await reader.ensure_group()
    await reader.fresh(10, block=0)

    await reader.leave()

    assert await bench.consumers() == ["a-1"]
    assert await bench.pending() == [(ids[0], "a-1", 1)]


async def test_leaving_what_one_never_joined(bench: Bench) -> None:
    """Harmless."""
    await bench.reader("a-1").ensure_group()

    await bench.reader("a-2").leave()

    assert await bench.consumers() == []


@pytest.mark.parametrize("asked", ["ensure_group", "fresh", "own", "abandoned", "claim", "ack", "leave"])
async def test_the_server_is_away(bench: Bench, asked: str) -> None:
    """Every question says so in one word, and never blames the entry."""
    [entry_id] = await bench.add(1)
    reader = bench.reader()
    await reader.ensure_group()
    bench.go_away()
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "ensure_group": reader.ensure_group,
        "fresh": lambda: reader.fresh(1, block=0),
        "own": lambda: reader.own(1),
        "abandoned": lambda: reader.abandoned(0, 1),
        "claim": lambda: reader.claim(entry_id, 0),
        "ack": lambda: reader.ack([entry_id]),
        "leave": reader.leave,
    }

    with pytest.raises(RedisUnavailable, match="KFPUSH_REDIS_URL"):
        await questions[asked]()


async def test_a_key_that_is_no_stream(bench: Bench) -> None:
    """The server answers, and refuses: that is no lost group, and nothing to heal by making one."""
    bench.needs_a_real_server("it breaks with an AttributeError instead of answering WRONGTYPE")
    await bench.redis.set(KEYS.matches, "something else")

    with pytest.raises(RedisUnavailable, match="refuses"):
        await bench.reader().ensure_group()
    with pytest.raises(RedisUnavailable, match="refuses"):
        await bench.reader().fresh(1, block=0)


def test_delivered_may_be_empty() -> None:
    """An entry whose content is gone has None for its fields, not an empty mapping."""
    assert Delivered("1-1", None).fields is None
