"""What a user may ask to see: the letters they were sent, and the matches in them.  Reads only."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from consumer.ledger.deliveries import Key
from schemas.database import Row, Transaction, marks
from schemas.decisions import Reason, RecipientKey
from schemas.events import MatchCreated, match_from_ledger
from schemas.states import DeliveryStatus
from schemas.times import to_text

REACH: Final = timedelta(days=30)
"""How far back the newest message is looked for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A letter with matches that is on a phone, or may be; a newer one has a higher id."""

    push_id: int
    recipient: RecipientKey
    user_id: str
    matches: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A match revision of the ledger; ``match`` is None once the application has taken it back."""

    key: Key
    user_id: str
    match: MatchCreated | None
    is_pending: bool


def newest_letters(
    tx: Transaction, external_userids: Collection[str], now: datetime
) -> Mapping[tuple[RecipientKey, str], Seen]:
    """Read the newest letter with matches of each recipient and user_id."""
    values = tuple(external_userids)
    found: dict[tuple[RecipientKey, str], Seen] = {}
    for condition, more in (
        ("accepted_at IS NULL AND status IN ('sending', 'unknown') AND attempts > 0", ()),
        ("accepted_at >= ? AND status IN ('sent', 'given_up')", (to_text(now - REACH),)),
    ):
        for row in tx.rows(
            "SELECT id, open_kfid, external_userid, user_id, matches FROM push_messages"
            f" WHERE external_userid IN ({marks(values)}) AND {condition} AND matches <> '[]'",
            (*values, *more),
        ):
            recipient = RecipientKey(row["open_kfid"], row["external_userid"])
            place = recipient, str(row["user_id"])
            if place not in found or found[place].push_id < row["id"]:
                matches = tuple((match_id, revision) for match_id, revision in json.loads(row["matches"]))
                found[place] = Seen(row["id"], recipient, row["user_id"], matches)
    return found


def matches_of(tx: Transaction, match_ids: Collection[str]) -> Mapping[str, list[Known]]:
    """Read every revision of these matches, oldest first."""
    values = tuple(match_ids)
    found: dict[str, list[Known]] = {}
    for row in tx.rows(
        "SELECT match_id, revision, user_id, status, reason, withdrawn_at, event FROM push_deliveries"
        f" WHERE match_id IN ({marks(values)}) ORDER BY match_id, revision",
        values,
    ):
        if row["reason"] != Reason.NEEDS_UPGRADE:
            found.setdefault(row["match_id"], []).append(_known(row))
    return found


def _known(row: Row) -> Known:
    return Known(
        (row["match_id"], row["revision"]),
        row["user_id"],
        match_from_ledger(row["event"]) if row["withdrawn_at"] is None else None,
        row["status"] in (DeliveryStatus.WAITING, DeliveryStatus.PARKED),
    )
