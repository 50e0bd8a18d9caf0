"""The four fixed regimes, and stories drawn by a die.  Pure: the die is an argument.

Words and matches come at any hour, night included: gaps are exponential, as said.  Everybody spoke before the
first day as they do after it, so some windows are open when it begins, with all five messages left.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from consumer.facts import Candidate, Window
from ops.simulating.story import Story, Wishes, Word
from schemas.decisions import RecipientKey
from schemas.preferences import BatchMode, Preferences, QuietHours

DAYS: Final = 14
USERS: Final = 1000
EXPIRY: Final = timedelta(days=7)
"""What a match lives unless its producer says otherwise."""

STRONG: Final = 0.85
WEAKEST: Final = 0.7
STRONG_SHARE: Final = 0.3
SIGMA: Final = 1.0
START: Final = datetime(2026, 3, 1, 16, tzinfo=UTC)
"""Midnight in Shanghai, a Monday."""

DAY: Final = timedelta(days=1)
PREFERENCES: Final = Preferences(
    enabled=True,
    stopped=False,
    daily_limit=10,
    min_score=0.7,
    quiet=QuietHours(time(22), time(8)),
    zone=ZoneInfo("Asia/Shanghai"),
    batch_mode=BatchMode.SMART,
    preferred_time=time(9),
)
RECIPIENT: Final = RecipientKey("wkAAAA", "wmAAAA")
USER: Final = "user"


class Dice(Protocol):
    """What chance is asked for: ``random.Random`` has it."""

    def random(self) -> float:
        """Give a number from 0 to 1."""

    def expovariate(self, lambd: float) -> float:
        """Give a gap of a process that happens ``lambd`` times in a unit."""

    def lognormvariate(self, mu: float, sigma: float) -> float:
        """Give a number whose logarithm is normal."""


@dataclass(frozen=True, slots=True)
class Regime:
    """How often users speak (days between words, on average), and how many matches a day they get (mean)."""

    gap: float
    matches: float

    @property
    def name(self) -> str:
        """As tables call it."""
        return f"speak every {self.gap:g} d, {self.matches:g} matches a day"


REGIMES: Final = (Regime(5, 2), Regime(2, 2), Regime(1, 2), Regime(2, 8))


def story(regime: Regime, dice: Dice, expiry: timedelta = EXPIRY) -> Story:
    """Draw one person: how many matches they get, when they speak, when what comes."""
    end = START + DAYS * DAY
    rate = dice.lognormvariate(math.log(regime.matches) - SIGMA**2 / 2, SIGMA)
    before = START - dice.expovariate(1 / regime.gap) * DAY
    words = tuple(Word(at, RECIPIENT) for at in _poisson(1 / regime.gap, end, dice))
    matches = tuple(
        _match(nth, at, dice, expiry) for nth, at in enumerate(_poisson(rate, end, dice), start=1)
    )
    wishes = Wishes(PREFERENCES, frozenset({RECIPIENT.external_userid}))
    return Story(START, end, {USER: wishes}, words, matches, windows=(Window(RECIPIENT, before),))


def _poisson(rate: float, end: datetime, dice: Dice) -> Iterator[datetime]:
    """Instants from the start on, so many a day."""
    at = START + dice.expovariate(rate) * DAY
    while at < end:
        yield at
        at += dice.expovariate(rate) * DAY


def _match(nth: int, at: datetime, dice: Dice, expiry: timedelta) -> Candidate:
    low, high = (STRONG, 1.0) if dice.random() < STRONG_SHARE else (WEAKEST, STRONG)
    score = low + dice.random() * (high - low)
    return Candidate(f"{nth:06d}", 1, USER, score, at + expiry, at)
