"""A host that commits matches, and mirrors that bring them to a real server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from consumer.world import World
from ops import wiring
from producer.outbox import Outbox
from schemas.database import engine_of
from schemas.settings import Settings
from tests.flow.ledger_house import match
from tests.flow.stream_house import KEYS, StreamHouse, ended, eventually


class Application:
    """The host's own code, on its own connection."""

    def __init__(self, streaming: StreamHouse) -> None:
        self.session = engine_of(streaming.house.app.url, "somebody").open()

    def begins(self, *match_ids: str) -> None:
        """Begin a transaction and add these matches' events, for the test to end it."""
        self.session.begin_exclusive()
        for match_id in match_ids:
            Outbox().add(self.session.raw, match(match_id))

    def commits(self, *match_ids: str) -> None:
        """Store matches with their events, in one transaction."""
        self.begins(*match_ids)
        self.session.commit()


@asynccontextmanager
async def mirroring(
    streaming: StreamHouse, *, lease: float = 60, grace: float = 60
) -> AsyncIterator[Callable[[bool], Awaitable[None]]]:
    """Run a mirror; what is given ends it: killed, as by a crash, or asked to stop."""
    house = streaming.house
    world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
    settings = Settings(namespace="test", mirror_lease=lease, mirror_grace=grace)
    nobody: Any = None
    client = streaming.client()
    opened = wiring.House(settings, house.app, house.own, streaming.server.url, client, world, nobody, "")
    stop = asyncio.Event()
    task = asyncio.create_task(wiring.mirror_of(opened).run(stop))

    async def end(killed: bool) -> None:  # noqa: FBT001 - one of two ways
        if killed:
            await ended(task)
        else:
            stop.set()

    try:
        yield end
    finally:
        stop.set()
        await asyncio.wait([task], timeout=20)
        if not task.cancelled():
            task.result()


async def on_stream(streaming: StreamHouse) -> list[str]:
    """The match_ids on the stream, in its order."""
    entries = await streaming.redis.xrange(KEYS.matches)
    return [fields[b"id"].decode().rpartition(":")[0] for _, fields in entries]


async def wait_for_stream(streaming: StreamHouse, *expected: str) -> None:
    """Wait until exactly these are on the stream."""

    async def is_so() -> bool:
        return await on_stream(streaming) == list(expected)

    await eventually(is_so)


async def outbox(streaming: StreamHouse, columns: str) -> list[tuple[object, ...]]:
    """The outbox's rows."""
    return await streaming.house.host(f"SELECT {columns} FROM push_outbox ORDER BY id")


async def carried(streaming: StreamHouse) -> list[object]:
    """The keys of rows that the ledger is known to have."""
    rows = await outbox(streaming, "event_key, carried_at")
    return [key for key, carried_at in rows if carried_at is not None]


async def all_marked(streaming: StreamHouse) -> bool:
    """Whether every row says where its entry is."""
    return (None, None) not in await outbox(streaming, "mirrored_at, stream_id")


def said(logs: list[Any], event: str) -> Callable[[], Any]:
    """Whether somebody logged an event."""

    async def is_so() -> bool:
        return event in [each["event"] for each in logs]

    return is_so
