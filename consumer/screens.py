"""What the host's own screens read of a settled push, in the host's own types.  Owns ``push_projected``.

``push_history`` has one row a message; a match says whether it was pushed; a session and a user say how many
messages their window has had.  Counts are set, never incremented.  A host may have dropped or added columns,
or have no such table: only what is there is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from consumer import counting, outcomes, windows
from consumer.host_ids import host_id
from consumer.ledger import usage
from schemas.database import Row, Transaction, is_storage, marks
from schemas.decisions import RecipientKey
from schemas.kf import words_of
from schemas.states import PushStatus
from schemas.times import from_text

CHANNEL: Final = "wechat_kf"
SHOWN: Final = (PushStatus.SENT, PushStatus.FAILED, PushStatus.RECALLED)
"""What was accepted once; the others never reached anybody."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many accepted messages the present windows hold."""

    of_recipient: Mapping[RecipientKey, int]
    of_user: Mapping[str, int]


def count(tx: Transaction, rows: Sequence[Row], now: datetime) -> Counts:
    """Count, for whom these pushes went to, what was accepted in the windows that stand."""
    if not rows:
        return Counts({}, {})
    phones = {row["external_userid"] for row in rows}
    users = {row["user_id"] for row in rows}
    opened = {
        window.recipient: window.opened_at for found in windows.load(tx, phones).values() for window in found
    }
    of_recipient = dict.fromkeys(
        (RecipientKey(row["open_kfid"], row["external_userid"]) for row in rows),
        0,
    )
    of_user = dict.fromkeys(users, 0)
    for use in usage.read(tx, phones, (), now - counting.REACH):
        if use.accepted_at is None or not counting.is_in(opened.get(use.recipient), use):
            continue
        of_recipient[use.recipient] = of_recipient.get(use.recipient, 0) + 1
        if use.user_id in of_user:
            of_user[use.user_id] += 1
    return Counts(of_recipient, of_user)


def show(tx: Transaction, rows: Sequence[Row], counts: Counts) -> None:
    """Write a page of settled pushes to the host's tables; a second time changes nothing."""
    outcomes.note(tx, outcomes.of_pushes(rows))
    shown = [row for row in rows if row["status"] in SHOWN]
    if shown:
        _show(tx, shown, counts)


def _show(tx: Transaction, rows: Sequence[Row], counts: Counts) -> None:
    _history(tx, rows)
    _matches(tx, rows)
    if "message_count_48h" in tx.columns("wechat_kf_sessions"):
        of_account: dict[tuple[int, str], list[str]] = {}
        for recipient, number in counts.of_recipient.items():
            of_account.setdefault((number, recipient.open_kfid), []).append(recipient.external_userid)
        for (number, account), phones in of_account.items():
            tx.execute(
                "UPDATE wechat_kf_sessions SET message_count_48h = ?"
                f" WHERE open_kfid = ? AND external_userid IN ({marks(phones)})",
                (number, account, *phones),
            )
    if "push_count_48h" in tx.columns("user_push_preferences"):
        of_number: dict[int, list[str]] = {}
        for user_id, number in counts.of_user.items():
            of_number.setdefault(number, []).append(user_id)
        for number, users in of_number.items():
            tx.execute(
                f"UPDATE user_push_preferences SET push_count_48h = ? WHERE user_id IN ({marks(users)})",
                (number, *users),
            )


def _history(tx: Transaction, rows: Sequence[Row]) -> None:
    columns = tx.columns("push_history")
    msgids = [row["msgid"] for row in rows]
    known = {
        row["msgid"]: row
        for row in tx.rows(
            f"SELECT msgid, history_id, status FROM push_projected WHERE msgid IN ({marks(msgids)})", msgids
        )
    }
    tx.many(
        "INSERT INTO push_projected (msgid, history_id, status) VALUES (?, ?, ?)",
        [
            (row["msgid"], _add_history(tx, row, columns), row["status"])
            for row in rows
            if row["msgid"] not in known
        ],
    )
    for row in rows:
        before = known.get(row["msgid"])
        if before is None or before["status"] == row["status"]:
            continue
        if before["history_id"] is not None and {"id", "status"} <= columns:
            tx.execute(
                "UPDATE push_history SET status = ? WHERE id = ?", (row["status"], before["history_id"])
            )
        tx.execute("UPDATE push_projected SET status = ? WHERE msgid = ?", (row["status"], row["msgid"]))


def _add_history(tx: Transaction, row: Row, columns: Collection[str]) -> int | None:
    """Add a row of history, if the host has one whose rows can be found again; return its id."""
    values = {name: value for name, value in _history_row(row).items() if name in columns}
    if "id" not in columns or not values:
        return None
    added = tx.one(
        f"INSERT INTO push_history ({', '.join(values)}) VALUES ({marks(tuple(values))}) RETURNING id",
        tuple(values.values()),
    )
    return added["id"] if added else None


def _matches(tx: Transaction, rows: Sequence[Row]) -> None:
    """Mark matches as pushed, or, where the phone refused the message afterwards, as not pushed."""
    columns = tx.columns("intent_matches")
    marked: list[tuple[tuple[object, ...], int | str]] = []
    names = [name for name in ("is_pushed", "pushed_at", "push_channel") if name in columns]
    if not names or "id" not in columns:
        return
    for row in rows:
        got_it = row["status"] != PushStatus.FAILED
        values: dict[str, object] = {
            "is_pushed": int(got_it),
            "pushed_at": _sent_at(row) if got_it else None,
            "push_channel": CHANNEL if got_it else None,
        }
        marked += [
            (tuple(values[name] for name in names), host_id(match_id))
            for match_id, _ in json.loads(row["matches"])
        ]
    sql = f"UPDATE intent_matches SET {', '.join(f'{name} = ?' for name in names)} WHERE id = ?"
    updates = [(*values, match_id) for values, match_id in marked]
    if not _taken(tx, lambda: tx.many(sql, updates)):
        for update in updates:
            # A text where the host's ids are numbers is no match of the host's.
            _taken(tx, partial(tx.execute, sql, update))


def _taken(tx: Transaction, write: Callable[[], object]) -> bool:
    """Write a part that is whole or nothing; tell whether the host's table took the values."""
    try:
        with tx.savepoint():
            write()
    except Exception as error:
        if is_storage(error):
            raise
        return False
    return True


def _history_row(row: Row) -> dict[str, object]:
    body = json.loads(row["body"])
    return {
        "user_id": row["user_id"],
        "match_ids": json.dumps([host_id(match_id) for match_id, _ in json.loads(row["matches"])]),
        "push_type": body["msgtype"],
        "message": words_of(body) or "",
        "status": row["status"],
        "sent_at": _sent_at(row),
        "open_kfid": row["open_kfid"],
        "external_userid": row["external_userid"],
        "push_channel": CHANNEL,
    }


def _sent_at(row: Row) -> str:
    """Write when, as the host's CURRENT_TIMESTAMP does: UTC, to the second."""
    return from_text(row["accepted_at"] or row["settled_at"]).strftime("%Y-%m-%d %H:%M:%S")
