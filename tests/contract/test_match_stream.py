"""The producer's side of the matches stream: where it stands, what may be trimmed, who leads."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from producer.stream import Position, parse_id
from schemas.errors import RedisUnavailable
from tests.contract.streams import KEYS, Bench, envelope

LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)
AHEAD = datetime(2100, 1, 1, tzinfo=UTC)


async def test_adding_in_order(bench: Bench) -> None:
    """Ids rise with every event, and none at all is no question."""
    ids = await bench.add(20)

    assert [parse_id(each) for each in ids] == sorted({parse_id(each) for each in ids})
    assert await bench.writer.add([]) == []
    assert await bench.redis.xlen(KEYS.matches) == 20


async def test_position_of_nothing(bench: Bench) -> None:
    """No stream: both ends at the beginning, so that everything mirrored counts as lost."""
    assert await bench.writer.position() == Position((0, 0), (0, 0), None)


async def test_position_without_a_group(bench: Bench) -> None:
    """Nobody has read anything; everything is still ahead."""
    ids = [parse_id(each) for each in await bench.add(2)]

    position = await bench.writer.position()

    assert position == Position(ids[1], (0, 0), None)
    assert [position.is_ahead(each) for each in ids] == [True, True]


async def test_position_with_an_empty_group(bench: Bench) -> None:
    """A group made on a stream that has nothing yet."""
    await bench.reader().ensure_group()

    assert await bench.writer.position() == Position((0, 0), (0, 0), None)


async def test_position_as_entries_are_read_and_acked(bench: Bench) -> None:
    """The last one generated, the last one delivered, the oldest that waits for its ack."""
    texts = await bench.add(3)
    ids = [parse_id(each) for each in texts]
    reader = bench.reader()
    await reader.ensure_group()
    await reader.fresh(2, block=0)

    assert await bench.writer.position() == Position(ids[2], ids[1], ids[0])
    await reader.ack(texts[:1])
    assert await bench.writer.position() == Position(ids[2], ids[1], ids[1])
    await reader.ack(texts[1:2])
    assert await bench.writer.position() == Position(ids[2], ids[1], None)


async def test_position_after_everything_was_trimmed(bench: Bench) -> None:
    """The stream remembers what it last generated although nothing is left of it."""
    texts = await bench.add(3)
    reader = bench.reader()
    await reader.ensure_group()
    await reader.fresh(10, block=0)
    await reader.ack(texts)
    await bench.redis.xtrim(KEYS.matches, maxlen=0, approximate=False)

    position = await bench.writer.position()

    assert position == Position(parse_id(texts[2]), parse_id(texts[2]), None)
    assert [position.is_ahead(parse_id(each)) for each in texts] == [False] * 3


async def test_another_group_is_not_ours(bench: Bench) -> None:
    """Somebody else may read the stream as well."""
    [entry_id] = await bench.add(1)
    await bench.redis.xgroup_create(KEYS.matches, "theirs", id="$")

    assert await bench.writer.position() == Position(parse_id(entry_id), (0, 0), None)


async def test_pending_among(bench: Bench) -> None:
    """Exactly those that were read and not acked, of those asked about."""
    ids = await bench.add(4)
    reader = bench.reader()
    await reader.ensure_group()
    await reader.fresh(3, block=0)
    await reader.ack(ids[:1])

    assert await bench.writer.pending_among([*ids, "1-1"]) == {ids[1], ids[2]}
    assert await bench.writer.pending_among([ids[3]]) == frozenset()
    assert await bench.writer.pending_among([]) == frozenset()


@pytest.mark.parametrize("there", ["nothing", "a stream"])
async def test_pending_among_without_a_group(bench: Bench, there: str) -> None:
    """Nothing is pending where nobody reads."""
    if there == "a stream":
        await bench.add(1)

    assert await bench.writer.pending_among(["1-1"]) == frozenset()


async def left(bench: Bench) -> list[str]:
    """The ids that are still on the stream."""
    return [entry_id.decode() for entry_id, _ in await bench.redis.xrange(KEYS.matches)]


async def test_trimming_what_is_settled_and_old(bench: Bench) -> None:
    """Whole nodes of it go; what is younger stays, however settled it is."""
    ids = await bench.add(500)
    reader = bench.reader()
    await reader.ensure_group()
    await reader.fresh(1000, block=0)
    await reader.ack(ids)

    assert await bench.writer.trim(LONG_AGO, await bench.writer.position()) == 0
    assert await bench.writer.trim(AHEAD, await bench.writer.position()) >= 400
    assert len(await left(bench)) <= 100


@pytest.mark.parametrize(("read", "acked"), [(0, 0), (250, 250), (500, 0), (500, 250), (400, 150)])
async def test_trimming_never_passes_what_is_pending_or_undelivered(
    bench: Bench, read: int, acked: int
) -> None:
    """However old: an entry goes only when it, and all before it, were read and acked."""
    ids = await bench.add(500)
    reader = bench.reader()
    await reader.ensure_group()
    if read:
        await reader.fresh(read, block=0)
    await reader.ack(ids[:acked])

    trimmed = await bench.writer.trim(AHEAD, await bench.writer.position())

    assert trimmed <= acked
    assert await left(bench) == ids[trimmed:]
    if acked >= 150:
        assert trimmed >= 100
    assert len(await bench.reader("a-2").fresh(1000, block=0)) == 500 - read


async def test_trimming_without_a_group(bench: Bench) -> None:
    """Nobody has read anything, so nothing is settled."""
    await bench.add(300)

    assert await bench.writer.trim(AHEAD, await bench.writer.position()) == 0


async def test_trimming_nothing(bench: Bench) -> None:
    """There may be no stream yet."""
    assert await bench.writer.trim(AHEAD, await bench.writer.position()) == 0
    assert await bench.redis.exists(KEYS.matches) == 0


async def test_one_holds_the_lease(bench: Bench) -> None:
    """Taken, kept by its holder, refused to everybody else, given back, and free again."""
    stream = bench.writer

    assert await stream.hold_lease("one", 60_000) is True
    assert await stream.hold_lease("one", 60_000) is True
    assert await stream.hold_lease("two", 60_000) is False
    await stream.release_lease("two")
    assert await stream.hold_lease("two", 60_000) is False
    await stream.release_lease("one")
    assert await stream.hold_lease("two", 60_000) is True
    assert await stream.hold_lease("one", 60_000) is False


async def test_renewing_prolongs(bench: Bench) -> None:
    """A lease lives as long as its holder says, counted from the last time."""
    await bench.writer.hold_lease("one", 1_000)
    assert 0 < await bench.redis.pttl(KEYS.mirror_lease) <= 1_000

    await bench.writer.hold_lease("one", 50_000)

    assert 1_000 < await bench.redis.pttl(KEYS.mirror_lease) <= 50_000


async def test_an_unheard_holder_loses_it(bench: Bench) -> None:
    """After the lease's time anybody may have it, and the old holder learns that it is gone."""
    await bench.writer.hold_lease("one", 20)
    while await bench.redis.exists(KEYS.mirror_lease):  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.005)

    assert await bench.writer.hold_lease("two", 60_000) is True
    assert await bench.writer.hold_lease("one", 60_000) is False


@pytest.mark.parametrize("asked", ["add", "position", "pending_among", "trim", "hold_lease", "release_lease"])
async def test_the_server_is_away(bench: Bench, asked: str) -> None:
    """Every question says so in one word."""
    await bench.add(1)
    bench.go_away()
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "add": lambda: bench.writer.add([envelope(1)]),
        "position": bench.writer.position,
        "pending_among": lambda: bench.writer.pending_among(["1-1"]),
        "trim": lambda: bench.writer.trim(AHEAD, Position()),
        "hold_lease": lambda: bench.writer.hold_lease("one", 1_000),
        "release_lease": lambda: bench.writer.release_lease("one"),
    }

    with pytest.raises(RedisUnavailable, match="KFPUSH_REDIS_URL"):
        await questions[asked]()


async def test_a_server_without_room_refuses(bench: Bench) -> None:
    """Out of memory is an answer: nothing was added, and it says what Redis said."""
    bench.needs_a_real_server("it has no maxmemory")
    await bench.redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(RedisUnavailable, match=r"refuses: .*memory"):
            await bench.add(1)
    finally:
        await bench.redis.config_set("maxmemory", 0)
    assert await bench.redis.exists(KEYS.matches) == 0


async def test_a_rewound_server(bench: Bench) -> None:
    """What it forgot is no longer generated as far as it knows, and so counts as lost."""
    ids = await bench.add(2)
    await bench.reader().ensure_group()
    saved = await bench.redis.dump(KEYS.matches)
    ids += await bench.add(1, first=3)

    await bench.redis.restore(KEYS.matches, 0, saved, replace=True)

    position = await bench.writer.position()
    assert [position.is_ahead(parse_id(each)) for each in ids] == [True, True, False]


async def test_retention_is_a_time(bench: Bench) -> None:
    """An entry younger than the retention stays although it is settled."""
    ids = await bench.add(300)
    reader = bench.reader()
    await reader.ensure_group()
    await reader.fresh(1000, block=0)
    await reader.ack(ids)
    added_at = datetime.fromtimestamp(parse_id(ids[0])[0] / 1000, UTC)

    assert await bench.writer.trim(added_at - timedelta(milliseconds=1), await bench.writer.position()) == 0
    assert len(await left(bench)) == 300
