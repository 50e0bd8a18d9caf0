"""The consumer's side of the matches stream: one group, entries that are fresh, own, abandoned or acked.

Owns no key (producer/mirror writes the stream).  Speaks only commands that Redis 7 and Valkey 7.2 know.
Two connections: one for blocking reads, whose timeout lies above the block, and one for the rest.  Neither
retries by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from schemas.errors import RedisUnavailable
from schemas.keys import GROUP

BLOCK_MILLISECONDS: Final = 1000
"""A short block, so that stopping is noticed; the reader's socket timeout must lie above it."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """One entry as Redis handed it out; ``fields`` is None when the entry itself is gone."""

    entry_id: str
    fields: Mapping[bytes, bytes] | None


@dataclass(frozen=True, slots=True)
class Abandoned:
    """An entry that somebody read and did not ack; ``deliveries`` counts the reads so far."""

    entry_id: str
    consumer: str
    deliveries: int


class GroupGone(Exception):
    """The stream or its group vanished: a flush, a restore, another database."""


class Stream:
    """One consumer's view of the group."""

    def __init__(self, reader: Redis, redis: Redis, key: str, consumer: str) -> None:
        self._reader = reader
        self._redis = redis
        self._key = key
        self.consumer = consumer

    async def ensure_group(self) -> bool:
        """Make the group if it is not there, from the stream's beginning; tell whether it was made."""
        try:
            await self._redis.xgroup_create(self._key, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if _is(error, "BUSYGROUP"):
                return False
            raise RedisUnavailable(f"Redis refuses to make the consumer group: {error}") from error
        except RedisError as error:
            raise _unavailable(error) from error
        return True

    async def fresh(self, count: int, *, block: int = BLOCK_MILLISECONDS) -> list[Delivered]:
        """Read entries that nobody has read; waits up to ``block`` milliseconds, not at all for 0.

        Raises:
            GroupGone: call ``ensure_group`` and go on.
            RedisUnavailable: Redis is away; back off.

        """
        return await self._read(">", count, block or None)

    async def own(self, count: int) -> list[Abandoned]:
        """List the longest pending entries that this consumer's name read and did not ack."""
        return await self._pending(count, consumer=self.consumer)

    async def _read(self, start: str, count: int, block: int | None) -> list[Delivered]:
        try:
            reply = await self._reader.xreadgroup(GROUP, self.consumer, {self._key: start}, count, block)
        except ResponseError as error:
            raise _answered(error) from error
        except RedisError as error:
            raise _unavailable(error) from error
        return [Delivered(_text(entry_id), fields) for entry_id, fields in _entries(reply)]

    async def abandoned(self, idle_milliseconds: int, count: int) -> list[Abandoned]:
        """List the longest pending entries that nobody has touched for so long."""
        return await self._pending(count, idle=idle_milliseconds)

    async def _pending(
        self, count: int, *, idle: int | None = None, consumer: str | None = None
    ) -> list[Abandoned]:
        try:
            rows = await self._redis.xpending_range(self._key, GROUP, "-", "+", count, consumer, idle)
        except ResponseError as error:
            raise _answered(error) from error
        except RedisError as error:
            raise _unavailable(error) from error
        return [
            Abandoned(_text(row["message_id"]), _text(row["consumer"]), int(row["times_delivered"]))
            for row in rows
        ]

    async def claim(self, entry_id: str, idle_milliseconds: int) -> Delivered | None:
        """Take over one abandoned entry; None when somebody else was faster or the entry is gone for good."""
        try:
            rows: Any = await self._redis.xclaim(
                self._key, GROUP, self.consumer, idle_milliseconds, [entry_id]
            )
        except ResponseError as error:
            raise _answered(error) from error
        except RedisError as error:
            raise _unavailable(error) from error
        for found, fields in rows:
            if found is not None:
                return Delivered(_text(found), fields)
        return None

    async def ack(self, entry_ids: Sequence[str]) -> None:
        """Take entries off the pending list, whoever read them; repeating it is harmless.

        Raises:
            RedisUnavailable: nothing depends on it; a reclaimed entry whose row exists is acked then.

        """
        if not entry_ids:
            return
        try:
            await self._redis.xack(self._key, GROUP, *entry_ids)
        except ResponseError as error:
            raise _answered(error) from error
        except RedisError as error:
            raise _unavailable(error) from error

    async def leave(self) -> None:
        """Remove this consumer from the group, only if nothing is pending for it (removing drops that)."""
        try:
            rows = await self._redis.xpending_range(self._key, GROUP, "-", "+", 1, self.consumer)
            if not rows:
                await self._redis.xgroup_delconsumer(self._key, GROUP, self.consumer)
        except RedisError as error:
            raise _unavailable(error) from error


def _entries(reply: Any) -> list[tuple[bytes, Mapping[bytes, bytes] | None]]:  # noqa: ANN401 - two shapes
    """Read XREADGROUP's reply in either protocol's shape: pairs of RESP2, a mapping of RESP3."""
    if not reply:
        return []
    batches = reply.values() if isinstance(reply, Mapping) else [entries for _, entries in reply]
    entries: list[tuple[bytes, Mapping[bytes, bytes] | None]] = []
    for batch in batches:
        for entry in batch:
            # RESP3 wraps the batch once more in some versions of the client.
            if isinstance(entry, list) and entry and isinstance(entry[0], tuple | list):
                entries += [(item[0], item[1]) for item in entry]
            else:
                entries.append((entry[0], entry[1] or None))
    return entries


def _text(value: bytes | str | int) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _is(error: ResponseError, code: str) -> bool:
    """Recognise Redis's answer by its text; the only place that does."""
    return code in str(error)


def _answered(error: ResponseError) -> Exception:
    if _is(error, "NOGROUP") or _is(error, "no such key"):
        return GroupGone(str(error))
    return RedisUnavailable(f"Redis refuses: {error}")


def _unavailable(error: RedisError) -> RedisUnavailable:
    return RedisUnavailable(
        f"Redis cannot be reached ({type(error).__name__}); check KFPUSH_REDIS_URL and the server"
    )
