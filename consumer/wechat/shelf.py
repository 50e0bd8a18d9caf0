"""Where processes of one corp leave the access token for each other: Redis, if it is there.

Nothing here can fail: with Redis away, or slow, every question is answered as if there were nothing to share,
and each process fetches for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas.keys import Keys
from schemas.kf import TokenGrant

LOCK_SECONDS = 10.0
"""Longer than a fetch may take, so that only a dead holder's lock ends by itself."""
PATIENCE_SECONDS = 0.5
"""A send waits for the token: Redis answers within this, or is treated as away."""

_AWAY = (RedisError, OSError, TimeoutError)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Shared:
    """A token that some process fetched, and the seconds it has left."""

    grant: TokenGrant = field(repr=False)
    remaining: float


class TokenShelf:
    """One corp's token in Redis."""

    def __init__(
        self, redis: Redis | None, keys: Keys, fingerprint: str, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """``redis`` may be None: a process that shares with nobody."""
        self._redis = redis
        self._patience = patience_seconds
        self._token_key = keys.access_token(fingerprint)
        self._lock_key = keys.access_token_lock(fingerprint)

    async def take(self) -> Shared | None:
        """The token that lies there."""
        if self._redis is None:
            return None
        try:
            async with asyncio.timeout(self._patience):
                pipe = self._redis.pipeline(transaction=False)
                pipe.get(self._token_key)
                pipe.pttl(self._token_key)
                text, left_ms = await pipe.execute()
        except _AWAY as error:
            log.warning("wechat.token_not_shared", step="take", error=type(error).__name__)
            return None
        return None if text is None else _shared(text, left_ms)

    async def put(self, grant: TokenGrant) -> None:
        """Leave a token for the others, for as long as it lives."""
        if self._redis is None:
            return
        try:
            async with asyncio.timeout(self._patience):
                value = f"{grant.expires_in:.3f} {grant.access_token}"
                await self._redis.set(self._token_key, value, px=max(1, int(grant.expires_in * 1000)))
        except _AWAY as error:
            log.warning("wechat.token_not_shared", step="put", error=type(error).__name__)

    @asynccontextmanager
    async def fetching(self) -> AsyncIterator[bool]:
        """Try to be the one process that fetches; False if another one is at it."""
        lock = None
        mine = True
        if self._redis is not None:
            lock = self._redis.lock(self._lock_key, timeout=LOCK_SECONDS, thread_local=False)
            try:
                async with asyncio.timeout(self._patience):
                    mine = await lock.acquire(blocking=False)
            except _AWAY as error:
                log.warning("wechat.token_not_shared", step="lock", error=type(error).__name__)
                lock = None
        try:
            yield mine
        finally:
            if lock is not None and mine:
                try:
                    async with asyncio.timeout(self._patience):
                        await lock.release()
                except _AWAY as error:  # it ends by itself
                    log.warning("wechat.token_not_shared", step="unlock", error=type(error).__name__)


def _shared(text: bytes | str, left_ms: int) -> Shared | None:
    """Read what ``put`` wrote; anything else is nobody's token."""
    words = (text.decode("utf-8", "replace") if isinstance(text, bytes) else text).split(" ")
    try:
        lifetime, token = words
        grant = TokenGrant(token, float(lifetime))
    except ValueError:
        return None
    return Shared(grant, left_ms / 1000) if token and left_ms > 0 else None
