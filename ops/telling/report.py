"""Tells a report: what was sent, what it came to, and what of that is sure.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ops.reporting.counting import ENOUGH_IN_AN_HOUR
from ops.reporting.model import Report, Trial
from ops.reporting.tally import Line, Rate, rate_of
from ops.reporting.verdict import HELD_OUT, MESSAGED, Compared, People, Verdict
from ops.telling import report_texts as texts
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import DELIVERIES
from schemas.experiments import CONTROL
from schemas.opens import Proxy
from schemas.states import DeliveryStatus

BULLET: Final = "- "
FEW: Final = 30
"""Of fewer, a share is not to be quoted."""

MOST_NEEDED: Final = 1_000_000
"""A difference that takes more people than that to be seen is none to anybody."""

_TONES = {Verdict.BETTER: Tone.GOOD, Verdict.WORSE: Tone.BAD, Verdict.BAD_SPLIT: Tone.BAD}


def told(report: Report, teller: Teller) -> list[Said]:
    """Tell everything."""
    asked = report.asked
    said = [Said(teller.say(texts.TITLE, since=asked.since, until=asked.until), Tone.HEAD)]
    if asked.template:
        said.append(Said(teller.say(texts.ONLY_TEMPLATE, name=asked.template), depth=1))
    if report.arrivals is not None and report.arrivals.arrived:
        by_status = teller.listed(
            f"{teller.say(DELIVERIES[DeliveryStatus(status)])} {count}"
            for status, count in report.arrivals.by_status.items()
        )
        facts = {"arrived": report.arrivals.arrived, "decided": report.arrivals.decided}
        said.append(Said(teller.say(texts.MATCHES, **facts, by_status=by_status), depth=1))
    if not report.total.tried:
        return [*said, Said(teller.say(texts.NOTHING), Tone.WAIT, depth=1)]
    said += _messages(report, teller)
    said += _groups(report, teller)
    said += _hours(report, teller)
    if report.trial is not None:
        said += _trial(report.trial, teller)
    elif report.experiments:
        said.append(Said(teller.say(texts.EXPERIMENTS, names=", ".join(report.experiments)), gap=True))
    return said


def _messages(report: Report, teller: Teller) -> Iterator[Said]:
    total, asked = report.total, report.asked
    facts = {"tried": total.tried, "taken": total.taken, "delivered": total.delivered}
    yield Said(teller.say(texts.MESSAGES, **facts), depth=1)
    if total.tried > total.delivered:
        lost = {name: getattr(total, name) for name in ("refused", "failed", "not_sent", "unknown")}
        yield Said(BULLET + teller.say(texts.LOST, **lost), Tone.WAIT, depth=1)
    yield Said(teller.say(texts.OPENED, rate=_rate(total.opened, teller)), depth=1)
    for proxy in Proxy:
        rate = total.by_proxy[proxy]
        name = teller.say(texts.PROXIES[proxy], minutes=asked.reply_minutes)
        if rate.of:
            facts_ = {"rate": _rate(rate, teller), "of": rate.of, "delivered": total.delivered}
            yield Said(BULLET + teller.say(texts.PROXY, name=name, **facts_), depth=1)
        else:
            yield Said(BULLET + teller.say(texts.PROXY_NONE, name=name), Tone.QUIET, depth=1)
    yield Said(teller.say(texts.CONVERTED, rate=_rate(total.converted, teller)), depth=1)
    stopped = _rate(total.stopped, teller)
    yield Said(teller.say(texts.STOPPED, hours=asked.stop_hours, rate=stopped), depth=1)
    yield Said(teller.say(texts.NO_RECEIPT), Tone.QUIET, depth=1)


def _groups(report: Report, teller: Teller) -> Iterator[Said]:
    if report.groups and report.asked.by:
        yield Said(teller.say(texts.BY[report.asked.by]), Tone.HEAD, gap=True)
        yield from (Said(_group(line, teller), depth=1) for line in report.groups)


def _group(line: Line, teller: Teller) -> str:
    return teller.say(
        texts.GROUP,
        name=line.name,
        delivered=line.delivered,
        opened=_short(line.opened, teller),
        converted=_short(line.converted, teller),
        stopped=line.stopped.yes,
        refused=line.refused,
    ) + (teller.say(texts.FEW) if line.delivered < FEW else "")


def _hours(report: Report, teller: Teller) -> Iterator[Said]:
    yield Said(teller.say(texts.HOURS), Tone.HEAD, gap=True)
    for hour in report.best_hours:
        end = (hour.hour + 1) % 24
        yield Said(teller.say(texts.HOUR, hour=hour.hour, end=end, rate=_rate(hour.opened, teller)), depth=1)
    if not report.best_hours:
        yield Said(teller.say(texts.NO_HOURS, enough=ENOUGH_IN_AN_HOUR), Tone.QUIET, depth=1)


def _trial(trial: Trial, teller: Teller) -> Iterator[Said]:
    state = (
        teller.say(texts.RUNNING, since=trial.started_at)
        if trial.ended_at is None
        else teller.say(texts.ENDED, since=trial.started_at, until=trial.ended_at)
    )
    headline = teller.say(texts.TRIAL, name=trial.name, template=trial.template, state=state)
    yield Said(headline, Tone.HEAD, gap=True)
    yield Said(teller.say(texts.UNIT), Tone.QUIET, depth=1)
    for name, people in trial.people.items():
        yield Said(_people(name, people, teller), depth=1)
    for name, versions in trial.versions.items():
        if len(versions) > 1:
            listed = ", ".join(map(str, versions))
            yield Said(teller.say(texts.EDITED, name=name, versions=listed), Tone.WAIT, depth=1)
    yield _split(trial, teller)
    if trial.is_running:
        yield Said(teller.say(texts.PEEKING), Tone.WAIT, depth=1)
    for compared in trial.compared:
        yield from _compared(compared, teller)


def _people(name: str, people: People, teller: Teller) -> str:
    if name == HELD_OUT:
        converted = _rate(rate_of(people.converted, people.dealt), teller)
        return teller.say(texts.HELD, dealt=people.dealt, converted=converted)
    return teller.say(
        texts.PEOPLE,
        name=name,
        dealt=people.dealt,
        reached=people.reached,
        opened=_short(rate_of(people.opened, people.reached), teller),
        converted=_short(rate_of(people.converted, people.reached), teller),
        stopped=people.stopped,
    )


def _split(trial: Trial, teller: Teller) -> Said:
    split = trial.split
    counts = teller.listed(f"{name} {count}" for name, count in split.counts.items())
    if not split.is_bad:
        return Said(teller.say(texts.SPLIT_GOOD, counts=counts, p=_chance(split.p)), depth=1)
    total = sum(split.counts.values()) / sum(split.weights.values())
    expected = teller.listed(f"{name} {weight * total:.0f}" for name, weight in split.weights.items())
    facts = {"counts": counts, "expected": expected, "p": _chance(split.p)}
    return Said(teller.say(texts.SPLIT_BAD, **facts), Tone.BAD, depth=1)


def _compared(found: Compared, teller: Teller) -> Iterator[Said]:
    is_all = found.variant == MESSAGED
    variant = teller.say(texts.MESSAGED) if is_all else found.variant
    if found.difference is not None:
        yield Said(
            teller.say(
                texts.COMPARED,
                variant=variant,
                control=teller.say(texts.NO_MESSAGE) if is_all else CONTROL,
                measure=teller.say(texts.MEASURES[found.measure]),
                difference=f"{found.difference * 100:+.1f}",
                low=f"{found.low * 100:+.1f}",
                high=f"{found.high * 100:+.1f}",
                p=_chance(found.p),
            ),
            depth=1,
        )
    verdict = teller.say(texts.VERDICTS[found.verdict], variant=variant)
    more = ""
    if found.verdict is Verdict.UNDECIDED and found.needed:
        have = min(found.control.of, found.rate.of)
        if found.needed > MOST_NEEDED:
            more = teller.say(texts.NEXT_TO_NONE)
        elif found.needed > have:
            more = teller.say(texts.NEEDED, needed=found.needed, have=have)
    yield Said(BULLET + teller.sentences(verdict, more), _TONES.get(found.verdict, Tone.WAIT), depth=1)


def _rate(rate: Rate, teller: Teller) -> str:
    if rate.rate is None:
        return teller.say(texts.NO_RATE)
    return teller.say(texts.RATE, yes=rate.yes, of=rate.of, **_shares(rate)) + (
        teller.say(texts.FEW) if rate.of < FEW else ""
    )


def _short(rate: Rate, teller: Teller) -> str:
    if rate.rate is None:
        return teller.say(texts.NO_RATE)
    return teller.say(texts.SHORT_RATE, **_shares(rate))


def _shares(rate: Rate) -> dict[str, str]:
    return {
        "share": f"{(rate.rate or 0) * 100:.1f}%",
        "low": f"{rate.low * 100:.1f}%",
        "high": f"{rate.high * 100:.1f}%",
    }


def _chance(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"  # noqa: PLR2004 - three digits are told
