"""When a user speaks, as learnt, and how their daily summary stands: values to be shown.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from consumer import rhythm
from consumer.facts import Person
from schemas.preferences import UNSET_PREFERRED_TIME, Preferences, Unreadable


@dataclass(frozen=True, slots=True)
class Habits:
    """Hours heard, decayed to now, by the hour of the user's own clock (``20:00``); what follows from them.

    ``best`` is the time for a daily message where the user named none, ``basis`` why: learnt, silent, thin
    or even; with any but learnt it is 09:00.  ``hours`` and ``days`` are what was heard in all.
    """

    by_hour: tuple[tuple[str, float], ...]
    best: str
    basis: str
    hours: float
    days: float
    is_overruled: bool
    """The user named an hour of their own, which goes before it."""


@dataclass(frozen=True, slots=True)
class Summing:
    """When a user's next daily summary is due, and what became of the last occasion."""

    next_at: datetime | None
    told_at: datetime | None
    result: str | None


def habits_of(
    person: Person, wishes: Preferences | Unreadable, zone: str, now: datetime, *, names_an_hour: bool
) -> Habits:
    """Describe at which hours a person was heard."""
    heard, own = person.rhythm, ZoneInfo(zone)
    quiet = wishes.quiet if isinstance(wishes, Preferences) else None
    chosen = rhythm.best_time(heard, own, quiet, UNSET_PREFERRED_TIME, now)
    by_hour = rhythm.by_local_hour(heard, own, now) if heard is not None else []
    return Habits(
        tuple((f"{at:%H:%M}", round(count, 2)) for at, count in by_hour),
        f"{chosen.at:%H:%M}",
        chosen.basis,
        round(chosen.hours, 1),
        round(chosen.days, 1),
        names_an_hour,
    )
