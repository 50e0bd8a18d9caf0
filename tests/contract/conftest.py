"""The servers of the contract suites."""

from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis

from ops.embedded import EmbeddedValkey
from ops.wiring import redis_client
from tests.contract.streams import Bench


@pytest.fixture(params=["fakeredis", "valkey"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """The same questions to a server that is pretended and to one that is real."""
    clients: list[Redis] = []

    def client(made: Redis) -> Redis:
        clients.append(made)
        return made

    if request.param == "fakeredis":
        pretended = FakeServer()

        def fake() -> Redis:
            return client(FakeAsyncRedis(server=pretended))

        def disconnect() -> None:
            pretended.connected = False

        yield Bench(fake(), is_real=False, connect=fake, go_away=disconnect)
    else:
        server: EmbeddedValkey = request.getfixturevalue("valkey")
        server.start()

        def real() -> Redis:
            return client(redis_client(server.url))

        redis = real()
        await redis.flushall()
        yield Bench(redis, is_real=True, connect=real, go_away=server.stop)
    for each in clients:
        await each.aclose()
