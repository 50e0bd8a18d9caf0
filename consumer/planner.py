"""The planner: what goes out to one person now.  Pure.

The simple one: each match by itself, soonest expiry first.

A better planner replaces this file and keeps the signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from consumer.facts import Candidate, Person
from consumer.policy import judge
from schemas.decisions import Decision, Send


@dataclass(frozen=True, slots=True)
class Planned:
    """A decision about some matches; with ``Send`` they share one message, in this order."""

    matches: tuple[Candidate, ...]
    decision: Decision


def plan(person: Person, rows: Sequence[Candidate], now: datetime) -> tuple[Planned, ...]:
    """Decide about every row; ``rows`` come soonest expiry first, and all belong to ``person``."""
    planned = []
    for nth, row in enumerate(rows, start=1):
        decision = judge(person, row, now)
        if isinstance(decision, Send) and nth < len(rows):
            person = _after(person, row, decision)
        planned.append(Planned((row,), decision))
    return tuple(planned)


def _after(person: Person, row: Candidate, sent: Send) -> Person:
    """The person as known once this push is reserved: one slot and one of today's messages less."""
    user = person.users[row.user_id]
    intents = user.intents
    if row.intent_id is not None and row.intent_id in intents:
        intent = intents[row.intent_id]
        intents = {**intents, row.intent_id: replace(intent, today=intent.today + 1)}
    return replace(
        person,
        windows=tuple(
            window.with_one_more() if window.recipient == sent.recipient else window
            for window in person.windows
        ),
        users={**person.users, row.user_id: replace(user, today=user.today + 1, intents=intents)},
    )
