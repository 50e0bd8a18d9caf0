"""Summaries that are due, in one exclusive transaction: letters are written, and when the next are due.

So of several consumers one writes, and after a downtime there is one summary and not many: its msgid is of
the user and the local date.  The letters are offered, as answers are: the next round of planning asks every
gate and makes the first attempt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

import structlog

from consumer import pauses, preferences, summary, windows, wordings
from consumer.book import Reader
from consumer.compose import msgid_of
from consumer.content import Content
from consumer.facts import Person
from consumer.gather import HostInputs, Known, Rules, gather
from consumer.ledger import deliveries, offers, recent, summaries
from consumer.ledger.deliveries import Key, Verdict, Waiting
from consumer.ledger.pushes import SUMMARY, Draft, Letter
from consumer.ledger.recent import Sent
from consumer.ledger.summaries import Scheduled
from consumer.plain import as_summary
from consumer.planner import plan
from consumer.policy import judge
from consumer.quiet import day_start
from consumer.summary import Day
from consumer.templates import Template, match_values
from schemas import host_values
from schemas.database import Transaction, is_storage
from schemas.decisions import Decision, Defer, Drop, Park, Reason, RecipientKey, Send
from schemas.kf import text_body
from schemas.preferences import Preferences, Unreadable
from schemas.states import DeliveryStatus

SET_ASIDE: Final = timedelta(hours=1)
REACH: Final = timedelta(days=7)
"""A summary tells of no more days than this, however long nobody could be told."""

OFFERED: Final = "offered"
NOTHING: Final = "nothing"
"""Results that are no reason of a refusal; they are stored and never change."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Result:
    """How a user's row stands now (None: it goes), and the letter that was written, if one was."""

    after: Scheduled | None
    draft: Draft | None = None
    behind: tuple[Waiting, ...] = ()


def summarize(
    tx: Transaction,
    users: Sequence[str],
    inputs: HostInputs,
    rules: Rules,
    installation: str,
    *,
    now: datetime,
    wall: datetime,
) -> int:
    """Write the summaries of those of these users for whom they are due; tell how many letters."""
    if not (rows := summaries.still_due(tx, users, now)):
        return 0

    def work(some: Sequence[Scheduled]) -> int:
        return _summarize(_Desk(tx, some, inputs, rules, installation, now), wall)

    return _together(tx, rows, work, now)


def _together(
    tx: Transaction, rows: Sequence[Scheduled], work: Callable[[Sequence[Scheduled]], int], now: datetime
) -> int:
    """See to some users together; where somebody's data breaks that, one by one, but for whom it breaks."""
    try:
        with tx.savepoint():
            return work(rows)
    except Exception as error:
        if is_storage(error):
            raise
        if len(rows) > 1:
            return sum(_together(tx, [row], work, now) for row in rows)
        log.exception("summary.broke")
        summaries.write(tx, [replace(rows[0], due_at=now + SET_ASIDE, result=Reason.PLANNING_FAILED)], now)
        return 0


def _summarize(desk: _Desk, wall: datetime) -> int:
    tx, now = desk.tx, desk.now
    rows = [row for row in desk.rows if row.user_id not in desk.unread]  # who is, is still due
    results = [desk.see_to(row) for row in rows]
    letters = [(result, result.draft) for result in results if result.draft is not None]
    ids = offers.offer(tx, [draft for _, draft in letters], wall, now)
    reserved: list[tuple[Key, int, str]] = []
    behind: list[Verdict] = []
    for (result, draft), push_id in zip(letters, ids, strict=True):
        if push_id is not None:  # None: this occasion had its summary before
            person = draft.letter.person
            reserved += [(key, push_id, person) for key in draft.letter.matches]
            behind += [
                Verdict(row.key, DeliveryStatus.PARKED, Reason.MORE, row.candidate.expires_at, person)
                for row in result.behind
            ]
    deliveries.reserve(tx, reserved, now)
    deliveries.place(tx, behind, now)
    summaries.write(tx, [result.after for result in results if result.after is not None], now)
    gone = [row.user_id for row, result in zip(rows, results, strict=True) if result.after is None]
    summaries.forget(tx, gone)
    return sum(push_id is not None for push_id in ids)


@dataclass
class _Desk:
    """One round of summaries; all that concerns them is read at the beginning."""

    tx: Transaction
    rows: Sequence[Scheduled]
    inputs: HostInputs
    rules: Rules
    installation: str
    now: datetime
    _known: dict[str, Known] = field(default_factory=dict)
    _taken: Counter[RecipientKey] = field(default_factory=Counter)
    """Slots that letters of this very round take."""
    unread: frozenset[str] = frozenset()
    """Users whose matches were not read: those of the others are as many as one transaction may hold."""

    def __post_init__(self) -> None:
        tx, now = self.tx, self.now
        users = [row.user_id for row in self.rows]
        # What the host newly heard is not written down yet; planning does that.
        words, _ = windows.unheard(tx, self.inputs.sessions, self.rules.host_zone, now)
        for known in gather(tx, self.inputs, users, self.rules, now, words=words):
            self._known |= dict.fromkeys(known.group.user_ids, known)
        self._chosen = preferences.settings_of(tx, users)
        self._pauses = pauses.active(tx, now)
        self._since = {row.user_id: since for row in self.rows if (since := self._begins(row)) is not None}
        self._sent = recent.sent_since(tx, self._since)
        pending = deliveries.pending_rows(tx, [[user_id] for user_id in self._since], now)
        self.unread = frozenset(self._since.keys() - pending.keys())
        self._book = wordings.choose(tx, self.inputs.templates, now)
        self._pending = {
            user_id: [row for row in deliveries.understood(tx, found) if not self._content.blocked(row.match)]
            for user_id, found in pending.items()
            if not self._book.holds_out(self._reader(user_id))
        }

    def see_to(self, row: Scheduled) -> _Result:
        """Tell what is done about one user."""
        chosen = self._chosen.get(row.user_id, {}).get("summary")
        wish = summary.wish_of(chosen, self.rules.summary)
        if wish is None:
            # Who chose that keeps the row: the next match would only make another.
            never = replace(row, due_at=None, schedule=None, occasion=None)
            return _Result(None if host_values.is_unset(chosen) else never)
        wishes = self._wishes(row.user_id)
        if isinstance(wishes, Unreadable):
            reason = Reason.UNREADABLE_PREFERENCES
            return _Result(replace(row, due_at=self.now + SET_ASIDE, result=reason))
        schedule = summary.written(wish, wishes.zone)
        following = summary.next_occasion(wish, wishes.zone, self.now)
        later = replace(row, due_at=following, schedule=schedule, occasion=following)
        if row.schedule != schedule or row.occasion is None or row.occasion > self.now:
            return _Result(later)
        try:
            return self._tell(row, later, row.occasion, wishes)
        except Exception:  # one user's data must not stop everybody's summaries
            log.exception("summary.broke")
            return _Result(replace(later, result=Reason.PLANNING_FAILED))

    @property
    def _content(self) -> Content:
        """What must not be said."""
        return self.rules.words.content

    def _wishes(self, user_id: str) -> Preferences | Unreadable:
        return self._known[user_id].facts.users[user_id].preferences

    def _begins(self, row: Scheduled) -> datetime | None:
        """From when on a summary tells; None where none is due."""
        wishes = self._wishes(row.user_id)
        if row.occasion is None or isinstance(wishes, Unreadable):
            return None
        return max(row.told_at or day_start(wishes.zone, row.occasion), self.now - REACH)

    def _tell(self, row: Scheduled, later: Scheduled, occasion: datetime, wishes: Preferences) -> _Result:
        """Write what there is to say, if it may go."""
        user_id, now = row.user_id, self.now
        pending, sent = self._pending.get(user_id, []), self._sent.get(user_id, [])
        day = self._day(user_id, pending, sent)
        on, of_date = now.astimezone(wishes.zone).date(), occasion.astimezone(wishes.zone).date()
        is_wished = not host_values.is_unset(self._chosen.get(user_id, {}).get("summary"))
        facts = self._facts(user_id)
        judged, _ = as_summary(facts, user_id, (), now)
        refused: list[Decision] = []
        by_key = {item.key: item for item in pending}
        for planned in plan(
            judged, [replace(item.candidate, released=True, told=False, alone=False) for item in pending], now
        ):
            if isinstance(planned.decision, Send):
                carried = [by_key[match.match_id, match.revision] for match in planned.matches]
                behind = tuple(by_key[match.match_id, match.revision] for match in planned.behind)
                values = [
                    match_values(self._content.cleaned(item.match), n) for n, item in enumerate(carried, 1)
                ]
                line = self._line(user_id)
                text = summary.text_of(day, values, on, line, more=len(behind), is_wished=is_wished)
                draft = self._draft(user_id, of_date, planned.decision, text, [item.key for item in carried])
                return _Result(replace(later, told_at=occasion, result=OFFERED), draft, behind)
            if not isinstance(planned.decision, Drop):
                refused.append(planned.decision)
        there = [
            self._content.cleaned(item.match)
            for item in sent
            if item.match is not None and not self._content.blocked(item.match)
        ]
        if not refused and is_wished and there and not self._book.holds_out(self._reader(user_id)):
            judged, [message] = as_summary(facts, user_id, (), now)
            decision = judge(judged, message, now)
            if isinstance(decision, Send):
                text = summary.recap_of(day, [match_values(match, 1) for match in there], on)
                draft = self._draft(user_id, of_date, decision, text, [])
                return _Result(replace(later, told_at=occasion, result=OFFERED), draft)
            refused.append(decision)
        return _Result(_not_now(row, later, refused))

    def _day(self, user_id: str, pending: Sequence[Waiting], sent: Sequence[Sent]) -> Day:
        since = self._since[user_id]
        arrived = [item.candidate.created_at for item in pending] + [item.arrived_at for item in sent]
        return Day(sum(at >= since for at in arrived), len(sent))

    def _facts(self, user_id: str) -> Person:
        """The person as pauses, and what this round has written, leave them."""
        facts, corp = self._known[user_id].facts, pauses.corp_pause(self._pauses)
        held = [pauses.held_until(self._pauses, SUMMARY, self.now)]
        if corp is not None and not corp.may_probe(self.now):
            held.append(corp.looks_again_at(self.now))
        return replace(
            facts,
            paused=pauses.paused_accounts(self._pauses, self.now),
            held=max(filter(None, held), default=None),
            windows=tuple(
                window.with_more(self._taken[window.recipient]) if self._taken[window.recipient] else window
                for window in facts.windows
            ),
        )

    def _line(self, user_id: str) -> Template | None:
        """How the operator words one match of many, if they do."""
        wording = self._book.digest_for(self._reader(user_id))
        return wording.template if wording else None

    def _reader(self, user_id: str) -> Reader:
        return Reader(user_id, self._known[user_id].locales.get(user_id, ""))

    def _draft(
        self, user_id: str, occasion: date, decision: Send, text: str, carries: Sequence[Key]
    ) -> Draft:
        known, recipient = self._known[user_id], decision.recipient
        msgid = msgid_of(self.installation, SUMMARY, [user_id, occasion])
        self._taken[recipient] += 1
        letter = Letter(
            msgid=msgid,
            recipient=recipient,
            user_id=user_id,
            person=known.group.name,
            matches=tuple(carries),
            body=text_body(
                touser=recipient.external_userid,
                open_kfid=recipient.open_kfid,
                msgid=msgid,
                content=text,
            ),
            kind=SUMMARY,
            template=SUMMARY,
        )
        opened_at = next(window.opened_at for window in known.facts.windows if window.recipient == recipient)
        letter = replace(letter, body=self._content.guarded(letter.body))
        return Draft(letter, decision.send_by, opened_at)


def _not_now(row: Scheduled, later: Scheduled, refused: Sequence[Decision]) -> Scheduled:
    """Wait for what opens before the next occasion; else this one is left out, and the row says why."""
    if not refused:
        return replace(later, result=NOTHING)
    deferred = [decision for decision in refused if isinstance(decision, Defer)]
    soonest = min(deferred, key=lambda decision: decision.until, default=None)
    if soonest is not None and later.due_at is not None and soonest.until < later.due_at:
        return replace(row, due_at=soonest.until, result=soonest.reason)
    return replace(later, result=next(d.reason for d in refused if isinstance(d, Defer | Park | Drop)))
