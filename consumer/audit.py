"""The table ``push_audit``: who did what by hand, when, to how many, and why.

An act in batches has one row: the transaction of its first batch writes it, those of the others count on in
it, so that it tells the truth about an act that was interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from schemas.database import Row, Transaction
from schemas.times import to_text


@dataclass(frozen=True, slots=True)
class Act:
    """A person's act; ``what`` is the command's own words, ``detail`` what it was given to choose by."""

    author: str
    what: str
    why: str | None
    detail: Mapping[str, object]


def note(tx: Transaction, act: Act, done: int, now: datetime) -> int:
    """Write an act down, with how many it has touched so far; return its number."""
    row = tx.one(
        "INSERT INTO push_audit (at, author, act, why, done, detail) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        (
            to_text(now),
            act.author,
            act.what,
            act.why,
            done,
            json.dumps(dict(act.detail), ensure_ascii=False),
        ),
    )
    assert row is not None  # noqa: S101 - an INSERT that returns has a row
    return int(row["id"])


def count_on(tx: Transaction, number: int, done: int) -> None:
    """Add to how many an act has touched."""
    tx.execute("UPDATE push_audit SET done = done + ? WHERE id = ?", (done, number))


def latest(tx: Transaction, limit: int) -> list[Row]:
    """Read the latest acts, newest first."""
    return tx.rows("SELECT * FROM push_audit ORDER BY id DESC LIMIT ?", (limit,))
