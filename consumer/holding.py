"""Holding: what may go to one user now, and whether it is better kept for a message with others.  Pure.

Everything here is about matches that the policy lets go at this instant.  They go, or they wait for an
instant that surely comes while the window is open: the last good moment before it closes, at the latest.  The
rules and their numbers are told in ``ops/docs/planning.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zlib import crc32

from consumer.facts import SLOTS, Candidate, Person, User, Window
from consumer.policy import hour_of
from consumer.quiet import awake_between, is_quiet, next_day_start, next_local_time, quiet_from, quiet_until
from consumer.spending import awake_in_a_day, last_good, price
from schemas.decisions import Defer, Reason
from schemas.preferences import BatchMode, Preferences

MOST_TOGETHER: Final = 60
"""So many matches share a message at most: a line of some 30 of its 2,048 bytes, name and score, for each."""

ENOUGH: Final = 8
"""With so many waiting, the last message of somebody who wants everything at once is well spent."""

HOLD: Final = timedelta(hours=24)
"""No match of somebody whose window is open is held longer than this."""

TOLD_WAIT: Final = timedelta(hours=2)
"""Who was told that there is more has so long to ask for it; then it is brought by a message that is left."""

HERE: Final = timedelta(minutes=1)
"""Somebody who spoke so short a time ago, and was told nothing since, looks at the phone now."""

COMPANY: Final = 2
"""So many matches that are held go at once to somebody who is here."""

INTERVALS: Final = (
    timedelta(0),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
)
"""The least time after a message, by how many were not answered: what comes meanwhile shares the next."""

SMOOTHING: Final = timedelta(minutes=15)
"""What waited for the end of the quiet hours goes within so long of it, to each person at another instant."""

SECOND: Final = timedelta(seconds=1)
"""Dates are whole seconds, rounded up: what the ledger writes down is what was decided."""

STEP: Final = timedelta(minutes=1)
"""Nothing is looked at again sooner than this."""


@dataclass(frozen=True, slots=True)
class Purse:
    """What there is to spend on one user, who wants this, through the window that the next message takes.

    ``messages`` are those of all KF accounts that are open, ``today`` those that the daily limit leaves;
    ``unanswered`` and ``pushed_at`` are of all their windows too.
    """

    wishes: Preferences
    window: Window
    messages: int
    today: int
    unanswered: int
    pushed_at: datetime | None


def hold(person: Person, purse: Purse, rows: Sequence[Candidate], now: datetime) -> Defer | None:
    """Decide about matches of one user that may all go now: None if they go, or until when they do not.

    What a message told of has a date of its own beside this one: see ``later``.
    """
    end = ends_at(person, purse, rows)
    if now >= end or any(row.urgent for row in rows):
        return None
    turn = _turn(person, purse.wishes, rows, now)
    if turn is not None:
        return Defer(min(turn, end), Reason.SMOOTHED)
    if any(row.released for row in rows):
        return None
    pressing = rows if now >= asked_until(purse, now) else [row for row in rows if not row.told]
    if not pressing:
        return later(person, purse, now)
    until, reason = _HELD[purse.wishes.batch_mode](person, purse, pressing, now)
    return None if until <= now else Defer(_legal(person, purse, until, now, end), reason)


def goes_at_once(person: Person, user: User, window: Window, row: Candidate) -> bool:
    """Whether the only match there is, which may go, is spared all questions.

    The quick way through ``hold`` for most messages, and never another answer than its own.
    """
    wishes = user.preferences
    return (
        isinstance(wishes, Preferences)
        and wishes.quiet is None
        and not row.told
        and window.slots_left(person.slots_kept_back) == SLOTS
        and wishes.daily_limit - user.today >= SLOTS
        and (
            wishes.batch_mode is BatchMode.IMMEDIATE
            or (wishes.batch_mode is BatchMode.SMART and row.score >= person.strong_score)
        )
    )


def ends_at(person: Person, purse: Purse, rows: Sequence[Candidate] = ()) -> datetime:
    """The last good moment: the window is open then, and no strong one of these rows has expired.

    Weak ones that expire have the first places among their like, and no message of their own.
    """
    assert purse.window.closes_at is not None  # noqa: S101 - an open window has an end
    ends = [row.expires_at for row in rows if row.score >= person.strong_score] if purse.messages > 1 else []
    ends.append(purse.window.closes_at)
    return last_good(purse.wishes.quiet, purse.wishes.zone, min(ends) - person.send_timeout)


def asked_until(purse: Purse, now: datetime) -> datetime:
    """How long it is left to the user to ask for what a message told them of."""
    told_at = purse.pushed_at
    if told_at is None:
        return now  # that message was of another window
    if purse.wishes.batch_mode is BatchMode.DAILY:
        return next_local_time(purse.wishes.preferred_time, purse.wishes.zone, told_at + STEP)
    return told_at + TOLD_WAIT


def later(person: Person, purse: Purse, now: datetime) -> Defer:
    """Until when matches wait that a message told of, unless the user asks for them."""
    until = _legal(person, purse, asked_until(purse, now), now, ends_at(person, purse))
    return Defer(max(until, now + STEP), Reason.MORE)


def leaves_quiet_at(person: Person, wishes: Preferences, ended_at: datetime) -> datetime:
    """When this person's turn is after quiet hours that end then: the same whenever one asks."""
    seed = f"{person.name}:{ended_at.astimezone(wishes.zone):%Y-%m-%d}"
    asleep_at = quiet_from(wishes.quiet, wishes.zone, ended_at)
    span = SMOOTHING if asleep_at is None else min(SMOOTHING, (asleep_at - ended_at) / 2)
    return ended_at + timedelta(seconds=int(span.total_seconds() * crc32(seed.encode()) / 2**32))


def _turn(person: Person, wishes: Preferences, rows: Sequence[Candidate], now: datetime) -> datetime | None:
    """This person's turn after quiet hours that have just ended; None if it has come, or something is new."""
    before = now - SMOOTHING
    if wishes.quiet is None or not is_quiet(wishes.quiet, wishes.zone, before):
        return None
    ended_at = quiet_until(wishes.quiet, wishes.zone, before)
    if any(row.created_at >= ended_at for row in rows):
        return None
    turn = leaves_quiet_at(person, wishes, ended_at)
    return turn if now < turn else None


def _is_last(purse: Purse) -> bool:
    """Whether one message is left of several: a window that has but one gives it to what comes first."""
    return purse.messages <= 1 and purse.window.used > 0


def _daily(person: Person, purse: Purse, rows: Sequence[Candidate], now: datetime) -> tuple[datetime, Reason]:
    """At the user's hour; where that would come after the window, as late as can be."""
    is_time = any(hour_of(purse.wishes, row) <= now for row in rows)
    return now if is_time else ends_at(person, purse), Reason.BATCH_MODE


def _immediate(
    person: Person, purse: Purse, rows: Sequence[Candidate], now: datetime
) -> tuple[datetime, Reason]:
    """At once, but for the last message: that is for what comes until the end, or for enough at once."""
    is_kept = _is_last(purse) and len(rows) < ENOUGH
    return ends_at(person, purse) if is_kept else now, Reason.KEPT


def _smart(person: Person, purse: Purse, rows: Sequence[Candidate], now: datetime) -> tuple[datetime, Reason]:
    """Strong ones as soon as a message is worth it, the others with them; see ``spending.price``."""
    assert purse.window.opened_at is not None  # noqa: S101 - something may go
    is_here = now - purse.window.opened_at <= HERE and not purse.unanswered
    if is_here and len(rows) >= COMPANY:
        return now, Reason.HELD
    if _is_last(purse):
        return ends_at(person, purse), Reason.KEPT
    until = now
    if len(rows) < MOST_TOGETHER:
        until = min(row.created_at for row in rows) + HOLD
        strong = [row for row in rows if row.score >= person.strong_score]
        if strong:
            until = min(until, _worth_it(person, purse, strong, now))
    if purse.unanswered and purse.pushed_at is not None:
        spaced = purse.pushed_at + INTERVALS[min(purse.unanswered, len(INTERVALS) - 1)]
        if spaced > max(until, now):
            return spaced, Reason.SPACED
    return until, Reason.HELD


_HELD: Final = {BatchMode.DAILY: _daily, BatchMode.IMMEDIATE: _immediate, BatchMode.SMART: _smart}
"""How long what may go is held, by what the user chose; not at all: until now."""


def _worth_it(person: Person, purse: Purse, strong: Sequence[Candidate], now: datetime) -> datetime:
    """When these strong matches will have waited long enough, together, to be worth a message."""
    quiet, zone, opened_at = purse.wishes.quiet, purse.wishes.zone, purse.window.opened_at
    assert opened_at is not None  # noqa: S101 - something may go
    messages, end = purse.messages, ends_at(person, purse)
    if purse.today < messages:
        messages, end = purse.today, min(end, next_day_start(zone, now))
    asked = price(
        messages,
        awake_between(quiet, zone, now, end),
        max(purse.unanswered - 1, 0) + len(strong),  # the first carried what had come before the window
        awake_between(quiet, zone, opened_at, now),
        awake_in_a_day(quiet),
    )
    waited = sum((now - max(row.created_at, opened_at) for row in strong), timedelta(0))
    return now if waited >= asked else now + (asked - waited) / len(strong)


def _legal(person: Person, purse: Purse, until: datetime, now: datetime, end: datetime) -> datetime:
    """The first instant from ``until`` that is not quiet, or the last good moment if that comes before it."""
    until = _whole(max(until, now + STEP))
    quiet, zone = purse.wishes.quiet, purse.wishes.zone
    for moment in (until, until + person.send_timeout):
        if is_quiet(quiet, zone, moment):
            until = leaves_quiet_at(person, purse.wishes, quiet_until(quiet, zone, moment))
            break
    return min(until, end)


def _whole(instant: datetime) -> datetime:
    """The same instant, or the next whole second."""
    return instant if instant.microsecond == 0 else instant.replace(microsecond=0) + SECOND
