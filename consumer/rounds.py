"""A round of planning: what is due for it, its clocks, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from consumer import pauses
from consumer.ledger import deliveries, pushes
from consumer.ledger.pushes import Attempt, Push
from schemas.database import Transaction

MOST_DUE_ROWS = 200
"""So many due rows at most are looked at in one go."""

ROWS_A_PLACE = 4
"""So many due rows are looked at for each place of the sender; those that cannot go cost next to nothing."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is due now, read before the exclusive transaction; it is looked at again inside."""

    user_ids: tuple[str, ...]
    pushes: tuple[Push, ...]
    is_lifted: bool = False
    """A pause is over, and what it held is not awake yet."""

    def __bool__(self) -> bool:
        return bool(self.user_ids or self.pushes or self.is_lifted)

    @property
    def phones(self) -> frozenset[str]:
        """The external_userids of due pushes."""
        return frozenset(push.letter.recipient.external_userid for push in self.pushes)

    @property
    def users(self) -> frozenset[str]:
        """Everybody whose inputs are needed."""
        return frozenset((*self.user_ids, *(push.letter.user_id for push in self.pushes)))


@dataclass
class Outcome:
    """What one round of planning did."""

    attempts: list[Attempt] = field(default_factory=list)
    entries: list[str] = field(default_factory=list)
    decided: int = 0
    complaints: list[str] = field(default_factory=list)

    def copy(self) -> Outcome:
        """The same apart, for a part that may be taken back."""
        return Outcome(list(self.attempts), list(self.entries), self.decided, list(self.complaints))


def find_due(
    tx: Transaction, now: datetime, wall: datetime, places: int, rows_a_place: int = ROWS_A_PLACE
) -> Due:
    """Read whose matches and which pushes are due; a corp that is paused has nothing due but a probe."""
    corp = pauses.corp_pause(pauses.active(tx, now))
    is_lifted = pauses.are_over(tx, now)
    if corp is not None:
        if not corp.may_probe(now):
            return Due((), (), is_lifted)
        places = 1
    due_pushes = tuple(pushes.due(tx, wall, places))
    rows = 1 if corp is not None else min(MOST_DUE_ROWS, rows_a_place * places)
    return Due(deliveries.due_users(tx, now, rows), due_pushes, is_lifted)


@dataclass(frozen=True, slots=True)
class Clock:
    """The two clocks of one round: business time for rules, wall time for leases."""

    now: datetime
    wall: datetime

    def wall_of(self, business: datetime) -> datetime:
        """When, by the wall, a business instant comes."""
        return self.wall + (business - self.now)
