"""What the policy and the planner are told about one person: plain values, gathered once, judged purely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

from consumer import rhythm
from consumer.rhythm import Rhythm
from schemas.decisions import RecipientKey
from schemas.preferences import Preferences, Unreadable

WINDOW: Final = timedelta(hours=48)
"""WeChat: messages may follow a user's own message for 48 hours."""

WINDOW_MARGIN: Final = timedelta(seconds=60)
"""The window is taken to close this much earlier than WeChat closes it."""

SLOTS: Final = 5
"""WeChat: so many messages per window."""

STRONG_SCORE: Final = 0.85
"""Where nobody says otherwise."""


class ServiceState(IntEnum):
    """WeChat's session states; the API may send in the first two only."""

    NEW = 0
    ASSISTANT = 1
    POOL = 2
    HUMAN = 3
    ENDED = 4


@dataclass(frozen=True, slots=True)
class Session:
    """A row of the host's ``wechat_kf_sessions``; the time is the host's own text."""

    user_id: str
    recipient: RecipientKey
    last_message_time: str


@dataclass(frozen=True, slots=True)
class Window:
    """One recipient as known now; ``used`` counts open pushes and those accepted since it opened."""

    recipient: RecipientKey
    opened_at: datetime | None = None
    exhausted: datetime | None = None
    service_state: int | None = None
    muted: bool = False
    used: int = 0
    muted_at: datetime | None = None
    """Until when at least they refused messages, if they did: an older word does not take that back."""
    state_at: datetime | None = None
    """When ``service_state`` was last seen to be so."""
    for_taps: int = 0
    """Messages of this window kept for the answer to a tap that one of them invites."""
    hours: str | None = None
    """At which hours this recipient was heard, as ``rhythm.to_column`` writes it; read when somebody asks."""
    tapped_at: datetime | None = None
    """When the user last tapped on a message: an answer, though it opens no window."""
    unanswered: int = 0
    """Matches' messages of this window since the user last spoke or tapped, on their way included."""
    pushed_at: datetime | None = None
    """When this window's last message of ours, of whatever kind, was accepted, or reserved if it is open."""

    @property
    def closes_at(self) -> datetime | None:
        """Last instant at which kfpush believes the window open."""
        return None if self.opened_at is None else self.opened_at + WINDOW - WINDOW_MARGIN

    @property
    def is_exhausted(self) -> bool:
        """Whether WeChat itself said that this window has nothing left."""
        return self.exhausted is not None and self.opened_at is not None and self.exhausted >= self.opened_at

    @property
    def held_by_human(self) -> bool:
        """Whether a person of the corp holds (or a queue keeps) the conversation."""
        return self.service_state in {ServiceState.POOL, ServiceState.HUMAN}

    @property
    def has_ended(self) -> bool:
        """Whether a servicer ended the conversation: nothing is taken before the user's next word."""
        return self.service_state == ServiceState.ENDED

    def slots_left(self, kept_back: int) -> int:
        """How many messages are left after ``kept_back`` are left to the host, and those to answers."""
        return 0 if self.is_exhausted else max(0, SLOTS - kept_back - self.for_taps - self.used)

    def with_more(self, number: int) -> Window:
        """The same window after so many more pushes were reserved."""
        return replace(self, used=self.used + number)

    def with_push(self, at: datetime) -> Window:
        """The same window after a message with matches was reserved."""
        return replace(self, used=self.used + 1, unanswered=self.unanswered + 1, pushed_at=at)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What became of the earlier revisions of a match: one on its way, and the score last sent."""

    in_flight: bool
    sent_score: float | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One match that waits, is parked, or is carried by an open push."""

    match_id: str
    revision: int
    user_id: str
    score: float
    expires_at: datetime
    created_at: datetime
    intent_id: str | None = None
    withdrawn: bool = False
    earlier: Earlier | None = None
    released: bool = False
    """It was parked until the user spoke: what was so goes in one message."""
    blocked: str = ""
    """The category of a word in it that the operator's list blocks; empty: there is none."""
    urgent: bool = False
    """Its producer says that it cannot wait to be gathered with others."""
    told: bool = False
    """A message said that there is more, and this is of it: it is left to the user to ask, for a while."""
    alone: bool = False
    """WeChat refused the bytes that it shared with others: it goes by itself."""


@dataclass(frozen=True, slots=True)
class Intent:
    """An intent as the host's row has it; ``today`` counts its matches since the user's local midnight.

    ``daily_limit`` is None where the row's text cannot be understood: nothing is sent on a guess.
    """

    is_active: bool
    daily_limit: int | None
    today: int


@dataclass(frozen=True, slots=True)
class User:
    """One user_id of a person.

    ``today`` counts its match messages since local midnight, in flight included; ``phones`` are the
    external_userids that its own session rows name: its matches go to no other, whoever shares one of them.
    """

    preferences: Preferences | Unreadable
    today: int
    phones: frozenset[str]
    intents: Mapping[str, Intent] = field(default_factory=dict)
    """By intent_id; an intent without a row of the host's limits nothing."""


@dataclass(frozen=True, slots=True)
class Person:
    """Everything that plan may know about one person."""

    windows: tuple[Window, ...]
    users: Mapping[str, User]
    paused: Mapping[str, datetime] = field(default_factory=dict)
    """KF accounts that are paused now, and when each is looked at again."""
    slots_kept_back: int = 0
    send_timeout: timedelta = timedelta(seconds=8)
    held: datetime | None = None
    """A person has paused all sending, or that of matches, at least until then."""
    name: str = ""
    """What the ledger calls the person; it seeds what differs between people and not between decisions."""
    strong_score: float = STRONG_SCORE
    """A match of this score or more is worth a message of its own (KFPUSH_STRONG_SCORE)."""

    @property
    def rhythm(self) -> Rhythm | None:
        """At which hours this person speaks, learnt from all their conversations; None: nothing was heard."""
        return rhythm.joined(rhythm.from_column(window.hours) for window in self.windows)
