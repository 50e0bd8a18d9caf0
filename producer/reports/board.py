"""Reports wait here, in memory, until the database takes them: no request holds up another, or a callback.

Whoever reports is told once it is written; if that takes too long, that it will be, unless kfpush is killed
before: what is reported twice counts once, so whoever wants to be sure reports it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

import structlog

from producer.callback.board import Ledger
from schemas.database import Transaction
from schemas.errors import StorageError

MOST_WAITING: Final = 5000
"""More is refused: the database has been away for a while, and memory is no database."""

AT_ONCE: Final = 200
WAIT: Final = 1.0
"""Seconds that a request waits to be written."""

FIRST_WAIT: Final = 0.1
LONGEST_WAIT: Final = 2.0
DRAIN_WITHIN: Final = 5.0

log = structlog.get_logger(__name__)


class What(StrEnum):
    """What is reported."""

    OPENED = "opened"
    CONVERTED = "converted"


@dataclass(frozen=True, slots=True)
class Report:
    """One report.  Of a message: ``push`` is its number or its msgid; else of a match."""

    what: What
    push: str | None = None
    match_id: str = ""
    name: str = ""
    at: datetime | None = None


Write = Callable[[Transaction, Sequence[Report], datetime], Sequence[bool]]
"""Writes reports down; tells of each whether what it is about is known."""


class Ending(StrEnum):
    """What became of a report, as far as its sender is told."""

    WRITTEN = "written"
    UNKNOWN = "unknown"
    """There is no such message, or none that brought such a match."""
    WAITING = "waiting"
    FULL = "full"


@dataclass(slots=True)
class _Waiting:
    report: Report
    known: asyncio.Future[bool] = field(repr=False)


class ReportBoard:
    """What was reported and is not written yet, in its order."""

    def __init__(self, own: Ledger, write: Write, *, wall: Callable[[], datetime]) -> None:
        self._own = own
        self._do_write = write
        self._wall = wall
        self._waiting: list[_Waiting] = []
        self._changed = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many are not in the database yet."""
        return len(self._waiting)

    async def put(self, report: Report) -> Ending:
        """Put a report down, and wait a little until it is written."""
        if len(self._waiting) >= MOST_WAITING:
            return Ending.FULL
        item = _Waiting(report, asyncio.get_running_loop().create_future())
        self._waiting.append(item)
        self._changed.set()
        try:
            async with asyncio.timeout(WAIT):
                is_known = await asyncio.shield(item.known)
        except TimeoutError:
            return Ending.WAITING
        return Ending.WRITTEN if is_known else Ending.UNKNOWN

    async def run(self, stop: asyncio.Event) -> None:
        """Write until ``stop`` is set and nothing waits, or some seconds have passed since."""
        loop = asyncio.get_running_loop()
        stopping = asyncio.create_task(stop.wait())
        failures = 0
        drain_until = 0.0
        try:
            while await self._something(stopping):
                if stop.is_set():
                    drain_until = drain_until or loop.time() + DRAIN_WITHIN
                    if failures and loop.time() >= drain_until:
                        log.warning(
                            "reports.left", reports=self.waiting, advice="the application repeats them"
                        )
                        return
                try:
                    await self._write()
                except StorageError as error:
                    failures += 1
                    if failures == 1:
                        log.error("reports.waiting", error=str(error), reports=self.waiting)  # noqa: TRY400
                    await asyncio.sleep(min(FIRST_WAIT * 2 ** min(failures, 10), LONGEST_WAIT))
                    continue
                if failures:
                    log.info("reports.written_at_last", failures=failures)
                failures = 0
        finally:
            stopping.cancel()

    async def _something(self, stopping: asyncio.Task[bool]) -> bool:
        """Wait for a report; False when asked to stop and there is none."""
        while not self._waiting:
            if stopping.done():
                return False
            self._changed.clear()
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait({changed, stopping}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        return True

    async def _write(self) -> None:
        taken = self._waiting[:AT_ONCE]
        told: list[bool] = []

        def work(tx: Transaction) -> None:
            told[:] = self._do_write(tx, [item.report for item in taken], self._wall())

        await self._own.exclusive(work)
        del self._waiting[: len(taken)]
        for item, is_known in zip(taken, told, strict=True):
            if not item.known.done():
                item.known.set_result(is_known)
