"""Settle: what receipts mean becomes rows, in one transaction for a whole group of them.

Each receipt names its attempt, so settling may be repeated, late, out of order, or made by a process that has
lost its lease: any acceptance wins, refusals add up once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from consumer import overtaking, pauses, refusals, windows
from consumer.endings import (
    GIVE_UP_AFTER,
    Buried,
    Delivered,
    Released,
    Replaced,
    StaysOpen,
    accounts_for_its_attempt,
    ending,
    ends_a_pause,
    exhausts_its_window,
    stoppage,
)
from consumer.ledger import deliveries, offers, pushes, timeline, waking
from consumer.ledger.pushes import Attempt, Push
from consumer.ledger.timeline import Line
from consumer.send import Report
from consumer.wechat.errcodes import OF_ONE_USER, REPEATED_MSGID
from schemas.database import Transaction
from schemas.decisions import Reason
from schemas.receipts import Accepted, NotSent, Receipt, RefusalKind, Refused, Unknown
from schemas.states import OPEN_PUSH, Entry, PauseScope

IN_A_ROW: Final = 5
"""So many attempts without an answer are an outage; so many unclassified refusals pause the KF account."""


@dataclass
class Settled:
    """What a group of receipts changed."""

    entries: list[str] = field(default_factory=list)
    told: list[dict[str, object]] = field(default_factory=list)
    lost_media: bool = False
    """A file that we uploaded is not known to WeChat: it has to go up again."""
    paused: list[dict[str, object]] = field(default_factory=list)


class Runs:
    """How many attempts in a row ended without an answer, or unclassified per KF account, in this process."""

    def __init__(self) -> None:
        self.unknown = 0
        self.unclassified: Counter[str] = Counter()
        self.of_kind: Counter[str] = Counter()

    def copy(self) -> Runs:
        """The same counts apart, for a transaction that may not come to be."""
        runs = Runs()
        runs.unknown, runs.unclassified = self.unknown, self.unclassified.copy()
        runs.of_kind = self.of_kind.copy()
        return runs

    def count(self, receipt: Receipt, open_kfid: str, msgtype: str) -> None:
        """Take a receipt into account."""
        if isinstance(receipt, Unknown):
            self.unknown += 1
        elif isinstance(receipt, Accepted | Refused):
            self.unknown = 0
        if isinstance(receipt, Refused) and receipt.kind is RefusalKind.UNCLASSIFIED:
            self.unclassified[open_kfid] += 1
        elif isinstance(receipt, Accepted | Refused):
            self.unclassified.pop(open_kfid, None)
        if isinstance(receipt, Refused) and receipt.kind is RefusalKind.KIND:
            self.of_kind[msgtype] += receipt.code not in OF_ONE_USER
        elif isinstance(receipt, Accepted):
            self.of_kind.pop(msgtype, None)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a group is settled, by both clocks, and the dice it may use."""

    now: datetime
    wall: datetime
    jitter: float
    send_timeout: timedelta


def settle(tx: Transaction, reports: Sequence[Report], runs: Runs, moment: Moment) -> Settled:
    """Write what these receipts mean.  May be repeated, late or out of order: each names its attempt."""
    settled = Settled()
    # What WeChat took at once, nearly everything, needs no look at its row: any acceptance wins.
    judged = {item.attempt.push_id for item in reports if item.receipt != Accepted()}
    rows, accounted = (pushes.load(tx, judged), timeline.accounted(tx, judged)) if judged else ({}, {})
    lines = [_line(report) for report in reports if not isinstance(report.receipt, Accepted)]
    if lines:
        timeline.note(tx, lines, moment.now)
    _accept(tx, reports, rows, moment)
    active = pauses.active(tx, moment.now)
    for report in reports:
        outcome = "sent"
        if not isinstance(report.receipt, Accepted):
            push, number = rows[report.attempt.push_id], report.attempt.number
            others = set(range(1, push.attempts + 1)) - accounted[push.id] - {number}
            settled.lost_media |= refusals.forget_media(tx, report.receipt, push.letter, moment.now)
            outcome = _settle_one(tx, report, push, moment, others_accounted=not others)
            if accounts_for_its_attempt(report.receipt):
                # One by one, as if settled alone: a group must not end a push on news behind it.
                accounted[push.id] |= {number}
        letter = report.attempt.letter
        runs.count(report.receipt, letter.recipient.open_kfid, letter.msgtype)
        changed = _pause(tx, report, runs, active, moment.now)
        if changed:
            settled.paused += changed
            active = pauses.active(tx, moment.now)
        settled.told.append(_told(report, outcome))
    settled.entries = deliveries.entries_of(tx, {report.attempt.push_id for report in reports})
    return settled


def _accept(tx: Transaction, reports: Sequence[Report], rows: Mapping[int, Push], moment: Moment) -> None:
    """Write down what WeChat has; of what it had before this attempt, when it was taken at the latest."""
    accepted = []
    for report in reports:
        if isinstance(report.receipt, Accepted):
            push_id, repeated = report.attempt.push_id, report.receipt.repeated
            at = rows[push_id].tried_at + moment.send_timeout if repeated else moment.now
            accepted.append((push_id, at, REPEATED_MSGID if repeated else 0))
    if accepted:
        ids = [push_id for push_id, _, _ in accepted]
        pushes.accept(tx, accepted, moment.now)
        deliveries.sent(tx, ids, moment.now)
        # Their slots and their places in the day stay taken: only a newer revision is woken.
        waking.wake_behind(tx, ids, moment.now)


def _settle_one(
    tx: Transaction,
    report: Report,
    push: Push,
    moment: Moment,
    *,
    others_accounted: bool,
) -> str:
    """Apply a receipt that is no acceptance to its push; tell the ending's name."""
    now, letter = moment.now, push.letter
    if exhausts_its_window(report.receipt) and report.attempt.window_opened_at is not None:
        windows.exhaust(tx, letter.recipient, report.attempt.window_opened_at, now)
    decided = ending(
        report.receipt,
        attempts=push.attempts,
        others_accounted=others_accounted,
        jitter=moment.jitter,
    )
    assert not isinstance(decided, Delivered)  # noqa: S101 - acceptances were written before
    if push.status not in OPEN_PUSH:
        return push.status
    if letter.kind == pushes.ANSWER and isinstance(decided, Released) and isinstance(report.receipt, NotSent):
        # Somebody waits for it, and nothing left: the next round tries again, or finds it too late.
        decided = StaysOpen(timedelta(0), decided.reason)
    if isinstance(decided, StaysOpen):
        last = push.reserved_at + GIVE_UP_AFTER
        wait = decided.wait
        if wait is None and _has_spoken_since(tx, report.attempt):
            wait = timedelta(0)  # nobody wakes what was on its way when the word came
        until = last if wait is None else min(now + wait, last)
        errcode = report.receipt.code if isinstance(report.receipt, Refused) else None
        wall_until = moment.wall + (until - now)
        pushes.freeze(tx, push.id, report.attempt.number, wall_until, reason=decided.reason, errcode=errcode)
        return "unknown"
    errcode = report.receipt.code if isinstance(report.receipt, Refused | NotSent) else None
    if pushes.end(tx, push.id, decided.status, now, reason=decided.reason, errcode=errcode):
        # The person wakes first, so that what this very push frees keeps its own date.
        _wake(tx, push, moment)
        _ended(tx, push, decided, errcode, moment)
    return decided.status


def _ended(
    tx: Transaction,
    push: Push,
    decided: Released | Replaced | Buried,
    errcode: int | None,
    moment: Moment,
) -> None:
    """Let the matches of a push that ended without a message go on, or bury them."""
    now, letter = moment.now, push.letter
    match decided:
        case Released(_, reason):
            wait = pauses.THROTTLE_REST if reason is Reason.THROTTLED else timedelta(0)
            deliveries.freed(tx, push.id, reason, now, wait)
            overtaking.supersede(tx, {match_id for match_id, _ in letter.matches}, now)
            if letter.kind == pushes.ANSWER and not letter.matches and reason is not Reason.NO_SLOT:
                offers.offer_again(tx, push, moment.wall + wait)
        case Replaced():
            refusals.replace_kind(tx, push, errcode, moment.now, moment.wall)
        case Buried(_, Reason.CONTENT_REFUSED | Reason.UNCLASSIFIED) if len(letter.matches) > 1:
            # Which of them WeChat minds is not known: each goes by itself, and tells.
            deliveries.parted(tx, push.id, now)
        case Buried(_, reason):
            deliveries.buried(tx, push.id, reason, now)


def _has_spoken_since(tx: Transaction, attempt: Attempt) -> bool:
    """Whether the recipient's window has moved on since the attempt began."""
    opened_at = windows.opened_at(tx, attempt.letter.recipient)
    return opened_at is not None and (
        attempt.window_opened_at is None or opened_at > attempt.window_opened_at
    )


def _wake(tx: Transaction, push: Push, moment: Moment) -> None:
    phone = push.letter.recipient.external_userid
    waking.wake(tx, {push.letter.person, phone}, {push.letter.user_id}, moment.now)
    waking.wake_behind(tx, [push.id], moment.now)  # which may be another user's
    pushes.wake(tx, {phone}, moment.wall)


def _pause(
    tx: Transaction, report: Report, runs: Runs, active: Sequence[pauses.Pause], now: datetime
) -> list[dict[str, object]]:
    """Begin the pause that a receipt calls for, end those that it contradicts; tell what changed."""
    letter = report.attempt.letter
    account = letter.recipient.open_kfid
    targets = {PauseScope.ACCOUNT: account, PauseScope.MSGTYPE: letter.msgtype}
    changed: list[dict[str, object]] = []

    def begin(scope: PauseScope, reason: Reason, errcode: int | None) -> None:
        target = targets.get(scope, "")
        if pauses.begin(tx, scope, target, reason, errcode, now):
            changed.append({"event": "push.paused", "scope": scope, "target": target, "errcode": errcode})

    over = [
        pause
        for pause in active
        if pause.is_ours
        and pause.target == targets.get(pause.scope, "")
        and report.attempt.tried_at >= pause.paused_at  # one that left before says nothing about it
        and ends_a_pause(report.receipt, pause.scope, pause.reason)
    ]
    if over:
        pauses.end(tx, over, now)
        changed += [{"event": "push.resumed", "scope": pause.scope, "target": pause.target} for pause in over]
    stopped = stoppage(report.receipt)
    if stopped is not None:
        begin(stopped.scope, stopped.reason, stopped.errcode)
    elif runs.unknown >= IN_A_ROW:
        begin(PauseScope.CORP, Reason.OUTAGE, None)
    elif runs.unclassified[account] >= IN_A_ROW and isinstance(report.receipt, Refused):
        begin(PauseScope.ACCOUNT, Reason.UNCLASSIFIED, report.receipt.code)
    elif refusals.stops_its_kind(report.receipt, letter, runs.of_kind[letter.msgtype], IN_A_ROW):
        begin(PauseScope.MSGTYPE, Reason.KIND_REFUSED, getattr(report.receipt, "code", None))
    return changed


def _line(report: Report) -> Line:
    """The timeline's line of an attempt without acceptance; an unknown one accounts for nothing."""
    receipt, attempt = report.receipt, report.attempt
    number = attempt.number if accounts_for_its_attempt(receipt) else None
    match receipt:
        case Refused(code, kind):
            return Line(Entry.REFUSED, push_id=attempt.push_id, attempt=number, reason=kind, detail=str(code))
        case NotSent(cause, code):
            detail = None if code is None else str(code)
            return Line(Entry.NOT_SENT, push_id=attempt.push_id, attempt=number, reason=cause, detail=detail)
        case Unknown(cause):
            detail = f"attempt {attempt.number}: {cause}"
            return Line(Entry.UNKNOWN, push_id=attempt.push_id, detail=detail)
        case Accepted():
            raise AssertionError("an acceptance is told by the push's own row")


def _told(report: Report, outcome: str) -> dict[str, object]:
    """One wide event per attempt, with every fact and no personal data."""
    attempt, receipt = report.attempt, report.receipt
    return {
        "push_id": attempt.push_id,
        "msgid": attempt.letter.msgid,
        "attempt": attempt.number,
        "matches": [f"{match_id}:{revision}" for match_id, revision in attempt.letter.matches],
        "template": attempt.letter.template,
        "receipt": type(receipt).__name__.lower(),
        "repeated": getattr(receipt, "repeated", None),
        "errcode": getattr(receipt, "code", None),
        "kind": getattr(receipt, "kind", None),
        "cause": getattr(receipt, "cause", None),
        "outcome": outcome,
        "milliseconds": round(report.seconds * 1000, 1),
    }
