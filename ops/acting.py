"""What a command has open that acts on the ledger by hand: both databases and the clocks, nothing else.

A running consumer finds what such a command made due by itself, within a quarter of a second.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from consumer.gather import Rules
from ops import migrate
from ops.clock import read_once, wall
from ops.embedded import EmbeddedValkey
from ops.wiring import databases, redis_client, rules_of
from producer.stream import MatchStream
from schemas.database import Database
from schemas.errors import ConfigurationError
from schemas.keys import Keys
from schemas.settings import Settings
from schemas.states import BY_KFPUSH


@dataclass(frozen=True, slots=True)
class Hands:
    """The databases, migrated; ``now`` is the business clock, ``wall`` the machine's."""

    settings: Settings
    app: Database
    own: Database
    rules: Rules
    now: Callable[[], datetime]
    wall: Callable[[], datetime]


def running_redis(settings: Settings) -> str:
    """Tell where Redis is; an embedded server is only reached for, and only if it runs."""
    if settings.redis_url == "embedded":
        return EmbeddedValkey(Path(settings.data_dir) / "valkey").url
    return settings.redis_url


@asynccontextmanager
async def streaming(hands: Hands) -> AsyncIterator[MatchStream]:
    """Reach for the stream."""
    keys = Keys(hands.settings.namespace)
    redis = redis_client(running_redis(hands.settings))
    try:
        yield MatchStream(redis, keys.matches, keys.mirror_lease)
    finally:
        await redis.aclose()


@asynccontextmanager
async def acting(settings: Settings) -> AsyncIterator[Hands]:
    """Open the databases to act on them.

    Raises:
        SchemaTooOld, SchemaTooNew, StorageError: saying what to do.

    """
    async with AsyncExitStack() as stack:
        app, own = databases(settings)
        stack.push_async_callback(app.close)
        stack.push_async_callback(own.close)
        await migrate.require_current(own, migrate.OWN)
        await migrate.require_current(app, migrate.APP)
        yield Hands(settings, app, own, rules_of(settings), await read_once(settings), wall)


def author_of(given: str | None) -> str:
    """Tell who acts: whoever was named, else the user who logged in, also behind sudo.

    Raises:
        ConfigurationError: the name is kfpush's own, or there is none.

    """
    try:
        author = (given or os.environ.get("SUDO_USER") or getpass.getuser()).strip()
    except (OSError, KeyError):  # no login name in this environment
        author = ""
    if not author or author == BY_KFPUSH:
        raise ConfigurationError("say who does this: --author NAME (not kfpush, which signs its own acts)")
    return author
