"""Plan: due pushes, then due people, become decisions and letters, in ONE exclusive transaction.

Gather (the host's inputs, then our rows), call the pure planner, apply.  The transaction that reserves a push
is the moment of sending: every gate is checked in it.  What comes out are attempts for the sender, and the
stream entries whose walk ended here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from types import MappingProxyType

import structlog

from consumer import pauses, windows, wordings
from consumer.blocked import marked
from consumer.bodies import Need
from consumer.cards import Cards
from consumer.drafts import Composer, Decided, Reserved
from consumer.gather import HostInputs, Known, Rules, gather
from consumer.ledger import deliveries, pushes, summaries, timeline, waking
from consumer.ledger.deliveries import Key, Verdict
from consumer.ledger.timeline import Line
from consumer.media.shelf import Key as MediaKey
from consumer.places import Places
from consumer.planner import plan
from consumer.retrying import SET_ASIDE, Retries
from consumer.rounds import Clock, Due, Outcome
from consumer.verdicts import changes, told, urgent, verdict_of
from schemas.database import Row, Transaction, is_storage
from schemas.decisions import Defer, Drop, Park, Reason, Send

LEAST_PEOPLE = 16
"""So many people at least are decided about together, however few places are left."""

MOST_ROWS = 600
"""A round that has judged so many rows ends: nobody else may write meanwhile."""

log = structlog.get_logger(__name__)


class Round:
    """One exclusive transaction of planning; made anew for each."""

    def __init__(
        self,
        tx: Transaction,
        clock: Clock,
        rules: Rules,
        holder: str,
        places: int,
        media: Mapping[Need, MediaKey] = MappingProxyType({}),
    ) -> None:
        """``media`` tells which bytes each file that a template shows is."""
        self._media = media
        self._tx = tx
        self._clock = clock
        self._rules = rules
        self._holder = holder
        self._places = Places(tx, clock.now, places)
        self._rows_left = MOST_ROWS
        self.outcome = Outcome()

    def run(self, due: Due, inputs: HostInputs, installation: str) -> Outcome:
        """Wake what is no longer paused, raise windows, retry due pushes, then plan due people."""
        if due.is_lifted:
            self._lift()
        if self._places.is_closed:
            return self.outcome
        raised = windows.raise_from_host(self._tx, inputs.sessions, self._rules.host_zone, self._clock.now)
        self.outcome.complaints += (*inputs.complaints, *raised.complaints)
        self._wake(raised.people, inputs)
        retries = Retries(self._tx, self._clock, self._rules, self._holder, self._places)
        self.outcome.attempts += retries.run(due, inputs)
        if self._places.left > 0 and due.user_ids:
            self._plan_people(due, inputs, installation)
        return self.outcome

    def _lift(self) -> None:
        """The wake rule, for pauses that are over; what is left of them goes with the last they held."""
        rows = waking.wake_paused(self._tx, self._clock.now, MOST_ROWS)
        frozen = pushes.wake_paused(self._tx, self._clock.wall, MOST_ROWS)
        if max(rows, frozen) < MOST_ROWS:
            pauses.forget(self._tx, self._clock.now)
        self.outcome.decided += rows + frozen

    def _plan_people(self, due: Due, inputs: HostInputs, installation: str) -> None:
        kind = self._rules.message_kind
        book = wordings.choose(self._tx, inputs.templates, self._clock.now, kind=kind)
        self.outcome.complaints += book.complaints
        cards = Cards(self._tx, book, self._media, self._places, self._rules, self._clock.now)
        content = self._rules.words.content
        self.outcome.complaints += content.complaints
        composer = Composer(book, installation, cards, content)
        if self._rules.summary is not None:
            summaries.expect(self._tx, due.user_ids, self._clock.now)
        people = gather(self._tx, inputs, due.user_ids, self._rules, self._clock.now)
        while self._places.left > 0 and self._rows_left > 0:
            some = list(islice(people, max(self._places.left, LEAST_PEOPLE)))
            if not some:
                return
            self._plan_some(some, composer)

    def _plan_some(self, people: Sequence[Known], composer: Composer) -> None:
        """Plan some people together; what the database refuses, one by one, but for whom it refuses."""
        before = self._places.copy(), self._rows_left, self.outcome.copy()
        try:
            with self._tx.savepoint():
                self._decide(people, composer)
        except Exception as error:
            if is_storage(error):
                raise
            self._places, self._rows_left, self.outcome = before
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
        composer.cards.look([known.facts for known in people])
        for known in people:
            if self._places.left <= 0 or self._rows_left <= 0 or not known.group.user_ids <= rows.keys():
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
        self.outcome.complaints += composer.complaints
        composer.complaints.clear()
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
        pending = marked(deliveries.understood(self._tx, own), composer.content)
        self._rows_left -= len(pending)
        rows = {row.key: row for row in pending}
        facts = self._places.seen_by(known.facts, pushes.MATCH)
        verdicts: list[Verdict] = []
        lines: list[Line] = []
        decision: Defer | Park | Drop
        planned = plan(facts, [row.candidate for row in pending], self._clock.now)
        sends = sum(isinstance(item.decision, Send) for item in planned)
        for item in composer.withheld(planned, known):
            carried = [rows[match.match_id, match.revision] for match in item.matches]
            if isinstance(item.decision, Send):
                if not self._places.are_there_for(item.decision.recipient):
                    continue  # it is still due: the next round looks at it again
                behind = [rows[match.match_id, match.revision] for match in item.behind]
                draft = composer.draft(item.decision, carried, known, more=len(behind), sends=sends)
                decided.reserved.append(Reserved(draft, known))
                self._places.take(item.decision.recipient, draft.letter.msgtype)
                lines += urgent(carried)
                carried, decision = behind, item.behind_waits
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
