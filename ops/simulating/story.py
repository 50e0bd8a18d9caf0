"""What happens to one person whatever is sent to them, and what sending makes of it.  Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from consumer.counting import Use
from consumer.facts import STRONG_SCORE, Candidate, Intent, Window
from schemas.decisions import Reason, RecipientKey
from schemas.preferences import Preferences, Unreadable
from schemas.states import Entry

Key = tuple[str, int]
"""(match_id, revision)"""


@dataclass(frozen=True, slots=True)
class Word:
    """Something a person says to a KF account: it opens the window anew."""

    at: datetime
    recipient: RecipientKey


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A match revision is taken back."""

    at: datetime
    match_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class Wishes:
    """One user_id of a person: what they want, and the external_userids that their matches may go to."""

    preferences: Preferences | Unreadable
    phones: frozenset[str]
    intents: Mapping[str, Intent] = field(default_factory=dict)
    stopped_at: datetime | None = None
    """Who has stopped had not before then."""


@dataclass(frozen=True, slots=True)
class Story:
    """One person from ``start`` to ``end``: all that a way of sending cannot change.

    ``words``, ``matches``, ``withdrawals`` and ``others`` are in the order of time; ``windows`` and ``uses``
    are what is known when it starts, and matches created before that wait then.
    """

    start: datetime
    end: datetime
    users: Mapping[str, Wishes]
    words: tuple[Word, ...]
    matches: tuple[Candidate, ...]
    withdrawals: tuple[Withdrawal, ...] = ()
    windows: tuple[Window, ...] = ()
    uses: tuple[Use, ...] = ()
    others: tuple[Use, ...] = ()
    """Messages without matches (answers, the host's own): each takes a slot when it is accepted."""
    name: str = ""
    """What the ledger calls the person."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator's settings say about sending."""

    slots_kept_back: int = 0
    send_timeout: timedelta = timedelta(seconds=8)
    strong_score: float = STRONG_SCORE
    most_rows: int = 500
    """So many rows of one user at most are planned at once, as the ledger loads them."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message that went out, and the matches that it carried, in order."""

    at: datetime
    recipient: RecipientKey
    user_id: str
    matches: tuple[Candidate, ...]


@dataclass
class Lived:
    """What became of a person's matches; what is in none of ``messages``, ``dropped`` and ``dead`` waits."""

    messages: list[Message] = field(default_factory=list)
    dropped: dict[Key, Reason] = field(default_factory=dict)
    dead: set[Key] = field(default_factory=set)
    """Matches that became dead letters; in a model none does."""
    deferred: set[Key] = field(default_factory=set)
    """Matches that had to wait for a date at least once."""
    parked: set[Key] = field(default_factory=set)
    """Matches that had to wait for a condition at least once."""
    told: dict[tuple[Entry, Reason], int] = field(default_factory=dict)
    """How often something was put off or given up, and why: as the timeline would tell it."""
    hit_the_wall: bool = False
    """Something waited in an open window that had no message left."""
    plans: int = 0
    """How often it was decided."""
