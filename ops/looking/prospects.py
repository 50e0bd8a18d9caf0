"""An outlook becomes a prospect: what is decided now, from when it may go, and the facts behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from consumer.facts import Person, Window
from consumer.outlook import Outlook
from consumer.pauses import Pause, corp_pause
from consumer.quiet import is_quiet, quiet_until
from consumer.retry import GiveUp
from ops.looking.journey import Conversation, Halt, Prospect, Wishes
from schemas.decisions import Decision, Defer, Drop, Park, Reason, Send
from schemas.preferences import Unreadable

UNTOLD = Prospect(
    None, None, None, None, None, has_spoken=False, conversations=(), pauses=(), wishes=None, problem=None
)


def without(problem: str | None, *, reason: Reason | None = None) -> Prospect:
    """Make the prospect of a match that nothing can be decided about now."""
    return replace(UNTOLD, decision="park" if reason else None, reason=reason, problem=problem)


def prospect_of(
    outlook: Outlook, user_id: str, score: float | None, looks_at: datetime | None, now: datetime
) -> Prospect:
    """Describe an outlook; ``looks_at`` is when kfpush itself would look at it next, in business time."""
    if outlook.has_spoken or looks_at is None or looks_at < now:
        looks_at = now
    decision, reason, from_at = _named(outlook.decision, looks_at)
    chosen = outlook.decision.recipient.open_kfid if isinstance(outlook.decision, Send) else None
    return Prospect(
        decision=decision,
        reason=reason,
        may_go_from=_after_pause(from_at, reason, outlook.pauses),
        looks_at=looks_at,
        open_kfid=chosen,
        has_spoken=outlook.has_spoken,
        conversations=tuple(_conversation(window, outlook.person, now) for window in outlook.person.windows),
        pauses=tuple(halt_of(pause) for pause in outlook.pauses),
        wishes=_wishes(outlook, user_id, score, now),
        problem=None,
    )


def halt_of(pause: Pause) -> Halt:
    """Describe a pause."""
    return Halt(
        pause.scope,
        pause.target,
        pause.reason,
        pause.errcode,
        pause.author,
        pause.paused_at,
        pause.until,
        pause.probe_at,
        pause.note,
    )


def _named(
    decision: Decision | GiveUp | None, looks_at: datetime
) -> tuple[str | None, Reason | None, datetime | None]:
    """Name a decision, with its reason, and the earliest instant at which it may leave."""
    match decision:
        case Send():
            return "send", None, looks_at
        case Defer(until, reason):
            return "defer", reason, max(until, looks_at)
        case Park(reason):
            return "park", reason, None
        case Drop(reason):
            return "drop", reason, None
        case GiveUp(dropped):
            return "give_up", dropped or Reason.OUTCOME_UNKNOWN, None
        case None:
            return None, None, None


def _after_pause(from_at: datetime | None, reason: Reason | None, pauses: Sequence[Pause]) -> datetime | None:
    """Nothing of a paused corp leaves before the pause is probed or over; a person's may have no end."""
    if reason is Reason.PAUSED and any(not pause.is_ours and pause.until is None for pause in pauses):
        return None
    corp = corp_pause(pauses)
    if from_at is None or corp is None or corp.probe_at is None:
        return from_at
    return max(from_at, corp.probe_at)


def _conversation(window: Window, person: Person, now: datetime) -> Conversation:
    closes_at = window.closes_at
    return Conversation(
        open_kfid=window.recipient.open_kfid,
        external_userid=window.recipient.external_userid,
        opened_at=window.opened_at,
        closes_at=closes_at,
        is_open=closes_at is not None and closes_at - person.send_timeout > now,
        used=window.used,
        kept_back=person.slots_kept_back,
        left=window.slots_left(person.slots_kept_back),
        is_exhausted=window.is_exhausted,
        is_muted=window.muted,
        service_state=window.service_state,
    )


def _wishes(outlook: Outlook, user_id: str, score: float | None, now: datetime) -> Wishes:
    user = outlook.person.users[user_id]
    preferences = user.preferences
    if isinstance(preferences, Unreadable):
        nothing = (None,) * 7
        return Wishes(preferences.enabled, preferences.stopped, *nothing, score, outlook.complaints)
    quiet = preferences.quiet
    is_now = is_quiet(quiet, preferences.zone, now)
    return Wishes(
        enabled=preferences.enabled,
        stopped=preferences.stopped,
        quiet_hours=None if quiet is None else str(quiet),
        quiet_until=quiet_until(quiet, preferences.zone, now) if is_now else None,
        daily_limit=preferences.daily_limit,
        sent_today=user.today,
        batch_mode=preferences.batch_mode,
        preferred_time=f"{preferences.preferred_time:%H:%M}",
        min_score=preferences.min_score,
        score=score,
        complaints=outlook.complaints,
    )
