"""Which events of the outbox are put on the stream again, in pages by id.  Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.database import Row, Transaction
from schemas.entries import Envelope
from schemas.times import to_text


class Status(StrEnum):
    """Which rows: ``MISSING`` is asked of the ledger, which is not this database's."""

    ALL = "all"
    UNMIRRORED = "unmirrored"
    UNCARRIED = "uncarried"
    MISSING = "missing-from-ledger"


@dataclass(frozen=True, slots=True)
class Selection:
    """Times are of the application's commit; ids and both ends are included."""

    status: Status = Status.ALL
    since: datetime | None = None
    until: datetime | None = None
    from_id: int = 0
    to_id: int | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """One event as the outbox holds it, marked as coming again."""

    id: int
    envelope: Envelope
    stream_id: str | None
    is_carried: bool


def page(tx: Transaction, selection: Selection, after: int, limit: int) -> list[Stored]:
    """Read the next events of a selection, by id."""
    where, values = _conditions(selection)
    rows = tx.rows(
        "SELECT id, event_key, event_type, payload, traceparent, created_at, stream_id, carried_at"
        f" FROM push_outbox WHERE id > ? AND {where} ORDER BY id LIMIT ?",
        (after, *values, limit),
    )
    return [_stored(row) for row in rows]


def count(tx: Transaction, selection: Selection) -> int:
    """Count the events of a selection."""
    where, values = _conditions(selection)
    row = tx.one(f"SELECT count(*) AS n FROM push_outbox WHERE {where}", values)
    return int(row["n"]) if row else 0


def last_id(tx: Transaction) -> int:
    """Tell the newest event's id; 0 if there is none."""
    row = tx.one("SELECT max(id) AS id FROM push_outbox")
    return int(row["id"] or 0) if row else 0


def _conditions(selection: Selection) -> tuple[str, list[object]]:
    conditions = ["id >= ?"]
    values: list[object] = [selection.from_id]
    for condition, value in (
        ("id <= ?", selection.to_id),
        ("created_at >= ?", selection.since and to_text(selection.since)),
        ("created_at <= ?", selection.until and to_text(selection.until)),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if selection.status is Status.UNMIRRORED:
        conditions.append("mirrored_at IS NULL")
    if selection.status is Status.UNCARRIED:
        conditions.append("carried_at IS NULL AND mirrored_at IS NOT NULL")
    return " AND ".join(conditions), values


def _stored(row: Row) -> Stored:
    key, kind, created_at = row["event_key"], row["event_type"], row["created_at"]
    envelope = Envelope(key, kind, created_at, row["payload"], row["traceparent"], again=True)
    return Stored(row["id"], envelope, row["stream_id"], row["carried_at"] is not None)
