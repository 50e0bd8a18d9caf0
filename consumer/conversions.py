"""The table ``push_conversions``: what a match was for has happened, once a match, whoever tells it first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.database import Row, Transaction, marks
from schemas.events import MatchConverted
from schemas.times import to_text


@dataclass(frozen=True, slots=True)
class Conversion:
    """That a match came to what it was for, in a word of the application's, and when."""

    match_id: str
    name: str
    at: datetime


def of_event(event: MatchConverted, now: datetime) -> Conversion:
    """Read an event; what claims to come from the future is of now."""
    return Conversion(event.match_id, event.name, min(event.occurred_at or now, now))


def note(tx: Transaction, conversions: Sequence[Conversion]) -> None:
    """Write conversions down; of a match that has one already, nothing."""
    tx.many(
        "INSERT INTO push_conversions (match_id, at, name) VALUES (?, ?, ?)"
        " ON CONFLICT (match_id) DO NOTHING",
        [(each.match_id, to_text(each.at), each.name) for each in conversions],
    )


def known(tx: Transaction, match_ids: Collection[str]) -> frozenset[str]:
    """Tell which of these matches are known to have been converted."""
    return frozenset(row["match_id"] for row in of_matches(tx, match_ids))


def of_matches(tx: Transaction, match_ids: Collection[str]) -> list[Row]:
    """Read the conversions of these matches."""
    ids = tuple(match_ids)
    if not ids:
        return []
    return tx.rows(f"SELECT match_id, at, name FROM push_conversions WHERE match_id IN ({marks(ids)})", ids)
