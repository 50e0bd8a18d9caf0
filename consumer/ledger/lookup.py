"""The table ``push_messages``, as people ask for it: by the match it carries, or the latest."""

from __future__ import annotations

import json

from schemas.database import Row, Transaction, marks


def of_match(tx: Transaction, match_id: str) -> list[Row]:
    """Read every push that named a match, however it ended.

    A delivery knows its latest push only; the letters themselves say what they carry.  Looked through are
    those of the match's own users, which their index finds.
    """
    named = tx.rows(
        "SELECT id, matches FROM push_messages WHERE user_id IN"
        " (SELECT user_id FROM push_deliveries WHERE match_id = ?)",
        (match_id,),
    )
    ids = [row["id"] for row in named if match_id in {carried for carried, _ in json.loads(row["matches"])}]
    if not ids:
        return []
    return tx.rows(f"SELECT * FROM push_messages WHERE id IN ({marks(ids)}) ORDER BY id", ids)


def latest_of(tx: Transaction, open_kfid: str | None, limit: int) -> list[Row]:
    """Read how the latest pushes of a KF account, or of all, stand, newest first, among the latest of all."""
    rows = tx.rows(
        "SELECT open_kfid, status, reason, reserved_at, accepted_at FROM push_messages"
        " ORDER BY id DESC LIMIT ?",
        (limit,),
    )
    return [row for row in rows if open_kfid is None or row["open_kfid"] == open_kfid]


def latest(tx: Transaction, limit: int) -> list[Row]:
    """Read how the latest pushes stand, newest first."""
    return tx.rows(
        "SELECT status, errcode, reserved_at, accepted_at FROM push_messages ORDER BY id DESC LIMIT ?",
        (limit,),
    )
