"""The table ``kf_cursors``: how far each KF account was read, and who reads it now.

A pull belongs to who holds the lease, by the wall's clock.  Whoever has lost it writes nothing: the cursor is
only moved by its holder, in the transaction of the page's effects.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from schemas.database import Row, Transaction, marks
from schemas.times import maybe_from_text, to_text

TOKEN_LIFE: Final = timedelta(minutes=10)
"""WeChat: a callback's token is good for so long."""

_FREE: Final = "(c.lease_until IS NULL OR c.lease_until <= ? OR c.holder = ?)"
"""Nobody's, or our own, left over from a pull that broke."""


class LeaseLost(Exception):
    """Another puller has the account now."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One pull: the account, from where, and the notice it began with."""

    open_kfid: str
    holder: str
    cursor: str
    notified_at: str | None
    token: str = field(repr=False)
    is_first: bool
    """The account was never read to its end."""
    lease: timedelta
    """How long it keeps the account without a page: longer than the longest wait for one."""


def noticed(tx: Transaction, holder: str, wall: datetime) -> list[str]:
    """Name the accounts of which WeChat said something since they were last pulled, and nobody is at it.

    Who was read longest ago comes first: those that always have news must not take every place.
    """
    rows = tx.rows(
        "SELECT n.open_kfid FROM kf_notices AS n LEFT JOIN kf_cursors AS c ON c.open_kfid = n.open_kfid"
        " WHERE n.revoked_at IS NULL AND (c.pulled_at IS NULL OR n.notified_at > c.pulled_at)"
        f" AND {_FREE} ORDER BY coalesce(c.polled_at, ''), n.open_kfid",
        (to_text(wall), holder),
    )
    return [row["open_kfid"] for row in rows]


def known(tx: Transaction) -> frozenset[str]:
    """Name every account that our tables know; a million windows cost what their few accounts cost."""
    names = {row["open_kfid"] for row in tx.rows("SELECT open_kfid FROM kf_cursors")}
    after = ""
    while True:
        row = tx.one("SELECT min(open_kfid) AS name FROM kf_windows WHERE open_kfid > ?", (after,))
        if row is None or row["name"] is None:
            return frozenset(names)
        after = row["name"]
        names.add(after)


def revoked(tx: Transaction) -> frozenset[str]:
    """Name the accounts that WeChat took away from the app: asking for them is refused."""
    rows = tx.rows("SELECT open_kfid FROM kf_notices WHERE revoked_at IS NOT NULL")
    return frozenset(row["open_kfid"] for row in rows)


def standing(tx: Transaction) -> list[Row]:
    """Read how each account stands: when it was last read, and the notice that nobody has read up to yet."""
    return tx.rows(
        "SELECT c.open_kfid, c.polled_at, c.caught_up_at, n.revoked_at,"
        " CASE WHEN c.pulled_at IS NULL OR n.notified_at > c.pulled_at THEN n.notified_at END"
        " AS waiting_since"
        " FROM kf_cursors AS c LEFT JOIN kf_notices AS n ON n.open_kfid = c.open_kfid"
        " UNION ALL SELECT n.open_kfid, NULL, NULL, n.revoked_at, n.notified_at FROM kf_notices AS n"
        " WHERE NOT EXISTS (SELECT 1 FROM kf_cursors AS c WHERE c.open_kfid = n.open_kfid)"
        " ORDER BY 1"
    )


def silent(tx: Transaction, accounts: Collection[str], since: datetime) -> list[str]:
    """Choose those of these accounts that nobody has pulled since then."""
    values = tuple(accounts)
    rows = tx.rows(
        f"SELECT c.open_kfid FROM kf_cursors AS c WHERE c.open_kfid IN ({marks(values)}) AND c.polled_at > ?",
        (*values, to_text(since)),
    )
    return sorted(set(values) - {row["open_kfid"] for row in rows})


def take(tx: Transaction, open_kfid: str, holder: str, lease: timedelta, wall: datetime) -> Turn | None:
    """Take the lease and what is needed to begin; None if somebody has it."""
    tx.execute(
        "INSERT INTO kf_cursors (open_kfid) VALUES (?) ON CONFLICT (open_kfid) DO NOTHING", (open_kfid,)
    )
    taken = tx.execute(
        f"UPDATE kf_cursors AS c SET holder = ?, lease_until = ? WHERE c.open_kfid = ? AND {_FREE}",
        (holder, to_text(wall + lease), open_kfid, to_text(wall), holder),
    )
    if not taken:
        return None
    row = tx.one(
        "SELECT c.next_cursor, c.caught_up_at, n.notified_at, n.token FROM kf_cursors AS c"
        " LEFT JOIN kf_notices AS n ON n.open_kfid = c.open_kfid WHERE c.open_kfid = ?",
        (open_kfid,),
    )
    assert row is not None  # noqa: S101 - it was inserted above
    notified_at = maybe_from_text(row["notified_at"])
    is_fresh = notified_at is not None and wall - notified_at < TOKEN_LIFE
    return Turn(
        open_kfid,
        holder,
        row["next_cursor"] or "",
        row["notified_at"],
        (row["token"] or "") if is_fresh else "",
        row["caught_up_at"] is None,
        lease,
    )


def advance(tx: Transaction, turn: Turn, cursor: str, wall: datetime) -> None:
    """Move the cursor and renew the lease.

    Raises:
        LeaseLost: it is not ours any more; the transaction must come to nothing.

    """
    moved = tx.execute(
        "UPDATE kf_cursors SET next_cursor = ?, lease_until = ? WHERE open_kfid = ? AND holder = ?",
        (cursor or None, to_text(wall + turn.lease), turn.open_kfid, turn.holder),
    )
    if not moved:
        raise LeaseLost(turn.open_kfid)


def finish(tx: Transaction, turn: Turn, wall: datetime) -> None:
    """The account is read to its end: up to the notice that the pull began with, whatever came since."""
    tx.execute(
        "UPDATE kf_cursors SET pulled_at = coalesce(?, pulled_at), polled_at = ?,"
        " caught_up_at = coalesce(caught_up_at, ?), holder = NULL, lease_until = NULL"
        " WHERE open_kfid = ? AND holder = ?",
        (turn.notified_at, to_text(wall), to_text(wall), turn.open_kfid, turn.holder),
    )


def let_go(tx: Transaction, turn: Turn) -> None:
    """Give the lease back after a pull that came to no end."""
    tx.execute(
        "UPDATE kf_cursors SET holder = NULL, lease_until = NULL WHERE open_kfid = ? AND holder = ?",
        (turn.open_kfid, turn.holder),
    )
