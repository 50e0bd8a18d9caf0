"""What decides now: windows, pauses, and what the user wants.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from consumer.facts import ServiceState
from consumer.wechat.errcodes import explain
from ops.looking.journey import Conversation, Halt, Prospect, Wishes
from ops.telling import texts
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import SCOPES, full
from schemas.decisions import Reason
from schemas.preferences import BatchMode
from schemas.states import PauseScope


def facts(prospect: Prospect, now: datetime, teller: Teller) -> Iterator[Said]:
    """Tell the facts that the policy judged by, one a line."""
    for halt in prospect.pauses:
        yield Said(pause_text(halt, teller), tone=Tone.BAD, depth=1)
    if not prospect.conversations:
        yield Said(teller.say(texts.NO_ACCOUNT), depth=1)
    for conversation in prospect.conversations:
        yield Said(_conversation(conversation, teller), depth=1)
    if prospect.wishes is not None:
        yield from _wishes(prospect.wishes, now, teller)


def pause_text(halt: Halt, teller: Teller) -> str:
    """Tell a pause: what, since when, why, what a person can do, and when it is tried or ends."""
    scope = teller.say(SCOPES[PauseScope(halt.scope)], target=halt.target)
    told = teller.say(texts.PAUSE, scope=scope, since=halt.paused_at, author=halt.author)
    if halt.probe_at is not None:
        end = teller.say(texts.PROBED, at=halt.probe_at)
    else:
        end = teller.say(texts.PAUSE_ENDS, at=halt.until) if halt.until else teller.say(texts.PAUSE_STAYS)
    if halt.note:
        told = teller.say(texts.BECAUSE, act=told, why=halt.note)
    if halt.errcode:
        return teller.sentences(told, code_text(halt.errcode, teller), advice_text(halt.errcode, teller), end)
    why = "" if halt.reason == Reason.PAUSED else full(halt.reason, teller.language)
    return teller.sentences(told, why, end)


def code_text(code: int, teller: Teller) -> str:
    """Tell what one of WeChat's codes means."""
    row = explain(code)
    means = row.means_zh if teller.language == "zh" else row.means
    return teller.say(texts.CODE_SAYS, code=code, means=means)


def advice_text(code: int, teller: Teller) -> str:
    """Tell what a person can do about one of WeChat's codes."""
    row = explain(code)
    return row.advice_zh if teller.language == "zh" else row.advice


def _conversation(item: Conversation, teller: Teller) -> str:
    if item.opened_at is None or item.closes_at is None:
        return teller.say(texts.ACCOUNT, account=item.open_kfid, state=teller.say(texts.NEVER_OPENED))
    window = texts.OPEN if item.is_open else texts.CLOSED
    state = [teller.say(window, closes=item.closes_at, opened=item.opened_at)]
    if item.is_open:
        state.append(teller.say(texts.USED, used=item.used))
        if item.kept_back:
            state.append(teller.say(texts.KEPT_BACK, kept=item.kept_back))
        if item.is_exhausted:
            state.append(teller.say(texts.EXHAUSTED))
    if item.service_state in {ServiceState.POOL, ServiceState.HUMAN}:
        state.append(teller.say(texts.HELD_BY_HUMAN))
    if item.service_state == ServiceState.ENDED:
        state.append(teller.say(texts.ENDED_BY_SERVICER))
    if item.is_muted:
        state.append(teller.say(texts.IS_MUTED))
    return teller.say(texts.ACCOUNT, account=item.open_kfid, state=teller.listed(state))


def _wishes(wishes: Wishes, now: datetime, teller: Teller) -> Iterator[Said]:
    for complaint in wishes.complaints:
        yield Said(teller.say(texts.UNREADABLE, complaint=complaint), tone=Tone.BAD, depth=1)
    if wishes.daily_limit is None:
        return  # unreadable: nothing below is known
    if wishes.quiet_hours is None:
        quiet = teller.say(texts.QUIET_NONE)
    elif wishes.quiet_until is not None and wishes.quiet_until > now:
        quiet = teller.say(texts.QUIET_NOW, hours=wishes.quiet_hours, until=wishes.quiet_until)
    else:
        quiet = teller.say(texts.QUIET_NOT_NOW, hours=wishes.quiet_hours)
    yield Said(quiet, depth=1)
    yield Said(teller.say(texts.TODAY, sent=wishes.sent_today, limit=wishes.daily_limit), depth=1)
    if wishes.batch_mode == BatchMode.DAILY:
        yield Said(teller.say(texts.DAILY_AT, at=wishes.preferred_time), depth=1)
    if wishes.score is not None:
        yield Said(teller.say(texts.SCORE, score=wishes.score, least=wishes.min_score), depth=1)
