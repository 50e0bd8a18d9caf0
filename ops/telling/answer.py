"""The answer: where a match stands, why, and from when it may go.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from consumer.wechat.errcodes import REPEATED_MSGID
from ops.looking.journey import Ended, Halt, Place, Prospect, Push, Revision
from ops.telling import texts
from ops.telling.facts import advice_text, code_text, pause_text
from ops.telling.failtypes import fail_text
from ops.telling.said import Teller
from ops.telling.sentences import DELIVERIES, full, short
from schemas.decisions import Reason
from schemas.states import PENDING_DELIVERY, DeliveryStatus, PauseScope, PushStatus

SOON: Final = timedelta(seconds=5)
"""An instant this near is now, to a reader."""

_PLACES: Final = {
    Place.AHEAD: texts.AHEAD,
    Place.PENDING: texts.PENDING,
    Place.NOWHERE: texts.NOWHERE,
    None: texts.SOMEWHERE,
}


def answer(revision: Revision, now: datetime, ledger_problem: str | None, teller: Teller) -> Iterator[str]:
    """Answer for one revision, a paragraph each."""
    push = revision.pushes[-1] if revision.pushes else None
    if push is not None and push.status == PushStatus.FAILED and revision.status != DeliveryStatus.SENT:
        yield teller.say(texts.FAILED_WITH, why=fail_text(push.fail_type, teller))
    if revision.status is None:
        yield from _never_arrived(revision, ledger_problem, teller)
    elif revision.status in PENDING_DELIVERY:
        yield from _pending(revision, now, teller)
    elif revision.status == DeliveryStatus.SENDING and push is not None:
        yield from _open(push, revision.prospect, now, teller)
    elif revision.status == DeliveryStatus.SENT and push is not None:
        yield from _sent(push, teller)
    else:
        yield full(revision.reason or revision.status, teller.language)
        yield from _ended(revision, push, teller)


def _never_arrived(revision: Revision, ledger_problem: str | None, teller: Teller) -> Iterator[str]:
    if revision.buried:
        last = revision.buried[-1]
        yield full(Reason.CLOSED if last.dropped_at else last.reason, teller.language)
        return
    event = revision.committed[-1]
    if event.mirrored_at is None:
        yield teller.say(texts.NOT_MIRRORED)
    elif ledger_problem:
        yield teller.say(texts.LEDGER_AWAY, problem=ledger_problem)
    else:
        yield teller.say(_PLACES[event.place])


def _sent(push: Push, teller: Teller) -> Iterator[str]:
    if push.status == PushStatus.FAILED:
        yield teller.say(texts.FAILED)
        return
    if push.status == PushStatus.RECALLED:
        yield teller.say(texts.RECALLED)
        return
    if push.errcode == REPEATED_MSGID:
        yield teller.say(texts.HAD_IT_ALREADY, at=push.settled_at, account=push.open_kfid)
    else:
        yield teller.say(texts.ACCEPTED, at=push.accepted_at, account=push.open_kfid)


def _ended(revision: Revision, push: Push | None, teller: Teller) -> Iterator[str]:
    """What a person should know about a match that was dropped or died."""
    if push is None:
        return
    if push.errcode:
        yield teller.sentences(code_text(push.errcode, teller), advice_text(push.errcode, teller))
    if push.status == PushStatus.GIVEN_UP:
        if revision.reason != Reason.OUTCOME_UNKNOWN:
            yield teller.say(texts.NEVER_LEARNT)
        yield teller.say(texts.LOOK_AT_THE_PHONE)


def _open(push: Push, prospect: Prospect | None, now: datetime, teller: Teller) -> Iterator[str]:
    last = push.tries[-1]
    if len(push.tries) > 1 or last.ended is not Ended.UNDER_WAY:
        yield teller.say(texts.OFFERED_AGAIN)
    if last.ended is Ended.UNDER_WAY:
        yield teller.say(texts.ON_ITS_WAY, number=last.number)
    elif prospect is not None:
        yield from _next_try(prospect, now, teller)
    if push.gives_up_at is not None:
        yield teller.say(texts.GIVES_UP, at=push.gives_up_at)


def _next_try(prospect: Prospect, now: datetime, teller: Teller) -> Iterator[str]:
    if prospect.problem:
        yield teller.say(texts.UNDECIDABLE, problem=prospect.problem)
        return
    why = full(prospect.reason, teller.language) if prospect.reason else ""
    yield from _corp_paused(prospect, teller)
    if prospect.decision == "give_up":
        yield teller.say(texts.NEXT_IS_THE_LAST, why=why)
    elif prospect.decision in {"defer", "park"}:
        yield teller.say(texts.NEXT_TRY_WAITS, why=why)
    if prospect.may_go_from is not None:
        yield teller.say(texts.NEXT_TRY, at=max(prospect.may_go_from, now))


def _pending(revision: Revision, now: datetime, teller: Teller) -> Iterator[str]:
    prospect = revision.prospect
    if prospect is None or prospect.problem:
        if revision.reason:
            yield full(revision.reason, teller.language)
        yield teller.say(texts.UNDECIDABLE, problem=prospect.problem if prospect else "")
        return
    if _is_decided_otherwise(revision, prospect):
        yield teller.say(
            texts.LAST_DECIDED,
            at=revision.updated_at,
            status=teller.say(DELIVERIES[DeliveryStatus(revision.status or "")]),
            reason=short(revision.reason or "", teller.language),
        )
    if prospect.has_spoken:
        yield teller.say(texts.HAS_SPOKEN)
    yield from _corp_paused(prospect, teller)
    yield from _decided(revision, prospect, now, teller)


def _is_decided_otherwise(revision: Revision, prospect: Prospect) -> bool:
    return revision.reason not in {None, Reason.FRESH, prospect.reason}


def _decided(revision: Revision, prospect: Prospect, now: datetime, teller: Teller) -> Iterator[str]:
    """What the policy says now, and from when."""
    why = full(prospect.reason, teller.language) if prospect.reason else ""
    from_at, looks_at = prospect.may_go_from, prospect.looks_at or now
    match prospect.decision:
        case "send" if any(halt.scope == PauseScope.CORP and halt.is_ours for halt in prospect.pauses):
            yield teller.say(texts.GOES_AFTER_PAUSE, account=prospect.open_kfid)
        case "send" if looks_at <= now + SOON:
            yield teller.say(texts.GOES_NOW, account=prospect.open_kfid)
        case "send":
            yield teller.say(texts.GOES_WHEN_LOOKED_AT, account=prospect.open_kfid, at=looks_at)
        case "defer":
            yield teller.sentences(why, teller.say(texts.GOES_FROM, at=from_at) if from_at else "")
        case "park":
            why = _window(prospect, teller) if prospect.reason == Reason.WINDOW_CLOSED else why
            expires = teller.say(texts.EXPIRES, at=revision.expires_at) if revision.expires_at else ""
            yield teller.sentences(why, expires)
        case "drop":
            yield teller.say(texts.WILL_BE_DROPPED, at=looks_at, why=why)
        case _:
            yield teller.say(texts.TOO_MANY_WAIT)


def _window(prospect: Prospect, teller: Teller) -> str:
    """Why the window is closed to this match: it is over, or it ends too soon."""
    ends = [item.closes_at for item in prospect.conversations if item.is_open and item.closes_at]
    if ends:
        return teller.say(texts.CLOSES_TOO_SOON, closes=max(ends))
    opened = [item.opened_at for item in prospect.conversations if item.opened_at]
    return teller.say(texts.CLOSED_SINCE, opened=max(opened))


def _corp_paused(prospect: Prospect, teller: Teller) -> Iterator[str]:
    corp: list[Halt] = [halt for halt in prospect.pauses if halt.scope != PauseScope.ACCOUNT]
    yield from (pause_text(halt, teller) for halt in corp)
