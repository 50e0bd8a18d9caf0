"""Instants as text: one format for ours, a careful reading of the host's.

Ours are UTC, ISO-8601, milliseconds and ``Z``: they sort as text and may be compared in SQL.
A host's are a mix of formats and zones: they are parsed here and never compared in SQL.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

HOST_CLOCK_TOLERANCE = timedelta(minutes=5)
"""A host time further ahead of us than this is a wrong clock or a wrong zone: not believed."""

HOST_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Zero dates of every kind (unix 0, year 1) mean never, and nobody wrote on WeChat before."""


_UNIX = re.compile(r"[0-9]{9,10}(\.[0-9]{1,9})?")


class UnreadableTime(ValueError):
    """A host time that cannot be understood or believed."""


class TimeInFuture(UnreadableTime):
    """A host time that has not come yet: a wrong clock or a wrong zone, or five minutes too early to tell."""


def to_text(instant: datetime) -> str:
    """Write an aware instant in our format, ``2026-11-22T06:00:00.000Z``; milliseconds are cut."""
    if instant.tzinfo is None:
        message = "an instant without a zone cannot be stored"
        raise ValueError(message)
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def not_before(instant: datetime) -> datetime:
    """The first whole millisecond from then on: what ``to_text`` writes of it is no moment too early."""
    return instant + timedelta(microseconds=-instant.microsecond % 1000)


def from_text(text: str) -> datetime:
    """Read an instant that ``to_text`` wrote."""
    return datetime.fromisoformat(text)


def maybe_text(instant: datetime | None) -> str | None:
    """``to_text``, with None for no instant."""
    return None if instant is None else to_text(instant)


def maybe_from_text(text: str | None) -> datetime | None:
    """``from_text``, with None for no instant."""
    return None if text is None else from_text(text)


def parse_host_time(value: object, host_zone: ZoneInfo, now: datetime) -> datetime:
    """Read a time that the host application wrote.

    A space between date and time is SQL's CURRENT_TIMESTAMP: UTC.  A ``T`` without an offset is
    Python's ``datetime.now().isoformat()``: local, in ``host_zone``.  Numbers are unix seconds.

    Raises:
        UnreadableTime: not a time, of long ago, or more than five minutes ahead of ``now``.

    """
    if isinstance(value, datetime):
        parsed = value
        zone = UTC
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            parsed = datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError) as cause:
            message = f"not a unix time: {value!r}"
            raise UnreadableTime(message) from cause
        zone = UTC
    else:
        text = str(value).strip()
        if _UNIX.fullmatch(text):
            return parse_host_time(float(text), host_zone, now)
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError as cause:
            message = f"not a time: {text[:40]!r}"
            raise UnreadableTime(message) from cause
        zone = host_zone if "T" in text else UTC  # type: ignore[assignment]
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=zone)
    try:
        parsed = parsed.astimezone(UTC)
    except OverflowError as cause:
        message = f"not a time: {str(value)[:40]!r}"
        raise UnreadableTime(message) from cause
    if parsed < HOST_EARLIEST:
        message = f"{to_text(parsed)} is no time at which a user wrote"
        raise UnreadableTime(message)
    if parsed > now + HOST_CLOCK_TOLERANCE:
        message = f"{to_text(parsed)} lies in the future; is KFPUSH_HOST_TIMEZONE right?"
        raise TimeInFuture(message)
    return parsed
