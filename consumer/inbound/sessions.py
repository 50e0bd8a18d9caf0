"""The host's session rows, as its own handler of messages would have written them.

Written before our own rows, and again if the page comes again: a time only moves forward, a row is only added
where there is none.  Nothing here decides anything; our own windows do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from consumer import host
from consumer.people import group
from schemas.database import Row, Transaction, marks
from schemas.decisions import RecipientKey
from schemas.times import TimeInFuture, UnreadableTime, parse_host_time

TABLE: Final = "wechat_kf_sessions"

_ZONED: Final = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})$")


@dataclass(frozen=True, slots=True)
class Bound:
    """Whom a phone stands for: the application's users, itself if there are none, and the ledger's name."""

    user_ids: tuple[str, ...]
    person: str


def bound(tx: Transaction, phones: Collection[str]) -> dict[str, Bound]:
    """Tell who is behind these external_userids."""
    if not phones:
        return {}
    sessions = host.sessions_around(tx, (), phones).sessions
    users: dict[str, set[str]] = {}
    for session in sessions:
        users.setdefault(session.recipient.external_userid, set()).add(session.user_id)
    named = {session.user_id for session in sessions}
    people = {
        phone: one.name for one in group(named, frozenset(), sessions) for phone in one.external_userids
    }
    return {
        phone: Bound(tuple(sorted(users.get(phone) or {phone})), people.get(phone, phone)) for phone in phones
    }


def note(tx: Transaction, words: Mapping[RecipientKey, datetime], zone: ZoneInfo, now: datetime) -> None:
    """Note when people last spoke: in every row of theirs with that account, or in a new one."""
    if not words:
        return
    phones = tuple({recipient.external_userid for recipient in words})
    rows = tx.rows(
        "SELECT user_id, external_userid, open_kfid, last_message_time"
        f" FROM {TABLE} WHERE external_userid IN ({marks(phones)})",
        phones,
    )
    by_phone: dict[str, list[Row]] = {}
    for row in rows:
        by_phone.setdefault(str(row["external_userid"]), []).append(row)
    sample = _sample(tx)
    older: list[tuple[str, Row]] = []
    missing: list[tuple[str, RecipientKey, str]] = []
    for recipient, at in words.items():
        theirs = by_phone.get(recipient.external_userid, [])
        users = {str(row["user_id"]) for row in theirs if row["user_id"]}
        if len(users) > host.MOST_USERS:
            continue  # nobody's phone
        here = [row for row in theirs if row["open_kfid"] == recipient.open_kfid]
        older += [
            (host_text(at, row["last_message_time"] or sample, zone), row)
            for row in here
            if _is_older(row, at, zone, now)
        ]
        if not here:
            text = host_text(at, sample, zone)
            missing += [(user, recipient, text) for user in sorted(users or {recipient.external_userid})]
    _forward(tx, older)
    _add(tx, missing)


def _sample(tx: Transaction) -> object:
    """Show how the host writes its times, by any that it wrote."""
    row = tx.one(f"SELECT last_message_time FROM {TABLE} WHERE last_message_time IS NOT NULL LIMIT 1")
    return None if row is None else row["last_message_time"]


def _forward(tx: Transaction, older: Iterable[tuple[str, Row]]) -> None:
    counts = ", message_count_48h = 0" if "message_count_48h" in tx.columns(TABLE) else ""
    tx.many(
        f"UPDATE {TABLE} SET last_message_time = ?{counts}, updated_at = CURRENT_TIMESTAMP"
        " WHERE user_id = ? AND open_kfid = ? AND external_userid = ?",
        [(text, row["user_id"], row["open_kfid"], row["external_userid"]) for text, row in older],
    )


def _add(tx: Transaction, missing: Sequence[tuple[str, RecipientKey, str]]) -> None:
    """Add rows; who has one there with another phone keeps it."""
    users = tuple({user for user, _, _ in missing})
    taken = {
        (str(row["user_id"]), str(row["open_kfid"]))
        for row in tx.rows(f"SELECT user_id, open_kfid FROM {TABLE} WHERE user_id IN ({marks(users)})", users)
    }
    rows = {
        (user, recipient.open_kfid): (user, recipient.external_userid, recipient.open_kfid, text)
        for user, recipient, text in missing
        if (user, recipient.open_kfid) not in taken
    }
    tx.many(
        f"INSERT INTO {TABLE} (user_id, external_userid, open_kfid, last_message_time) VALUES (?, ?, ?, ?)",
        rows.values(),
    )


def _is_older(row: Row, at: datetime, zone: ZoneInfo, now: datetime) -> bool:
    if row["last_message_time"] in {None, ""}:
        return True
    try:
        return parse_host_time(row["last_message_time"], zone, now) < at
    except TimeInFuture:
        return False  # the host's clock may be the right one
    except UnreadableTime:
        return True


def host_text(at: datetime, like: object, zone: ZoneInfo) -> str:
    """Write an instant as the host writes its own, to the second.

    Local where its times have a ``T`` and no zone (Python's isoformat, a TIMESTAMP column), with its zone
    where they have one; else as SQL's CURRENT_TIMESTAMP does: UTC.
    """
    text = like.isoformat() if isinstance(like, datetime) else str(like or "")
    if "T" not in text:
        return f"{at:%Y-%m-%d %H:%M:%S}"
    local = at.astimezone(zone).replace(microsecond=0)
    return local.isoformat() if _ZONED.search(text) else local.replace(tzinfo=None).isoformat()
