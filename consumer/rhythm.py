"""A person's rhythm: at which hours they speak and tap, and which hour suits them best.  Pure.

A word says that its writer had the phone in hand.  Each hour in which they spoke counts once, however much
they wrote in it.  Hours are those of UTC, so that who changes the time zone keeps what their hours meant.
Counts decay with a half life of four weeks: habits change, and so does summer time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from consumer.quiet import is_quiet
from schemas.preferences import Preferences, QuietHours
from schemas.times import from_text, to_text

HALF_LIFE: Final = timedelta(weeks=4)
"""An hour heard so long ago counts half: a habit that was given up is outweighed within a month or two."""

LEAST_HOURS: Final = 4.0
LEAST_DAYS: Final = 3.0
"""Less than so many hours heard (decayed), on so many days, is thin: one evening's talk is no habit."""

LEAST_SHARE: Final = 0.3
"""The best hour and half of its neighbours must hold so much of what was heard: evenly spread it is 1/12."""

BESIDE: Final = 0.5
"""What an hour beside counts: who spoke at 19:55 yesterday and at 20:05 today has one habit, not two."""

HOUR: Final = timedelta(hours=1)
HOURS: Final = 24

_LEAST: Final = 0.001
"""Less of an hour than this is not written down."""

_MOST: Final = 1000.0
"""More of an hour than this was never written down: once a day for ever comes to some forty."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Hours heard, by hour of the day in UTC, and days heard, both decayed to ``at``, the last word."""

    at: datetime
    hours: tuple[float, ...]
    days: float

    @property
    def total(self) -> float:
        """All hours heard."""
        return sum(self.hours)


class Basis(StrEnum):
    """What a choice rests on.  The values are shown in JSON: they never change."""

    LEARNT = "learnt"
    """There is an hour at which this person clearly speaks more than at others."""
    SILENT = "silent"
    """Nothing was ever heard."""
    THIN = "thin"
    """Too little was heard, on too few days."""
    EVEN = "even"
    """Enough was heard, and no hour that is not quiet stands out."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A local time of day, and why it: with any basis but LEARNT it is the fallback that was given.

    ``hours`` and ``days`` are what was heard, decayed to now.
    """

    at: time
    basis: Basis
    hours: float = 0.0
    days: float = 0.0

    @property
    def is_learnt(self) -> bool:
        """Whether the person's own hours decided."""
        return self.basis is Basis.LEARNT


def heard(rhythm: Rhythm | None, at: datetime) -> Rhythm:
    """The rhythm after one more word or tap; in an hour that was heard last, nothing changes.

    Words may come out of order: an older one counts as what it weighs by now.
    """
    at = at.astimezone(UTC)
    if rhythm is None:
        hours = [0.0] * HOURS
        hours[at.hour] = 1.0
        return Rhythm(at, tuple(hours), 1.0)
    if _hour_of(at) == _hour_of(rhythm.at):
        return rhythm
    now = max(at, rhythm.at)
    faded, weight = _faded(rhythm, now), _decay(now - at)
    hours = list(faded.hours)
    hours[at.hour] += weight
    is_new_day = at.date() != rhythm.at.date()
    return Rhythm(now, tuple(hours), faded.days + (weight if is_new_day else 0.0))


def joined(rhythms: Iterable[Rhythm | None]) -> Rhythm | None:
    """One person's rhythm of all their conversations; None where nothing was heard in any."""
    known = [rhythm for rhythm in rhythms if rhythm is not None]
    if len(known) <= 1:
        return known[0] if known else None
    now = max(rhythm.at for rhythm in known)
    faded = [_faded(rhythm, now) for rhythm in known]
    hours = tuple(sum(each) for each in zip(*(rhythm.hours for rhythm in faded), strict=True))
    # Which days they share is not known: at least those of the busiest.
    return Rhythm(now, hours, max(rhythm.days for rhythm in faded))


def best_time(
    rhythm: Rhythm | None, zone: ZoneInfo, quiet: QuietHours | None, fallback: time, now: datetime
) -> Chosen:
    """Choose the local time of day at which this person most likely has the phone in hand, outside ``quiet``.

    It is the full hour (in UTC; half past in some zones) around which they spoke most, each hour together
    with half of its neighbours.  Where that says too little, it is ``fallback``, and ``basis`` says why.
    """
    if rhythm is None:
        return Chosen(fallback, Basis.SILENT)
    faded = _faded(rhythm, now)
    if _is_thin(faded):
        return Chosen(fallback, Basis.THIN, faded.total, faded.days)
    ratings = _ratings(faded)
    times = _local_times(zone, now)
    reachable = [hour for hour in range(HOURS) if not _is_quiet_time(quiet, times[hour])]
    best = max(reachable, key=lambda hour: (ratings[hour], -times[hour].hour), default=None)
    if best is None or ratings[best] < LEAST_SHARE * faded.total:
        return Chosen(fallback, Basis.EVEN, faded.total, faded.days)
    return Chosen(times[best], Basis.LEARNT, faded.total, faded.days)


def suited(wishes: Preferences, rhythm: Rhythm | None, now: datetime) -> Preferences:
    """The wishes of somebody who named no hour for their daily message: the hour that suits them best."""
    chosen = best_time(rhythm, wishes.zone, wishes.quiet, wishes.preferred_time, now)
    return replace(wishes, preferred_time=chosen.at) if chosen.is_learnt else wishes


def best_instant(
    rhythm: Rhythm | None, zone: ZoneInfo, quiet: QuietHours | None, now: datetime, until: datetime
) -> datetime | None:
    """The best instant for something that may wait: the start of the best hour in ``[now, until]``.

    ``now`` itself stands for the hour it lies in; of hours equally good the first is chosen; at most a day is
    looked ahead, and no instant is quiet.  None where too little is known, or no hour up to ``until`` stands
    out: then nothing speaks for waiting.
    """
    if rhythm is None or _is_thin(faded := _faded(rhythm, now)):
        return None
    ratings = _ratings(faded)
    found: list[tuple[float, datetime]] = [
        (ratings[instant.astimezone(UTC).hour], instant)
        for instant in (now, *_hours_between(now, until))
        if not is_quiet(quiet, zone, instant)
    ]
    best = max(found, key=lambda item: item[0], default=None)
    return best[1] if best is not None and best[0] >= LEAST_SHARE * faded.total else None


def by_local_hour(rhythm: Rhythm, zone: ZoneInfo, now: datetime) -> list[tuple[time, float]]:
    """The hours heard, decayed to now, from midnight on by the user's clock; 24 of them, to be shown."""
    faded = _faded(rhythm, now)
    return sorted(zip(_local_times(zone, now), faded.hours, strict=True), key=lambda item: item[0])


def to_column(rhythm: Rhythm) -> str:
    """Write a rhythm as its column holds it: a short JSON text, hours without a word left out."""
    hours = {str(hour): round(count, 3) for hour, count in enumerate(rhythm.hours) if count >= _LEAST}
    return json.dumps({"at": to_text(rhythm.at), "days": round(rhythm.days, 3), "hours": hours})


def with_one_more(column: str | None, at: datetime) -> str | None:
    """Write the column after one more word or tap; the very same text where nothing changes."""
    before = from_column(column)
    after = heard(before, at)
    return column if after is before else to_column(after)


@lru_cache(maxsize=4096)
def from_column(text: str | None) -> Rhythm | None:
    """Read what ``to_column`` wrote; what cannot be read is as nothing: it is learnt anew."""
    if not text:
        return None
    try:
        row = json.loads(text)
        counts = {int(hour): float(count) for hour, count in row["hours"].items()}
        at, days = from_text(row["at"]).astimezone(UTC), float(row["days"])
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
    if not all(0 <= hour < HOURS for hour in counts) or not all(
        0 <= number < _MOST for number in (days, *counts.values())
    ):
        return None
    return Rhythm(at, tuple(counts.get(hour, 0.0) for hour in range(HOURS)), days)


def _is_thin(faded: Rhythm) -> bool:
    # Rounded: the third day counts as one although the first has faded by an hour's worth.
    return round(faded.total) < LEAST_HOURS or round(faded.days) < LEAST_DAYS


def _ratings(faded: Rhythm) -> list[float]:
    """Rate each hour of UTC: itself, and half of its neighbours, around midnight too."""
    hours = faded.hours
    return [hours[n] + BESIDE * (hours[n - 1] + hours[(n + 1) % HOURS]) for n in range(HOURS)]


def _local_times(zone: ZoneInfo, now: datetime) -> list[time]:
    """What the user's clock reads, with today's offset, when each hour of UTC begins."""
    offset = (now.astimezone(zone).utcoffset() or timedelta()) // timedelta(minutes=1)
    minutes = ((hour * 60 + offset) % (HOURS * 60) for hour in range(HOURS))
    return [time(*divmod(minute, 60)) for minute in minutes]


def _hours_between(now: datetime, until: datetime) -> Iterator[datetime]:
    """The starts of the hours after ``now``, up to ``until``, at most of one day."""
    start = _hour_of(now)
    for number in range(1, HOURS + 1):
        if start + number * HOUR > until:
            return
        yield start + number * HOUR


def _is_quiet_time(quiet: QuietHours | None, at: time) -> bool:
    if quiet is None:
        return False
    if quiet.start < quiet.end:
        return quiet.start <= at < quiet.end
    return at >= quiet.start or at < quiet.end


def _hour_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _faded(rhythm: Rhythm, now: datetime) -> Rhythm:
    """The same, decayed to ``now``; a clock that went back decays nothing."""
    weight = _decay(now - rhythm.at)
    return Rhythm(max(now, rhythm.at), tuple(count * weight for count in rhythm.hours), rhythm.days * weight)


def _decay(span: timedelta) -> float:
    return float(0.5 ** (max(span, timedelta()) / HALF_LIFE))
