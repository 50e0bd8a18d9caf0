"""What a later event closes: a match taken back, an older revision of one scored again.

The rows are dropped where they wait, and the timeline says why; what is on its way stays there, and is looked
at again if it comes back unsent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from consumer.ledger import arrivals, timeline
from consumer.ledger.arrivals import Overtaken
from consumer.ledger.timeline import Line
from schemas.database import Transaction
from schemas.decisions import Reason
from schemas.events import MatchWithdrawn
from schemas.states import Entry


def withdraw(tx: Transaction, events: Sequence[MatchWithdrawn], now: datetime) -> list[Overtaken]:
    """Take matches back, and with them their older revisions; tell which rows that dropped."""
    if not events:
        return []
    dropped = arrivals.withdraw(tx, events, now)
    _tell(tx, dropped, Reason.WITHDRAWN, now)
    return dropped + supersede(tx, {event.match_id for event in events}, now)


def supersede(tx: Transaction, match_ids: Collection[str], now: datetime) -> list[Overtaken]:
    """Drop the revisions of these matches that wait below a newer one; tell which."""
    dropped = arrivals.supersede(tx, match_ids, now)
    _tell(tx, dropped, Reason.SUPERSEDED, now)
    return dropped


def _tell(tx: Transaction, dropped: Sequence[Overtaken], reason: Reason, now: datetime) -> None:
    lines = [Line(Entry.DROPPED, match_id=row.key[0], revision=row.key[1], reason=reason) for row in dropped]
    timeline.note(tx, lines, now)
