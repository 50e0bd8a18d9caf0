"""The places of one round: how many pushes may still leave, and which KF accounts are paused meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, Self

from consumer import pauses
from consumer.facts import Person
from schemas.database import Transaction
from schemas.decisions import RecipientKey
from schemas.states import PauseScope

STAND_BY: Final = 8
"""So many people of a paused KF account are looked at when it is probed; the others once it is over."""


class Places:
    """Counts them.  A push that probes a pause takes the last: nothing else may go before its answer."""

    def __init__(self, tx: Transaction, now: datetime, places: int) -> None:
        self._tx = tx
        self._now = now
        self._pauses = pauses.active(tx, now)
        self._corp = pauses.corp_pause(self._pauses)
        self._paused: Mapping[str, datetime] = pauses.paused_accounts(self._pauses, now)
        self._standing_by: Counter[str] = Counter()
        self.plain_kinds = pauses.refused_kinds(self._pauses, now)
        """Msgtypes that go as plain text: WeChat refuses them, or a person has said so."""
        self.left = places if self._corp is None else min(places, 1)

    def copy(self) -> Self:
        """The same apart, for a part that may be taken back."""
        copied = object.__new__(type(self))
        copied.__dict__ |= self.__dict__
        copied._standing_by = self._standing_by.copy()
        return copied

    @property
    def is_closed(self) -> bool:
        """Whether everything is paused, and it is not yet time to probe."""
        return self._corp is not None and not self._corp.may_probe(self._now)

    def seen_by(self, facts: Person, kind: str) -> Person:
        """The person as the pauses leave them: only so many of an account stand by for its probe."""
        if not self._pauses:
            return facts
        later = self._now + pauses.LONGEST_LOOK
        accounts = {window.recipient.open_kfid for window in facts.windows} & self._paused.keys()
        paused = {
            account: self._paused[account]
            if self._standing_by[account] < STAND_BY
            else max(self._paused[account], later)
            for account in accounts
        }
        self._standing_by.update(accounts)
        return replace(facts, paused=paused, held=pauses.held_until(self._pauses, kind, self._now))

    def are_there_for(self, recipient: RecipientKey) -> bool:
        """Whether a push to this recipient may leave."""
        return self.left > 0 and recipient.open_kfid not in self._paused

    def take(self, recipient: RecipientKey, msgtype: str) -> None:
        """Count a push that will leave; if it probes a pause, note when the next may."""
        self.left -= 1
        for pause in filter(lambda pause: pause.is_ours, self._pauses):
            if pause.scope is PauseScope.MSGTYPE:
                if pause.target == msgtype and msgtype not in self.plain_kinds:
                    pauses.probing(self._tx, pause, self._now)
                    self.plain_kinds |= {msgtype}
            elif pause.scope is PauseScope.CORP or pause.target == recipient.open_kfid:
                probe_at = pauses.probing(self._tx, pause, self._now)
                if pause.scope is PauseScope.ACCOUNT:
                    self._paused = {**self._paused, pause.target: probe_at}
