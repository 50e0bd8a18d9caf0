"""The table ``push_outcomes``: what became of messages and wishes, for the application to read when it likes.

An outcome is written in the transaction that shows it on the host's screens, or grants the wish there, and
once for its key, however often that is repeated.  Whoever writes holds the database alone, so ids are given
in the order of commits: a reader who remembers the last id misses none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from consumer.host_ids import host_id
from consumer.ledger.pushes import ANSWER
from schemas.database import Row, Transaction
from schemas.decisions import Reason
from schemas.states import PushStatus
from schemas.times import from_text, to_text


class Told(StrEnum):
    """What the application is told.  The values are stored: they never change."""

    SENT = "sent"
    """WeChat took the message."""
    FAILED = "failed"
    """It did not arrive, or WeChat refused it for good."""
    UNKNOWN = "unknown"
    """Nobody learnt whether WeChat took it, and nobody will try again; ``sent`` or ``failed`` may follow."""
    RECALLED = "recalled"
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the feed; ``key`` is what makes it one."""

    key: str
    told: Told
    user_id: str
    at: datetime
    match_ids: tuple[str, ...] = ()
    msgid: str | None = None
    reason: str | None = None


_FOR_GOOD: Final = (Reason.CONTENT_REFUSED, Reason.RECIPIENT_REFUSED, Reason.UNCLASSIFIED)


def note(tx: Transaction, outcomes: Iterable[Outcome]) -> None:
    """Write outcomes into the application's database; one that is there already stays as it is."""
    tx.many(
        "INSERT INTO push_outcomes (outcome_key, at, outcome, user_id, match_ids, msgid, reason)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (outcome_key) DO NOTHING",
        [
            (
                item.key,
                to_text(item.at),
                item.told,
                item.user_id,
                json.dumps([host_id(match_id) for match_id in item.match_ids]),
                item.msgid,
                item.reason,
            )
            for item in outcomes
        ],
    )


def of_pushes(rows: Sequence[Row]) -> list[Outcome]:
    """Tell what settled pushes came to; one whose matches are planned again came to nothing yet."""
    found = []
    for row in rows:
        matches = tuple(match_id for match_id, _ in json.loads(row["matches"]))
        told = _told(row["status"], row["reason"], is_alone=len(matches) <= 1)
        if told is None or (row["kind"] == ANSWER and not matches):
            continue
        found.append(
            Outcome(
                f"{row['msgid']}:{told}",
                told,
                row["user_id"],
                from_text(row["settled_at"]),
                matches,
                row["msgid"],
                row["reason"],
            )
        )
    return found


def _told(status: str, reason: str | None, *, is_alone: bool) -> Told | None:
    match status:
        case PushStatus.SENT:
            return Told.SENT
        case PushStatus.FAILED:
            return Told.FAILED
        case PushStatus.RECALLED:
            return Told.RECALLED
        case PushStatus.GIVEN_UP:
            return Told.UNKNOWN
        case PushStatus.REFUSED if reason == Reason.RECIPIENT_REFUSED or (reason in _FOR_GOOD and is_alone):
            return Told.FAILED
    return None
