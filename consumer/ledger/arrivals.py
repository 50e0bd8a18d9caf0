"""The table ``push_deliveries``, as events come in: rows are made, taken back, overtaken, looked at again."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from consumer.ledger.deliveries import PENDING, Key
from schemas.database import Row, Transaction, marks
from schemas.decisions import Reason
from schemas.events import MatchCreated, MatchWithdrawn, to_json
from schemas.times import to_text


@dataclass(frozen=True, slots=True)
class Incoming:
    """A decoded event about to become a row; ``again`` asks to look anew at one that did not go out."""

    match: MatchCreated
    entry_id: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A row that an event dropped before it was sent; its stream entry is done with."""

    key: Key
    entry_id: str | None


def insert_fresh(tx: Transaction, incoming: Sequence[Incoming], now: datetime) -> None:
    """Store events as rows, due now; a row that exists is left alone, whatever its state."""
    stamp = to_text(now)
    tx.many(
        "INSERT INTO push_deliveries (match_id, revision, user_id, intent_id, status, reason, due_at,"
        " expires_at, entry_id, event, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (match_id, revision) DO NOTHING",
        [
            (
                item.match.match_id,
                item.match.revision,
                item.match.user_id,
                item.match.intent_id,
                Reason.FRESH,
                stamp,
                to_text(item.match.expiry(now)),
                item.entry_id,
                to_json(item.match),
                stamp,
                stamp,
            )
            for item in incoming
        ],
    )


def look_again(tx: Transaction, keys: Iterable[Key], now: datetime) -> None:
    """Make parked and dropped rows due, as replay and backfill ask; sent, sending and dead are left alone.

    So is one that was dropped while nobody knew whether WeChat has its message, one that was withdrawn or
    closed by a person, and one for newer code.
    """
    stamp = to_text(now)
    tx.many(
        "UPDATE push_deliveries SET status = 'waiting', reason = ?, due_at = ?, updated_at = ?"
        " WHERE match_id = ? AND revision = ? AND user_id <> ''"
        " AND (status IN ('waiting', 'parked') OR (status = 'dropped' AND reason <> ?))"
        " AND withdrawn_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM push_messages WHERE push_messages.id = push_deliveries.push_id"
        " AND push_messages.status IN ('sending', 'unknown', 'given_up'))",
        [(Reason.FRESH, stamp, stamp, *key, Reason.CLOSED) for key in keys],
    )


def withdraw(tx: Transaction, withdrawals: Sequence[MatchWithdrawn], now: datetime) -> list[Overtaken]:
    """Note withdrawals: what waits or is parked is dropped, what is on its way is not tried again.

    One that comes before its match makes the row, so that the match finds itself withdrawn.
    """
    stamp = to_text(now)
    keys = {(item.match_id, item.revision) for item in withdrawals}
    dropped = [
        Overtaken(row.key, row.entry_id)
        for row in _of_matches(tx, {match_id for match_id, _ in keys}, PENDING)
        if row.key in keys
    ]
    tx.many(
        "INSERT INTO push_deliveries (match_id, revision, user_id, status, reason, withdrawn_at, event,"
        " created_at, updated_at) VALUES (?, ?, ?, 'dropped', ?, ?, ?, ?, ?)"
        " ON CONFLICT (match_id, revision) DO UPDATE SET withdrawn_at = excluded.withdrawn_at"
        " WHERE push_deliveries.withdrawn_at IS NULL",
        [
            (
                *(item.match_id, item.revision, item.user_id, Reason.WITHDRAWN),
                *(stamp, to_json(item), stamp, stamp),
            )
            for item in withdrawals
        ],
    )
    _overtake(tx, dropped, Reason.WITHDRAWN, now)
    return dropped


def supersede(tx: Transaction, match_ids: Collection[str], now: datetime) -> list[Overtaken]:
    """Drop the revisions of these matches that still wait though a newer one is here."""
    if not match_ids:
        return []
    newest: dict[str, int] = {}
    for row in _of_matches(tx, match_ids, "user_id <> '' OR withdrawn_at IS NOT NULL"):
        newest[row.key[0]] = max(row.key[1], newest.get(row.key[0], 0))
    dropped = [
        Overtaken(row.key, row.entry_id)
        for row in _of_matches(tx, match_ids, f"{PENDING} AND user_id <> ''")
        if row.key[1] < newest[row.key[0]]
    ]
    _overtake(tx, dropped, Reason.SUPERSEDED, now)
    return dropped


def _of_matches(tx: Transaction, match_ids: Collection[str], condition: str) -> list[Overtaken]:
    ids = tuple(match_ids)
    rows = tx.rows(
        "SELECT match_id, revision, entry_id FROM push_deliveries"
        f" WHERE match_id IN ({marks(ids)}) AND ({condition})",
        ids,
    )
    return [Overtaken((row["match_id"], row["revision"]), row["entry_id"]) for row in rows]


def _overtake(tx: Transaction, rows: Sequence[Overtaken], reason: Reason, now: datetime) -> None:
    tx.many(
        "UPDATE push_deliveries SET status = 'dropped', reason = ?, due_at = NULL, updated_at = ?"
        f" WHERE match_id = ? AND revision = ? AND {PENDING}",
        [(reason, to_text(now), *row.key) for row in rows],
    )


def insert_needing_upgrade(
    tx: Transaction,
    key: Key,
    fields: dict[str, str],
    entry_id: str,
    now: datetime,
) -> None:
    """Keep an event of a newer version whole, until newer code decodes it; nothing is due meanwhile."""
    tx.execute(
        "INSERT INTO push_deliveries (match_id, revision, user_id, status, reason, entry_id, event,"
        " created_at, updated_at) VALUES (?, ?, '', 'parked', ?, ?, ?, ?, ?)"
        " ON CONFLICT (match_id, revision) DO NOTHING",
        (
            *key,
            Reason.NEEDS_UPGRADE,
            entry_id,
            json.dumps(fields, ensure_ascii=False),
            to_text(now),
            to_text(now),
        ),
    )


def needing_upgrade(tx: Transaction, after: Key, limit: int) -> list[Row]:
    """Read a page of the rows that an older kfpush could not decode, by key."""
    return tx.rows(
        "SELECT match_id, revision, entry_id, event FROM push_deliveries"
        f" WHERE {PENDING} AND user_id = '' AND reason = ? AND (match_id, revision) > (?, ?)"
        " ORDER BY match_id, revision LIMIT ?",
        (Reason.NEEDS_UPGRADE, *after, limit),
    )


def upgraded(tx: Transaction, match: MatchCreated, now: datetime) -> None:
    """Give a row that waited for newer code its decoded event, due now."""
    tx.execute(
        "UPDATE push_deliveries SET user_id = ?, intent_id = ?, status = 'waiting', reason = ?, due_at = ?,"
        " expires_at = ?, event = ?, updated_at = ?"
        " WHERE match_id = ? AND revision = ? AND status = 'parked' AND reason = ?",
        (
            match.user_id,
            match.intent_id,
            Reason.FRESH,
            to_text(now),
            to_text(match.expiry(now)),
            to_json(match),
            to_text(now),
            match.match_id,
            match.revision,
            Reason.NEEDS_UPGRADE,
        ),
    )


def revisions(tx: Transaction, match_ids: Collection[str]) -> frozenset[Key]:
    """Tell which revisions of these matches have a row."""
    return frozenset(row.key for row in _of_matches(tx, match_ids, "1 = 1")) if match_ids else frozenset()


def known(tx: Transaction, keys: Collection[Key]) -> frozenset[Key]:
    """Tell which of these match revisions have a row."""
    return revisions(tx, {match_id for match_id, _ in keys}) & frozenset(keys)


def withdrawn(tx: Transaction, keys: Collection[Key]) -> frozenset[Key]:
    """Tell of which of these match revisions the withdrawal has arrived."""
    rows = _of_matches(tx, {match_id for match_id, _ in keys}, "withdrawn_at IS NOT NULL") if keys else []
    return frozenset(row.key for row in rows) & frozenset(keys)
