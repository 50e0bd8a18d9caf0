"""The states of a delivery and of a push, and the moves that exist.

    Delivery  waiting(due_at, reason) | parked(reason) | sending | sent | dropped(reason) | dead(reason)
    Push      sending < unknown < given_up < sent < failed | recalled
              refused, not_sent from sending or unknown; refused < sent, for any acceptance wins

A push only ever moves right.  Every move is a conditional UPDATE, so a settle may be repeated, late,
or made by a process that lost its lease, and the outcome is the same.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class DeliveryStatus(StrEnum):
    """Where one match (revision) stands."""

    WAITING = "waiting"
    PARKED = "parked"
    SENDING = "sending"
    SENT = "sent"
    DROPPED = "dropped"
    DEAD = "dead"


PENDING_DELIVERY = (DeliveryStatus.WAITING, DeliveryStatus.PARKED)
"""A delivery that plan may still decide about."""


class PushStatus(StrEnum):
    """Where one KF message stands."""

    SENDING = "sending"
    UNKNOWN = "unknown"
    GIVEN_UP = "given_up"
    SENT = "sent"
    FAILED = "failed"
    RECALLED = "recalled"
    REFUSED = "refused"
    NOT_SENT = "not_sent"


OPEN_PUSH = (PushStatus.SENDING, PushStatus.UNKNOWN)
"""A push that may still be accepted: it holds its slot, and its matches are not free."""

_MOVES: dict[PushStatus, frozenset[PushStatus]] = {
    PushStatus.SENDING: frozenset(
        {
            PushStatus.UNKNOWN,
            PushStatus.GIVEN_UP,
            PushStatus.SENT,
            PushStatus.FAILED,
            PushStatus.REFUSED,
            PushStatus.NOT_SENT,
        },
    ),
    PushStatus.UNKNOWN: frozenset(
        {
            PushStatus.GIVEN_UP,
            PushStatus.SENT,
            PushStatus.FAILED,
            PushStatus.REFUSED,
            PushStatus.NOT_SENT,
        },
    ),
    PushStatus.GIVEN_UP: frozenset({PushStatus.SENT, PushStatus.FAILED}),
    PushStatus.SENT: frozenset({PushStatus.FAILED, PushStatus.RECALLED}),
    PushStatus.FAILED: frozenset(),
    PushStatus.RECALLED: frozenset(),
    PushStatus.REFUSED: frozenset({PushStatus.SENT}),
    PushStatus.NOT_SENT: frozenset(),
}


def may_become(status: PushStatus, following: PushStatus) -> bool:
    """Whether a push in ``status`` may move to ``following``."""
    return following in _MOVES[status]


def sources_of(following: PushStatus) -> tuple[PushStatus, ...]:
    """Every status from which a push may move to ``following``, for a conditional UPDATE."""
    return tuple(status for status in PushStatus if may_become(status, following))


class Entry(StrEnum):
    """What a ``push_timeline`` row tells of; the happy path is told by the other tables' rows."""

    DEFERRED = "deferred"
    PARKED = "parked"
    DROPPED = "dropped"
    DEAD = "dead"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    GIVEN_UP = "given_up"
    FAILED = "failed"
    """WeChat said afterwards that it did not deliver; ``detail`` is its fail_type."""
    RECALLED = "recalled"
    URGENT = "urgent"
    """It went without waiting for others; ``detail`` is its producer's reason."""
    PERSON = "person"


class Effect(StrEnum):
    """What an inbound item did: the ``effect`` of its ``kf_inbound`` row."""

    WORD = "word"
    """The customer spoke: the window opened."""
    TAPPED = "tapped"
    """The customer tapped a menu item; see KFPUSH_MENU_CLICK_REOPENS."""
    ASKED = "asked"
    """A word or a tap that asked something of kfpush."""
    TOO_LATE = "too_late"
    """It asked something, before kfpush was there to hear it."""
    STOPPED = "stopped"
    RESUMED = "resumed"
    SEND_FAILED = "send_failed"
    RECALLED = "recalled"
    STATE = "state"
    """A servicer took, passed on, or ended the conversation, or wrote in it."""
    ENTERED = "entered"
    NOTED = "noted"
    """Understood, and without an effect."""
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"


BY_KFPUSH: Final = "kfpush"
"""Who made what nobody made by hand."""


class PauseScope(StrEnum):
    """What a pause stops: every push of the corp, those of one KF account, or those of one kind.

    Or one kind of message, by its msgtype: what would be of it goes as plain text meanwhile.
    """

    CORP = "corp"
    ACCOUNT = "account"
    KIND = "kind"
    MSGTYPE = "msgtype"
