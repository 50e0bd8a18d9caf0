"""What a user wants to receive and when: read from the host's row and ours, or found unreadable.

Two rules keep the reading honest.  NULL, blank and an empty JSON value are *unset*: the user chose nothing,
so they get what FriendAI's column defaults give a new row (``UNSET_...``), and so does a user without a row.
Anything else that is not understood is *unreadable*: it is never replaced by a default, the gate it feeds
fails closed, and ``Unreadable`` tells the operator which column, which text, and what would be accepted.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from schemas.errors import UnreadablePreference

T = TypeVar("T")

UNSET_DAILY_LIMIT: Final = 10
UNSET_MIN_SCORE: Final = 0.7
"""FriendAI's default floor: a user who set none has that one, not none at all."""

UNSET_PREFERRED_TIME: Final = time(9)

SHOWN_CHARACTERS: Final = 40
"""How much of an offending text a complaint shows."""

LONGEST: Final = 200
"""A longer text is no preference; in characters."""

_CLOCK = re.compile(r"([0-9]{1,2})\s*:\s*([0-9]{2})(?::00)?")
_DASH = re.compile(r"\s*[-~\u2010-\u2015\u2212\u301c至到]{1,2}\s*")
"""Hyphens and dashes, tildes, 至 and 到; doubled as in ``——``.  NFKC has made full-width forms plain."""
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_NOTHING = frozenset({"", "null", "{}", "[]"})
_NO_PLACE = re.compile(r"localtime|posixrules|Factory|(?:right|posix)/.*", re.DOTALL)
"""What else some machines' zone directories hold: the server's own zone, clocks with leap seconds."""

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


def read_preferences(
    host_row: Mapping[str, object] | None,
    own_row: Mapping[str, object] | None,
    default_zone: str,
) -> Preferences | Unreadable:
    """Read a user's rows of ``user_push_preferences`` (host) and ``push_settings`` (own); None is no row.

    ``default_zone`` is the IANA name for users who chose none.  Raises nothing, whatever a row holds.
    """
    host = host_row or {}
    own = own_row or {}
    complaints: list[str] = []

    def read(row: Mapping[str, object], column: str, understand: Callable[[object], T | None], unset: T) -> T:
        value = row.get(column)
        if _is_unset(value):
            return unset
        understood = understand(value)
        if understood is None:
            complaints.append(str(_unreadable(column, value)))
            return unset
        return understood

    enabled = read(host, "enable_push", _flag, unset=True)
    stopped = read(own, "stop", _flag, unset=False)
    daily_limit = read(host, "daily_limit", _limit, UNSET_DAILY_LIMIT)
    min_score = read(host, "min_score", _share, UNSET_MIN_SCORE)
    quiet = read(host, "quiet_hours", _quiet, None)
    batch_mode = read(host, "batch_mode", _batch_mode, BatchMode.SMART)
    preferred_time = read(host, "preferred_time", _time_of_day, UNSET_PREFERRED_TIME)
    zone_name = default_zone if _is_unset(own.get("timezone")) else own["timezone"]
    zone = _zone(zone_name)
    if zone is None:
        complaints.append(str(_unreadable("timezone", zone_name)))
    if zone is None or complaints:
        return Unreadable(enabled, stopped, tuple(complaints))
    return Preferences(enabled, stopped, daily_limit, min_score, quiet, zone, batch_mode, preferred_time)


def _is_unset(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in _NOTHING)


def _unreadable(column: str, value: object) -> UnreadablePreference:
    return UnreadablePreference(
        f"{column} {str(value)[:SHOWN_CHARACTERS]!r} cannot be understood; accepted: {_ACCEPTED[column]}",
    )


# Each reader below answers None for what it does not understand.


def _plain(value: object) -> str | None:
    """Make full-width digits, colons, dashes and spaces plain, and drop the space around."""
    if not isinstance(value, str) or len(value) > LONGEST:
        return None
    return unicodedata.normalize("NFKC", value).strip()


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    text = (_plain(value) or "").lower()
    if text in {"true", "false"}:
        return text == "true"
    number = _number(value)
    return bool(number) if number in {0, 1} else None


def _number(value: object) -> float | None:
    if isinstance(value, str):
        text = _plain(value) or ""
        return float(text) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except (ValueError, OverflowError):
        return None


def _limit(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 and number.is_integer() else None


def _share(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= 1 else None


def _batch_mode(value: object) -> BatchMode | None:
    text = (_plain(value) or "").lower()
    return next((mode for mode in BatchMode if mode == text), None)


def _time_of_day(value: object) -> time | None:
    if isinstance(value, time):  # a TIME column, as PostgreSQL gives it
        return value.replace(tzinfo=None)
    found = _CLOCK.fullmatch(_plain(value) or "")
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2])
    if (hour, minute) == (24, 0):
        return time(0)
    return time(hour, minute) if hour < 24 and minute < 60 else None  # noqa: PLR2004 - hours and minutes


def _quiet(value: object) -> QuietHours | None:
    text = _plain(value) or ""
    pair = _json_pair(text) if text[:1] in ("{", "[") else _DASH.split(text)
    times = [_time_of_day(each) for each in pair]
    match times:
        case [time() as start, time() as end] if start != end:
            return QuietHours(start, end)
    return None


def _json_pair(text: str) -> list[object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if isinstance(value, dict):
        return [value["start"], value["end"]] if value.keys() == {"start", "end"} else []
    return value if isinstance(value, list) else []


def _zone(value: object) -> ZoneInfo | None:
    if not isinstance(value, str) or _NO_PLACE.fullmatch(value.strip()):
        return None
    try:
        return ZoneInfo(value.strip())
    except (KeyError, ValueError, OSError):  # not found; a path out of the directory; a directory
        return None
