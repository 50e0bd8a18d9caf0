"""The table ``push_settings``: preferences the host has no column for (time zone, stop ...)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from consumer.ledger import summaries
from schemas import host_values
from schemas.database import Transaction, marks
from schemas.errors import UnreadablePreference
from schemas.times import to_text

COLUMNS: Final = ("timezone", "stop", "locale", "summary")
OFF: Final = "off"
"""The wish for no daily summary; no wish at all is the operator's default."""

_LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")


def settings_of(tx: Transaction, user_ids: Collection[str]) -> dict[str, dict[str, object]]:
    """Read the rows of these users; who has none is not in the answer."""
    values = tuple(user_ids)
    rows = tx.rows(
        f"SELECT user_id, {', '.join(COLUMNS)} FROM push_settings WHERE user_id IN ({marks(values)})",
        values,
    )
    return {row["user_id"]: dict(row) for row in rows}


def zones(tx: Transaction) -> dict[str, ZoneInfo]:
    """Read the time zones that users chose; one that cannot be understood is none."""
    found: dict[str, ZoneInfo] = {}
    for row in tx.rows("SELECT user_id, timezone FROM push_settings WHERE timezone <> ''"):
        with suppress(KeyError, ValueError, OSError):
            found[row["user_id"]] = ZoneInfo(row["timezone"])
    return found


def are_stopped_since(tx: Transaction, user_ids: Collection[str], stamp: str) -> bool:
    """Whether some of these users' wish to hear nothing is the one that was stored at this very instant."""
    values = tuple(user_ids)
    row = tx.one(
        f"SELECT 1 FROM push_settings WHERE stop = 1 AND updated_at = ? AND user_id IN ({marks(values)})",
        (stamp, *values),
    )
    return row is not None


def stop(tx: Transaction, wishes: Mapping[str, bool], now: datetime) -> None:
    """Stop these users (True), or not any more; what says so already keeps its instant."""
    tx.many(
        "INSERT INTO push_settings (user_id, stop, updated_at) VALUES (?, ?, ?) ON CONFLICT (user_id)"
        " DO UPDATE SET stop = excluded.stop, updated_at = excluded.updated_at"
        " WHERE coalesce(push_settings.stop, 0) <> excluded.stop",
        [(user_id, int(wish), to_text(now)) for user_id, wish in wishes.items()],
    )


def checked(column: str, value: str | bool | None) -> str | int | None:  # noqa: FBT001 - a value to be stored
    """Write a wish as its column holds it; None and the empty text are no wish.

    Raises:
        UnreadablePreference: kfpush itself could not read it back.

    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return int(value)
    text = value.strip()
    if column == "timezone" and host_values.zone(text) is None:
        raise UnreadablePreference(f"{text[:40]!r} is no time zone; write an IANA name such as Asia/Shanghai")
    if column == "locale" and _LOCALE.fullmatch(text) is None:
        raise UnreadablePreference(f"{text[:40]!r} is no locale; write zh-CN, en or the like")
    if column == "summary":
        return _summary(text)
    return text


def _summary(text: str) -> str:
    if text.lower() == OFF:
        return OFF
    at = host_values.time_of_day(text)
    if at is None:
        raise UnreadablePreference(f"{text[:40]!r} is no time for a daily summary; write 20:00 or off")
    return f"{at:%H:%M}"


def choose(tx: Transaction, user_id: str, wishes: Mapping[str, str | int | None], now: datetime) -> bool:
    """Store a user's wishes, checked before; columns not named stay.  Tell whether anything changed."""
    before = settings_of(tx, [user_id]).get(user_id, {})
    if all(before.get(column) == value for column, value in wishes.items()):
        return False
    columns = [column for column in COLUMNS if column in wishes]
    tx.execute(
        f"INSERT INTO push_settings (user_id, {', '.join(columns)}, updated_at)"
        f" VALUES (?, {marks(columns)}, ?) ON CONFLICT (user_id) DO UPDATE SET"
        f" {', '.join(f'{column} = excluded.{column}' for column in columns)},"
        " updated_at = excluded.updated_at",
        (user_id, *(wishes[column] for column in columns), to_text(now)),
    )
    if {"summary", "timezone"} & wishes.keys():
        summaries.schedule_anew(tx, [user_id], now, makes=wishes.get("summary") is not None)
    return True
