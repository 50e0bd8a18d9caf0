"""Messages that WeChat took and did not deliver: push, matches and pauses are put right, once.

Whichever comes first, this or our own settle: the push only moves right, and what follows is done by the
transaction that moved it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from consumer import overtaking, pauses
from consumer.facts import Window
from consumer.inbound.failures import Failure, Then, failure_of
from consumer.inbound.heard import Heard
from consumer.ledger import deliveries, lookup, pushes, timeline, waking
from consumer.ledger.pushes import Push
from consumer.ledger.timeline import Line
from consumer.releasing import RELEASE_AFTER
from schemas.database import Transaction
from schemas.decisions import Reason, RecipientKey
from schemas.kf_items import SendFail
from schemas.kf_kinds import Kind
from schemas.states import DeliveryStatus, Entry, PauseScope, PushStatus
from schemas.times import to_text

NEWS: Final = timedelta(minutes=10)
"""An older failure pauses nothing: what was wrong may have been put right since."""

ARRIVES_WITHIN: Final = timedelta(minutes=2)
"""So long after WeChat took it, a message of which nothing was heard has arrived."""

LATELY: Final = 20_000
"""Among so many of the latest pushes the last probe is found: WeChat takes no more in two minutes."""

MOST_TIMES: Final = 5
"""A match that failed so often for the account's or the corp's sake needs a person."""


def settle(
    tx: Transaction,
    heard: Sequence[Heard],
    concerned: Mapping[str, Push],
    after: Mapping[RecipientKey, Window],
    now: datetime,
) -> list[str]:
    """Settle a page's failures; tell which accounts (empty: the corp) that paused."""
    paused: list[str] = []
    for one in heard:
        body = one.item.body
        if not isinstance(body, SendFail):
            continue
        failure, push = failure_of(body.fail_type), concerned.get(body.msgid)
        is_news = now - one.at <= NEWS
        if is_news and failure.stops is not None and one.recipient is not None:
            paused += _pause(tx, failure.stops, one.recipient.open_kfid, now)
        if push is not None and pushes.fail(tx, push.id, _reason(failure), one.at, now):
            line = Line(
                Entry.FAILED, push_id=push.id, reason=_reason(failure), detail=_detail(body.fail_type)
            )
            timeline.note(tx, [line], now)
            _free(tx, push, failure, after.get(push.letter.recipient), now)
    return paused


def end_pauses(tx: Transaction, now: datetime) -> list[str]:
    """End the pauses after which a message was taken and, for some minutes, nobody said that it failed.

    Called when all that WeChat has to say was read; tells which accounts (empty: the corp) go on.
    """
    over = [
        pause
        for pause in pauses.active(tx, now)
        if pause.is_ours and pause.reason is Reason.UNDELIVERED and _has_arrived(tx, pause, now)
    ]
    pauses.end(tx, over, now)
    return [pause.target for pause in over]


def _has_arrived(tx: Transaction, pause: pauses.Pause, now: datetime) -> bool:
    """Whether the last message that was tried since the pause began has been with WeChat for long enough."""
    before = to_text(now - ARRIVES_WITHIN)
    for row in lookup.latest_of(tx, pause.target or None, pause.paused_at, LATELY):
        if row["status"] == PushStatus.FAILED and row["reason"] == Reason.UNDELIVERED:
            return False
        if row["status"] == PushStatus.SENT:
            return bool(row["accepted_at"] <= before)
    return False


def _reason(failure: Failure) -> Reason:
    """Why the message is no message: of the trouble's own pause it is told elsewhere."""
    return failure.reason if failure.then is Then.AFTER_A_WORD else Reason.UNDELIVERED


def _detail(fail_type: int | None) -> str | None:
    return None if fail_type is None else str(fail_type)


def _pause(tx: Transaction, scope: PauseScope, account: str, now: datetime) -> list[str]:
    target = account if scope is PauseScope.ACCOUNT else ""
    return [target] if pauses.begin(tx, scope, target, Reason.UNDELIVERED, None, now) else []


def _free(tx: Transaction, push: Push, failure: Failure, window: Window | None, now: datetime) -> None:
    """Let the matches be sent again as a new message when that can help; the person's others wake first."""
    letter = push.letter
    phone = letter.recipient.external_userid
    waking.wake(tx, {letter.person, phone}, {letter.user_id}, now)
    waking.wake_behind(tx, [push.id], now)
    status, reason, due_at = _again(push, failure, window, deliveries.times_sent(tx, push.id), now)
    deliveries.undelivered(tx, push.id, status, reason, due_at, now)
    if reason is Reason.KIND_REFUSED:
        deliveries.made_plain(tx, push.id)
        pauses.begin(tx, PauseScope.MSGTYPE, letter.msgtype, reason, None, now)
    if status is not DeliveryStatus.DEAD:
        overtaking.supersede(tx, {match_id for match_id, _ in letter.matches}, now)


def _again(
    push: Push, failure: Failure, window: Window | None, times: int, now: datetime
) -> tuple[DeliveryStatus, Reason, datetime | None]:
    """Tell where the matches go, why, and when they are looked at."""
    match failure.then:
        case Then.AFTER_A_WORD if _has_spoken_since(push, window):
            return DeliveryStatus.WAITING, Reason.RELEASED, now + RELEASE_AFTER
        case Then.AFTER_A_WORD:
            return DeliveryStatus.PARKED, failure.reason, None
        case Then.AS_TEXT if push.letter.msgtype != Kind.TEXT:
            return DeliveryStatus.WAITING, failure.reason, now
        case Then.AFTER_THE_PAUSE if times < MOST_TIMES:
            return DeliveryStatus.WAITING, failure.reason, now
        case _:
            return DeliveryStatus.DEAD, Reason.UNDELIVERED, None


def _has_spoken_since(push: Push, window: Window | None) -> bool:
    """Whether a word came after the window that the message was sent in."""
    if window is None or window.opened_at is None or window.muted:
        return False
    return push.window_opened_at is None or window.opened_at > push.window_opened_at
