"""The room of daily summaries: looks, by an index, for whoever's hour has come, and for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from consumer.gather import HostInputs, Rules, read_host
from consumer.ledger import summaries
from consumer.looping import keep_at
from consumer.summarizing import summarize
from consumer.world import World
from schemas.database import Database, Transaction

EVERY: Final = 5.0
"""A summary may be so many seconds late."""

PAGE: Final = 32
"""So many users share one transaction: others may write again within some milliseconds."""

log = structlog.get_logger(__name__)


class Summarizer:
    """The room; ``on_offered`` is called when there are letters to try."""

    def __init__(
        self,
        app: Database,
        own: Database,
        *,
        rules: Rules,
        installation: str,
        world: World,
        on_offered: Callable[[], None],
    ) -> None:
        self._app = app
        self._own = own
        self._rules = rules
        self._installation = installation
        self._world = world
        self._on_offered = on_offered

    async def run(self) -> None:
        """Work until cancelled."""
        nobody = asyncio.Event()
        await keep_at(self.summarize, nobody, world=self._world, every=EVERY, trouble="summary.waiting")

    async def summarize(self) -> bool:
        """See to those who are due; tell whether there may be more."""
        now = self._world.now()
        users = await self._own.read(lambda tx: summaries.due(tx, now, PAGE))
        if not users:
            return False
        inputs = await self._app.read(lambda tx: read_host(tx, users, ()))
        offered = await self._own.exclusive(lambda tx: self._work(tx, users, inputs))
        if offered:
            log.info("summary.offered", count=offered)
            self._on_offered()
        return len(users) == PAGE

    def _work(self, tx: Transaction, users: Sequence[str], inputs: HostInputs) -> int:
        now, wall = self._world.now(), self._world.wall()
        return summarize(tx, users, inputs, self._rules, self._installation, now=now, wall=wall)
