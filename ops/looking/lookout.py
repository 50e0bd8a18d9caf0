"""What a command has open that only looks: wiring's small sister.  It makes, starts and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from redis.asyncio import Redis

from consumer.gather import Rules
from ops import migrate
from ops.acting import running_redis
from ops.clock import read_once, wall
from ops.wiring import databases, redis_client, rules_of
from schemas.database import Database
from schemas.errors import StorageError
from schemas.keys import Keys
from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Lookout:
    """The databases may be missing and Redis away.  ``now`` is business time, ``wall`` is for leases."""

    settings: Settings
    app: Database
    own: Database
    redis: Redis
    rules: Rules
    now: datetime
    wall: datetime

    @property
    def keys(self) -> Keys:
        """The Redis keys of this installation."""
        return Keys(self.settings.namespace)


@asynccontextmanager
async def looking(settings: Settings) -> AsyncIterator[Lookout]:
    """Reach for what is there; an embedded server is only connected to, and only if it runs."""
    async with AsyncExitStack() as stack:
        app, own = databases(settings, read_only=True)
        stack.push_async_callback(app.close)
        stack.push_async_callback(own.close)
        redis = redis_client(running_redis(settings))
        stack.push_async_callback(redis.aclose)
        now = await read_once(settings)
        yield Lookout(settings, app, own, redis, rules_of(settings), now(), wall())


async def problem_of(database: Database, part: str) -> str | None:
    """Tell why this database cannot be looked into, or None."""
    try:
        await migrate.require_current(database, part)
    except StorageError as error:
        return str(error)
    return None
