"""Runs a target's cases: none may crash, hang, or have an effect that it must not have.

Every case is made from the seed and its own number, so one that fails can be had again alone.
"""

import faulthandler
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

LONGEST: Final = 5.0
"""Seconds for one case; beyond is a hang."""

GUARD_EVERY: Final = 1000
HANGS_AFTER: Final = 300.0
"""Seconds for so many cases, after which the process says where it is and ends."""

TELL_EVERY: Final = 20_000


@dataclass(frozen=True, slots=True)
class Target:
    """Something to try: ``run`` makes one case of chance, tries it, and says in a word or two what it became.

    ``modules`` are those whose branches must have been taken; ``run`` raises AssertionError, or anything.
    """

    name: str
    cases: int
    modules: tuple[str, ...]
    run: Callable[[Random], str]


class Failed(Exception):
    """A case that crashed, hung, or had an effect it must not have."""


@dataclass(slots=True)
class Report:
    """What became of the cases; ``slowest`` is in seconds, with the case's number."""

    endings: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)
    seconds: float = 0.0


def run(target: Target, seed: int, cases: int, first: int = 0, *, says: bool = False) -> Report:
    """Try so many cases, from the ``first`` on.

    Raises:
        Failed: naming the case, and how to have it again.

    """
    report = Report()
    began = time.monotonic()
    for number in range(first, first + cases):
        at = time.monotonic()
        try:
            report.endings[target.run(Random(f"{target.name}:{seed}:{number}"))] += 1
        except Exception as error:
            again = f"make fuzz ARGS='{target.name} --seed {seed} --first {number} --cases 1'"
            raise Failed(f"{target.name}: case {number}: {error!r}; again by: {again}") from error
        took = time.monotonic() - at
        report.slowest = max(report.slowest, (took, number))
        if took > LONGEST:
            raise Failed(f"{target.name}: case {number} of seed {seed} took {took:.1f} s")
        if says and number % GUARD_EVERY == 0:
            faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
        if says and (number - first + 1) % TELL_EVERY == 0:
            print(f"  {number - first + 1:,} of {cases:,}", file=sys.stderr, flush=True)  # noqa: T201 - progress
    faulthandler.cancel_dump_traceback_later()
    report.seconds = time.monotonic() - began
    return report
