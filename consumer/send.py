"""Send: attempts in, receipts out, through a bounded pool.  The only slow line of the walk.

Reads no row and writes none: the letter is frozen, the receipt goes to settle.  An attempt that comes too
late (its ``send_by``, or its lease) never leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog

from consumer.ledger.pushes import Attempt
from consumer.world import World
from schemas.receipts import NotSent, NotSentCause, Receipt, Unknown

log = structlog.get_logger(__name__)


class Client(Protocol):
    """What can send a body: WeChat's client, or a fault on purpose."""

    async def send(self, body: Mapping[str, object], leave_ok: Callable[[], bool]) -> Receipt:
        """Make one attempt; ``leave_ok`` is asked right before the bytes leave."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of an attempt; ``seconds`` is how long the answer took."""

    attempt: Attempt
    receipt: Receipt
    seconds: float


class Sender:
    """The pool.  ``places`` is how many more attempts it takes: those that can start, and as many in wait."""

    def __init__(
        self,
        client: Client,
        reports: asyncio.Queue[Report],
        *,
        concurrency: int,
        send_timeout: timedelta,
        world: World,
        on_free: Callable[[], None],
    ) -> None:
        self._client = client
        self._reports = reports
        self._concurrency = concurrency
        self._send_timeout = send_timeout
        self._world = world
        self._on_free = on_free
        self._queue: asyncio.Queue[Attempt] = asyncio.Queue()
        self._held = 0
        self._draining = False

    @property
    def places(self) -> int:
        """How many attempts may be reserved now; none until half the pool is free: fewer, larger plans."""
        places = 0 if self._draining else 2 * self._concurrency - self._held
        return places if 2 * places >= self._concurrency else 0

    def take(self, attempt: Attempt) -> None:
        """Accept an attempt that plan reserved."""
        self._held += 1
        self._queue.put_nowait(attempt)

    def drain(self) -> None:
        """Start nothing new: what has not left is reported as not sent, what has left is awaited."""
        self._draining = True

    async def idle(self) -> None:
        """Wait until every attempt taken was reported."""
        await self._queue.join()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as pool:
            for _ in range(self._concurrency):
                pool.create_task(self._work())

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            attempt = await self._queue.get()
            started = loop.time()
            try:
                receipt = await self._attempt(attempt)
            except asyncio.CancelledError:
                self._reports.put_nowait(Report(attempt, Unknown("cancelled"), loop.time() - started))
                raise
            except Exception:  # a fault of ours must not end the pool, nor be taken for "not delivered"
                log.exception("push.attempt_broke", push_id=attempt.push_id, attempt=attempt.number)
                receipt = Unknown("internal error")
            finally:
                self._held -= 1
                self._queue.task_done()
            self._reports.put_nowait(Report(attempt, receipt, loop.time() - started))
            if self.places:
                self._on_free()

    async def _attempt(self, attempt: Attempt) -> Receipt:
        if not self._in_time(attempt):
            return NotSent(NotSentCause.LATE)
        return await self._client.send(attempt.letter.body, lambda: self._in_time(attempt))

    def _in_time(self, attempt: Attempt) -> bool:
        """Whether the bytes may leave: they may be on their way for a send timeout, inside the lease."""
        leave_by = attempt.lease_until - self._send_timeout
        return not self._draining and self._world.now() <= attempt.send_by and self._world.wall() < leave_by
