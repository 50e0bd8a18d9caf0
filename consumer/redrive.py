"""What may become of one dead letter, whichever of the two kinds it is.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.decisions import Reason
from schemas.entries import decode
from schemas.errors import InvalidEvent, NewerEventVersion
from schemas.states import OPEN_PUSH, DeliveryStatus, PushStatus


class Kind(StrEnum):
    """What is dead: an entry that nobody could read, or a match that nobody could send."""

    ENTRY = "entry"
    MATCH = "match"


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter.  ``name`` is the match's key (``42:1``) or the entry's id (``1763800000000-0``).

    ``at`` is when it was buried.  ``status`` is the delivery's; an entry is ``dead`` until a person acts.
    """

    name: str
    kind: Kind
    at: datetime
    status: str
    reason: str
    match_id: str | None = None
    revision: int | None = None
    user_id: str | None = None
    intent_id: str | None = None
    expires_at: datetime | None = None
    is_overtaken: bool = False
    """Whether it was withdrawn, or a newer revision is here."""
    push_id: int | None = None
    push_status: str | None = None
    errcode: int | None = None
    error: str | None = None
    deliveries: int | None = None
    fields: Mapping[bytes, bytes] | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    closed_why: str | None = None


class Fate(StrEnum):
    """What a redrive, or a closing, makes of a letter."""

    WAITING = "waiting"
    """It is planned again at once."""
    EXPIRED = "expired"
    """The same, and planning will drop it: nobody wants it any more."""
    NEEDS_RESEND = "needs_resend"
    """Its message may have been seen: only a person who says so sends it again."""
    PUSH_OPEN = "push_open"
    """A push that carries it is still on its way."""
    UNREADABLE = "unreadable"
    """Today's code cannot read the entry either."""
    GONE = "gone"
    """Nothing but the entry's id was left when it was put aside."""
    OVER = "over"
    """It was sent, and is over since: taken up, it would only lose that ending."""
    NOT_DEAD = "not_dead"
    """It is no dead letter (any more)."""
    CLOSED = "closed"
    """A person closes it for good."""

    @property
    def is_moved(self) -> bool:
        """Whether the letter is taken up again, or closed."""
        return self in {Fate.WAITING, Fate.EXPIRED, Fate.CLOSED}


@dataclass(frozen=True, slots=True)
class Judged:
    """A letter and its fate; ``error`` says why today's code cannot read it."""

    letter: Letter
    fate: Fate
    error: str | None = None


def judge(letter: Letter, now: datetime, *, resend: bool) -> Judged:
    """Decide what a redrive makes of a letter; ``resend`` takes up what may have been seen, too."""
    if letter.kind is Kind.ENTRY:
        return _entry(letter)
    if letter.push_status in OPEN_PUSH:
        return Judged(letter, Fate.PUSH_OPEN)
    if may_have_been_seen(letter):
        if not resend:
            return Judged(letter, Fate.NEEDS_RESEND)
    elif letter.status != DeliveryStatus.DEAD:
        return Judged(letter, Fate.NOT_DEAD)
    is_expired = letter.expires_at is not None and letter.expires_at <= now
    if letter.status == DeliveryStatus.SENT and (is_expired or letter.is_overtaken):
        return Judged(letter, Fate.OVER)
    return Judged(letter, Fate.EXPIRED if is_expired else Fate.WAITING)


def judge_close(letter: Letter) -> Judged:
    """Decide whether a letter can be closed: what is not dead is none."""
    return Judged(letter, Fate.CLOSED if letter.status == DeliveryStatus.DEAD else Fate.NOT_DEAD)


def may_have_been_seen(letter: Letter) -> bool:
    """Whether the user may have, or has, the message: it was given up without an answer, or accepted."""
    if letter.status == DeliveryStatus.DEAD:
        return letter.reason == Reason.OUTCOME_UNKNOWN
    if letter.status == DeliveryStatus.DROPPED:
        return letter.push_status == PushStatus.GIVEN_UP
    return letter.status == DeliveryStatus.SENT


def _entry(letter: Letter) -> Judged:
    if letter.status != DeliveryStatus.DEAD:
        return Judged(letter, Fate.NOT_DEAD)
    if letter.fields is None:
        return Judged(letter, Fate.GONE)
    try:
        decode(letter.fields)
    except NewerEventVersion:
        return Judged(letter, Fate.WAITING)  # it becomes a row that waits for newer code
    except InvalidEvent as error:
        return Judged(letter, Fate.UNREADABLE, str(error))
    except Exception as error:  # noqa: BLE001 - a fault of ours on one entry, as when it was put aside
        return Judged(letter, Fate.UNREADABLE, f"kfpush itself failed on it: {type(error).__name__}")
    return Judged(letter, Fate.WAITING)
