"""What a user was sent lately: read from the ledger.  Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from consumer.ledger.deliveries import Key
from schemas.database import Transaction, marks
from schemas.events import MatchCreated, match_from_ledger
from schemas.times import from_text, to_text


@dataclass(frozen=True, slots=True)
class Sent:
    """A match that a message brought; None stands for one that the application has taken back since."""

    key: Key
    arrived_at: datetime
    match: MatchCreated | None


def sent_since(tx: Transaction, since: Mapping[str, datetime]) -> dict[str, list[Sent]]:
    """Read what each of these users was sent since their instant, in the order in which it was sent."""
    if not since:
        return {}
    users = tuple(since)
    named: dict[str, dict[Key, None]] = {}
    for row in tx.rows(
        "SELECT user_id, accepted_at, matches FROM push_messages"
        f" WHERE user_id IN ({marks(users)}) AND accepted_at >= ? AND status = 'sent' AND matches <> '[]'"
        " ORDER BY accepted_at, id",
        (*users, to_text(min(since.values()))),
    ):
        if from_text(row["accepted_at"]) >= since[row["user_id"]]:
            keys = [(str(match_id), int(revision)) for match_id, revision in json.loads(row["matches"])]
            named.setdefault(row["user_id"], {}).update(dict.fromkeys(keys))
    wanted = {key for keys in named.values() for key in keys}
    ids = tuple({match_id for match_id, _ in wanted})
    rows = (
        tx.rows(
            "SELECT match_id, revision, created_at, withdrawn_at, event FROM push_deliveries"
            f" WHERE match_id IN ({marks(ids)})",
            ids,
        )
        if ids
        else []
    )
    known = {
        key: Sent(
            key,
            from_text(row["created_at"]),
            match_from_ledger(row["event"]) if row["withdrawn_at"] is None else None,
        )
        for row in rows
        if (key := (row["match_id"], row["revision"])) in wanted
    }
    return {user_id: [known[key] for key in keys if key in known] for user_id, keys in named.items()}
