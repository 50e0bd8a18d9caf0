"""One match's whole journey as plain values.  Pure: ``explain`` gathers them, ``telling`` makes sentences.

The names of the fields are the keys of ``kfpush explain --json``: they do not change.  No field holds
personal data but ids, except ``text``, which is only filled when it was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum

from schemas.states import BY_KFPUSH
from schemas.times import to_text


class Place(StrEnum):
    """Where an event is that went to the stream and is in no table yet."""

    AHEAD = "ahead"
    """On the stream; no consumer has come to it."""
    PENDING = "pending"
    """A consumer read it and has not stored it."""
    NOWHERE = "nowhere"
    """Redis lost it; the mirror adds it again."""


@dataclass(frozen=True, slots=True)
class Committed:
    """One event in the outbox.  ``place`` is None where it need not, or cannot, be asked for."""

    event_key: str
    event_type: str
    committed_at: datetime
    mirrored_at: datetime | None
    stream_id: str | None
    carried_at: datetime | None
    place: Place | None


@dataclass(frozen=True, slots=True)
class Turn:
    """A line of the timeline that is about the match itself: put off, parked, dropped, a person's act."""

    at: datetime
    entry: str
    reason: str | None
    until: datetime | None
    detail: str | None
    author: str | None


class Ended(StrEnum):
    """What an attempt ended in."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    UNDER_WAY = "under_way"
    UNTOLD = "untold"
    """Nobody wrote down how: whoever made it ended before it could, or an earlier acceptance told enough."""


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt; ``told_at`` is when its end was written down."""

    number: int
    ended: Ended
    begun_at: datetime | None
    told_at: datetime | None
    errcode: int | None = None
    kind: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """One KF message that named the match; ``carried`` are all its matches as keys, in order."""

    id: int
    msgid: str
    open_kfid: str
    external_userid: str
    status: str
    reason: str | None
    errcode: int | None
    template: str | None
    version: int | None
    variant: str | None
    experiment: str | None
    carried: tuple[str, ...]
    reserved_at: datetime
    accepted_at: datetime | None
    settled_at: datetime | None
    next_try_at: datetime | None
    gives_up_at: datetime | None
    tries: tuple[Try, ...]
    text: str | None
    failed_at: datetime | None = None
    """When WeChat said that what it had taken did not arrive, or that it was taken back."""
    fail_type: int | None = None
    msgtype: str = "text"
    fallback_of: int | None = None
    """The push whose kind WeChat refused, in whose place this one goes."""


@dataclass(frozen=True, slots=True)
class Buried:
    """An entry of this match that could not be stored."""

    buried_at: datetime
    reason: str
    error: str
    entry_id: str | None
    deliveries: int | None
    redriven_at: datetime | None = None
    dropped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """One KF account's window, as the policy sees it now."""

    open_kfid: str
    external_userid: str
    opened_at: datetime | None
    closes_at: datetime | None
    is_open: bool
    used: int
    kept_back: int
    left: int
    is_exhausted: bool
    is_muted: bool
    service_state: int | None


@dataclass(frozen=True, slots=True)
class Halt:
    """A pause in force; ``probe_at`` is when one push may try."""

    scope: str
    target: str
    reason: str
    errcode: int | None
    author: str
    paused_at: datetime
    until: datetime | None
    probe_at: datetime | None
    note: str | None = None

    @property
    def is_ours(self) -> bool:
        """Whether kfpush made it by itself."""
        return self.author == BY_KFPUSH


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants, and how many of today's messages are used."""

    enabled: bool
    stopped: bool
    quiet_hours: str | None
    quiet_until: datetime | None
    daily_limit: int | None
    sent_today: int | None
    batch_mode: str | None
    preferred_time: str | None
    min_score: float | None
    score: float | None
    complaints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prospect:
    """What is decided now, by the policy, on the facts of this moment.

    ``may_go_from`` is the earliest instant at which it may leave, if a clock can tell; ``looks_at`` is when
    kfpush itself looks next.  Without ``decision`` nothing can be said: ``problem`` says why.
    """

    decision: str | None
    reason: str | None
    may_go_from: datetime | None
    looks_at: datetime | None
    open_kfid: str | None
    has_spoken: bool
    conversations: tuple[Conversation, ...]
    pauses: tuple[Halt, ...]
    wishes: Wishes | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of the match.  ``status`` is None when it never became a delivery."""

    revision: int
    user_id: str | None
    intent_id: str | None
    timezone: str
    status: str | None
    reason: str | None
    arrived_at: datetime | None
    updated_at: datetime | None
    expires_at: datetime | None
    entry_id: str | None
    committed: tuple[Committed, ...]
    turns: tuple[Turn, ...]
    pushes: tuple[Push, ...]
    buried: tuple[Buried, ...]
    prospect: Prospect | None


@dataclass(frozen=True, slots=True)
class Looked:
    """A database that was looked into, and why it could not be."""

    tables: str
    database: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class Journey:
    """Everything that is known of one match."""

    match_id: str
    now: datetime
    looked: tuple[Looked, ...]
    revisions: tuple[Revision, ...]

    @property
    def is_known(self) -> bool:
        """Whether any table has ever heard of it."""
        return bool(self.revisions)


def as_json(value: object) -> object:
    """Write a value of this kind as what JSON knows: its fields as keys, instants as text in UTC."""
    if is_dataclass(value):
        return {item.name: as_json(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(item) for item in value]
    return value
