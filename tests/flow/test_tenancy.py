"""One installation a Redis, one ledger an application: the second is refused, and told what to do."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from ops import migrate, tenancy
from ops.embedded import EmbeddedValkey
from ops.tenancy import Tenancy, held, settle_in
from ops.wiring import redis_client
from schemas.errors import ConfigurationError
from schemas.keys import Keys
from tests.flow.ledger_house import LedgerHouse

KEYS = Keys("tenants")
ONE, TWO = "1" * 32, "2" * 32


@pytest.fixture
async def redis(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    """A client of a real server, without tenants."""
    client = redis_client(valkey.url)
    await client.delete(KEYS.installation)
    yield client
    await client.aclose()


async def test_the_second_is_refused(redis: Redis) -> None:
    """While one works there, another installation does not start; in a namespace of its own it does."""
    async with held(redis, KEYS, ONE):
        with pytest.raises(ConfigurationError, match=r"id 11111111.*KFPUSH_NAMESPACE; this one is 22222222"):
            async with held(redis, KEYS, TWO):
                pass
        async with held(redis, Keys("elsewhere"), TWO):
            pass


async def test_processes_of_one_installation_share(redis: Redis) -> None:
    """A mirror and two consumers are one; whoever leaves first leaves the place to the others."""
    first, second = (Tenancy(redis, KEYS.installation, ONE) for _ in range(2))
    await first.begin()
    await second.begin()
    await first.end()
    await second.begin()
    assert 29_000 < await redis.pttl(KEYS.installation) <= 30_000


async def test_who_left_makes_room(redis: Redis) -> None:
    """After a clean stop at once, after a crash when the lease is over."""
    async with held(redis, KEYS, ONE):
        pass
    async with held(redis, KEYS, TWO):
        pass
    await Tenancy(redis, KEYS.installation, ONE).begin()
    await redis.delete(KEYS.installation)  # as its end does
    async with held(redis, KEYS, TWO):
        pass


async def test_who_came_while_redis_was_away(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both run then; it is said once, loudly, and nobody's work is ended by it."""
    monkeypatch.setattr(tenancy, "RENEW_EVERY", 0.01)
    mine = Tenancy(redis, KEYS.installation, ONE)
    await redis.set(KEYS.installation, TWO)
    with capture_logs() as logs:
        keeping = asyncio.create_task(mine.keep())
        async with asyncio.timeout(10):
            while not logs:  # noqa: ASYNC110 - a log announces itself to nobody
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        keeping.cancel()
    assert [(entry["event"], entry["other"]) for entry in logs] == [("redis.shared", "22222222")]


async def test_a_redis_that_is_away_refuses_nobody() -> None:
    """Who starts without Redis waits for it elsewhere."""
    client = redis_client("redis://127.0.0.1:1/0")
    async with held(client, KEYS, ONE):
        pass
    await client.aclose()


async def test_one_ledger_serves_an_application(house: LedgerHouse) -> None:
    """A second ledger is refused, until it is said that it takes the first one's place."""
    await settle_in(house.app, ONE)
    await settle_in(house.app, ONE)
    with pytest.raises(ConfigurationError, match=r"(?s)id 11111111.*migrate --new-installation"):
        await settle_in(house.app, TWO)

    await migrate.new_installation(house.app, house.own)
    [row] = await house.rows("SELECT value FROM push_installation WHERE name = 'id'")
    await settle_in(house.app, str(row["value"]))
    with pytest.raises(ConfigurationError):
        await settle_in(house.app, ONE)
