"""How well five messages are spent: kfpush's planner beside two simple ways and a floor, in four regimes.

No database, no server: a model of users, windows and time (``ops/simulating``) around the real planner.
"""

from __future__ import annotations

import multiprocessing
import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from ops.bench.figures import Measured, Reach, Table
from ops.bench.job import Job
from ops.simulating import baselines
from ops.simulating.figures import Tally
from ops.simulating.living import live
from ops.simulating.regimes import REGIMES, Regime, story
from ops.simulating.story import Lived, Story, Terms

KFPUSH: Final = "kfpush"
PORTION: Final = 50
"""So many people are simulated in one go; a processor takes the next portion when it has done with one."""

MOST_EXCESS: Final = 25
MOST_MESSAGES: Final = 70

Tallies = Mapping[str, Tally]
"""By way of sending."""

WAYS: Final[dict[str, Callable[[Story], Lived]]] = {
    KFPUSH: partial(live, terms=Terms()),
    "(a) first come": baselines.first_come,
    "(b) digests": baselines.digests,
    "floor": baselines.floor,
}
_FIRST_COME, _DIGESTS, _FLOOR = list(WAYS)[1:]


@dataclass(frozen=True, slots=True)
class Portion:
    """Some people of a regime; the same seed draws the same people, however they are portioned."""

    regime: Regime
    seed: int
    people: range

    def run(self) -> dict[str, Tally]:
        """Let each of them live once under every way."""
        tallies = {name: Tally() for name in WAYS}
        for nth in self.people:
            drawn = story(self.regime, random.Random(f"{self.seed}/{self.regime.name}/{nth}"))  # noqa: S311
            for name, way in WAYS.items():
                tallies[name].add(drawn, way(drawn))
        return tallies


def measure(job: Job) -> Measured:
    """Simulate every regime with every seed, and tell what was reached by the worst seed."""
    tables, reaches = [], []
    found = _all(job)
    for regime in REGIMES:
        by_seed = [found[regime, seed] for seed in job.seeds]
        tables.append(_table(regime, by_seed, job))
        reaches += _reaches(regime, by_seed)
    return Measured("spending", tables, reaches)


def _all(job: Job) -> dict[tuple[Regime, int], dict[str, Tally]]:
    portions = [
        Portion(regime, seed, range(first, min(first + PORTION, job.users)))
        for seed in job.seeds
        for regime in REGIMES
        for first in range(0, job.users, PORTION)
    ]
    found: dict[tuple[Regime, int], dict[str, Tally]] = defaultdict(lambda: {name: Tally() for name in WAYS})
    for nth, (portion, tallies) in enumerate(zip(portions, _run(portions), strict=True), start=1):
        for name, total in tallies.items():
            found[portion.regime, portion.seed][name] += total
        if nth == len(portions) or portions[nth].seed != portion.seed:
            job.say(f"spending: seed {portion.seed} of {', '.join(map(str, job.seeds))}")
    return found


def _run(portions: Sequence[Portion]) -> Iterator[dict[str, Tally]]:
    """Run them on all processors, in order."""
    # Spawned, not forked: what a process has open when it measures something else stays its own.
    with ProcessPoolExecutor(
        min(os.cpu_count() or 1, len(portions)), multiprocessing.get_context("spawn")
    ) as pool:
        try:
            yield from pool.map(Portion.run, portions)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _table(regime: Regime, by_seed: Sequence[Tallies], job: Job) -> Table:
    seeds = len(by_seed)
    together = {name: sum((tallies[name] for tallies in by_seed), Tally()) for name in WAYS}
    rows = [
        (
            name,
            total.messages / seeds,
            percent(total.messages, together[_FIRST_COME].messages),
            total.delivered / seeds,
            100 * total.share,
            total.strong_delay,
            excess(together, name),
            percent(excess(together, name), excess(together, _DIGESTS)),
            total.at_the_wall / seeds,
        )
        for name, total in together.items()
    ]
    return Table(
        f"{job.users:,} users who {regime.name}, 14 days; the mean of seed {', '.join(map(str, job.seeds))}",
        (
            "way",
            "messages",
            "of (a) %",
            "matches delivered",
            "share %",
            "strong wait h",
            "excess h",
            "of (b) %",
            "users at the wall",
        ),
        rows,
    )


def excess(tallies: Tallies, name: str) -> float:
    """Hours that strong matches waited longer than under the floor, on average."""
    return tallies[name].strong_delay - tallies[_FLOOR].strong_delay


def percent(part: float, whole: float) -> float:
    """How much of it; nothing of nothing is nothing."""
    return 100 * part / whole if whole else 0.0


def _reaches(regime: Regime, by_seed: Sequence[Tallies]) -> list[Reach]:
    """What is to be reached, each as the seed has it that is worst for it."""
    excesses = [percent(excess(tallies, KFPUSH), excess(tallies, _DIGESTS)) for tallies in by_seed]
    sent = [percent(tallies[KFPUSH].messages, tallies[_FIRST_COME].messages) for tallies in by_seed]

    def behind(name: str) -> float:
        return min(100 * (tallies[KFPUSH].share - tallies[name].share) for tallies in by_seed)

    worst = f"{regime.name}, the worst of {len(by_seed)}: " if len(by_seed) > 1 else f"{regime.name}: "
    return [
        Reach(f"{worst}excess wait of strong ones, of (b)'s", max(excesses), MOST_EXCESS, " %", at_most=True),
        Reach(f"{worst}share delivered, more than (b)'s", behind(_DIGESTS), 0, " points"),
        Reach(f"{worst}share delivered, more than (a)'s", behind(_FIRST_COME), 0, " points"),
        Reach(f"{worst}messages, of (a)'s", max(sent), MOST_MESSAGES, " %", at_most=True),
    ]
