"""The table ``push_dead_letters``: entries that cannot be read, kept raw where a person can find them."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.database import Row, Transaction, marks
from schemas.decisions import Reason
from schemas.events import key_range, revision_in
from schemas.times import to_text

LONGEST_KEY: Final = 200
"""Of what calls itself a key, so many characters are kept: an index of PostgreSQL's holds 2,704 bytes."""

OPEN: Final = "redriven_at IS NULL AND dropped_at IS NULL"
"""Nobody has redriven or dropped it yet."""


@dataclass(frozen=True, slots=True)
class Poison:
    """An entry that is given up: what it was, why, and how often it had been handed out."""

    entry_id: str
    fields: Mapping[bytes, bytes] | None
    reason: Reason
    error: str
    deliveries: int = 1


def bury(tx: Transaction, letters: Iterable[Poison], now: datetime) -> None:
    """Keep entries raw; one that is there already stays as it is."""
    tx.many(
        "INSERT INTO push_dead_letters (event_key, entry_id, reason, error, raw, deliveries, buried_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (entry_id) DO NOTHING",
        [
            (
                _key(letter.fields),
                letter.entry_id,
                letter.reason,
                letter.error,
                _raw(letter.fields),
                letter.deliveries,
                to_text(now),
            )
            for letter in letters
        ],
    )


def known(tx: Transaction, event_keys: Collection[str]) -> frozenset[str]:
    """Tell which of these events were buried."""
    keys = tuple(event_keys)
    rows = tx.rows(f"SELECT event_key FROM push_dead_letters WHERE event_key IN ({marks(keys)})", keys)
    return frozenset(row["event_key"] for row in rows)


def closed(tx: Transaction, event_keys: Collection[str]) -> frozenset[str]:
    """Tell which of these events a person closed for good."""
    keys = tuple(event_keys)
    rows = tx.rows(
        "SELECT event_key FROM push_dead_letters WHERE dropped_at IS NOT NULL"
        f" AND event_key IN ({marks(keys)})",
        keys,
    )
    return frozenset(row["event_key"] for row in rows)


def of_match(tx: Transaction, match_id: str) -> list[Row]:
    """Read what was buried under a match's keys."""
    rows = tx.rows(
        "SELECT event_key, entry_id, reason, error, deliveries, buried_at, redriven_at, dropped_at"
        " FROM push_dead_letters WHERE event_key >= ? AND event_key < ? ORDER BY id",
        key_range(match_id),
    )
    return [row for row in rows if revision_in(row["event_key"], match_id) is not None]


def count_by_reason(tx: Transaction) -> list[Row]:
    """Count the buried entries that nobody has closed by reason, with the key of one of each."""
    return tx.rows(
        "SELECT reason, count(*) AS n, min(event_key) AS example FROM push_dead_letters"
        f" WHERE {OPEN} GROUP BY reason ORDER BY reason",
    )


def redriven(
    tx: Transaction, entry_ids: Collection[str], author: str, why: str | None, now: datetime
) -> None:
    """Note that these entries became rows after all; their bytes are kept."""
    _close(tx, "redriven_at", entry_ids, author, why, now)


def dropped(tx: Transaction, entry_ids: Collection[str], author: str, why: str | None, now: datetime) -> None:
    """Close these entries for good; their bytes are kept."""
    _close(tx, "dropped_at", entry_ids, author, why, now)


def _close(
    tx: Transaction, column: str, entry_ids: Collection[str], author: str, why: str | None, now: datetime
) -> None:
    tx.many(
        f"UPDATE push_dead_letters SET {column} = ?, closed_by = ?, closed_why = ?"
        f" WHERE entry_id = ? AND {OPEN}",
        [(to_text(now), author, why, entry_id) for entry_id in entry_ids],
    )


def fields_of(raw: str | None) -> dict[bytes, bytes] | None:
    """Read back the bytes of an entry that was buried; None if nothing of it was left."""
    if raw is None:
        return None
    return {_bytes(name): _bytes(value) for name, value in json.loads(raw)}


def _key(fields: Mapping[bytes, bytes] | None) -> str | None:
    """The event's key, if that much can be read."""
    if fields is None or b"id" not in fields:
        return None
    return fields[b"id"].decode(errors="replace")[:LONGEST_KEY]


def _raw(fields: Mapping[bytes, bytes] | None) -> str | None:
    """Every byte of the entry as JSON; what is not UTF-8 as base64."""
    if fields is None:
        return None
    return json.dumps([[_shown(name), _shown(value)] for name, value in fields.items()], ensure_ascii=False)


def _bytes(shown: str | dict[str, str]) -> bytes:
    return shown.encode() if isinstance(shown, str) else base64.b64decode(shown["base64"])


def _shown(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
