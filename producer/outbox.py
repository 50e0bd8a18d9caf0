"""The outbox: a match becomes an event in the very transaction that stores the match.

Owns the table ``push_outbox``.  Plain SQL on the caller's own connection, because only that makes the
match and its event one commit; nothing here ever begins, commits or rolls back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.database import Row, Transaction, marks
from schemas.entries import Envelope
from schemas.errors import NoTransaction, StorageError
from schemas.events import Event, key_range, payload_of, revision_in, type_of
from schemas.times import from_text, maybe_from_text, to_text

_ADD = (
    "INSERT INTO push_outbox (event_key, event_type, user_id, payload, traceparent, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (event_key) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Added:
    """The event is part of the caller's transaction."""

    key: str


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """An event with this key was added before; nothing was written."""

    key: str


class Outbox:
    """The producer's door.

    Example, inside the application's own transaction:

        connection.execute("BEGIN")
        connection.execute("INSERT INTO intent_matches ...")
        outbox.add(connection, match)
        connection.commit()
    """

    def add(
        self,
        connection: sqlite3.Connection,
        event: Event,
        *,
        traceparent: str | None = None,
        now: datetime | None = None,
    ) -> Added | AlreadyThere:
        """Write an event on ``connection``, inside the transaction that is open there.

        A ``MatchCreated`` announces a match; a ``MatchWithdrawn`` takes it back.

        Works with every isolation mode of ``sqlite3``; in the classic mode (``isolation_level`` set) the
        module opens the transaction itself at this INSERT, if the caller's own write did not before.

        Raises:
            NoTransaction: nothing is open and nothing would be opened: the row would commit by itself.
            StorageError: there is no ``push_outbox`` here, or the database refused.

        """
        if not _joins(connection):
            raise NoTransaction
        values = (
            event.key,
            type_of(event),
            event.user_id,
            payload_of(event),
            traceparent,
            to_text(now or datetime.now(UTC)),
        )
        try:
            cursor = connection.execute(_ADD, values)
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                raise StorageError(
                    "this database has no push_outbox; run `kfpush migrate` on it first"
                ) from error
            raise
        return Added(event.key) if cursor.rowcount == 1 else AlreadyThere(event.key)


def _joins(connection: sqlite3.Connection) -> bool:
    """Whether an INSERT on this connection stays uncommitted until its owner says so."""
    if connection.in_transaction:
        return True
    # Python 3.12 and newer: autocommit=False keeps a transaction open at all times, True never has one.
    autocommit = getattr(connection, "autocommit", None)
    if isinstance(autocommit, bool):
        return not autocommit
    # The classic modes: sqlite3 itself begins before an INSERT, except with isolation_level=None.
    return connection.isolation_level is not None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One event on its way to the stream."""

    id: int
    envelope: Envelope
    stream_id: str | None


def unmirrored(tx: Transaction, limit: int) -> list[OutboxRow]:
    """Read the oldest events that were never added to the stream."""
    return _rows(tx.rows(f"{_SELECT} WHERE mirrored_at IS NULL ORDER BY id LIMIT ?", (limit,)))


def uncarried(tx: Transaction, mirrored_before: datetime, limit: int) -> list[OutboxRow]:
    """Read events mirrored long enough ago that the ledger should know them."""
    return _rows(
        tx.rows(
            f"{_SELECT} WHERE carried_at IS NULL AND mirrored_at < ? ORDER BY mirrored_at LIMIT ?",
            (to_text(mirrored_before), limit),
        ),
    )


def mark_mirrored(tx: Transaction, stream_ids: Sequence[tuple[int, str]], now: datetime) -> None:
    """Note where each event (outbox id, stream id) stands on the stream."""
    tx.many(
        "UPDATE push_outbox SET mirrored_at = ?, stream_id = ? WHERE id = ?",
        [(to_text(now), stream_id, row_id) for row_id, stream_id in stream_ids],
    )


def mark_carried(tx: Transaction, ids: Sequence[int], now: datetime) -> None:
    """Note that the ledger has these events: the stream may forget them."""
    tx.execute(
        f"UPDATE push_outbox SET carried_at = ? WHERE id IN ({marks(ids)})",
        (to_text(now), *ids),
    )


def of_match(tx: Transaction, match_id: str) -> list[Row]:
    """Read every event of a match: when it was committed, mirrored and carried."""
    rows = tx.rows(
        "SELECT event_key, event_type, created_at, mirrored_at, stream_id, carried_at FROM push_outbox"
        " WHERE event_key >= ? AND event_key < ? ORDER BY id",
        key_range(match_id),
    )
    return [row for row in rows if revision_in(row["event_key"], match_id) is not None]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the outbox still holds: rows for the mirror, and rows that the ledger is not known to have."""

    unmirrored: int
    unmirrored_since: datetime | None
    uncarried: int
    uncarried_since: datetime | None


def backlog(tx: Transaction) -> Backlog:
    """Count what is not on the stream yet, and what went there and is not known to have arrived."""
    unmirrored = tx.one("SELECT count(*) AS n FROM push_outbox WHERE mirrored_at IS NULL")
    first = tx.one("SELECT created_at FROM push_outbox WHERE mirrored_at IS NULL ORDER BY id LIMIT 1")
    uncarried = tx.one(
        "SELECT count(*) AS n, min(mirrored_at) AS since FROM push_outbox"
        " WHERE carried_at IS NULL AND mirrored_at IS NOT NULL",
    )
    return Backlog(
        unmirrored["n"] if unmirrored else 0,
        from_text(first["created_at"]) if first else None,
        uncarried["n"] if uncarried else 0,
        maybe_from_text(uncarried["since"]) if uncarried else None,
    )


_SELECT = "SELECT id, event_key, event_type, payload, traceparent, created_at, stream_id FROM push_outbox"


def _rows(rows: Sequence[Row]) -> list[OutboxRow]:
    return [
        OutboxRow(
            row["id"],
            Envelope(
                row["event_key"], row["event_type"], row["created_at"], row["payload"], row["traceparent"]
            ),
            row["stream_id"],
        )
        for row in rows
    ]
