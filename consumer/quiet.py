"""Local-clock arithmetic: quiet hours, days and times of day in the user's own zone.

The wall clock decides: an instant is quiet if the user's clock reads a quiet time, whatever daylight saving
does to that clock.  In a gap (the clock jumps ahead) a skipped time counts as reached at the jump; in a fold
(the clock is set back) the repeated hour is judged twice, each time by what the clock reads.

Every instant is aware, comes out in UTC, and may be asked about in any zone; the clock of no machine is read.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from schemas.preferences import QuietHours

DAY = timedelta(days=1)


def is_quiet(quiet: QuietHours | None, zone: ZoneInfo, now: datetime) -> bool:
    """Whether the user's clock reads a quiet time; the start is quiet, the end is not."""
    if quiet is None:
        return False
    clock = _wall(zone, now).time()
    if quiet.start < quiet.end:
        return quiet.start <= clock < quiet.end
    return clock >= quiet.start or clock < quiet.end


def quiet_until(quiet: QuietHours | None, zone: ZoneInfo, now: datetime) -> datetime:
    """The earliest instant, ``now`` or later, that is not quiet."""
    at = now.astimezone(UTC)
    while quiet is not None and is_quiet(quiet, zone, at):
        at = _ahead(zone, at, _until(quiet.end, zone, at))
    return at


def quiet_from(quiet: QuietHours | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The earliest instant, ``now`` or later, that is quiet; None without quiet hours."""
    if quiet is None:
        return None
    at = now.astimezone(UTC)
    while not is_quiet(quiet, zone, at):
        at = _ahead(zone, at, _until(quiet.start, zone, at))
    return at


def quiet_since(quiet: QuietHours | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Since when it has been quiet without a break, ``now`` being quiet; None where it is not."""
    if not is_quiet(quiet, zone, now) or quiet is None:
        return None
    # A quiet span of the wall clock is shorter than a day, and a zone's change adds at most hours to it.
    day = _wall(zone, now).date()
    starts = (_first(zone, day - days * DAY, quiet.start) for days in count())
    return next(start for start in starts if start <= now)


def awake_between(quiet: QuietHours | None, zone: ZoneInfo, start: datetime, end: datetime) -> timedelta:
    """How much of the time from ``start`` to ``end`` is not quiet."""
    awake, at = timedelta(0), start
    while at < end:
        asleep = quiet_from(quiet, zone, at)
        if asleep is None or asleep >= end:
            return awake + (end - at)
        awake += asleep - at
        at = quiet_until(quiet, zone, asleep)
    return awake


def day_start(zone: ZoneInfo, now: datetime) -> datetime:
    """The first instant of the user's local date: midnight, or later where the clock skips midnight."""
    return _first(zone, _wall(zone, now).date(), time(0))


def next_day_start(zone: ZoneInfo, now: datetime) -> datetime:
    """The earliest instant after ``now`` whose local date is a later one."""
    today = _wall(zone, now).date()
    at = now.astimezone(UTC)
    while _wall(zone, at).date() <= today:
        at = _ahead(zone, at, _until(time(0), zone, at))
    return at


def next_local_time(at: time, zone: ZoneInfo, now: datetime) -> datetime:
    """The earliest instant, ``now`` or later, at which a local date first reaches the time of day ``at``.

    Once a date: the first of two readings in a fold, the instant of the jump in a gap.
    """
    today = _wall(zone, now).date()
    return next(found for days in count() if (found := _first(zone, today + days * DAY, at)) >= now)


def _wall(zone: ZoneInfo, instant: datetime) -> datetime:
    """What the user's clock reads, as a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError("an instant without a zone has no local time")
    return instant.astimezone(zone).replace(tzinfo=None)


def _until(clock: time, zone: ZoneInfo, instant: datetime) -> timedelta:
    """How far the user's clock has to run to read ``clock`` again: more than nothing, at most a day."""
    wall = _wall(zone, instant)
    target = datetime.combine(wall.date(), clock)
    return target - wall if target > wall else target + DAY - wall


def _first(zone: ZoneInfo, day: date, clock: time) -> datetime:
    """The first instant at which the user's calendar and clock have reached ``day`` and ``clock``."""
    wall = datetime.combine(day, clock)
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if _wall(zone, instant) == wall:
        return instant
    # In a gap: read with the offset before the jump it lies after it, with the one behind the jump before it.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _ahead(zone, before, instant - before)


def _ahead(zone: ZoneInfo, instant: datetime, span: timedelta) -> datetime:
    """``span`` later, or at the change of the zone's offset if one comes sooner; ``span`` is at most a day.

    No zone changes its offset twice in one day, and every change falls on a whole second.
    """
    offset = instant.astimezone(zone).utcoffset()
    if (instant + span).astimezone(zone).utcoffset() == offset:
        return instant + span
    base = instant.replace(microsecond=0)
    same, changed = 0, -((base - instant - span) // timedelta(seconds=1))  # rounded up
    while changed - same > 1:
        middle = (same + changed) // 2
        if (base + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            same = middle
        else:
            changed = middle
    return base + timedelta(seconds=changed)
