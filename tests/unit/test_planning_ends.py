"""The planning room is told to end at whatever instant."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from consumer.planning import Planning
from consumer.send import Sender
from consumer.world import World
from schemas.database import Database
from tests.faults.paper import RULES

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)


async def test_a_nudge_at_the_same_instant_does_not_keep_it_at_work() -> None:
    """Something may become due, or a place free, in the very tick in which it is cancelled."""
    nothing = cast("Database", SimpleNamespace())
    nudged = asyncio.Event()
    planning = Planning(
        nothing,
        nothing,
        cast("Sender", SimpleNamespace(places=0)),
        lambda _entries: None,
        nudged,
        rules=RULES,
        installation="here",
        holder="c-0",
        world=World(lambda: NOON, lambda: NOON, lambda: 0.5),
    )
    room = asyncio.create_task(planning.run())
    for _ in range(3):  # it looks, finds no place, and waits
        await asyncio.sleep(0)

    nudged.set()
    room.cancel()

    done, _ = await asyncio.wait([room], timeout=5)
    assert done == {room}
    assert room.cancelled()
