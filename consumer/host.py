"""What kfpush reads of the host application: sessions, preferences, intents, templates.

Inputs, never written here, all in the application's database.  A column that an older host lacks is created
by ``kfpush migrate``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from consumer.facts import Session
from schemas.database import Transaction, marks
from schemas.decisions import RecipientKey

_NAMES: Final = ("user_id", "external_userid", "open_kfid")
_LIMITS: Final = ("max_push_per_day", "status", "expire_at")
_AT_ONCE: Final = 1000
"""So many users are asked about in one statement: PostgreSQL takes 65,535 values, some SQLites 32,766."""

_MOST_HOPS: Final = 4
"""user_id -> phone -> user_id -> phone: further apart than this nobody is one person."""


MOST_USERS: Final = 100
"""A phone that more user_ids name than this is nobody's: a text that stands for "not known yet"."""


@dataclass(frozen=True, slots=True)
class Around:
    """Session rows, and how many phones that everybody seems to have were left out of them."""

    sessions: list[Session]
    crowded: int

    @property
    def complaints(self) -> tuple[str, ...]:
        """What an operator should look at."""
        if not self.crowded:
            return ()
        complaint = (
            f"wechat_kf_sessions: {self.crowded} external_userid named by more than {MOST_USERS} user_ids"
            " each are taken for nobody's phone; their users have no session until their own is written there"
        )
        return (complaint,)


def sessions_around(tx: Transaction, user_ids: Collection[str], external_userids: Collection[str]) -> Around:
    """Read the session rows of these users and phones, and of whoever shares a phone with them."""
    found: dict[tuple[str, str, str], Session] = {}
    # A user_id may be an external_userid itself (``wm...``), whose sessions another user_id holds.
    users, phones = set(user_ids), {*external_userids, *user_ids}
    asked_users: set[str] = set()
    asked_phones: set[str] = set()
    crowded: set[str] = set()
    for _ in range(_MOST_HOPS):
        crowded |= _crowded(tx, phones - asked_phones)
        phones -= crowded
        new_users, new_phones = tuple(users - asked_users), tuple(phones - asked_phones)
        if not new_users and not new_phones:
            break
        asked_users |= users
        asked_phones |= phones
        for column, values in (("user_id", new_users), ("external_userid", new_phones)):
            if not values:
                continue
            for row in tx.rows(
                "SELECT user_id, external_userid, open_kfid, last_message_time FROM wechat_kf_sessions"
                f" WHERE {column} IN ({marks(values)})",
                values,
            ):
                if not all(str(row[name] or "").strip() for name in _NAMES):
                    continue  # a half-written row names nobody
                session = Session(
                    str(row["user_id"]),
                    RecipientKey(str(row["open_kfid"]), str(row["external_userid"])),
                    "" if row["last_message_time"] is None else str(row["last_message_time"]),
                )
                found[session.user_id, session.recipient.open_kfid, session.recipient.external_userid] = (
                    session
                )
                users.add(session.user_id)
                phones.add(session.recipient.external_userid)
    crowded |= _crowded(tx, phones - asked_phones)
    sessions = [item for item in found.values() if item.recipient.external_userid not in crowded]
    return Around(sessions, len(crowded))


def _crowded(tx: Transaction, phones: Collection[str]) -> set[str]:
    values = tuple(phones)
    rows = tx.rows(
        f"SELECT external_userid FROM wechat_kf_sessions WHERE external_userid IN ({marks(values)})"
        " GROUP BY external_userid HAVING count(DISTINCT user_id) > ?",
        (*values, MOST_USERS),
    )
    return {str(row["external_userid"]) for row in rows}


def known_users(tx: Transaction) -> list[str]:
    """Name everybody who has a session row: who ever wrote to a KF account; reads the whole table."""
    rows = tx.rows("SELECT DISTINCT user_id FROM wechat_kf_sessions WHERE user_id IS NOT NULL")
    return [str(row["user_id"]) for row in rows]


def all_sessions(tx: Transaction) -> list[list[Session]]:
    """Read every session row, in parts that hold all rows of their phones; asked at the first migrate."""
    users = known_users(tx)
    return [
        sessions_around(tx, users[start : start + _AT_ONCE], ()).sessions
        for start in range(0, len(users), _AT_ONCE)
    ]


def preferences_of(tx: Transaction, user_ids: Collection[str]) -> dict[str, dict[str, object]]:
    """Read the users' rows of ``user_push_preferences``; who has none is not in the answer."""
    values = tuple(user_ids)
    rows = tx.rows(
        "SELECT user_id, enable_push, daily_limit, quiet_hours, batch_mode, min_score, preferred_time"
        f" FROM user_push_preferences WHERE user_id IN ({marks(values)})",
        values,
    )
    return {str(row["user_id"]): dict(row) for row in rows}


def intents_of(tx: Transaction, user_ids: Collection[str]) -> dict[str, list[dict[str, object]]]:
    """Read the users' rows of ``user_intents``, by user; a host may have none, or an older table."""
    there = tx.columns("user_intents")
    if not {"id", "user_id"} <= there:
        return {}
    values = tuple(user_ids)
    limits = [name for name in _LIMITS if name in there]
    found: dict[str, list[dict[str, object]]] = {}
    for row in tx.rows(
        f"SELECT {', '.join(('id', 'user_id', *limits))} FROM user_intents"
        f" WHERE user_id IN ({marks(values)})",
        values,
    ):
        found.setdefault(str(row["user_id"]), []).append(dict.fromkeys(_LIMITS) | dict(row))
    return found


def templates(tx: Transaction) -> list[dict[str, object]]:
    """Read the templates; which of them are switched on, and which of those counts, is not asked of SQL."""
    rows = tx.rows(
        "SELECT id, template_name, template_type, title_template, content_template, detail_template,"
        " miniprogram_config, is_active FROM push_templates ORDER BY id",
    )
    return [dict(row) for row in rows]
