"""The settling room: receipts are written in groups, then the stream entries are acked, then it is told.

A commit every 20 ms or 100 receipts.  A receipt that cannot be written stays in memory and is tried again; if
this process dies first, the push is due when its lease is over, and the same bytes are sent again under the
same msgid.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog

from consumer.send import Report
from consumer.settle import Moment, Runs, settle
from consumer.world import World
from schemas.database import Database
from schemas.errors import StorageError

GROUP_SIZE: Final = 100
GROUP_WAIT: Final = 0.02

_COPIED: Final = "is this a copy of another installation's database? then: kfpush migrate --new-installation"

log = structlog.get_logger(__name__)


class Settler:
    """The room: gathers reports into groups, commits, acks, and tells."""

    def __init__(
        self,
        own: Database,
        reports: asyncio.Queue[Report],
        ack: Callable[[Sequence[str]], None],
        *,
        world: World,
        send_timeout: timedelta,
        on_settled: Callable[[], None],
        on_lost_media: Callable[[], None] = lambda: None,
    ) -> None:
        self._own = own
        self._reports = reports
        self._ack = ack
        self._world = world
        self._send_timeout = send_timeout
        self._on_settled = on_settled
        self._on_lost_media = on_lost_media
        self._runs = Runs()

    async def idle(self) -> None:
        """Wait until every report was settled."""
        await self._reports.join()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            group = await self._gather()
            await self._settle(group)
            for _ in group:
                self._reports.task_done()
            self._on_settled()

    async def _gather(self) -> list[Report]:
        group = [await self._reports.get()]
        if self._reports.qsize() < GROUP_SIZE:
            await asyncio.sleep(GROUP_WAIT)
        while len(group) < GROUP_SIZE and not self._reports.empty():
            group.append(self._reports.get_nowait())
        return group

    async def _settle(self, group: Sequence[Report]) -> None:
        failures = 0
        while True:
            moment = Moment(self._world.now(), self._world.wall(), self._world.dice(), self._send_timeout)
            runs = self._runs.copy()
            try:
                settled = await self._own.exclusive(lambda tx: settle(tx, group, runs, moment))  # noqa: B023
                break
            except StorageError as error:
                failures += 1
                log.error("settle.storage", error=str(error), waiting=len(group), failures=failures)  # noqa: TRY400
                await asyncio.sleep(self._world.back_off(failures))
        self._runs = runs
        self._ack(settled.entries)
        if settled.lost_media:
            self._on_lost_media()
        for told in settled.told:
            log.info("push.attempted", **told)
            if told["repeated"] and told["attempt"] == 1:
                log.error("push.repeated_at_first_attempt", msgid=told["msgid"], advice=_COPIED)
        for change in settled.paused:
            log.warning(**change)
