"""What a user wants to receive and when: read from the host's row and ours, or found unreadable.

Two rules keep the reading honest.  NULL, blank and an empty JSON value are *unset*: the user chose nothing,
so they get what FriendAI's column defaults give a new row (``UNSET_...``), and so does a user without a row.
Anything else that is not understood is *unreadable*: it is never replaced by a default, the gate it feeds
fails closed, and ``Unreadable`` tells the operator which column, which text, and what would be accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from schemas import host_values
from schemas.errors import UnreadablePreference

T = TypeVar("T")

UNSET_DAILY_LIMIT: Final = 10
UNSET_MIN_SCORE: Final = 0.7
"""FriendAI's default floor: a user who set none has that one, not none at all."""

UNSET_PREFERRED_TIME: Final = time(9)

SHOWN_CHARACTERS: Final = 40
"""How much of an offending text a complaint shows."""

_ACCEPTED: Final = {
    "enable_push": "0 or 1",
    "stop": "0 or 1",
    "daily_limit": "a whole number from 0 (none at all)",
    "min_score": "a number from 0 to 1",
    "quiet_hours": "22:00-08:00 with two different times (24:00 ends the day), or empty for none",
    "batch_mode": "immediate, smart or daily",
    "preferred_time": "a time of day such as 09:00",
    "timezone": "an IANA name such as Asia/Shanghai",
}


class BatchMode(StrEnum):
    """How matches are gathered into messages; the values are FriendAI's."""

    IMMEDIATE = "immediate"
    SMART = "smart"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily span of the user's own wall clock: ``start`` is quiet, ``end`` is not; it may cross midnight.

    Equal times are refused: they could mean nothing or the whole day (which is what ``stop`` is for).
    """

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise _unreadable("quiet_hours", str(self))

    def __str__(self) -> str:
        """Write the form that ``parse`` reads back."""
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    @classmethod
    def parse(cls, text: str) -> QuietHours:
        """Read ``22:00-08:00``, its full-width and 至/到 spellings, or the same pair as JSON.

        ``24:00`` is midnight.  JSON is ``{"start": "22:00", "end": "08:00"}`` or ``["22:00", "08:00"]``.

        Raises:
            UnreadablePreference: anything else, the empty text included.

        """
        quiet = _quiet(text)
        if quiet is None:
            raise _unreadable("quiet_hours", text)
        return quiet


@dataclass(frozen=True, slots=True)
class Preferences:
    """What one user wants; ``daily_limit`` is per local day, ``min_score`` is 0..1, times are local."""

    enabled: bool
    stopped: bool
    daily_limit: int
    min_score: float
    quiet: QuietHours | None
    zone: ZoneInfo
    batch_mode: BatchMode
    preferred_time: time


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Preferences of which at least one column cannot be understood: nothing may be sent on a guess.

    ``enabled`` and ``stopped`` are asked of either ending and answer what is *known*: a stop that can be read
    holds although the quiet hours cannot, and a stop that cannot be read is not taken for one.
    """

    enabled: bool
    stopped: bool
    complaints: tuple[str, ...]

    @property
    def message(self) -> str:
        """All complaints as one text for the operator."""
        return "; ".join(self.complaints)


_HOST_COLUMNS: Final = (
    "enable_push",
    "daily_limit",
    "min_score",
    "quiet_hours",
    "batch_mode",
    "preferred_time",
)
_OWN_COLUMNS: Final = ("stop", "timezone")


def read_preferences(
    host_row: Mapping[str, object] | None,
    own_row: Mapping[str, object] | None,
    default_zone: str,
) -> Preferences | Unreadable:
    """Read a user's rows of ``user_push_preferences`` (host) and ``push_settings`` (own); None is no row.

    ``default_zone`` is the IANA name for users who chose none.  Raises nothing, whatever a row holds.
    """
    host = tuple((host_row or {}).get(column) for column in _HOST_COLUMNS)
    own = tuple((own_row or {}).get(column) for column in _OWN_COLUMNS)
    try:
        return _remembered(default_zone, *host, *own)
    except TypeError:  # a value that cannot be a key, as a driver may give for JSON
        return _read(default_zone, *host, *own)


def _read(default_zone: str, *values: object) -> Preferences | Unreadable:
    host = dict(zip(_HOST_COLUMNS, values, strict=False))
    own = dict(zip(_OWN_COLUMNS, values[len(_HOST_COLUMNS) :], strict=True))
    complaints: list[str] = []

    def read(row: Mapping[str, object], column: str, understand: Callable[[object], T | None], unset: T) -> T:
        value = row.get(column)
        if host_values.is_unset(value):
            return unset
        understood = understand(value)
        if understood is None:
            complaints.append(str(_unreadable(column, value)))
            return unset
        return understood

    enabled = read(host, "enable_push", host_values.flag, unset=True)
    stopped = read(own, "stop", host_values.flag, unset=False)
    daily_limit = read(host, "daily_limit", host_values.count, UNSET_DAILY_LIMIT)
    min_score = read(host, "min_score", host_values.share, UNSET_MIN_SCORE)
    quiet = read(host, "quiet_hours", _quiet, None)
    batch_mode = read(host, "batch_mode", _batch_mode, BatchMode.SMART)
    preferred_time = read(host, "preferred_time", host_values.time_of_day, UNSET_PREFERRED_TIME)
    zone_name = default_zone if host_values.is_unset(own.get("timezone")) else own["timezone"]
    zone = host_values.zone(zone_name)
    if zone is None:
        complaints.append(str(_unreadable("timezone", zone_name)))
    if zone is None or complaints:
        return Unreadable(enabled, stopped, tuple(complaints))
    return Preferences(enabled, stopped, daily_limit, min_score, quiet, zone, batch_mode, preferred_time)


_remembered = lru_cache(maxsize=1024, typed=True)(_read)
"""Most users chose what most users chose.  Typed: 1 is understood where 1.0 or true may not be."""


def _unreadable(column: str, value: object) -> UnreadablePreference:
    return UnreadablePreference(
        f"{column} {str(value)[:SHOWN_CHARACTERS]!r} cannot be understood; accepted: {_ACCEPTED[column]}",
    )


def _quiet(value: object) -> QuietHours | None:
    span = host_values.time_span(value)
    return None if span is None or span[0] == span[1] else QuietHours(*span)


def _batch_mode(value: object) -> BatchMode | None:
    text = (host_values.plain(value) or "").lower()
    return next((mode for mode in BatchMode if mode == text), None)
