"""The table ``push_messages``, as people ask for it: by the match it carries, or the latest."""

from __future__ import annotations

import json
from datetime import datetime

from schemas.database import Row, Transaction, marks
from schemas.times import to_text


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


def latest_of(tx: Transaction, open_kfid: str | None, since: datetime, limit: int) -> list[Row]:
    """Read how pushes stand that were reserved since then, of a KF account or of all, newest first.

    Looked through are the latest ``limit`` of all: no index leads there, and this is asked for rarely.
    """
    of_account, values = ("", ()) if open_kfid is None else (" AND open_kfid = ?", (open_kfid,))
    return tx.rows(
        "SELECT status, reason, accepted_at FROM (SELECT id, open_kfid, status, reason, reserved_at,"
        " accepted_at FROM push_messages ORDER BY id DESC LIMIT ?) AS late"
        f" WHERE reserved_at >= ?{of_account} ORDER BY id DESC",
        (limit, to_text(since), *values),
    )


def latest(tx: Transaction, limit: int) -> list[Row]:
    """Read how the latest pushes stand, newest first."""
    return tx.rows(
        "SELECT status, errcode, reserved_at, accepted_at FROM push_messages ORDER BY id DESC LIMIT ?",
        (limit,),
    )
