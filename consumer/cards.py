"""Whether one match may go as the kind of message that the operator chose, in this round of planning.

It may not where WeChat refuses the kind, where a file of it is not uploaded yet, where a tap that it invites
would find no message left for its answer, where the user had a business card within 48 hours.  Then it goes
as plain text, now: a text today is better than a card tomorrow.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from consumer.bodies import Need, needs_of
from consumer.book import Book
from consumer.facts import Person
from consumer.gather import Rules
from consumer.ledger import usage
from consumer.ledger.deliveries import Waiting
from consumer.media import shelf
from consumer.media.shelf import Key
from consumer.places import Places
from schemas.database import Transaction
from schemas.decisions import RecipientKey
from schemas.kf_kinds import Kind

CARD_EVERY: Final = timedelta(hours=48)
"""WeChat: one business card a user in so long (95025)."""


class Cards:
    """What stands in the way of cards in one round.  Asks nothing where all goes as text."""

    def __init__(
        self,
        tx: Transaction,
        book: Book,
        known: Mapping[Need, Key],
        places: Places,
        rules: Rules,
        now: datetime,
    ) -> None:
        """``known`` tells which bytes each file is."""
        self._tx = tx
        self._places = places
        self._rules = rules
        self._now = now
        self._carded: set[RecipientKey] = set()
        wordings = book.single.all()
        self._kinds = {wording.kind for wording in wordings}
        needs = {need for wording in wordings for need in needs_of(wording.kind, wording.config)}
        keys = {need: known[need] for need in needs if need in known}
        found = shelf.ready(tx, {*keys.values()}, now) if keys else {}
        self.media = {need: found[key] for need, key in keys.items() if key in found}

    def look(self, people: Collection[Person]) -> None:
        """Look at what these people were sent, where that matters."""
        if Kind.BUSINESS_CARD in self._kinds:
            phones = {window.recipient.external_userid for person in people for window in person.windows}
            self._carded |= usage.carded(self._tx, phones, self._now - CARD_EVERY)

    def may(self, kind: str, row: Waiting, recipient: RecipientKey, person: Person, sends: int) -> bool:
        """Tell whether this match may go so; ``sends`` is how many messages leave to this person now."""
        if kind == Kind.TEXT or row.plain or kind in self._places.plain_kinds:
            return False
        if kind == Kind.BUSINESS_CARD and recipient in self._carded:
            return False
        if kind == Kind.MSGMENU and not self._rules.taps_reopen:
            window = next(window for window in person.windows if window.recipient == recipient)
            return window.slots_left(self._rules.slots_kept_back) > sends
        return True

    def went(self, kind: str, recipient: RecipientKey) -> None:
        """Note that one goes."""
        if kind == Kind.BUSINESS_CARD:
            self._carded.add(recipient)
