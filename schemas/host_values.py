"""Values as hosts and people write them: each reader answers None for what it does not understand.

Full-width digits, colons, dashes and spaces are plain ones here (NFKC): people type with Chinese keyboards.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from datetime import time
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

LONGEST: Final = 200
"""A longer text is no setting; in characters."""

_NOTHING = frozenset({"", "null", "{}", "[]"})
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_CLOCK = re.compile(r"([0-9]{1,2})\s*:\s*([0-9]{2})(?::00)?")
_DASH = re.compile(r"\s*[-~\u2010-\u2015\u2212\u301c至到]{1,2}\s*")
"""Hyphens and dashes, tildes, 至 and 到; doubled as in ``——``."""

_NO_PLACE = re.compile(r"localtime|posixrules|Factory|(?:right|posix)/.*", re.DOTALL)
"""What else some machines' zone directories hold: the server's own zone, clocks with leap seconds."""


def is_unset(value: object) -> bool:
    """Whether nothing was chosen: NULL, blank, or JSON's null, {} or []."""
    return value is None or (isinstance(value, str) and value.strip() in _NOTHING)


def flag(value: object) -> bool | None:
    """Read a boolean: itself, 0 or 1, or one of these or true or false as text."""
    if isinstance(value, bool):
        return value
    text = (plain(value) or "").lower()
    if text in {"true", "false"}:
        return text == "true"
    read = number(value)
    return bool(read) if read in {0, 1} else None


def number(value: object) -> float | None:
    """Read a finite number, or a text of plain decimal digits; a boolean is no number."""
    if isinstance(value, str):
        text = plain(value) or ""
        return float(text) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except (ValueError, OverflowError):
        return None


def count(value: object) -> int | None:
    """Read a whole number from 0."""
    read = number(value)
    return int(read) if read is not None and read >= 0 and read.is_integer() else None


def share(value: object) -> float | None:
    """Read a number from 0 to 1."""
    read = number(value)
    return read if read is not None and 0 <= read <= 1 else None


def time_of_day(value: object) -> time | None:
    """Read ``9:00``, ``09:00`` or ``09:00:00``; ``24:00`` is midnight."""
    if isinstance(value, time):  # a TIME column, as PostgreSQL gives it
        return value.replace(tzinfo=None)
    found = _CLOCK.fullmatch(plain(value) or "")
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2])
    if (hour, minute) == (24, 0):
        return time(0)
    return time(hour, minute) if hour < 24 and minute < 60 else None  # noqa: PLR2004 - hours and minutes


def time_span(value: object) -> tuple[time, time] | None:
    """Read ``22:00-08:00``, or the pair as JSON: ``{"start": ..., "end": ...}`` or ``[..., ...]``."""
    text = plain(value) or ""
    pair = _json_pair(text) if text.startswith(("{", "[")) else _DASH.split(text)
    match [time_of_day(each) for each in pair]:
        case [time() as start, time() as end]:
            return start, end
    return None


def _json_pair(text: str) -> list[object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if isinstance(value, dict):
        return [value["start"], value["end"]] if value.keys() == {"start", "end"} else []
    return value if isinstance(value, list) else []


def zone(value: object) -> ZoneInfo | None:
    """Read an IANA time zone name, ``Asia/Shanghai``."""
    if not isinstance(value, str) or _NO_PLACE.fullmatch(value.strip()):
        return None
    try:
        return ZoneInfo(value.strip())
    except (KeyError, ValueError, OSError):  # not found; a path out of the directory; a directory
        return None


def plain(value: object) -> str | None:
    """Make full-width digits, colons, dashes and spaces plain, and drop the space around."""
    if not isinstance(value, str) or len(value) > LONGEST:
        return None
    return unicodedata.normalize("NFKC", value).strip()
