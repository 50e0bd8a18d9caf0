"""The outbox: a match becomes an event in the very transaction that stores the match.

Owns the table ``push_outbox``.  Plain SQL on the caller's own connection, because only that makes the
match and its event one commit; nothing here ever begins, commits or rolls back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from producer.joining import Connection, insert
from schemas.database import Row, Transaction, marks
from schemas.entries import Envelope
from schemas.events import Event, key_range, payload_of, revision_in, type_of
from schemas.times import from_text, maybe_from_text, to_text


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

    Example, inside the application's own transaction, on sqlite3 or psycopg 3:

        connection.execute("BEGIN")
        connection.execute("INSERT INTO intent_matches ...")
        outbox.add(connection, match)
        connection.commit()
    """

    def add(
        self,
        connection: Connection,
        event: Event,
        *,
        traceparent: str | None = None,
        now: datetime | None = None,
    ) -> Added | AlreadyThere:
        """Write an event on ``connection``, inside the transaction that is open there.

        A ``MatchCreated`` announces a match; a ``MatchWithdrawn`` takes it back, a
        ``MatchConverted`` tells that it came to what it was for.

        Works with every isolation mode of ``sqlite3`` and of psycopg; where the driver begins transactions
        by itself, it does so at this INSERT, if the caller's own write did not before.

        Raises:
            NoTransaction: nothing is open and nothing would be opened: the row would commit by itself.
            InvalidEvent: it is too large, or cannot be written; nothing was sent to the database.
            StorageError: there is no ``push_outbox`` here.
            sqlite3.Error, psycopg.Error: the database refused, as it would refuse the caller.

        """
        [told] = self.add_many(connection, (event,), traceparent=traceparent, now=now)
        return told

    def add_many(
        self,
        connection: Connection,
        events: Iterable[Event],
        *,
        traceparent: str | None = None,
        now: datetime | None = None,
    ) -> list[Added | AlreadyThere]:
        """Write many events as ``add`` writes one, in few statements; tell of each, in their order.

        Of two with the same key the first goes in.
        """
        moment = to_text(now or datetime.now(UTC))
        keys: list[str] = []
        rows: dict[str, tuple[str | None, ...]] = {}
        for event in events:
            keys.append(event.key)
            if event.key not in rows:
                rows[event.key] = (
                    event.key,
                    type_of(event),
                    event.user_id,
                    payload_of(event),
                    traceparent,
                    moment,
                )
        added = insert(connection, list(rows.values()))
        told: list[Added | AlreadyThere] = []
        for key in keys:
            told.append(Added(key) if key in added else AlreadyThere(key))
            added.discard(key)
        return told


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


def present(tx: Transaction, event_keys: Collection[str]) -> frozenset[str]:
    """Tell which of these events were ever added."""
    keys = tuple(event_keys)
    rows = tx.rows(f"SELECT event_key FROM push_outbox WHERE event_key IN ({marks(keys)})", keys)
    return frozenset(row["event_key"] for row in rows)


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
