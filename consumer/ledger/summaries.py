"""The table ``push_summaries``: whose daily summary is due next, and what became of the last one.

One row a user who gets one, or chose not to.  ``occasion`` is the instant by the user's clock for which it is
due, ``schedule`` the wish it follows from (``20:00 Asia/Shanghai``); where that is empty the next round finds
out anew.  ``told_at`` is the occasion of the last summary that went out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.database import Row, Transaction, marks
from schemas.times import maybe_from_text, maybe_text, to_text

FURTHEST: Final = timedelta(hours=26)
"""No occasion is further ahead, with a day of 25 hours: what is was scheduled by a clock that went back."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One user's row; ``due_at`` is None for who wants no summary."""

    user_id: str
    due_at: datetime | None
    schedule: str | None = None
    occasion: datetime | None = None
    told_at: datetime | None = None
    result: str | None = None
    """What became of the last occasion: offered, nothing, or the reason why none could go."""


def expect(tx: Transaction, user_ids: Collection[str], now: datetime) -> None:
    """Have these users' summaries scheduled; who has a row keeps it."""
    if not user_ids:
        return
    values = [value for user_id in user_ids for value in (user_id, to_text(now), to_text(now))]
    tx.execute(
        "INSERT INTO push_summaries (user_id, due_at, updated_at)"
        f" VALUES {', '.join(['(?, ?, ?)'] * len(user_ids))} ON CONFLICT (user_id) DO NOTHING",
        values,
    )


def schedule_anew(tx: Transaction, user_ids: Collection[str], now: datetime, *, makes: bool) -> None:
    """Find out anew when these users' summaries are due; ``makes`` a row for who has none."""
    if makes:
        expect(tx, user_ids, now)
    values = tuple(user_ids)
    tx.execute(
        "UPDATE push_summaries SET due_at = ?, schedule = NULL, occasion = NULL, updated_at = ?"
        f" WHERE user_id IN ({marks(values)})",
        (to_text(now), to_text(now), *values),
    )


def due(tx: Transaction, now: datetime, limit: int) -> tuple[str, ...]:
    """Tell whose summaries are due, longest due first."""
    at = to_text(now)
    rows = tx.rows(
        "SELECT user_id FROM push_summaries WHERE due_at <= ? ORDER BY due_at LIMIT ?", (at, limit)
    ) or tx.rows(
        "SELECT user_id FROM push_summaries WHERE due_at > ? ORDER BY due_at LIMIT ?",
        (to_text(now + FURTHEST), limit),
    )
    return tuple(row["user_id"] for row in rows)


def still_due(tx: Transaction, user_ids: Collection[str], now: datetime) -> list[Scheduled]:
    """Read those of these users whose summaries nobody has seen to since they were found due."""
    values = tuple(user_ids)
    rows = tx.rows(
        f"SELECT * FROM push_summaries WHERE user_id IN ({marks(values)})"
        " AND (due_at <= ? OR due_at > ?) ORDER BY due_at, user_id",
        (*values, to_text(now), to_text(now + FURTHEST)),
    )
    return [_scheduled(row) for row in rows]


def of_user(tx: Transaction, user_id: str) -> Scheduled | None:
    """Read how one user's summary stands."""
    row = tx.one("SELECT * FROM push_summaries WHERE user_id = ?", (user_id,))
    return _scheduled(row) if row else None


def count(tx: Transaction) -> int:
    """Count the users who get a daily summary."""
    row = tx.one("SELECT count(*) AS n FROM push_summaries WHERE due_at IS NOT NULL")
    return int(row["n"]) if row else 0


def write(tx: Transaction, changed: Iterable[Scheduled], now: datetime) -> None:
    """Store how these users' summaries stand now."""
    tx.many(
        "UPDATE push_summaries SET due_at = ?, schedule = ?, occasion = ?, told_at = ?, result = ?,"
        " updated_at = ? WHERE user_id = ?",
        [
            (
                maybe_text(row.due_at),
                row.schedule,
                maybe_text(row.occasion),
                maybe_text(row.told_at),
                row.result,
                to_text(now),
                row.user_id,
            )
            for row in changed
        ],
    )


def forget(tx: Transaction, user_ids: Sequence[str]) -> None:
    """Keep nothing of users of whom nobody wants a summary any more."""
    if user_ids:
        tx.execute(f"DELETE FROM push_summaries WHERE user_id IN ({marks(user_ids)})", user_ids)


def _scheduled(row: Row) -> Scheduled:
    return Scheduled(
        row["user_id"],
        maybe_from_text(row["due_at"]),
        row["schedule"],
        maybe_from_text(row["occasion"]),
        maybe_from_text(row["told_at"]),
        row["result"],
    )
