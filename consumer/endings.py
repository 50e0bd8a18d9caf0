"""What a receipt means for its push: the letter rules, as one pure function.

    Ending  Delivered | Released(status, reason) | Replaced(status, reason) | Buried(status, reason)
            | StaysOpen(wait, reason)

A refusal of the moment ends a push only when every other attempt is accounted for: an earlier one may have
been accepted, its answer lost.  A refusal of the bytes or of the recipient, which never change, ends it at
once; so does one of the kind of message, but for a file that may have died since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from consumer.backoff import unknown_retry_delay
from consumer.wechat.errcodes import CHANGES_WITH_TIME
from schemas.decisions import Reason
from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown
from schemas.states import PauseScope, PushStatus

GIVE_UP_AFTER = timedelta(hours=72)
"""Reserved so long ago, a push of unknown outcome is given up: no retry can settle it any more."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """WeChat has the message; ``repeated`` says that it had it before this attempt."""

    repeated: bool


@dataclass(frozen=True, slots=True)
class Released:
    """The push ended without a message; its matches are free to be planned again."""

    status: PushStatus
    reason: Reason


@dataclass(frozen=True, slots=True)
class Replaced:
    """The push ended without a message; its matches go again, as another kind of message."""

    status: PushStatus
    reason: Reason


@dataclass(frozen=True, slots=True)
class Buried:
    """The push ended without a message; its matches are dead letters."""

    status: PushStatus
    reason: Reason


@dataclass(frozen=True, slots=True)
class StaysOpen:
    """The outcome is unknown: frozen for ``wait``; None is until something about the person changes."""

    wait: timedelta | None
    reason: Reason


Ending = Delivered | Released | Replaced | Buried | StaysOpen

_DEAD = {RefusalKind.CONTENT: Reason.CONTENT_REFUSED, RefusalKind.RECIPIENT: Reason.RECIPIENT_REFUSED}
_FREE = {
    RefusalKind.WINDOW: Reason.NO_SLOT,
    RefusalKind.THROTTLED: Reason.THROTTLED,
    RefusalKind.CORP_CONFIG: Reason.PAUSED,
    RefusalKind.ACCOUNT_CONFIG: Reason.PAUSED,
}


def ending(  # noqa: C901, PLR0911 - one line an ending
    receipt: Receipt, *, attempts: int, others_accounted: bool, jitter: float
) -> Ending:
    """Judge a receipt; ``attempts`` is how many the push has had, ``jitter`` is in [0, 1)."""
    match receipt:
        case Accepted(repeated):
            return Delivered(repeated)
        case Unknown():
            return StaysOpen(unknown_retry_delay(attempts, jitter), Reason.OUTCOME_UNKNOWN)
        case NotSent(cause):
            reason = Reason.LATE if cause is NotSentCause.LATE else Reason.OUTAGE
            return (
                Released(PushStatus.NOT_SENT, reason) if others_accounted else StaysOpen(timedelta(0), reason)
            )
        case Refused(_, kind) if kind in _DEAD:
            return Buried(PushStatus.REFUSED, _DEAD[kind])
        case Refused(_, RefusalKind.UNCLASSIFIED):
            if others_accounted:
                return Buried(PushStatus.REFUSED, Reason.UNCLASSIFIED)
            return StaysOpen(unknown_retry_delay(attempts, jitter), Reason.UNCLASSIFIED)
        case Refused(code, RefusalKind.KIND):
            # What died, was used up or unlinked since an earlier attempt: that one may be on the phone.
            if others_accounted or code not in CHANGES_WITH_TIME:
                return Replaced(PushStatus.REFUSED, Reason.KIND_REFUSED)
            return StaysOpen(unknown_retry_delay(attempts, jitter), Reason.KIND_REFUSED)
        case Refused(_, kind):
            if others_accounted:
                return Released(PushStatus.REFUSED, _FREE[kind])
            wait = None if kind is RefusalKind.WINDOW else unknown_retry_delay(attempts, jitter)
            return StaysOpen(wait, _FREE[kind])


def accounts_for_its_attempt(receipt: Receipt) -> bool:
    """Whether the attempt is now known to have put no message on the phone."""
    return isinstance(receipt, Refused | NotSent)


def exhausts_its_window(receipt: Receipt) -> bool:
    """Whether WeChat said that only a new word of the user's opens this conversation again."""
    return isinstance(receipt, Refused) and receipt.kind is RefusalKind.WINDOW


@dataclass(frozen=True, slots=True)
class Stoppage:
    """A pause that a receipt calls for; ``scope`` is the corp or one KF account."""

    scope: PauseScope
    reason: Reason
    errcode: int | None


def stoppage(receipt: Receipt) -> Stoppage | None:
    """Tell what has to be paused and probed before more is sent."""
    match receipt:
        case Refused(code, RefusalKind.CORP_CONFIG):
            return Stoppage(PauseScope.CORP, Reason.PAUSED, code)
        case Refused(code, RefusalKind.ACCOUNT_CONFIG):
            return Stoppage(PauseScope.ACCOUNT, Reason.PAUSED, code)
        case Refused(code, RefusalKind.THROTTLED):
            return Stoppage(PauseScope.CORP, Reason.THROTTLED, code)
        case NotSent(NotSentCause.NO_TOKEN, code):
            return Stoppage(PauseScope.CORP, Reason.OUTAGE if code is None else Reason.PAUSED, code)
        case _:
            return None


def ends_a_pause(receipt: Receipt, scope: PauseScope, reason: Reason) -> bool:
    """Whether this answer shows that what was paused for ``reason`` works again."""
    if not isinstance(receipt, Accepted | Refused) or reason is Reason.UNDELIVERED:
        return False  # what WeChat takes without delivering says nothing
    if scope is PauseScope.MSGTYPE:
        return isinstance(receipt, Accepted)
    if reason is Reason.OUTAGE:
        return True
    if isinstance(receipt, Refused) and receipt.kind is RefusalKind.UNCLASSIFIED:
        return reason is not Reason.UNCLASSIFIED
    stopped = stoppage(receipt)
    return stopped is None or (scope is PauseScope.CORP and stopped.scope is PauseScope.ACCOUNT)
