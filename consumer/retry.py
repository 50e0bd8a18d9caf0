"""What to do with a push whose lease is over: the gates of a first send, its own slot not counted.

Pure.  The letter is frozen: only its own recipient is asked about, never another KF account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from consumer.endings import GIVE_UP_AFTER
from consumer.facts import Candidate, Person
from consumer.plain import only_at
from consumer.policy import judge
from schemas.decisions import Decision, Defer, Drop, Park, Reason, RecipientKey, Send


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No retry can settle it any more: its matches end as dead or, after a Drop, as dropped."""

    dropped: Reason | None = None


def judge_retry(
    person: Person,
    recipient: RecipientKey,
    matches: Sequence[Candidate],
    reserved_at: datetime,
    now: datetime,
) -> Send | Defer | Park | GiveUp:
    """Decide about a push that is due; ``person`` was counted without the push itself."""
    if now >= reserved_at + GIVE_UP_AFTER:
        return GiveUp()
    own = only_at(person, recipient)
    decisions: list[Decision] = [judge(own, match, now) for match in matches]
    going = [decision for decision in decisions if not isinstance(decision, Drop)]
    if not going:
        return GiveUp(next((decision.reason for decision in decisions if isinstance(decision, Drop)), None))
    # What carries several matches goes when its first one may: its bytes are one.
    return min(going, key=lambda decision: (not isinstance(decision, Send), not isinstance(decision, Defer)))
