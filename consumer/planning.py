"""The planning room: wakes when something may be due, runs one round, hands its attempts to the sender."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from consumer.bodies import Need
from consumer.gather import Rules, read_host
from consumer.looping import keep_at
from consumer.media.shelf import Key as MediaKey
from consumer.plan import Round
from consumer.rounds import ROWS_A_PLACE, Clock, Outcome, find_due
from consumer.send import Sender
from consumer.world import World
from schemas.database import Database, Transaction

POLL: Final = 0.25
"""How often a due row that nobody announced (another process's, or one whose time came) is looked for."""

log = structlog.get_logger(__name__)


class Planning:
    """Plans whatever is due, as long as the sender has places."""

    def __init__(
        self,
        app: Database,
        own: Database,
        sender: Sender,
        ack: Callable[[Sequence[str]], None],
        nudged: asyncio.Event,
        *,
        rules: Rules,
        installation: str,
        holder: str,
        world: World,
        media: Callable[[], Mapping[Need, MediaKey]] = dict,
    ) -> None:
        """``media`` tells which bytes each file that a template shows is."""
        self._media = media
        self._app = app
        self._own = own
        self._sender = sender
        self._ack = ack
        self._rules = rules
        self._installation = installation
        self._holder = holder
        self._world = world
        self._nudged = nudged
        """Set by whoever knows that something may be due, or a place free."""
        self._rows_a_place = ROWS_A_PLACE

    async def run(self) -> None:
        """Work until cancelled."""
        await keep_at(self.plan_once, self._nudged, world=self._world, every=POLL, trouble="plan.waiting")

    async def plan_once(self) -> bool:
        """Run one round; tell whether it did anything, so that another may follow at once."""
        places = self._sender.places
        if places == 0:
            return False
        due = await self._own.read(
            lambda tx: find_due(tx, self._world.now(), self._world.wall(), places, self._rows_a_place)
        )
        if not due:
            return False
        if self._rules.words.is_stale():
            await asyncio.to_thread(self._rules.words.read)
        inputs = await self._app.read(lambda tx: read_host(tx, due.users, due.phones))
        clock = Clock(self._world.now(), self._world.wall())

        def work(tx: Transaction) -> Outcome:
            planning = Round(tx, clock, self._rules, self._holder, places, self._media())
            return planning.run(due, inputs, self._installation)

        outcome = await self._own.exclusive(work)
        # While everything due can go, more than there are places for is read in vain.
        self._rows_a_place = 1 if len(outcome.attempts) == places else ROWS_A_PLACE
        for attempt in outcome.attempts:
            self._sender.take(attempt)
        for complaint in dict.fromkeys(outcome.complaints):
            log.warning("plan.unreadable", error=complaint)
        self._ack(outcome.entries)
        return bool(outcome.attempts or outcome.decided)
