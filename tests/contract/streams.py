"""Both sides of the matches stream over a server that is real, or pretends to be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from consumer.stream import Stream
from producer.stream import MatchStream
from schemas.entries import Envelope
from schemas.keys import GROUP, Keys

KEYS = Keys("test")


@dataclass(frozen=True, slots=True)
class Bench:
    """A server, clients on it, and a way to take it away."""

    redis: Any
    """A client; what it answers has as many shapes in its types as Redis has protocols."""
    is_real: bool
    connect: Callable[[], Any]
    go_away: Callable[[], None]

    @property
    def writer(self) -> MatchStream:
        """The producer's side."""
        return MatchStream(self.redis, KEYS.matches, KEYS.mirror_lease)

    def reader(self, name: str = "a-1") -> Stream:
        """A consumer's side, under a name."""
        return Stream(self.redis, self.redis, KEYS.matches, name)

    def needs_a_real_server(self, reason: str) -> None:
        """Say why what is asked here cannot be asked of the pretender."""
        if not self.is_real:
            pytest.skip(f"fakeredis: {reason}")

    async def add(self, count: int, first: int = 1) -> list[str]:
        """Put so many entries on the stream; tell their ids."""
        numbers = range(first, first + count)
        return await self.writer.add([envelope(number) for number in numbers])

    async def pending(self) -> list[tuple[str, str, int]]:
        """Ask the server who holds what, and how often each was handed out."""
        rows = await self.redis.xpending_range(KEYS.matches, GROUP, "-", "+", 100)
        return [
            (row["message_id"].decode(), row["consumer"].decode(), row["times_delivered"]) for row in rows
        ]

    async def consumers(self) -> list[str]:
        """Ask the server which consumers the group knows."""
        return sorted(row["name"].decode() for row in await self.redis.xinfo_consumers(KEYS.matches, GROUP))


def envelope(number: int) -> Envelope:
    """The event of match ``m<number>``."""
    return Envelope(
        f"m{number}:1", "kfpush.match.created.v1", "2026-11-22T04:00:00.000Z", f'{{"n": {number}}}'
    )
