"""What the host's intents limit: which are over, and how many of their matches may go on one day.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from consumer.facts import Intent
from schemas import host_values
from schemas.times import TimeInFuture, UnreadableTime, parse_host_time

UNSET_DAILY_LIMIT: Final = 5
"""FriendAI's default of ``max_push_per_day``: an intent that sets none has that one."""

ACTIVE: Final = "active"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_intents(
    rows: Sequence[Mapping[str, object]], today: Mapping[str, int], host_zone: ZoneInfo, now: datetime
) -> tuple[dict[str, Intent], list[str]]:
    """Read one user's rows of ``user_intents``, and tell what in them cannot be understood.

    ``today`` counts each intent's matches since the user's local midnight.  Without a status an intent is
    active; with an ``expire_at`` that cannot be read too, for its matches have an expiry of their own.
    """
    complaints: list[str] = []
    found: dict[str, Intent] = {}
    for row in rows:
        limit = _limit(row["max_push_per_day"])
        if limit is None:
            complaints.append(
                f"user_intents.max_push_per_day of intent {row['id']} cannot be understood;"
                " accepted: a whole number from 0"
            )
        is_over, complaint = _is_over(row["expire_at"], host_zone, now)
        if complaint:
            complaints.append(f"user_intents.expire_at of intent {row['id']}: {complaint}")
        intent_id = str(row["id"])
        found[intent_id] = Intent(
            is_active=_is_active(row["status"]) and not is_over,
            daily_limit=limit,
            today=today.get(intent_id, 0),
        )
    return found, complaints


def _limit(value: object) -> int | None:
    return UNSET_DAILY_LIMIT if host_values.is_unset(value) else host_values.count(value)


def _is_active(status: object) -> bool:
    return host_values.is_unset(status) or (host_values.plain(status) or "").lower() == ACTIVE


def _is_over(expire_at: object, host_zone: ZoneInfo, now: datetime) -> tuple[bool, str | None]:
    if host_values.is_unset(expire_at):
        return False, None
    if day := _DATE.fullmatch(str(expire_at).strip()):
        # A date alone is that whole day, by the host's own calendar.
        return now.astimezone(host_zone).date().isoformat() > day[0], None
    try:
        return parse_host_time(expire_at, host_zone, now) <= now, None
    except TimeInFuture:
        return False, None
    except UnreadableTime as error:
        return False, str(error)
