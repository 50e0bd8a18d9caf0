"""Intake and mirror over a real server and real databases, started and stopped by the test."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from consumer.intake import Intake
from consumer.stream import Stream
from consumer.world import World
from ops.embedded import EmbeddedValkey
from ops.wiring import redis_client
from schemas.database import Database
from schemas.keys import GROUP, Keys
from tests.flow.ledger_house import LedgerHouse

KEYS = Keys("test")
LONGEST = 20
"""Seconds; what has not happened by then does not happen."""


async def eventually(is_so: Callable[[], Awaitable[object]]) -> None:
    """Ask again and again what nobody announces."""
    async with asyncio.timeout(LONGEST):
        while not await is_so():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.005)


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a room until it has ended, as the daemon does; what it broke on is raised."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
    if not task.cancelled():
        task.result()


@dataclass
class StreamHouse:
    """A ledger house with a stream in front of it."""

    house: LedgerHouse
    server: EmbeddedValkey
    redis: Any
    stack: AsyncExitStack
    stored: asyncio.Event = field(default_factory=asyncio.Event)

    def client(self, **how: float) -> Any:  # noqa: ANN401 - Redis's answers have as many types as protocols
        """Open another client, closed at the end."""
        client = redis_client(self.server.url, **how)
        self.stack.push_async_callback(client.aclose)
        return client

    def stream(self, name: str = "a-1") -> Stream:
        """A consumer's view under a name."""
        return Stream(self.client(), self.client(), KEYS.matches, name)

    @asynccontextmanager
    async def intake(
        self, name: str = "a-1", *, idle: float = 60, own: Database | None = None
    ) -> AsyncIterator[asyncio.Task[None]]:
        """Run the intake room; ``idle`` are the seconds after which it takes entries over."""
        world = World(lambda: self.house.now, lambda: self.house.wall, lambda: 0.5)
        room = Intake(
            self.stream(name),
            own or self.house.own,
            world=world,
            reclaim_idle=idle,
            on_stored=self.stored.set,
        )
        task = asyncio.create_task(room.run())
        try:
            yield task
        finally:
            await ended(task)

    async def add(self, *entries: dict[str, Any] | str) -> list[str]:
        """Put entries on the stream: fields as they are, or a match_id."""
        ids = []
        for item in entries:
            fields = entry(item) if isinstance(item, str) else item
            ids.append((await self.redis.xadd(KEYS.matches, fields)).decode())
        return ids

    async def pending(self) -> list[tuple[str, str, int]]:
        """Ask the server who holds what, and how often each was handed out."""
        rows = await self.redis.xpending_range(KEYS.matches, GROUP, "-", "+", 100)
        return [
            (row["message_id"].decode(), row["consumer"].decode(), row["times_delivered"]) for row in rows
        ]

    async def matches(self) -> list[object]:
        """The match_ids that have a row."""
        rows = await self.house.rows("SELECT match_id FROM push_deliveries ORDER BY match_id")
        return [row["match_id"] for row in rows]

    async def wait_for(self, *match_ids: str) -> None:
        """Wait until exactly these matches have rows."""
        expected = sorted(match_ids)

        async def is_so() -> bool:
            return await self.matches() == expected

        await eventually(is_so)

    async def wait_for_pending(self, *expected: tuple[str, str, int]) -> None:
        """Wait until exactly this is pending."""

        async def is_so() -> bool:
            return await self.pending() == list(expected)

        await eventually(is_so)


def entry(match_id: str, revision: int = 1, version: str = "v1", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A stream entry as the mirror writes it."""
    key = f"{match_id}:{revision}"
    values = {
        "match_id": match_id,
        "revision": revision,
        "user_id": "u1",
        "profile_name": "张三",
        "score": 0.85,
    }
    return {
        "id": key,
        "type": f"kfpush.match.created.{version}",
        "subject": key,
        "data": json.dumps(values, ensure_ascii=False),
        **more,
    }
