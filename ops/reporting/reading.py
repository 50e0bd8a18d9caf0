"""Reads what a report counts: a page at a time, each in a short read of its own; nobody waits for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from consumer import conversions, opens, preferences
from consumer.experiments import table
from consumer.experiments.assignment import is_held_out
from consumer.ledger import reporting
from consumer.ledger.reporting import Range
from ops.looking.lookout import Lookout
from ops.reporting.counting import By, Clock, Groups, Persons, Sent, Stops, sent_of
from ops.reporting.model import Arrivals, Asked, Report, Trial
from ops.reporting.tally import line_of
from ops.reporting.verdict import HELD_OUT, People, beside_nobody, compared, split_of, weights_of
from schemas.database import Database, Row, Transaction
from schemas.experiments import Experiment
from schemas.opens import Proxy

MEASURES: Final = ("opened", "converted")
TOTAL: Final = "total"
_ALL: Final = 2**62
_PROXIES: Final = frozenset(Proxy)


class Counts(Protocol):
    """Whoever counts."""

    def add(self, sent: Sent, opened: frozenset[Proxy], converted: int) -> None:
        """Count one message."""
        ...


Told = Callable[[int], None]


async def report(look: Lookout, asked: Asked, by: By | None, told: Told = lambda _: None) -> Report:
    """Count what was asked for; ``told`` hears how many messages were read meanwhile."""
    own = look.own
    wanted = Range(asked.since, asked.until)
    clock = await _clock(own, asked)
    name = asked.experiment
    experiment = await own.read(lambda tx: table.named(tx, name)) if name else None
    groups = Groups(by, clock, await _stops(own, wanted, asked))
    pages = _of_experiment(own, experiment, wanted) if experiment else _in_range(look, wanted)
    persons = Persons(await _stops(own, wanted, asked)) if experiment else None
    async for page in pages:
        chosen = [sent for sent in page if asked.template in {None, sent.template}]
        await _count(own, chosen, [groups, persons] if persons else [groups])
        told(len(page))
    groups.end()
    arrivals = None
    if not asked.template and not experiment:
        arrivals = _arrivals(await own.read(lambda tx: reporting.arrived(tx, wanted)))
    trial = None
    if experiment and persons:
        persons.end()
        trial = _trial(experiment, persons, await _held_out(own, experiment, wanted))
    return Report(
        look.now,
        asked,
        arrivals,
        line_of(TOTAL, groups.total),
        tuple(line_of(name, groups.groups[name]) for name in sorted(groups.groups)) if by else (),
        tuple(groups.best_hours()),
        tuple(sorted(groups.experiments)),
        trial,
    )


async def _clock(own: Database, asked: Asked) -> Clock:
    zones = await own.read(preferences.zones)
    return Clock(ZoneInfo(asked.timezone), zones)


async def _stops(own: Database, wanted: Range, asked: Asked) -> Stops:
    within = timedelta(hours=asked.stop_hours)
    said: dict[tuple[str, str], list[str]] = defaultdict(list)

    def read(tx: Transaction) -> None:
        for open_kfid, external_userid, at in reporting.stops(tx, wanted.since, wanted.until + within):
            said[open_kfid, external_userid].append(at)

    await own.read(read)
    return Stops(within, said)


async def _in_range(look: Lookout, wanted: Range) -> AsyncIterator[list[Sent]]:
    # The sandbox's clock is put back at will: there ids do not rise with time, and there are few.
    after, last = (
        (0, _ALL) if look.settings.sandboxed else await look.own.read(lambda tx: reporting.bounds(tx, wanted))
    )
    while rows := await look.own.read(partial(reporting.in_range, wanted=wanted, after=after, last=last)):
        after = rows[-1]["id"]
        yield [sent_of(dict(row)) for row in rows]


async def _of_experiment(own: Database, experiment: Experiment, wanted: Range) -> AsyncIterator[list[Sent]]:
    place = ("", 0)
    while rows := await own.read(
        partial(reporting.of_experiment, name=experiment.name, wanted=wanted, after=place)
    ):
        place = rows[-1]["user_id"], rows[-1]["id"]
        yield [sent_of(dict(row)) for row in rows]


async def _count(own: Database, page: Sequence[Sent], counters: Sequence[Counts]) -> None:
    if not page:
        return
    ids = [sent.push_id for sent in page]
    matches = {match_id for sent in page for match_id in sent.matches}
    found = await own.read(
        lambda tx: (_opens(tx, ids), conversions.known(tx, matches) if matches else frozenset())
    )
    by_push: dict[int, set[Proxy]] = defaultdict(set)
    for row in found[0]:
        if row["proxy"] in _PROXIES:  # of a newer kfpush there may be others
            by_push[row["push_id"]].add(Proxy(row["proxy"]))
    for sent in page:
        converted = sum(match_id in found[1] for match_id in sent.matches)
        for counter in counters:
            counter.add(sent, frozenset(by_push.get(sent.push_id, ())), converted)


def _opens(tx: Transaction, ids: Sequence[int]) -> list[Row]:
    """Read the opens of a page: of neighbours by their range, of scattered messages one by one."""
    is_dense = max(ids) - min(ids) < 4 * len(ids)
    return opens.between(tx, min(ids), max(ids)) if is_dense else opens.of_pushes(tx, ids)


def _arrivals(rows: Sequence[Row]) -> Arrivals:
    by_status: Counter[str] = Counter()
    decided = 0
    for row in rows:
        by_status[row["status"]] += row["n"]
        decided += 0 if reporting.undecided(row["status"], row["reason"]) else row["n"]
    return Arrivals(by_status.total(), decided, dict(by_status))


async def _held_out(own: Database, experiment: Experiment, wanted: Range) -> People | None:
    """Count whom the experiment held out, and who of them was converted all the same."""
    if not experiment.holdout:
        return None
    people: Counter[str] = Counter()
    place = ("", "")
    while rows := await own.read(partial(reporting.held_out, wanted=wanted, after=place)):
        place = rows[-1]["user_id"], rows[-1]["match_id"]
        for row in rows:
            if is_held_out(experiment.salt, row["user_id"], experiment.holdout):
                people[row["user_id"]] += row["converted"] is not None
    return People(len(people), 0, 0, sum(count > 0 for count in people.values()))


def _trial(experiment: Experiment, persons: Persons, held_out: People | None) -> Trial:
    nobody = People(0, 0, 0, 0)
    people = {each.name: persons.people.get(each.name, nobody) for each in experiment.variants}
    dealt = {name: each.dealt for name, each in people.items()}
    weights = weights_of(
        [(each.name, each.weight) for each in experiment.variants], experiment.holdout, HELD_OUT
    )
    split = split_of(dealt | ({HELD_OUT: held_out.dealt} if held_out else {}), weights)
    return Trial(
        experiment.name,
        experiment.template,
        experiment.is_running,
        experiment.started_at,
        experiment.ended.at if experiment.ended else None,
        experiment.holdout,
        people | ({HELD_OUT: held_out} if held_out else {}),
        {name: tuple(sorted(versions)) for name, versions in persons.versions.items()},
        split,
        (
            *(
                found
                for measure in MEASURES
                for found in compared(people, measure, is_split_bad=split.is_bad)
            ),
            *([beside_nobody(people, held_out, is_split_bad=split.is_bad)] if held_out else ()),
        ),
    )
