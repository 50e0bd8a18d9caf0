"""The planner: what goes out to one person now.  Pure.

Each match goes by itself, soonest expiry first; but what had waited for the user's word goes as one message,
for WeChat grants five.  A better planner replaces this file and keeps the signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from consumer.facts import Candidate, Person
from consumer.policy import judge
from schemas.decisions import Decision, Send

MOST_TOGETHER: Final = 8
"""So many matches in one message can still be read: a text holds 2,048 bytes, some 680 characters."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A decision about some matches; with ``Send`` they share one message, in this order.

    ``behind`` found no room in it: once it is sent they wait for the user to ask for more.
    """

    matches: tuple[Candidate, ...]
    decision: Decision
    behind: tuple[Candidate, ...] = ()


def plan(person: Person, rows: Sequence[Candidate], now: datetime) -> tuple[Planned, ...]:
    """Decide about every row; ``rows`` come soonest expiry first, and all belong to ``person``."""
    planned: list[Planned] = []
    together: dict[str, int] = {}
    """Of each user_id, where in ``planned`` the message is that carries what was released."""
    for nth, row in enumerate(rows, start=1):
        place = together.get(row.user_id) if row.released else None
        if place is not None:
            joined = _join(person, planned[place], row, now)
            if joined is not None:
                planned[place] = joined
                person = _counted(person, row) if row is joined.matches[-1] else person
                continue
        decision = judge(person, row, now)
        if isinstance(decision, Send):
            if row.released:
                together[row.user_id] = len(planned)
            if nth < len(rows):
                person = _after(person, row, decision)
        planned.append(Planned((row,), decision))
    return tuple(planned)


def _join(person: Person, message: Planned, row: Candidate, now: datetime) -> Planned | None:
    """Put a match into a message that is going anyway; None if it may not go in it now."""
    sent = message.decision
    assert isinstance(sent, Send)  # noqa: S101 - only such a message is joined
    decision = judge(_before(person, row.user_id, sent), row, now)
    if not isinstance(decision, Send) or decision.recipient != sent.recipient:
        return None
    if len(message.matches) == MOST_TOGETHER:
        return replace(message, behind=(*message.behind, row))
    send_by = min(sent.send_by, decision.send_by)
    return replace(message, matches=(*message.matches, row), decision=replace(sent, send_by=send_by))


def _after(person: Person, row: Candidate, sent: Send) -> Person:
    """The person as known once this push is reserved: one slot and one of today's messages less."""
    return _counted(_with(person, row.user_id, sent, 1), row)


def _before(person: Person, user_id: str, sent: Send) -> Person:
    """The person as known without this push: whoever joins it needs neither a slot nor a message of today."""
    return _with(person, user_id, sent, -1)


def _with(person: Person, user_id: str, sent: Send, number: int) -> Person:
    user = person.users[user_id]
    return replace(
        person,
        windows=tuple(
            window.with_more(number) if window.recipient == sent.recipient else window
            for window in person.windows
        ),
        users={**person.users, user_id: replace(user, today=user.today + number)},
    )


def _counted(person: Person, row: Candidate) -> Person:
    """The person once a match of this intent goes: one of its matches of today less."""
    user = person.users[row.user_id]
    if row.intent_id is None or row.intent_id not in user.intents:
        return person
    intent = user.intents[row.intent_id]
    intents = {**user.intents, row.intent_id: replace(intent, today=intent.today + 1)}
    return replace(person, users={**person.users, row.user_id: replace(user, intents=intents)})
