"""What a decision that sends nothing means for a delivery's row and its timeline."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.ledger.deliveries import Verdict, Waiting
from consumer.ledger.timeline import Line
from schemas.decisions import Defer, Drop, Park, Reason
from schemas.states import DeliveryStatus, Entry
from schemas.times import not_before


def verdict_of(decision: Defer | Park | Drop, row: Waiting, person: str) -> Verdict:
    """Tell a row's new place."""
    expires_at = row.candidate.expires_at
    match decision:
        case Defer(until, reason):
            # Never a moment too early: whoever looked again then would find that it is not time yet.
            due_at = min(not_before(until), expires_at)
            return Verdict(row.key, DeliveryStatus.WAITING, reason, due_at, person)
        case Park(reason):
            # Due at its expiry at the latest, so that nothing is parked for ever.
            return Verdict(row.key, DeliveryStatus.PARKED, reason, expires_at, person)
        case Drop(reason):
            return Verdict(row.key, DeliveryStatus.DROPPED, reason, None, person)


def changes(verdict: Verdict, row: Waiting) -> bool:
    """Whether the row stands elsewhere than the verdict says: most that are looked at again do not."""
    stands = (row.status, row.reason, row.due_at, row.person)
    return stands != (verdict.status, verdict.reason, verdict.due_at, verdict.person)


_ENTRIES = {
    DeliveryStatus.WAITING: Entry.DEFERRED,
    DeliveryStatus.PARKED: Entry.PARKED,
    DeliveryStatus.DROPPED: Entry.DROPPED,
}


def told(verdict: Verdict, row: Waiting) -> list[Line]:
    """A line for the timeline, unless the row already stands there for the same reason and date."""
    if (row.status, row.reason) == (verdict.status, verdict.reason):
        return []
    return [
        Line(
            _ENTRIES[DeliveryStatus(verdict.status)],
            match_id=row.candidate.match_id,
            revision=row.candidate.revision,
            reason=verdict.reason,
            until=verdict.due_at,
            detail=row.candidate.blocked or None if verdict.reason == Reason.BLOCKED_CONTENT else None,
        ),
    ]


def urgent(rows: Sequence[Waiting]) -> list[Line]:
    """For each match that went without waiting for others: that it did, and its producer's reason."""
    return [
        Line(
            Entry.URGENT,
            match_id=row.candidate.match_id,
            revision=row.candidate.revision,
            detail=row.match.urgent_reason,
        )
        for row in rows
        if row.candidate.urgent
    ]
