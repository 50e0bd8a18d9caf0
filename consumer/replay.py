"""What an event that comes again would meet in the ledger: what a replay or a backfill does to each match.

Intake gives an event that comes again a row if it has none, and looks anew at one that waits, is parked or
was dropped (``arrivals.look_again``); everything else is left.  Reads only.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from consumer import conversions, deadletters
from consumer.fates import Fate
from consumer.ledger import arrivals, deliveries
from schemas.database import Row, Transaction, marks
from schemas.decisions import Reason
from schemas.events import is_conversion, is_withdrawal, split_key
from schemas.states import DeliveryStatus, PushStatus

_OPEN: Final = {DeliveryStatus.WAITING, DeliveryStatus.PARKED, DeliveryStatus.DROPPED}


def fates(tx: Transaction, event_keys: Collection[str]) -> dict[str, Fate]:
    """Tell what each of these events meets; keys that cannot be read are a mistake of the caller's."""
    withdrawals = {key: split_key(key) for key in event_keys if is_withdrawal(key)}
    converted = {key: split_key(key)[0] for key in event_keys if is_conversion(key)}
    matches = {key: split_key(key) for key in event_keys if key not in withdrawals and key not in converted}
    rows = _rows(tx, {match_id for match_id, _ in matches.values()})
    withdrawn = arrivals.withdrawn(tx, list(withdrawals.values())) if withdrawals else frozenset()
    told = {key: _fate(rows.get(found)) for key, found in matches.items()}
    told |= {
        key: Fate.WITHDRAWN if found in withdrawn else Fate.MISSING for key, found in withdrawals.items()
    }
    counted = conversions.known(tx, set(converted.values()))
    told |= {
        key: Fate.CONVERTED if match_id in counted else Fate.MISSING for key, match_id in converted.items()
    }
    missing = [key for key, fate in told.items() if fate is Fate.MISSING]
    return told | _buried(tx, missing)


def _rows(tx: Transaction, match_ids: Collection[str]) -> dict[deliveries.Key, Row]:
    ids = tuple(match_ids)
    if not ids:
        return {}
    found = tx.rows(
        "SELECT d.match_id, d.revision, d.user_id, d.status, d.reason, d.withdrawn_at,"
        " m.status AS push_status"
        " FROM push_deliveries d LEFT JOIN push_messages m ON m.id = d.push_id"
        f" WHERE d.match_id IN ({marks(ids)})",
        ids,
    )
    return {(row["match_id"], row["revision"]): row for row in found}


def _fate(row: Row | None) -> Fate:
    if row is None:
        return Fate.MISSING
    if row["reason"] == Reason.NEEDS_UPGRADE and row["status"] == DeliveryStatus.PARKED:
        return Fate.NEEDS_UPGRADE
    if row["withdrawn_at"] is not None and row["status"] in _OPEN:
        return Fate.WITHDRAWN
    if row["status"] in _OPEN and row["push_status"] == PushStatus.GIVEN_UP:
        return Fate.UNSETTLED
    if row["status"] == DeliveryStatus.DROPPED and row["reason"] == Reason.CLOSED:
        return Fate.CLOSED
    return Fate(row["status"])


def _buried(tx: Transaction, event_keys: Collection[str]) -> dict[str, Fate]:
    """Tell which of these were put aside, unread, as dead letters, and which of those a person closed."""
    keys = tuple(event_keys)
    if not keys:
        return {}
    closed = deadletters.closed(tx, keys)
    return {key: Fate.CLOSED if key in closed else Fate.DEAD for key in deadletters.known(tx, keys)}
