"""The access token between processes: one fetch serves them all, and Redis may be away."""

import asyncio

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis

from tests.unit.kf_fakes import (
    KEYS,
    PRINT,
    SECRET,
    Clock,
    FakeTransport,
    GatedTransport,
    granted,
    process,
    refusal,
    said,
)


async def test_a_process_takes_over_the_token_of_another() -> None:
    """One fetch serves them all, for the time the token has left."""
    clock, redis = Clock(), FakeAsyncRedis()
    first, second = FakeTransport(), FakeTransport([granted("T2")])
    await process(first, clock, redis).get()
    tokens = process(second, clock, redis)

    assert await tokens.get() == "T1"
    assert second.asked == []
    await redis.delete(KEYS.access_token(PRINT))
    clock.now += 6950
    assert await tokens.get() == "T2"


async def test_a_shared_token_about_to_die_is_renewed() -> None:
    """Its remaining life is read from Redis, not assumed."""
    redis, transport = FakeAsyncRedis(), FakeTransport([granted("T2")])
    await redis.set(KEYS.access_token(PRINT), "7200.000 T1", px=200_000)

    assert await process(transport, Clock(), redis).get() == "T2"


async def test_a_shared_token_about_to_die_serves_while_there_is_no_other() -> None:
    """Three minutes of life are better than an outage."""
    redis, transport = FakeAsyncRedis(), FakeTransport([said(-1)])
    await redis.set(KEYS.access_token(PRINT), "7200.000 T1", px=200_000)

    assert await process(transport, Clock(), redis).get() == "T1"


async def test_a_refused_token_is_not_taken_over_again() -> None:
    """The token that lies in Redis may be the very one that WeChat has just refused."""
    clock, redis = Clock(), FakeAsyncRedis()
    first, second = FakeTransport([granted("T1"), granted("T2")]), FakeTransport([])
    one, other = process(first, clock, redis), process(second, clock, redis)
    assert [await one.get(), await other.get()] == ["T1", "T1"]

    one.invalidate("T1")
    assert await one.get() == "T2"
    other.invalidate("T1")
    assert await other.get() == "T2"
    assert (len(first.asked), len(second.asked)) == (2, 0)


async def test_two_processes_that_start_together_fetch_once() -> None:
    """The second waits for the first's token to appear."""
    clock, redis = Clock(), FakeAsyncRedis()
    first, second = GatedTransport(granted("T1")), FakeTransport([])
    one = asyncio.create_task(process(first, clock, redis).get())
    await first.was_asked.wait()
    other = asyncio.create_task(process(second, clock, redis).get())
    await clock.has_slept.wait()
    first.gate.set()

    assert [await one, await other] == ["T1", "T1"]
    assert second.asked == []


async def test_a_process_that_died_while_fetching_holds_nobody_up_for_long() -> None:
    """Its lock outlives it; the others wait two seconds and fetch for themselves."""
    clock, redis, transport = Clock(), FakeAsyncRedis(), FakeTransport()
    await redis.set(KEYS.access_token_lock(PRINT), "a process that was killed", px=10_000)

    assert await process(transport, clock, redis).get() == "T1"
    assert clock.slept == pytest.approx(2.0)


async def test_a_living_token_does_not_wait_for_another_process() -> None:
    """If someone else renews, the old token does until the new one is there."""
    clock, redis = Clock(), FakeAsyncRedis()
    transport = FakeTransport([granted("T1")])
    tokens = process(transport, clock, redis)
    await tokens.get()
    clock.now += 7000
    await redis.delete(KEYS.access_token(PRINT))
    await redis.set(KEYS.access_token_lock(PRINT), "someone else", px=10_000)

    assert await tokens.get() == "T1"
    assert clock.slept == 0


async def test_the_lock_is_given_back() -> None:
    """After a fetch, and after one that failed, nobody has to wait."""
    clock, redis, transport = Clock(), FakeAsyncRedis(), FakeTransport([said(40001), granted("T1")])
    tokens = process(transport, clock, redis)

    await refusal(tokens)
    assert await redis.exists(KEYS.access_token_lock(PRINT)) == 0
    clock.now += 1
    await tokens.get()
    assert await redis.exists(KEYS.access_token_lock(PRINT)) == 0


async def test_without_redis_each_process_fetches_for_itself() -> None:
    """Redis away is a warning, never a missing token."""
    gone = FakeServer()
    gone.connected = False
    transport = FakeTransport()
    tokens = process(transport, Clock(), FakeAsyncRedis(server=gone))

    assert [await tokens.get(), await tokens.get()] == ["T1", "T1"]
    assert len(transport.asked) == 1


async def test_a_redis_that_hangs_costs_a_moment_only() -> None:
    """A server that accepts and says nothing is treated as away."""

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    redis = Redis(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    try:
        assert await process(FakeTransport(), Clock(), redis).get() == "T1"
    finally:
        await redis.aclose()
        server.close()


@pytest.mark.parametrize("rubbish", ["", "T1", "x T1", "7200 ", "7200 T1 T2", b"\xff\xfe"])
async def test_rubbish_in_redis_is_nobodys_token(rubbish: str | bytes) -> None:
    """Another version, or another program, may have written there."""
    redis = FakeAsyncRedis()
    await redis.set(KEYS.access_token(PRINT), rubbish, px=100_000)

    assert await process(FakeTransport([granted("T9")]), Clock(), redis).get() == "T9"


async def test_redis_is_told_no_secret_and_keeps_nothing_for_ever() -> None:
    """The key names the pair by a fingerprint, and dies with the token."""
    redis = FakeAsyncRedis()
    await process(FakeTransport(), Clock(), redis).get()

    key = f"{{kfpush}}:token:{PRINT}"
    assert await redis.keys() == [key.encode()]
    assert 7190 < await redis.ttl(key) <= 7200
    assert SECRET not in str(await redis.get(key))
