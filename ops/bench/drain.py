"""What a delivered match costs: kfpush, a bare loop and a plain one, with a short past and a long one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ops.bench import loops
from ops.bench.figures import Measured, Reach, Table
from ops.bench.job import Drained, Job, drain_by_kfpush, drain_by_loop
from ops.bench.stub import stub

ADDED_US: Final = 150.0
GROWTH: Final = 1.5
TIMES_PLAIN: Final = 3.0
PLAIN_IN_FLIGHT: Final = 16
"""Where stock httpx is at its best; more connections make it slower."""

OURS, BARE, PLAIN = "(a) kfpush", "(b) bare loop", "(c) redis-py + httpx"


def measure(job: Job) -> Measured:
    """Drain the same number of matches three ways, taking turns; each way's round of median CPU counts."""
    tables, reaches = [], []
    added: dict[int, float] = {}
    first = job.priors[0]
    for prior in job.priors:
        found = _drains(job, prior)
        tables.append(_table(f"{job.matches:,} matches, {prior:,} prior deliveries and messages", found))
        added[prior] = _cpu(found[OURS]) - _cpu(found[BARE])
        if prior == first:
            reaches.append(
                Reach(f"CPU added to (b) at {prior:,}", added[prior], ADDED_US, " us", at_most=True)
            )
        else:
            what = f"CPU added at {prior:,}, times that at {first:,}"
            reaches.append(Reach(what, added[prior] / added[first], GROWTH, at_most=True))
        times = found[OURS].usage.rate(job.matches) / found[PLAIN].usage.rate(job.matches)
        reaches.append(Reach(f"matches/s of (a), times (c)'s, at {prior:,}", times, TIMES_PLAIN))
    return Measured("drain", tables, reaches)


def _drains(job: Job, prior: int) -> dict[str, Drained]:
    rounds: dict[str, list[Drained]] = {OURS: [], BARE: [], PLAIN: []}
    with job.house(prior) as house, stub() as server:
        in_flight = house.settings.send_concurrency
        for nth in range(job.rounds):
            job.say(f"drain: {prior:,} prior, round {nth + 1} of {job.rounds}")
            rounds[OURS].append(drain_by_kfpush(house, server, f"a{nth}-", job.matches))
            rounds[BARE].append(drain_by_loop(house, server, loops.bare, f"b{nth}-", job.matches, in_flight))
            rounds[PLAIN].append(
                drain_by_loop(house, server, loops.plain, f"c{nth}-", job.matches, PLAIN_IN_FLIGHT)
            )
    return {name: sorted(each, key=_cpu)[len(each) // 2] for name, each in rounds.items()}


def _cpu(drained: Drained) -> float:
    return drained.usage.us_each(drained.matches)


def _table(title: str, found: Mapping[str, Drained]) -> Table:
    plain = found[PLAIN].usage.rate(found[PLAIN].matches)
    return Table(
        title,
        (
            "way",
            "matches/s",
            "times (c)",
            "CPU us",
            "CPU over (b)",
            "wall us",
            "MB",
            "messages",
            "== matches",
        ),
        [
            (
                name,
                one.usage.rate(one.matches),
                one.usage.rate(one.matches) / plain,
                _cpu(one),
                _cpu(one) - _cpu(found[BARE]),
                one.usage.wall_us_each(one.matches),
                one.usage.megabytes,
                one.messages,
                "yes"
                if one.messages == one.letters == one.matches
                else f"NO, {one.matches} matches, {one.letters} posts",
            )
            for name, one in found.items()
        ],
    )
