"""What an experiment's counts decide: each variant beside the control, and one plain verdict.  Pure.

People are counted, not messages: a person who got ten messages answers as one, and it is people who were
dealt.  "Opened" of a person is that they opened at least one of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ops.reporting.statistics import (
    CONFIDENCE,
    Count,
    Interval,
    is_normal,
    needed,
    newcombe,
    split,
    two_shares,
)
from ops.reporting.tally import Rate, rate_of
from schemas.experiments import CONTROL

BAD_SPLIT: Final = 0.001
"""A chance below this that the dice dealt so, and something other than the dice decides who is counted."""

HELD_OUT: Final = "held_out"
"""What those are called whom an experiment holds out."""

MESSAGED: Final = "messaged"
"""And those whom it does not, whichever their variant."""


class Verdict(StrEnum):
    """What may be said.  The values are keys of ``kfpush report --json``."""

    NOTHING_YET = "nothing_yet"
    BAD_SPLIT = "bad_split"
    TOO_FEW = "too_few"
    UNDECIDED = "undecided"
    BETTER = "better"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class People:
    """Those of one variant: how many got a message, and of them how many did what."""

    dealt: int
    """To whom a message was on its way, whatever became of it."""
    reached: int
    opened: int
    converted: int
    stopped: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """A variant beside the control, by one measure; or all variants beside nothing at all.

    ``low`` to ``high`` is Newcombe's interval of the difference.  ``needed`` is how many people each of the
    two would need, if the difference seen were the true one.
    """

    variant: str
    measure: str
    control: Rate
    rate: Rate
    difference: float | None
    low: float
    high: float
    p: float
    needed: int | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Split:
    """How many people were dealt where, by which weights, and the chance of such a split."""

    counts: Mapping[str, int]
    weights: Mapping[str, float]
    p: float

    @property
    def is_bad(self) -> bool:
        """Whether dice do not deal so."""
        return self.p < BAD_SPLIT


def split_of(counts: Mapping[str, int], weights: Mapping[str, float]) -> Split:
    """Check how people were dealt."""
    names = [name for name, weight in weights.items() if weight > 0]
    found = {name: counts.get(name, 0) for name in names}
    p = split(list(found.values()), [weights[name] for name in names])
    return Split(found, {name: weights[name] for name in names}, p)


def compared(people: Mapping[str, People], measure: str, *, is_split_bad: bool) -> list[Compared]:
    """Set each variant beside the control; several share the chance of a false alarm (Bonferroni)."""
    control = people.get(CONTROL, People(0, 0, 0, 0))
    others = [name for name in people if name != CONTROL]
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(others))
    return [
        _compared(
            name, measure, _count(control, measure), _count(people[name], measure), confidence, is_split_bad
        )
        for name in others
    ]


def beside_nobody(people: Mapping[str, People], held_out: People, *, is_split_bad: bool) -> Compared:
    """Set all who were to get messages beside those who were held out: what do messages lead to at all.

    Of all who were dealt: whom WeChat did not reach would not have been left out among the others either.
    """
    before = Count(held_out.converted, held_out.dealt)
    after = Count(
        sum(each.converted for each in people.values()), sum(each.dealt for each in people.values())
    )
    return _compared(MESSAGED, "converted", before, after, CONFIDENCE, is_split_bad)


def _count(people: People, measure: str) -> Count:
    return Count(int(getattr(people, measure)), people.reached)


def _compared(
    name: str,
    measure: str,
    before: Count,
    after: Count,
    confidence: float,
    is_split_bad: bool,  # noqa: FBT001
) -> Compared:
    interval, p = newcombe(before, after, confidence), two_shares(before, after)
    difference = None if before.rate is None or after.rate is None else after.rate - before.rate
    more = None if difference is None else needed(before.rate or 0.0, after.rate or 0.0, confidence)
    verdict = _verdict(before, after, interval, p, 1 - confidence, is_split_bad)
    return Compared(
        name,
        measure,
        rate_of(before.yes, before.of),
        rate_of(after.yes, after.of),
        difference,
        interval.low,
        interval.high,
        p,
        more,
        verdict,
    )


def _verdict(
    before: Count,
    after: Count,
    interval: Interval,
    p: float,
    alpha: float,
    is_split_bad: bool,  # noqa: FBT001
) -> Verdict:
    if not before.of or not after.of:
        return Verdict.NOTHING_YET
    if is_split_bad:
        return Verdict.BAD_SPLIT
    if not is_normal(before, after):
        return Verdict.TOO_FEW
    # Both must say so: near the edge the test and the interval are two approximations.
    if p < alpha and interval.low > 0:
        return Verdict.BETTER
    if p < alpha and interval.high < 0:
        return Verdict.WORSE
    return Verdict.UNDECIDED


def weights_of(variants: Sequence[tuple[str, float]], holdout: float, held_out: str) -> dict[str, float]:
    """Tell everybody's share of all people, those who are held out among them."""
    total = sum(weight for _, weight in variants)
    shares = {name: weight / total * (1 - holdout) for name, weight in variants}
    return shares | ({held_out: holdout} if holdout else {})
