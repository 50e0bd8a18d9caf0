"""Stopping: a lost cancellation keeps nobody alive, and who is cancelled knows what was committed."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from consumer.daemon import Rooms, consume
from schemas.database import Database, Transaction


class Room:
    """A room of the daemon that loses so many cancellations before it takes one."""

    def __init__(self, loses: int = 0) -> None:
        self._loses = loses

    async def run(self) -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self._loses -= 1
                if self._loses < 0:
                    raise

    def drain(self) -> None:
        """Nothing is on its way."""

    async def idle(self) -> None:
        """Nothing is on its way."""

    async def project(self) -> bool:
        return False


async def test_a_lost_cancellation_does_not_keep_a_daemon_alive() -> None:
    """Python 3.11's wait_for may forget a cancellation; the daemon asks again until every room has ended."""

    async def leave() -> None:
        """Nothing is pending."""

    stream: Any = SimpleNamespace(consumer="here-1", leave=leave)
    rooms: list[Any] = [Room(loses) for loses in (1, 2, 0, 0, 1, 0, 0, 2, 0, 1, 1)]
    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(consume(Rooms(stream, *rooms), stop, drain_within=1), 20)


async def test_cancelled_twice_a_transaction_still_tells_what_it_did(tmp_path: Path) -> None:
    """Whoever is cancelled, and again, in a transaction learns its result first and is cancelled then."""
    path = tmp_path / "a b.db"
    sqlite3.connect(path).close()
    database = Database(f"sqlite:///{path}", "own", wal=True)
    begun, finish = threading.Event(), threading.Event()
    learned: list[str] = []

    def work(_tx: Transaction) -> str:
        begun.set()
        finish.wait(20)
        return "reserved"

    async def caller() -> None:
        learned.append(await database.exclusive(work))
        await asyncio.sleep(60)

    task = asyncio.create_task(caller())
    await asyncio.to_thread(begun.wait, 20)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    finish.set()
    await asyncio.wait([task], timeout=20)
    assert task.cancelled()
    assert learned == ["reserved"]
    await database.close()
