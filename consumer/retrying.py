"""Due pushes, whose lease is over: each is tried again, stays frozen, or comes to an end.

The gates of a first send are asked, in the same exclusive transaction; the letter is what it was.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from consumer import overtaking
from consumer.endings import GIVE_UP_AFTER
from consumer.facts import Session
from consumer.gather import HostInputs, Rules, gather
from consumer.kinds import OFFERED, as_judged
from consumer.ledger import deliveries, pushes, timeline, waking
from consumer.ledger.pushes import Attempt, Push
from consumer.ledger.timeline import Line
from consumer.places import Places
from consumer.plain import LIFETIME
from consumer.retry import GiveUp, judge_retry
from consumer.rounds import Clock, Due
from schemas.database import Transaction, is_storage
from schemas.decisions import Defer, Park, Reason, Send
from schemas.states import Entry, PushStatus

SET_ASIDE: Final = timedelta(hours=1)
"""What a fault of ours concerns is looked at again after this long."""

log = structlog.get_logger(__name__)


class Retries:
    """Decides about the due pushes of one round."""

    def __init__(self, tx: Transaction, clock: Clock, rules: Rules, holder: str, places: Places) -> None:
        self._tx = tx
        self._clock = clock
        self._rules = rules
        self._holder = holder
        self._places = places
        self.attempts: list[Attempt] = []

    def run(self, due: Due, inputs: HostInputs) -> list[Attempt]:
        """Decide as long as there are places; tell what is tried again."""
        for push in pushes.still_due(self._tx, [push.id for push in due.pushes], self._clock.wall):
            if self._places.left <= 0:
                break
            try:
                with self._tx.savepoint():
                    self._retry(push, inputs)
            except Exception as error:
                if is_storage(error):
                    raise
                # One push must not stop the others; its letter stays frozen meanwhile.
                log.exception("plan.retry_broke", push_id=push.id)
                self._freeze(push, self._clock.now + SET_ASIDE, Reason.PLANNING_FAILED)
        return self.attempts

    def _retry(self, push: Push, inputs: HostInputs) -> None:
        letter = push.letter
        now = self._clock.now
        matches = deliveries.of_push(self._tx, push.id)
        # The letter's own recipient is judged whatever became of the host's row about it.
        own = Session(letter.user_id, letter.recipient, "")
        inputs = replace(inputs, sessions=[*inputs.sessions, own])
        [known] = gather(self._tx, inputs, [letter.user_id], self._rules, now, but=push.id)
        facts, judged = as_judged(self._places.seen_by(known.facts, letter.kind), push, matches)
        decision = judge_retry(facts, letter.recipient, judged, push.reserved_at, now)
        opened = {window.recipient: window.opened_at for window in known.facts.windows}
        is_over = isinstance(decision, GiveUp) or now >= push.reserved_at + LIFETIME
        if is_over and letter.kind in OFFERED and self._never_left(push):
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
                self.attempts.append(attempt)
                self._places.take(recipient, letter.msgtype)
            case Defer(until, reason):
                self._freeze(push, until, reason)
            case Park(reason):
                self._freeze(push, push.reserved_at + GIVE_UP_AFTER, reason)
            case GiveUp(dropped):
                self._give_up(push, dropped)

    def _freeze(self, push: Push, until: datetime, reason: Reason) -> None:
        last = push.reserved_at + GIVE_UP_AFTER
        if push.letter.kind in OFFERED and self._clock.now < push.reserved_at + LIFETIME:
            # It is looked at when its time is over: it holds a slot, and perhaps matches.
            last = push.reserved_at + LIFETIME
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
        """End an answer or a summary whose time is over, or that may not go: its matches wait as before."""
        now, letter = self._clock.now, push.letter
        reason = dropped or Reason.EXPIRED
        if not pushes.end(self._tx, push.id, PushStatus.NOT_SENT, now, reason=reason):
            return
        waking.wake(self._tx, {letter.person, letter.recipient.external_userid}, {letter.user_id}, now)
        waking.wake_behind(self._tx, [push.id], now)
        if dropped is None:
            deliveries.freed(self._tx, push.id, Reason.LATE, now)
            overtaking.supersede(self._tx, {match_id for match_id, _ in letter.matches}, now)
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
