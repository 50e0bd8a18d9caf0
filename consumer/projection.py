"""Projection: settled pushes appear on the application's own screens, once each.

What is written there is ``consumer.screens``'; this room only sees to it that nothing is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from consumer import outcomes, screens
from consumer.ledger import pushes
from consumer.looping import keep_at
from consumer.world import World
from schemas.database import Database, Row, Transaction
from schemas.errors import ValueRefused

PAGE: Final = 80
"""So many pushes at once: a busy host waits for the end of each page when it writes."""
EVERY: Final = 1.0
TOGETHER: Final = 0.1
"""Seconds after news in which more is awaited: every page is three transactions, whatever is on it."""


log = structlog.get_logger(__name__)


class Projection:
    """The room that keeps the host's screens true."""

    def __init__(self, app: Database, own: Database, *, world: World) -> None:
        self._app = app
        self._own = own
        self._world = world
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Something was settled."""
        self._nudged.set()

    async def run(self) -> None:
        """Work until cancelled."""
        await keep_at(
            self.project,
            self._nudged,
            world=self._world,
            every=EVERY,
            trouble="projection.waiting",
            together=TOGETHER,
        )

    async def project(self) -> bool:
        """Project one page; tell whether there may be more."""
        rows, counts = await self._own.read(self._page)
        if not rows:
            return False
        await self._show(rows, counts)
        done = [(row["id"], row["status"]) for row in rows]
        await self._own.exclusive(lambda tx: pushes.mark_projected(tx, done, self._world.now()))
        return len(rows) == PAGE

    async def _show(self, rows: Sequence[Row], counts: screens.Counts) -> None:
        """Show pushes together; what a host's column does not take is not shown, and holds up no other."""
        try:
            await self._app.exclusive(lambda tx: screens.show(tx, rows, counts))
        except ValueRefused as error:
            if len(rows) > 1:
                for row in rows:
                    await self._show([row], counts)
                return
            log.error("projection.refused", push_id=rows[0]["id"], error=str(error))  # noqa: TRY400 - expected
            told = outcomes.of_pushes(rows)
            await self._app.exclusive(lambda tx: outcomes.note(tx, told))

    def _page(self, tx: Transaction) -> tuple[list[Row], screens.Counts]:
        rows = pushes.unprojected(tx, PAGE)
        return rows, screens.count(tx, rows, self._world.now())
