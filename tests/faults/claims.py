"""Several consumers' real rooms in one process, on handles of their own, disturbed at every database call.

Planning, sending and settling are the daemons' own; only WeChat is on paper, and the clock stands still until
nothing moves any more.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final, TypeVar, cast

from consumer.planning import Planning
from consumer.send import Report, Sender
from consumer.settling import Settler
from consumer.watch import HostWatch
from consumer.wechat.errcodes import receipt_for
from consumer.world import World
from schemas.database import Database, Transaction
from schemas.receipts import NotSent, NotSentCause, Receipt, Unknown
from schemas.times import from_text
from tests.faults.paper import INSTALLATION, RULES, SEND_TIMEOUT, Paper, Site, opened

T = TypeVar("T")

LONGEST_PAUSE: Final = 0.003
LOOK_EVERY: Final = 0.002
LOST: Final = 0.05
"""So many of a hundred answers are lost, and as many calls."""

ROUND_SECONDS: Final = 30
A_RETRY: Final = timedelta(seconds=61)
"""After so long every push of unknown outcome may be tried again."""


class Unsteady:
    """A database handle that now and then lets others go first, for a moment chosen by the dice."""

    def __init__(self, database: Database, dice: random.Random) -> None:
        self._database = database
        self._dice = dice

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Pause, perhaps, then read."""
        await self._pause()
        return await self._database.read(work)

    async def exclusive(self, work: Callable[[Transaction], T]) -> T:
        """Pause, perhaps, then write."""
        await self._pause()
        return await self._database.exclusive(work)

    async def _pause(self) -> None:
        match self._dice.randrange(3):
            case 0:
                await asyncio.sleep(0)
            case 1:
                await asyncio.sleep(self._dice.uniform(0, LONGEST_PAUSE))
            case _:
                pass


class Crowd:
    """Consumers, and the round of the world that they live in."""

    def __init__(self, dice: random.Random) -> None:
        self.paper: Paper | None = None
        self._dice = dice
        self._nudges: list[asyncio.Event] = []
        self._watch: HostWatch | None = None
        self.world = World(lambda: self._here.now, lambda: self._here.now, dice.random)

    @property
    def _here(self) -> Paper:
        assert self.paper is not None
        return self.paper

    async def send(self, body: Mapping[str, object], leave_ok: Callable[[], bool]) -> Receipt:
        """One attempt, as the client makes it: late, lost on its way or back, or answered."""
        await asyncio.sleep(self._dice.uniform(0, LONGEST_PAUSE))
        if not leave_ok():
            return NotSent(NotSentCause.LATE)
        fate = self._dice.random()
        if fate < LOST:
            return Unknown("lost")
        errcode = self._here.wechat.send(body, self._here.now)
        await asyncio.sleep(0)
        return Unknown("lost") if fate > 1 - LOST else receipt_for(errcode)

    def nudge(self) -> None:
        """Something may be due: whoever plans looks at once."""
        for event in self._nudges:
            event.set()

    async def look(self) -> None:
        """Let what people wrote be noticed."""
        assert self._watch is not None
        await self._watch.look()
        self.nudge()

    async def enter(self, stack: AsyncExitStack, site: Site, name: str) -> None:
        """Start one consumer's rooms; they end with the stack."""
        pair = await stack.enter_async_context(opened(site))
        app, own = (cast("Database", Unsteady(handle, self._dice)) for handle in pair)
        self._watch = HostWatch(app, own, zone=RULES.host_zone, world=self.world, on_woken=self.nudge)
        reports: asyncio.Queue[Report] = asyncio.Queue()
        nudge = asyncio.Event()
        self._nudges.append(nudge)
        sender = Sender(
            self,
            reports,
            concurrency=self._dice.randint(1, 4),
            send_timeout=SEND_TIMEOUT,
            world=self.world,
            on_free=nudge.set,
        )
        planning = Planning(
            *(app, own, sender, _forget, nudge),
            rules=RULES,
            installation=INSTALLATION,
            holder=name,
            world=self.world,
        )
        settler = Settler(
            *(own, reports, _forget),
            world=self.world,
            send_timeout=SEND_TIMEOUT,
            on_settled=self.nudge,
        )
        for room in (sender, planning, settler):
            stack.push_async_callback(_end, asyncio.create_task(room.run()))

    async def rest(self, sent: range) -> None:
        """Wait until nothing is on its way and nothing more is due; so many matches have been sent then."""
        async with asyncio.timeout(ROUND_SECONDS):
            while True:
                rows = (await self._here.deliveries()).values()
                is_due = [row["due_at"] and from_text(row["due_at"]) <= self._here.now for row in rows]
                statuses = [row["status"] for row in rows]
                if not any(is_due) and "sending" not in statuses:
                    assert statuses.count("sent") in sent, statuses
                    return
                pushes = [push for push in await self._here.pushes() if push["lease_until"] is not None]
                if pushes and all(push["holder"] is None for push in pushes):
                    self._here.later(A_RETRY)
                    self.nudge()
                await asyncio.sleep(LOOK_EVERY)


def _forget(_entries: object) -> None:
    """There is no stream here to ack to."""


async def _end(room: asyncio.Task[None]) -> None:
    room.cancel()
    await asyncio.gather(room, return_exceptions=True)


@asynccontextmanager
async def crowd(site: Site, dice: random.Random, consumers: int) -> AsyncIterator[Crowd]:
    """Consumers at work, as long as the block lasts."""
    async with AsyncExitStack() as stack:
        made = Crowd(dice)
        made.paper = Paper(*await stack.enter_async_context(opened(site)), "nobody")
        for nth in range(consumers):
            await made.enter(stack, site, f"c-{nth}")
        yield made
