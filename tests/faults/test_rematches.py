"""Matches scored again and taken back by dice, while messages are on their way, lost, refused or retried."""

import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from consumer.ledger.pushes import Attempt
from consumer.policy import has_moved
from schemas.events import MatchWithdrawn
from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown
from tests.engines import Sqlite
from tests.flow.ledger_house import LedgerHouse, ledger_house, match

STEPS = 40
MATCHES = 3
SCORES = (0.75, 0.78, 0.85, 0.95)
LIVES = 400
FINAL = {"sent", "dropped", "dead"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[LedgerHouse]:
    """A ledger that lives through many lives, one after the other."""
    async with ledger_house(Sqlite(tmp_path).migrated()) as made:
        yield made


@dataclass
class Story:
    """What is known of one match outside of the ledger."""

    newest: int = 0
    arrived: dict[int, float] = field(default_factory=dict)
    withdrawn: set[int] = field(default_factory=set)
    shown: list[int] = field(default_factory=list)
    """Revisions on the phone, in order."""
    settled: int | None = None
    """The newest revision that the ledger has been told was accepted."""


class Life:
    """One user, a few matches, and a WeChat that takes everything but answers badly."""

    def __init__(self, house: LedgerHouse, dice: random.Random, name: str) -> None:
        self.house = house
        self.dice = dice
        self.name = name
        self.stories: defaultdict[str, Story] = defaultdict(Story)
        self.flying: list[Attempt] = []
        self.accepted: set[str] = set()

    async def live(self) -> None:
        """Trouble, then calm until everything has ended."""
        await self._speak()
        for _ in range(STEPS):
            step = self.dice.choices(
                [self._arrive, self._withdraw, self._plan, self._end_one, self._speak, self._wait],
                [5, 1, 6, 6, 1, 2],
            )[0]
            await step()
        for _ in range(60):
            await self._speak()
            await self._plan()
            while self.flying:
                await self._end_one(calm=True)
            rows = await self._rows()
            if all(status in FINAL for _, _, status in rows):
                return
            self.house.later(seconds=90)
        raise AssertionError(f"{self.name}: not everything has ended: {rows}")

    async def _rows(self) -> list[tuple[object, ...]]:
        found = await self.house.rows(
            "SELECT match_id, revision, status FROM push_deliveries WHERE user_id = ?", self.name
        )
        return [tuple(row.values()) for row in found]

    async def _arrive(self) -> None:
        """A new revision, or one that comes late, or comes again."""
        match_id = f"{self.name}-{self.dice.randrange(MATCHES)}"
        story = self.stories[match_id]
        revision = self.dice.randint(1, 1 + max(story.newest, *story.arrived, 0))
        score = story.arrived.setdefault(revision, self.dice.choice(SCORES))
        story.newest = max(story.newest, revision)
        event = match(match_id, self.name, revision=revision, score=score, expires_at="2027-12-01T00:00:00Z")
        await self.house.arrive(event, again=self.dice.random() < 0.3)

    async def _withdraw(self) -> None:
        """The newest revision, or one that never comes at all, is taken back."""
        match_id = f"{self.name}-{self.dice.randrange(MATCHES)}"
        story = self.stories[match_id]
        revision = max(1, story.newest + self.dice.choice([0, 0, 1]))
        story.newest = max(story.newest, revision)
        story.withdrawn.add(revision)
        await self.house.withdraw(MatchWithdrawn(match_id=match_id, revision=revision, user_id=self.name))

    async def _plan(self) -> None:
        for attempt in (await self.house.plan()).attempts:
            carried = attempt.letter.matches
            # The bytes of one message are one: it is tried again as long as any of its matches holds.
            assert any(number not in self.stories[name].withdrawn for name, number in carried), "withdrawn"
            for match_id, revision in carried:
                self._check(attempt, match_id, revision)
            self.flying.append(attempt)

    def _check(self, attempt: Attempt, match_id: str, revision: int) -> None:
        """See that this match may go in this attempt."""
        story = self.stories[match_id]
        assert not any(taken >= revision for taken in story.withdrawn) or attempt.number > 1, "withdrawn"
        assert revision == story.newest or attempt.number > 1, "superseded"
        flying = {name for other in self.flying for name, _ in other.letter.matches}
        assert match_id not in flying, "two on their way"
        if attempt.number == 1 and story.settled is not None and story.settled != revision:
            before, now = story.arrived[story.settled], story.arrived[revision]
            assert has_moved(before, now), "hardly moved"

    async def _end_one(self, *, calm: bool = False) -> None:
        if not self.flying:
            return
        attempt = self.flying.pop(self.dice.randrange(len(self.flying)))
        receipt = self._answer(attempt, calm=calm)
        if isinstance(receipt, Accepted):
            for match_id, revision in attempt.letter.matches:
                self.stories[match_id].settled = max(revision, self.stories[match_id].settled or 0)
        await self.house.settle((attempt, receipt))

    def _answer(self, attempt: Attempt, *, calm: bool) -> Receipt:
        fate = (
            "answered" if calm else self.dice.choice(["answered", "lost", "lost", "swallowed", "late", "no"])
        )
        if fate == "late":
            return NotSent(NotSentCause.LATE)
        if fate == "lost":
            return Unknown("lost")
        msgid = attempt.letter.msgid
        if fate == "no" and msgid not in self.accepted:
            return Refused(45009, RefusalKind.THROTTLED)
        repeated = msgid in self.accepted
        if not repeated:
            self.accepted.add(msgid)
            for match_id, revision in attempt.letter.matches:
                self.stories[match_id].shown.append(revision)
        return Unknown("lost") if fate == "swallowed" else Accepted(repeated)

    async def _speak(self) -> None:
        said = self.house.now.astimezone(self.house.rules.host_zone)
        await self.house.session(self.name, f"wm{self.name}", "wk1", f"{said:%Y-%m-%dT%H:%M:%S}")

    async def _wait(self) -> None:
        span = self.dice.choice([0.1, 0.5, 30, 61, 61])
        while span > 1 and self.flying:  # nothing is on its way for longer than a send timeout
            await self._end_one()
        self.house.later(seconds=span)

    async def judge(self) -> None:
        """Each revision once, in rising order, and the ledger's word for what the phone shows."""
        for match_id, story in self.stories.items():
            assert story.shown == sorted(set(story.shown)), f"{match_id} was shown as {story.shown}"
            rows = await self._rows()
            for shown_id, revision, status in rows:
                if shown_id == match_id and (status == "sent") != (revision in story.shown):
                    # A push may be given up after a withdrawal though the phone shows it: it says unknown.
                    assert revision in story.withdrawn, f"{match_id}:{revision} is {status}, {story.shown}"
                    assert status == "dropped"


async def lives(house: LedgerHouse, seeds: range) -> None:
    """Live so many lives in one ledger."""
    for seed in seeds:
        house.later(days=3)
        life = Life(house, random.Random(seed), f"u{seed}")
        try:
            await life.live()
            await life.judge()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


async def test_some_matches_scored_again_and_taken_back(house: LedgerHouse) -> None:
    """No old score after a new one, nothing after a withdrawal, nothing said twice."""
    await lives(house, range(10))


@pytest.mark.faults
async def test_many_matches_scored_again_and_taken_back(house: LedgerHouse) -> None:
    """The same, hundreds of times."""
    await lives(house, range(100, 100 + LIVES))
