"""The daily summary: when it is due by the user's own clock, and what it says.  Pure.

It says what was found since the last one, what was sent meanwhile, and carries what waits, as a digest does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim

from consumer.digest import Values, closing, with_items
from consumer.templates import Template, compile_template
from schemas import host_values

OFF: Final = "off"

TITLE: Final = "📋 每日小结 · {month}月{day}日"
FOUND: Final = "新找到 {count} 位匹配的联系人"
SENT: Final = "已发给您 {count} 位"
CARRIED: Final = "以下 {count} 位等您查看"
CARRIED_ALONE: Final = "以下 {count} 位匹配的联系人等您查看"
LOOK_AGAIN: Final = "回复「查看」可以再看最近一条消息里的匹配"
HOW_TO_STOP: Final = "回复「关闭小结」不再接收小结"

MOST_NAMED: Final = 12
"""So many of those that were sent already are named again."""

_NAMED: Final = compile_template("· {profile_name} · {score}%")
_NAMED_WITH_INTENT: Final = compile_template("· {profile_name} · {score}% · {intent_name}")


@dataclass(frozen=True, slots=True)
class Day:
    """How many matches were found since the last summary, and how many were sent meanwhile."""

    found: int
    sent: int


def wish_of(chosen: object, default: time | None) -> time | None:
    """When a user gets a summary, by their own clock; None: not at all.

    ``chosen`` is theirs (``20:00`` or ``off``; None is no wish), ``default`` the operator's.  A wish that
    cannot be understood brings none.
    """
    if host_values.is_unset(chosen):
        return default
    return None if str(chosen).strip().lower() == OFF else host_values.time_of_day(chosen)


def next_occasion(at: time, zone: ZoneInfo, now: datetime) -> datetime:
    """The next instant after ``now`` at which the user's clock reads ``at``, once a local date.

    Of a time that the clock reads twice the first; of one that it skips, when it jumps.
    """
    cron = CronSim(f"{at.minute} {at.hour} * * *", now.astimezone(zone))
    # Asked within the hour that a clock reads twice, it begins with what is over already.
    return next(found for each in cron if (found := each.astimezone(UTC)) > now)


def written(at: time, zone: ZoneInfo) -> str:
    """Write what a schedule follows from: whoever finds another has to schedule anew."""
    return f"{at:%H:%M} {zone.key}"


def text_of(
    day: Day, values: Sequence[Values], on: date, line: Template | None = None, *, more: int, is_wished: bool
) -> str:
    """Write the summary that carries these matches, at most ``TEXT_BYTES`` of it; ``on`` is the local date.

    Who did not wish for it is told how to end it.
    """
    end = closing(len(values), more) + ("" if is_wished else f"\n{HOW_TO_STOP}")
    return with_items(_head(day, len(values), on), values, end, line, names_intents=True)


def recap_of(day: Day, values: Sequence[Values], on: date) -> str:
    """Write the summary of a day after which nothing waits: who was found and sent already."""
    named = [
        (_NAMED_WITH_INTENT if value["intent_name"] else _NAMED).render_within(value, 120)
        for value in values[:MOST_NAMED]
    ]
    return "\n\n".join(part for part in (_head(day, 0, on), "\n".join(named), LOOK_AGAIN) if part)


def _head(day: Day, carried: int, on: date) -> str:
    said = []
    if day.found:
        said.append(FOUND.format(count=day.found))
    if day.sent:
        said.append(SENT.format(count=day.sent))
    if carried:
        said.append((CARRIED if said else CARRIED_ALONE).format(count=carried))
    return f"{TITLE.format(month=on.month, day=on.day)}\n{'，'.join(said)}"
