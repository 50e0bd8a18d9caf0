"""The table ``kf_notices``, which this module alone writes: per KF account, when WeChat last said "pull now".

A puller pulls while ``notified_at > pulled_at``, and sets ``pulled_at`` to the ``notified_at`` it began with.
So ``notified_at`` must move with every notice, also two in one millisecond and after a clock that was put
back: it is the wall clock's time, or a millisecond more than it was.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.database import Transaction, marks
from schemas.times import from_text, to_text

_STEP: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be written of one account; of every account that is known, where ``open_kfid`` is None."""

    open_kfid: str | None
    token: str | None = None
    is_revoked: bool = False


def note(tx: Transaction, notes: Collection[Note], wall: datetime) -> None:
    """Write these; at most one of an account.  A notice for all leaves out what was revoked."""
    named = {item.open_kfid: item for item in notes if item.open_kfid is not None}
    for item in notes:
        if item.open_kfid is None:
            named = {name: Note(name, item.token) for name in _served(tx)} | named
    before = {
        row["open_kfid"]: row["notified_at"]
        for row in tx.rows(
            f"SELECT open_kfid, notified_at FROM kf_notices WHERE open_kfid IN ({marks([*named])})", [*named]
        )
    }
    tx.many(
        "INSERT INTO kf_notices (open_kfid, token, notified_at, revoked_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (open_kfid) DO UPDATE SET token = excluded.token,"
        " notified_at = excluded.notified_at, revoked_at = excluded.revoked_at",
        [
            (
                name,
                item.token,
                _later(before.get(name), wall),
                to_text(wall) if item.is_revoked else None,
            )
            for name, item in named.items()
        ],
    )


def _later(before: str | None, wall: datetime) -> str:
    if before is None:
        return to_text(wall)
    return to_text(max(wall, from_text(before) + _STEP))


def _served(tx: Transaction) -> list[str]:
    """Name every account that is known from anywhere in the ledger, but those that were revoked.

    The windows are asked name by name, so that a million of them cost what their few accounts cost.
    """
    rows = tx.rows(
        "WITH RECURSIVE windowed (open_kfid) AS ("
        "SELECT MIN(open_kfid) FROM kf_windows UNION ALL"
        " SELECT (SELECT MIN(w.open_kfid) FROM kf_windows w WHERE w.open_kfid > windowed.open_kfid)"
        " FROM windowed WHERE windowed.open_kfid IS NOT NULL)"
        " SELECT open_kfid FROM windowed WHERE open_kfid IS NOT NULL"
        " UNION SELECT open_kfid FROM kf_cursors"
        " UNION SELECT open_kfid FROM kf_notices"
        " EXCEPT SELECT open_kfid FROM kf_notices WHERE revoked_at IS NOT NULL"
    )
    return [row["open_kfid"] for row in rows]
