"""The producer's side of the matches stream: adding, looking where the group stands, trimming.

Owns the stream's content.  Its Redis client must not retry by itself: a reply that is lost after an XADD
would add the entry twice without anybody knowing (a retry of ours is known, and harmless).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from schemas.entries import Envelope
from schemas.errors import RedisUnavailable
from schemas.keys import GROUP

StreamId = tuple[int, int]
BEGINNING: StreamId = (0, 0)
Entry = tuple[StreamId, Mapping[bytes, bytes]]

_RENEW = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then"
    " return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
)
"""KEYS[1] the lease, ARGV[1] its holder, ARGV[2] milliseconds; answers 1 if the holder still held it."""

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
"""KEYS[1] the lease, ARGV[1] its holder; answers 1 if the holder held it."""


def parse_id(text: bytes | str) -> StreamId:
    """Read ``<milliseconds>-<sequence>``; ids compare as pairs of numbers, never as text."""
    milliseconds, _, sequence = (text.decode() if isinstance(text, bytes) else text).partition("-")
    return int(milliseconds), int(sequence or 0)


@dataclass(frozen=True, slots=True)
class Position:
    """Where the stream and its group stand; both at the beginning when there is none."""

    last_generated: StreamId = BEGINNING
    last_delivered: StreamId = BEGINNING
    oldest_pending: StreamId | None = None

    def is_ahead(self, entry: StreamId) -> bool:
        """Whether the group has yet to come to this entry."""
        return self.last_delivered < entry <= self.last_generated


class MatchStream:
    """The stream as its writer sees it."""

    def __init__(self, redis: Redis, key: str, lease_key: str) -> None:
        self._redis = redis
        self._key = key
        self._lease_key = lease_key

    async def add(self, envelopes: Sequence[Envelope]) -> list[str]:
        """Append events in order; return their entry ids.

        Raises:
            RedisUnavailable: some may have been added; adding all of them again is harmless.

        """
        return await self._append([envelope.fields() for envelope in envelopes])

    async def add_again(self, entries: Sequence[Mapping[bytes, bytes]]) -> list[str]:
        """Append entries as they were once more, marked as such; return their new ids.

        Raises:
            RedisUnavailable: as ``add``.

        """
        return await self._append([{**fields, b"again": b"1"} for fields in entries])

    async def between(self, first: StreamId, last: StreamId, count: int) -> list[Entry]:
        """Read the oldest entries of a range, both ends included; the group is not touched."""
        try:
            found: Any = await self._redis.xrange(self._key, _id(first), _id(last), count)
        except RedisError as error:
            raise _unavailable(error) from error
        return [(parse_id(entry_id), fields) for entry_id, fields in found]

    async def length(self) -> int:
        """Count the entries there are."""
        try:
            return int(await self._redis.xlen(self._key))
        except RedisError as error:
            raise _unavailable(error) from error

    async def _append(self, entries: Sequence[Mapping[Any, Any]]) -> list[str]:
        pipeline = self._redis.pipeline(transaction=False)
        for fields in entries:
            pipeline.xadd(self._key, dict(fields))
        try:
            added = await pipeline.execute()
        except RedisError as error:
            raise _unavailable(error) from error
        return [_text(entry_id) for entry_id in added]

    async def position(self) -> Position:
        """Ask where the stream and its group stand."""
        try:
            stream = await self._redis.xinfo_stream(self._key)
            groups = await self._redis.xinfo_groups(self._key)
            group = next((item for item in groups if _text(_get(item, "name")) == GROUP), None)
            if group is None:
                return Position(last_generated=parse_id(_get(stream, "last-generated-id")))
            pending = await self._redis.xpending(self._key, GROUP)
        except ResponseError as error:
            if "no such key" in str(error):
                return Position()
            raise _unavailable(error) from error
        except RedisError as error:
            raise _unavailable(error) from error
        oldest = _get(pending, "min")
        return Position(
            parse_id(_get(stream, "last-generated-id")),
            parse_id(_get(group, "last-delivered-id")),
            parse_id(oldest) if oldest else None,
        )

    async def pending_among(self, entry_ids: Sequence[str]) -> frozenset[str]:
        """Tell which entries were read and not yet acked."""
        pipeline = self._redis.pipeline(transaction=False)
        for entry_id in entry_ids:
            pipeline.xpending_range(self._key, GROUP, entry_id, entry_id, 1)
        try:
            found = await pipeline.execute(raise_on_error=False)
        except RedisError as error:
            raise _unavailable(error) from error
        return frozenset(
            entry for entry, rows in zip(entry_ids, found, strict=True) if isinstance(rows, list) and rows
        )

    async def trim(self, older_than: datetime, position: Position) -> int:
        """Forget old entries, but none that is pending or was not delivered yet; tell how many."""
        keep_from = min(
            (int(older_than.timestamp() * 1000), 0),
            (position.last_delivered[0], position.last_delivered[1] + 1),
            position.oldest_pending or (1 << 62, 0),
        )
        try:
            trimmed = await self._redis.xtrim(
                self._key, minid=f"{keep_from[0]}-{keep_from[1]}", approximate=True
            )
        except RedisError as error:
            raise _unavailable(error) from error
        return int(trimmed)

    async def hold_lease(self, holder: str, milliseconds: int) -> bool:
        """Take or keep the mirror's lease; tell whether we have it."""
        try:
            if await self._redis.set(self._lease_key, holder, nx=True, px=milliseconds):
                return True
            renewed: Any = await self._redis.eval(_RENEW, 1, self._lease_key, holder, str(milliseconds))
        except RedisError as error:
            raise _unavailable(error) from error
        return bool(renewed)

    async def release_lease(self, holder: str) -> None:
        """Give the lease back, if it is ours."""
        try:
            await self._redis.eval(_RELEASE, 1, self._lease_key, holder)
        except RedisError as error:
            raise _unavailable(error) from error


def _id(entry: StreamId) -> str:
    return f"{entry[0]}-{entry[1]}"


def _get(mapping: Mapping[Any, Any], name: str) -> Any:  # noqa: ANN401 - Redis's own types
    return mapping[name] if name in mapping else mapping[name.encode()]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _unavailable(error: RedisError) -> RedisUnavailable:
    if isinstance(error, ResponseError):
        return RedisUnavailable(f"Redis refuses: {error}")
    return RedisUnavailable(
        f"Redis cannot be reached ({type(error).__name__}); check KFPUSH_REDIS_URL and the server"
    )
