"""What plan may decide about one delivery, and every reason it may give.

    Decision  Send(recipient) | Defer(until, reason) | Park(reason) | Drop(reason)

Deferred is waiting for a date, parked for a condition; neither is ever shown as dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """Why a match was not (yet) sent.  The values are stored and shown: they never change."""

    FRESH = "fresh"
    """Just arrived, or woken; to be decided next."""
    RELEASED = "released"
    """Was parked until the user spoke, and they have: to be decided in a moment, together with its like."""
    ALONE = "alone"
    """WeChat refused the message that it shared with others: to be decided next, by itself."""
    KIND_REFUSED = "kind_refused"
    """WeChat refused this kind of message: to be decided next, as plain text."""
    MEDIA_LOST = "media_lost"
    """WeChat did not know a file of the message: it is uploaded again, and the message made anew."""
    # drop
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    UNCHANGED = "unchanged"
    """A newer revision of what was sent already, with nearly the same score."""
    STOPPED = "stopped"
    PUSH_DISABLED = "push_disabled"
    BELOW_MIN_SCORE = "below_min_score"
    HELD_OUT = "held_out"
    """Nothing else stood in its way: an experiment wants to know what comes of no message at all."""
    BLOCKED_CONTENT = "blocked_content"
    """What it says has a word that the operator's list blocks."""
    CLOSED = "closed"
    """A person closed a dead letter for good."""
    # park
    NO_SESSION = "no_session"
    WINDOW_CLOSED = "window_closed"
    NO_SLOT = "no_slot"
    HUMAN_SERVICER = "human_servicer"
    MUTED = "muted"
    SESSION_ENDED = "session_ended"
    """A servicer ended the conversation: WeChat takes nothing more before the user's next word."""
    OLDER_IN_FLIGHT = "older_in_flight"
    """The message with an earlier revision of the same match is still on its way."""
    MORE = "more"
    """A message said that there is more: the user's next word brings it, or after a while a message."""
    NEEDS_UPGRADE = "needs_upgrade"
    # defer
    QUIET_HOURS = "quiet_hours"
    DAILY_LIMIT = "daily_limit"
    INTENT_LIMIT = "intent_limit"
    BATCH_MODE = "batch_mode"
    HELD = "held"
    """It waits to share one of the few messages with others."""
    KEPT = "kept"
    """The window's last message is kept for a digest before it closes."""
    SPACED = "spaced"
    """A message went a short while ago, and those before it were not answered."""
    SMOOTHED = "smoothed"
    """The quiet hours have just ended, and not everybody's phone rings at once."""
    UNREADABLE_PREFERENCES = "unreadable_preferences"
    THROTTLED = "throttled"
    PAUSED = "paused"
    UNDELIVERED = "undelivered"
    """WeChat took the message and said afterwards that it did not arrive, for a reason of its own."""
    OUTAGE = "outage"
    LATE = "late"
    PLANNING_FAILED = "planning_failed"
    """A fault of kfpush itself; reported, and tried again in an hour."""
    # dead
    OUTCOME_UNKNOWN = "outcome_unknown"
    CONTENT_REFUSED = "content_refused"
    RECIPIENT_REFUSED = "recipient_refused"
    UNCLASSIFIED = "unclassified"
    UNREADABLE_EVENT = "unreadable_event"
    POISON = "poison"


@dataclass(frozen=True, slots=True, order=True)
class RecipientKey:
    """One conversation on one phone: a KF account and a WeChat user."""

    open_kfid: str
    external_userid: str


@dataclass(frozen=True, slots=True)
class Send:
    """Reserve a push to this recipient now; its bytes leave before ``send_by``."""

    recipient: RecipientKey
    send_by: datetime


@dataclass(frozen=True, slots=True)
class Defer:
    """Not before ``until``."""

    until: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class Park:
    """Not until a condition changes; the wake rule looks again when it does."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Drop:
    """Never."""

    reason: Reason


Decision = Send | Defer | Park | Drop
