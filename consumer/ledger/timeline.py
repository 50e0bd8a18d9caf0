"""The table ``push_timeline``: one row per exception: a non-send, an attempt not accepted, a person's act."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from schemas.database import Row, Transaction, marks
from schemas.states import Entry
from schemas.times import maybe_text, to_text


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline.  ``attempt`` is set only where it accounts for that attempt."""

    entry: Entry
    match_id: str | None = None
    revision: int | None = None
    push_id: int | None = None
    attempt: int | None = None
    reason: str | None = None
    until: datetime | None = None
    detail: str | None = None
    author: str | None = None


def note(tx: Transaction, lines: Iterable[Line], now: datetime) -> None:
    """Write lines; a second account of the same attempt is ignored."""
    tx.many(
        "INSERT INTO push_timeline"
        " (at, entry, match_id, revision, push_id, attempt, reason, until, detail, author)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (push_id, attempt) DO NOTHING",
        [
            (
                to_text(now),
                line.entry,
                line.match_id,
                line.revision,
                line.push_id,
                line.attempt,
                line.reason,
                maybe_text(line.until),
                line.detail,
                line.author,
            )
            for line in lines
        ],
    )


def accounted(tx: Transaction, push_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Tell which attempts of each push are known to have accepted nothing."""
    ids = tuple(push_ids)
    found: dict[int, set[int]] = {push_id: set() for push_id in ids}
    for row in tx.rows(
        f"SELECT push_id, attempt FROM push_timeline WHERE push_id IN ({marks(ids)}) AND attempt IS NOT NULL",
        ids,
    ):
        found[row["push_id"]].add(row["attempt"])
    return {push_id: frozenset(attempts) for push_id, attempts in found.items()}


def latest(tx: Transaction, limit: int) -> list[Row]:
    """Read the latest lines, newest first."""
    return tx.rows("SELECT at, entry, reason FROM push_timeline ORDER BY id DESC LIMIT ?", (limit,))


def of_match(tx: Transaction, match_id: str, push_ids: Collection[int]) -> list[Row]:
    """Read the lines of a match and of its pushes, oldest first."""
    ids = tuple(push_ids)
    return tx.rows(
        "SELECT * FROM push_timeline WHERE match_id = ?"
        + (f" OR push_id IN ({marks(ids)})" if ids else "")
        + " ORDER BY id",
        (match_id, *ids),
    )
