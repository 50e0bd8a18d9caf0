"""One installation a Redis and one an application: a second is noticed when it starts, and refused.

Two that shared a stream would each send half of it, two that shared an application would each see half of its
matches, and two that answered one KF account would greet everybody twice.  What they cannot share is seen
here; two with a Redis and databases of their own on one KF account cannot be.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas.database import Database, Transaction
from schemas.errors import ConfigurationError
from schemas.keys import Keys

LEASE: Final = 30.0
"""Seconds after which an installation that is not heard of has left its Redis to another."""

RENEW_EVERY: Final = 5.0

_TAKE: Final = (
    "local held = redis.call('GET', KEYS[1])"
    " if held and held ~= ARGV[1] then return held end"
    " redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return false"
)
"""KEYS[1] the lease, ARGV[1] the installation, ARGV[2] milliseconds; answers who else has it, if anybody."""

_RELEASE: Final = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
)

log = structlog.get_logger(__name__)


class Tenancy:
    """This installation's hold on its Redis namespace, shared by all its processes."""

    def __init__(self, redis: Redis, key: str, installation: str) -> None:
        self._redis = redis
        self._key = key
        self._installation = installation
        self._has_told = False

    async def begin(self) -> None:
        """Take the namespace, or share it with processes of our own; a Redis that is away is asked later.

        Raises:
            ConfigurationError: another installation works there.

        """
        other = await self._take()
        if other is not None:
            raise ConfigurationError(
                f"KFPUSH_REDIS_URL: another installation (id {other[:8]}) works on this Redis under the same"
                f" KFPUSH_NAMESPACE; this one is {self._installation[:8]}. Two would take each other's"
                " matches. Give this one a namespace or a Redis of its own, or stop the other and start"
                f" again after {LEASE:.0f} seconds"
            )

    async def keep(self) -> None:
        """Keep it until cancelled; whoever took it while we were away is told of, once."""
        while True:
            await asyncio.sleep(RENEW_EVERY)
            other = await self._take()
            if other is not None and not self._has_told:
                log.error(
                    "redis.shared",
                    other=other[:8],
                    own=self._installation[:8],
                    advice="stop one of the two, or give it a KFPUSH_NAMESPACE of its own",
                )
            self._has_told = other is not None

    async def end(self) -> None:
        """Leave it; our other processes take it again at once."""
        try:
            await self._redis.eval(_RELEASE, 1, self._key, self._installation)
        except RedisError as error:
            log.info("redis.left_without_goodbye", error=type(error).__name__)

    async def _take(self) -> str | None:
        """Take it or keep it; tell who else has it."""
        try:
            held: Any = await self._redis.eval(
                _TAKE, 1, self._key, self._installation, str(int(LEASE * 1000))
            )
        except RedisError:
            return None  # whoever needs it waits for it, and says so
        return None if held is None else held.decode()


@asynccontextmanager
async def held(redis: Redis, keys: Keys, installation: str) -> AsyncIterator[None]:
    """Have this namespace of Redis to this installation meanwhile; raises as ``begin`` does."""
    tenancy = Tenancy(redis, keys.installation, installation)
    await tenancy.begin()
    keeping = asyncio.create_task(tenancy.keep())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await tenancy.end()


async def settle_in(app: Database, installation: str) -> None:
    """Be the one installation that serves this application.

    Raises:
        ConfigurationError: another one does.

    """

    def work(tx: Transaction) -> str:
        first = _served_by(tx)
        if first is None:
            serve(tx, installation)
        return first or installation

    found = await app.read(_served_by)
    if found is None:
        found = await app.exclusive(work)
    if found != installation:
        raise ConfigurationError(
            f"KFPUSH_APP_DATABASE_URL: another installation (id {found[:8]}) serves this application; this"
            f" one is {installation[:8]}. Two would each see half of its matches. Point KFPUSH_DATABASE_URL"
            " to the ledger that belongs to it; or, if that is gone for good, run"
            " `kfpush migrate --new-installation`"
        )


def _served_by(tx: Transaction) -> str | None:
    row = tx.one("SELECT value FROM push_installation WHERE name = 'ledger'")
    return None if row is None else str(row["value"])


def serve(tx: Transaction, installation: str) -> None:
    """Note, in the application's database, which ledger belongs to it."""
    tx.execute(
        "INSERT INTO push_installation (name, value) VALUES ('ledger', ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (installation,),
    )
