"""Plan: due pushes, then due people, become decisions and letters, in ONE exclusive transaction.

Gather (the host's inputs, then our rows), call the pure planner, apply.  The transaction that reserves a push
is the moment of sending: every gate is checked in it.  What comes out are attempts for the sender, and the
stream entries whose walk ended here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import structlog

from consumer import pauses, windows, wordings
from consumer.drafts import Composer, Decided, Reserved
from consumer.endings import GIVE_UP_AFTER
from consumer.facts import Person, Session
from consumer.gather import HostInputs, Known, Rules, gather
from consumer.kinds import as_judged
from consumer.ledger import deliveries, pushes, timeline, waking
from consumer.ledger.deliveries import Key, Verdict
from consumer.ledger.pushes import Attempt, Push
from consumer.ledger.timeline import Line
from consumer.plain import LIFETIME
from consumer.planner import plan
from consumer.retry import GiveUp, judge_retry
from consumer.verdicts import changes, told, verdict_of
from schemas.database import Row, Transaction, is_storage
from schemas.decisions import Defer, Drop, Park, Reason, RecipientKey, Send
from schemas.states import Entry, PauseScope, PushStatus

MOST_DUE_ROWS = 200
"""So many due rows at most are looked at in one go."""

LEAST_PEOPLE = 16
"""So many people at least are decided about together, however few places are left."""

MOST_ROWS = 600
"""A round that has judged so many rows ends: nobody else may write meanwhile."""

SET_ASIDE = timedelta(hours=1)
"""What a fault of ours concerns is looked at again after this long."""

STAND_BY = 8
"""So many people of a paused KF account are looked at when it is probed; the others once it is over."""

ROWS_A_PLACE = 4
"""So many due rows are looked at for each place of the sender; those that cannot go cost next to nothing."""


_BEHIND: Final[Defer | Park | Drop] = Park(Reason.MORE)
"""What becomes of matches that a message told of and had no room for."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """What is due now, read before the exclusive transaction; it is looked at again inside."""

    user_ids: tuple[str, ...]
    pushes: tuple[Push, ...]
    is_lifted: bool = False
    """A pause is over, and what it held is not awake yet."""

    def __bool__(self) -> bool:
        return bool(self.user_ids or self.pushes or self.is_lifted)

    @property
    def phones(self) -> frozenset[str]:
        """The external_userids of due pushes."""
        return frozenset(push.letter.recipient.external_userid for push in self.pushes)

    @property
    def users(self) -> frozenset[str]:
        """Everybody whose inputs are needed."""
        return frozenset((*self.user_ids, *(push.letter.user_id for push in self.pushes)))


@dataclass
class Outcome:
    """What one round of planning did."""

    attempts: list[Attempt] = field(default_factory=list)
    entries: list[str] = field(default_factory=list)
    decided: int = 0
    complaints: list[str] = field(default_factory=list)

    def copy(self) -> Outcome:
        """The same apart, for a part that may be taken back."""
        return Outcome(list(self.attempts), list(self.entries), self.decided, list(self.complaints))


def find_due(
    tx: Transaction, now: datetime, wall: datetime, places: int, rows_a_place: int = ROWS_A_PLACE
) -> Due:
    """Read whose matches and which pushes are due; a corp that is paused has nothing due but a probe."""
    corp = pauses.corp_pause(pauses.active(tx, now))
    is_lifted = pauses.are_over(tx, now)
    if corp is not None:
        if not corp.may_probe(now):
            return Due((), (), is_lifted)
        places = 1
    due_pushes = tuple(pushes.due(tx, wall, places))
    rows = 1 if corp is not None else min(MOST_DUE_ROWS, rows_a_place * places)
    return Due(deliveries.due_users(tx, now, rows), due_pushes, is_lifted)


@dataclass(frozen=True, slots=True)
class Clock:
    """The two clocks of one round: business time for rules, wall time for leases."""

    now: datetime
    wall: datetime

    def wall_of(self, business: datetime) -> datetime:
        """When, by the wall, a business instant comes."""
        return self.wall + (business - self.now)


class Round:
    """One exclusive transaction of planning; made anew for each."""

    def __init__(self, tx: Transaction, clock: Clock, rules: Rules, holder: str, places: int) -> None:
        self._tx = tx
        self._clock = clock
        self._rules = rules
        self._holder = holder
        self._pauses = pauses.active(tx, clock.now)
        self._corp = pauses.corp_pause(self._pauses)
        self._places = places if self._corp is None else min(places, 1)
        self._paused = pauses.paused_accounts(self._pauses, clock.now)
        self._standing_by: Counter[str] = Counter()
        self._rows_left = MOST_ROWS
        self.outcome = Outcome()

    def run(self, due: Due, inputs: HostInputs, installation: str) -> Outcome:
        """Wake what is no longer paused, raise windows, retry due pushes, then plan due people."""
        if due.is_lifted:
            self._lift()
        if self._corp is not None and not self._corp.may_probe(self._clock.now):
            return self.outcome
        raised = windows.raise_from_host(self._tx, inputs.sessions, self._rules.host_zone, self._clock.now)
        self.outcome.complaints += (*inputs.complaints, *raised.complaints)
        self._wake(raised.people, inputs)
        self._retry_pushes(due, inputs)
        if self._places > 0 and due.user_ids:
            self._plan_people(due, inputs, installation)
        return self.outcome

    def _lift(self) -> None:
        """The wake rule, for pauses that are over; what is left of them goes with the last they held."""
        rows = waking.wake_paused(self._tx, self._clock.now, MOST_ROWS)
        frozen = pushes.wake_paused(self._tx, self._clock.wall, MOST_ROWS)
        if max(rows, frozen) < MOST_ROWS:
            pauses.forget(self._tx, self._clock.now)
        self.outcome.decided += rows + frozen

    def _halted(self, facts: Person, kind: str) -> Person:
        """The person as the pauses leave them: only so many of an account stand by for its probe."""
        if not self._pauses:
            return facts
        now = self._clock.now
        later = now + pauses.LONGEST_LOOK
        accounts = {window.recipient.open_kfid for window in facts.windows} & self._paused.keys()
        paused = {
            account: self._paused[account]
            if self._standing_by[account] < STAND_BY
            else max(self._paused[account], later)
            for account in accounts
        }
        self._standing_by.update(accounts)
        return replace(facts, paused=paused, held=pauses.held_until(self._pauses, kind, now))

    def _retry_pushes(self, due: Due, inputs: HostInputs) -> None:
        for push in pushes.still_due(self._tx, [push.id for push in due.pushes], self._clock.wall):
            if self._places <= 0:
                return
            try:
                with self._tx.savepoint():
                    self._retry(push, inputs)
            except Exception as error:
                if is_storage(error):
                    raise
                # One push must not stop the others; its letter stays frozen meanwhile.
                log.exception("plan.retry_broke", push_id=push.id)
                self._freeze(push, self._clock.now + SET_ASIDE, Reason.PLANNING_FAILED)

    def _plan_people(self, due: Due, inputs: HostInputs, installation: str) -> None:
        chosen = wordings.choose(self._tx, inputs.templates, self._clock.now)
        if chosen.complaint:
            self.outcome.complaints.append(chosen.complaint)
        composer = Composer(chosen.wording, installation)
        people = gather(self._tx, inputs, due.user_ids, self._rules, self._clock.now)
        while self._places > 0 and self._rows_left > 0:
            some = list(islice(people, max(self._places, LEAST_PEOPLE)))
            if not some:
                return
            self._plan_some(some, composer)

    def _plan_some(self, people: Sequence[Known], composer: Composer) -> None:
        """Plan some people together; what the database refuses, one by one, but for whom it refuses."""
        before = self._places, self._rows_left, dict(self._paused), self._standing_by.copy()
        outcome = self.outcome.copy()
        try:
            with self._tx.savepoint():
                self._decide(people, composer)
        except Exception as error:
            if is_storage(error):
                raise
            self.outcome = outcome
            self._places, self._rows_left, self._paused, self._standing_by = before
            if len(people) > 1:
                for known in people:
                    self._plan_some([known], composer)
                return
            log.exception("plan.person_broke")
            self._set_aside(people[0])

    def _decide(self, people: Sequence[Known], composer: Composer) -> None:
        """Decide about some people, then write all decisions together."""
        groups = [sorted(known.group.user_ids) for known in people]
        rows = deliveries.pending_rows(self._tx, groups, self._clock.now, self._rows_left)
        decided = Decided()
        for known in people:
            if self._places <= 0 or self._rows_left <= 0 or not known.group.user_ids <= rows.keys():
                break  # the rest is still due
            try:
                own = [row for user_id in sorted(known.group.user_ids) for row in rows[user_id]]
                self._plan_person(known, own, composer, decided)
            except Exception as error:
                if is_storage(error):
                    raise
                # One person's data must not stop everybody's messages.
                log.exception("plan.person_broke")
                self._set_aside(known)
        self._write(decided)

    def _write(self, decided: Decided) -> None:
        now = self._clock.now
        attempts = pushes.write(
            self._tx,
            [item.draft for item in decided.reserved],
            holder=self._holder,
            lease_until=self._clock.wall + self._rules.push_lease,
            now=now,
        )
        reserved: list[tuple[Key, int, str]] = []
        for item, attempt in zip(decided.reserved, attempts, strict=True):
            if attempt is None:
                log.error("plan.msgid_taken", msgid=item.draft.letter.msgid)
                self._set_aside(item.known)
                continue
            reserved += [(key, attempt.push_id, item.known.group.name) for key in item.draft.letter.matches]
            self.outcome.attempts.append(attempt)
        deliveries.reserve(self._tx, reserved, now)
        deliveries.place(self._tx, decided.verdicts, now)
        timeline.note(self._tx, decided.lines, now)
        self.outcome.decided += len(decided.verdicts)

    def _wake(self, phones: frozenset[str], inputs: HostInputs) -> None:
        """The wake rule: they have spoken, so everything of theirs is decided again."""
        users = {item.user_id for item in inputs.sessions if item.recipient.external_userid in phones}
        waking.release(self._tx, phones, users | phones, self._clock.now)
        pushes.wake(self._tx, phones, self._clock.wall)

    def _plan_person(self, known: Known, own: Sequence[Row], composer: Composer, decided: Decided) -> None:
        self.outcome.complaints += known.complaints
        pending = deliveries.understood(self._tx, own)
        self._rows_left -= len(pending)
        rows = {row.key: row for row in pending}
        facts = self._halted(known.facts, pushes.MATCH)
        verdicts: list[Verdict] = []
        lines: list[Line] = []
        for item in plan(facts, [row.candidate for row in pending], self._clock.now):
            carried = [rows[match.match_id, match.revision] for match in item.matches]
            if isinstance(item.decision, Send):
                if not self._has_place(item.decision.recipient):
                    continue  # it is still due: the next round looks at it again
                behind = [rows[match.match_id, match.revision] for match in item.behind]
                draft = composer.draft(item.decision, carried, known, more=len(behind))
                decided.reserved.append(Reserved(draft, known))
                self._take_place(item.decision.recipient)
                carried, decision = behind, _BEHIND
            else:
                decision = item.decision
            for row in carried:
                verdict = verdict_of(decision, row, known.group.name)
                if changes(verdict, row):
                    verdicts.append(verdict)
                lines += told(verdict, row)
                if row.entry_id is not None and row.reason == Reason.FRESH:
                    self.outcome.entries.append(row.entry_id)
        decided.verdicts += verdicts
        decided.lines += lines

    def _set_aside(self, known: Known) -> None:
        """Look at this person again in an hour; what was reserved before the fault is a letter and goes."""
        now = self._clock.now
        reason = Reason.PLANNING_FAILED
        self.outcome.decided += deliveries.set_aside(
            self._tx, known.group.user_ids, now + SET_ASIDE, reason, now
        )

    def _retry(self, push: Push, inputs: HostInputs) -> None:
        letter = push.letter
        now = self._clock.now
        matches = deliveries.of_push(self._tx, push.id)
        # The letter's own recipient is judged whatever became of the host's row about it.
        own = Session(letter.user_id, letter.recipient, "")
        inputs = replace(inputs, sessions=[*inputs.sessions, own])
        [known] = gather(self._tx, inputs, [letter.user_id], self._rules, now, but=push.id)
        facts, judged = as_judged(self._halted(known.facts, letter.kind), push, matches)
        decision = judge_retry(facts, letter.recipient, judged, push.reserved_at, now)
        opened = {window.recipient: window.opened_at for window in known.facts.windows}
        is_over = isinstance(decision, GiveUp) or now >= push.reserved_at + LIFETIME
        if is_over and letter.kind == pushes.ANSWER and self._never_left(push):
            self._retire(push, decision.dropped if isinstance(decision, GiveUp) else None)
            return
        match decision:
            case Send(recipient, send_by):
                attempt = pushes.take_again(
                    self._tx,
                    push,
                    send_by=send_by,
                    holder=self._holder,
                    lease_until=self._clock.wall + self._rules.push_lease,
                    window_opened_at=opened[recipient],
                    now=now,
                )
                self.outcome.attempts.append(attempt)
                self._take_place(recipient)
            case Defer(until, reason):
                self._freeze(push, until, reason)
            case Park(reason):
                self._freeze(push, push.reserved_at + GIVE_UP_AFTER, reason)
            case GiveUp(dropped):
                self._give_up(push, dropped)

    def _freeze(self, push: Push, until: datetime, reason: Reason) -> None:
        last = push.reserved_at + GIVE_UP_AFTER
        pushes.freeze(
            self._tx,
            push.id,
            push.attempts,
            self._clock.wall_of(min(until, last)),
            reason=reason,
        )

    def _never_left(self, push: Push) -> bool:
        """Whether every attempt is known to have put nothing on the phone; there may have been none."""
        return len(timeline.accounted(self._tx, [push.id])[push.id]) >= push.attempts

    def _retire(self, push: Push, dropped: Reason | None) -> None:
        """End an answer that is not awaited any more, or may not go: what it carried is planned as before."""
        now, letter = self._clock.now, push.letter
        reason = dropped or Reason.EXPIRED
        if not pushes.end(self._tx, push.id, PushStatus.NOT_SENT, now, reason=reason):
            return
        waking.wake(self._tx, {letter.person, letter.recipient.external_userid}, {letter.user_id}, now)
        if dropped is None:
            deliveries.freed(self._tx, push.id, Reason.LATE, now)
        else:
            deliveries.dropped(self._tx, push.id, dropped, now)

    def _give_up(self, push: Push, dropped: Reason | None) -> None:
        now = self._clock.now
        could_be_accepted_until = push.tried_at + self._rules.send_timeout
        pushes.end(
            self._tx,
            push.id,
            PushStatus.GIVEN_UP,
            now,
            reason=dropped or Reason.OUTCOME_UNKNOWN,
            accepted_at=could_be_accepted_until,
        )
        if dropped is None:
            deliveries.buried(self._tx, push.id, Reason.OUTCOME_UNKNOWN, now)
        else:
            deliveries.dropped(self._tx, push.id, dropped, now)
        phone = push.letter.recipient.external_userid
        waking.wake(self._tx, {push.letter.person, phone}, {push.letter.user_id}, now)
        waking.wake_behind(self._tx, [push.id], now)
        timeline.note(
            self._tx,
            [Line(Entry.GIVEN_UP, push_id=push.id, reason=dropped or Reason.OUTCOME_UNKNOWN)],
            now,
        )

    def _has_place(self, recipient: RecipientKey) -> bool:
        return self._places > 0 and recipient.open_kfid not in self._paused

    def _take_place(self, recipient: RecipientKey) -> None:
        """Count a push that will leave; if it probes a pause, nothing else may go before its answer."""
        self._places -= 1
        for pause in filter(lambda pause: pause.is_ours, self._pauses):
            if pause.scope is PauseScope.CORP or pause.target == recipient.open_kfid:
                probe_at = pauses.probing(self._tx, pause, self._clock.now)
                if pause.scope is PauseScope.ACCOUNT:
                    self._paused[pause.target] = probe_at
