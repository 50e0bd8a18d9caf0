"""The ledger's life by dice: consumers that plan, send, settle and die in any order, on paper.

Nothing here runs at the same time as anything else; the dice choose what happens next, so a seed tells the
whole story again.  What a consumer does between two awaits is one step here, and others come in between.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from consumer.gather import HostInputs, read_host
from consumer.ledger.pushes import Attempt
from consumer.plan import Round
from consumer.rounds import Clock, Due, find_due
from consumer.send import Report
from consumer.settle import Moment, Runs, settle
from consumer.watch import HostWatch
from consumer.wechat.errcodes import receipt_for
from consumer.world import World
from ops.sandbox.talks import WINDOW
from schemas.receipts import NotSent, NotSentCause, Receipt, Unknown
from tests.faults.host import ACCOUNT, BELOW_MIN_SCORE, HOST_ZONE, SENT, Ending, Person
from tests.faults.paper import INSTALLATION, RULES, SEND_TIMEOUT, Paper

STEPS: Final = 60
CALM_ROUNDS: Final = 120
ACCOUNTS: Final = (ACCOUNT, "wkB")
THROTTLED: Final = 45009
BUSY: Final = -1
DEAD_UNKNOWN: Final[Ending] = ("dead", "outcome_unknown")
EXPIRED: Final[Ending] = ("dropped", "expired")
FINAL: Final = frozenset({"sent", "dropped", "dead"})

FATES: Final = {
    "answered": 66,
    "lost on its way": 10,
    "answer lost": 14,
    "busy, not done": 4,
    "busy, done": 3,
    "too many calls": 3,
}
"""What becomes of a call, and how often in a hundred."""

SPANS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (0.3, 2, 2, 9, 9, 30, 61, 61, 1200, 3 * 3600, 11 * 3600)
)


@dataclass
class Consumer:
    """One consumer's memory: what it loses when it dies."""

    name: str
    held: list[Attempt] = field(default_factory=list)
    """Reserved, not left yet."""
    flying: list[tuple[Attempt, datetime]] = field(default_factory=list)
    """Left in time, not at WeChat yet; and when each has to be there."""
    reports: list[Report] = field(default_factory=list)
    runs: Runs = field(default_factory=Runs)
    seen: tuple[Due, HostInputs, Clock] | None = None
    """What was due, read before its exclusive transaction."""


class Life:
    """One life of the ledger, by the dice."""

    def __init__(self, paper: Paper, dice: random.Random, consumers: int = 2) -> None:
        self.paper = paper
        self.dice = dice
        self.consumers = [Consumer(f"c-{nth}") for nth in range(consumers)]
        world = World(lambda: paper.now, lambda: paper.now, dice.random)
        self._watch = HostWatch(
            paper.app, paper.own, zone=RULES.host_zone, world=world, on_woken=lambda: None
        )
        self._troubled = True

    async def live(self) -> None:
        """So many steps of trouble, then calm until everything has ended."""
        for person in await self._everybody():
            await self.paper.speak(person)
        for _ in range(STEPS):
            await self._step(self.dice.choice(self.consumers))
        await self.calm()

    async def _step(self, consumer: Consumer) -> None:
        may: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self._commit, 3),
            (self._speak, 2),
            (self._watch.look, 2),
            (self._pass, 5),
            (lambda: self._look_for_due(consumer), 6),
            (lambda: self._claim(consumer), 8),
            (lambda: self._leave(consumer), 7),
            (lambda: self._land(consumer), 3),
            (lambda: self._settle(consumer), 7),
            (lambda: self.crash(consumer), 1),
            (lambda: self._rush(consumer), 1),
        ]
        choices, weights = zip(*may, strict=True)
        await self.dice.choices(choices, weights)[0]()

    async def _everybody(self) -> list[Person]:
        quiet = self.dice.choice([None, "22:00-08:00", "13:00-15:30"])
        return [
            await self.paper.person("Ann"),
            await self.paper.person("Bo", quiet_hours=quiet, daily_limit=self.dice.choice([4, 6, 20])),
            await self.paper.person("Cy", min_score=0.8),
        ]

    # What may happen.

    async def _commit(self) -> None:
        person = self.dice.choice(self.paper.people)
        many = self.dice.randint(1, 4)
        if person.user_id.endswith("Cy") and self.dice.random() < 0.5:
            await self.paper.arrive(person, BELOW_MIN_SCORE, many=many, score=0.5)
        else:
            await self.paper.arrive(person, SENT, DEAD_UNKNOWN, EXPIRED, many=many)

    async def _speak(self) -> None:
        await self.paper.speak(self.dice.choice(self.paper.people), self.dice.choice(ACCOUNTS))

    async def _look_for_due(self, consumer: Consumer) -> None:
        now = self.paper.now
        due = await self.paper.own.read(lambda tx: find_due(tx, now, now, self._places()))
        if due:
            inputs = await self.paper.app.read(lambda tx: read_host(tx, due.users, due.phones))
            consumer.seen = (due, inputs, Clock(now, now))

    async def _claim(self, consumer: Consumer) -> None:
        """Plan on what was read before, maybe long ago; now and then even the clock is that old."""
        if consumer.seen is None:
            return
        due, inputs, clock = consumer.seen
        consumer.seen = None
        if self.dice.random() < 0.8:
            clock = Clock(self.paper.now, self.paper.now)
        places = self._places()
        outcome = await self.paper.own.exclusive(
            lambda tx: Round(tx, clock, RULES, consumer.name, places).run(due, inputs, INSTALLATION)
        )
        consumer.held += outcome.attempts

    def _places(self) -> int:
        return self.dice.randint(1, 6)

    async def _leave(self, consumer: Consumer) -> None:
        """The sender checks the time, and the bytes go: at once, or they are on their way for a while."""
        if not consumer.held:
            return
        attempt = consumer.held.pop(self.dice.randrange(len(consumer.held)))
        now = self.paper.now
        if now > attempt.send_by or now >= attempt.lease_until - SEND_TIMEOUT:
            self._report(consumer, attempt, NotSent(NotSentCause.LATE))
            return
        consumer.flying.append((attempt, now + SEND_TIMEOUT))
        if self.dice.random() < 0.7:
            self._arrive(consumer, consumer.flying[-1])

    async def _land(self, consumer: Consumer) -> None:
        if consumer.flying:
            self._arrive(consumer, self.dice.choice(consumer.flying))

    def _arrive(self, consumer: Consumer, flight: tuple[Attempt, datetime]) -> None:
        consumer.flying.remove(flight)
        attempt, _ = flight
        self._report(consumer, attempt, self._answer(attempt))

    def _answer(self, attempt: Attempt) -> Receipt:
        wechat, body, now = self.paper.wechat, attempt.letter.body, self.paper.now
        fate = self._fate(attempt)
        match fate:
            case "lost on its way":
                return Unknown("lost")
            case "busy, not done":
                return receipt_for(BUSY)
            case "too many calls":
                wechat.turn_away(body, now)
                return receipt_for(THROTTLED)
        errcode = wechat.send(body, now)
        match fate:
            case "answer lost":
                return Unknown("lost")
            case "busy, done":
                return receipt_for(BUSY)
        return receipt_for(errcode)

    def _fate(self, _attempt: Attempt) -> str:
        return self.dice.choices(*zip(*FATES.items(), strict=True))[0] if self._troubled else "answered"

    def _report(self, consumer: Consumer, attempt: Attempt, receipt: Receipt) -> None:
        consumer.reports.append(Report(attempt, receipt, 0.1))

    async def _settle(self, consumer: Consumer) -> None:
        """Any of the reports, in any order, and now and then one that was settled before."""
        if not consumer.reports:
            return
        group = self.dice.sample(consumer.reports, self.dice.randint(1, len(consumer.reports)))
        runs = consumer.runs.copy()
        moment = Moment(self.paper.now, self.paper.now, self.dice.random(), SEND_TIMEOUT)
        await self.paper.own.exclusive(lambda tx: settle(tx, group, runs, moment))
        consumer.runs = runs
        kept = [report for report in group if self._troubled and self.dice.random() < 0.15]
        consumer.reports = [report for report in consumer.reports if report not in group] + kept

    async def crash(self, dead: Consumer) -> None:
        """Somebody is killed, and starts again remembering nothing; what has left may arrive all the same."""
        self.consumers[self.consumers.index(dead)] = Consumer(dead.name)
        for attempt, _ in dead.flying:
            if self.dice.random() < 0.5:
                self._answer(attempt)

    async def _pass(self) -> None:
        await self._wait(self.dice.choice(SPANS))

    async def _rush(self, consumer: Consumer) -> None:
        """Claim right before a gate closes, and leave as late as it comes."""
        edge = self.dice.choice(self._edges()) - timedelta(seconds=self.dice.uniform(0, 25))
        await self._wait(max(edge - self.paper.now, timedelta(0)))
        await self._commit()
        await self._look_for_due(consumer)
        await self._claim(consumer)
        while consumer.held:
            await self._wait(timedelta(seconds=self.dice.uniform(0, 8)))
            await self._leave(consumer)

    def _edges(self) -> list[datetime]:
        """The next quiet hours, the next day, the end of each window."""
        local = self.paper.now.astimezone(HOST_ZONE)
        today = [local.replace(hour=hour, minute=0, second=0, microsecond=0) for hour in (0, 13, 22)]
        tomorrow = [hour + timedelta(days=1) for hour in today]
        talks = self.paper.wechat.corp.conversations.values()
        ends = [talk.opened_at + WINDOW for talk in talks if talk.opened_at is not None]
        return sorted(edge for edge in [*today, *tomorrow, *ends] if edge > local)[:3]

    async def _wait(self, span: timedelta) -> None:
        """Let time pass; nothing is on its way for longer than a send timeout."""
        for consumer in self.consumers:
            for flight in [each for each in consumer.flying if each[1] < self.paper.now + span]:
                self._arrive(consumer, flight)
        self.paper.later(span)

    # The end.

    async def calm(self, accounts: Sequence[str] = ACCOUNTS) -> None:
        """No trouble any more; time passes and people write until every match has ended."""
        self._troubled = False
        for nth in range(CALM_ROUNDS):
            for consumer in self.consumers:
                await self.work_off(consumer)
            rows = (await self.paper.deliveries()).values()
            waiting = [(row["match_id"], row["status"], row["reason"], row["due_at"]) for row in rows]
            if all(status in FINAL for _, status, _, _ in waiting):
                return
            await self._wait(timedelta(hours=3) if nth % 3 == 0 else timedelta(seconds=61))
            if nth % 3 == 1:
                for person in self.paper.people:
                    await self.paper.speak(person, self.dice.choice(accounts))
        raise AssertionError(f"not everything has ended at {self.paper.now}: {waiting}")

    async def work_off(self, consumer: Consumer) -> None:
        """Plan, send and settle until there is nothing left to do now."""
        await self._watch.look()
        for _ in range(CALM_ROUNDS):
            while consumer.flying or consumer.held:
                await (self._land(consumer) if consumer.flying else self._leave(consumer))
            while consumer.reports:
                await self._settle(consumer)
            await self._look_for_due(consumer)
            if consumer.seen is None:
                return
            await self._claim(consumer)
