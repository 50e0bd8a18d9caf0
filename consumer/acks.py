"""Acks: entry ids in, XACKs out, behind everybody's back.

Nothing depends on an ack: what stays pending is acked when it is reclaimed and its row found.  So nobody
waits for one, and while Redis is away they are given up, loudly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from consumer.stream import GroupGone, Stream
from schemas.errors import RedisUnavailable

MOST: Final = 1000
"""So many entries at most in one XACK."""

log = structlog.get_logger(__name__)


class Acks:
    """The room; ``later`` is called by whoever committed the end of a walk."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    def later(self, entry_ids: Sequence[str]) -> None:
        """Ack these entries soon."""
        for entry_id in entry_ids:
            self._queue.put_nowait(entry_id)

    async def idle(self) -> None:
        """Wait until everything handed in was acked or given up."""
        await self._queue.join()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < MOST and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await self._stream.ack(batch)
            except (RedisUnavailable, GroupGone) as error:
                log.warning("ack.postponed", entries=len(batch), error=str(error))
            finally:
                for _ in batch:
                    self._queue.task_done()
