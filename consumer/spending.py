"""What one of WeChat's five messages is worth now: the arithmetic behind holding.  Pure.

A window is a budget: so many messages until it closes, renewed whenever the user speaks, which nobody can
foresee.  A message spent now is not there for what comes later; a match that is held pays for that by
waiting.  ``price`` says how long strong matches wait together before a message is worth more spent than kept.
``ops/docs/planning.md`` derives it, and tells what it was tuned on.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from consumer.quiet import is_quiet, quiet_since
from schemas.preferences import QuietHours

MARGIN: Final = timedelta(minutes=10)
"""The last good moment lies so long before the end: a consumer that restarts then is still in time."""

DAY: Final = timedelta(days=1)

RENEWAL: Final = 2.0
"""Days until a user's next word, on average, as if nothing were known of anybody."""

PRIOR_MATCHES: Final = 0.6
PRIOR_DAYS: Final = 1.0
"""What is believed of somebody of whom nothing has been seen yet: 0.6 strong matches in a day."""

FREE_COMPANY: Final = 0.5
"""Where fewer strong matches than this are expected for each message left, there are messages enough."""


def price(messages: int, left: timedelta, seen: int, passed: timedelta, day: timedelta = DAY) -> timedelta:
    """How long strong matches wait, all of them added up, before one of ``messages`` goes to them.

    ``left`` and ``passed`` are awake time until the last good moment and since the window opened, ``day`` how
    much of a day is awake; ``seen`` is how many strong matches came meanwhile, as far as is known.  With
    messages enough for all that is expected the price is nothing; where they are scarce, they are spaced: one
    every ``interval``, and for each the waiting that the matches of one interval cost together.
    """
    interval = _until_renewal(left / day) / max(messages, 1)
    rate = (seen + PRIOR_MATCHES) / (passed / day + PRIOR_DAYS)
    return day * interval * max(0.0, rate * interval - FREE_COMPANY)


def _until_renewal(days: float) -> float:
    """How many of the days left pass, on average, before the user's next word, at a memoryless chance."""
    return RENEWAL * -math.expm1(-days / RENEWAL)


def awake_in_a_day(quiet: QuietHours | None) -> timedelta:
    """How much of a day is not quiet."""
    if quiet is None:
        return DAY
    start, end = (timedelta(hours=at.hour, minutes=at.minute) for at in (quiet.start, quiet.end))
    return (start - end) % DAY


def last_good(quiet: QuietHours | None, zone: ZoneInfo, end: datetime) -> datetime:
    """The last moment at which a message surely makes it before ``end``, and before quiet hours around it."""
    at = end - MARGIN
    if is_quiet(quiet, zone, at):
        asleep = quiet_since(quiet, zone, at)
        assert asleep is not None  # noqa: S101 - it is quiet
        at = asleep - MARGIN
    return at
