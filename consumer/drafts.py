"""What a round has decided and not yet written: letters, new places of rows, lines of the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from consumer.bodies import NotReady
from consumer.book import Book, Reader, Wording
from consumer.cards import Cards
from consumer.compose import Carried, card_letter, match_letter
from consumer.content import Content
from consumer.gather import Known
from consumer.ledger import pushes
from consumer.ledger.deliveries import Verdict, Waiting
from consumer.ledger.pushes import Draft, Letter
from consumer.ledger.timeline import Line
from consumer.planner import Planned
from schemas.decisions import Drop, Reason, RecipientKey, Send
from schemas.errors import TemplateError
from schemas.kf_kinds import InvalidMessage


@dataclass(frozen=True, slots=True)
class Reserved:
    """A letter that takes its place, and whose it is."""

    draft: Draft
    known: Known


@dataclass
class Decided:
    """Decisions about several people, written together."""

    reserved: list[Reserved] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Composer:
    """Words the letters of one round."""

    book: Book
    installation: str
    cards: Cards
    content: Content = field(default_factory=Content)
    complaints: list[str] = field(default_factory=list)
    """What is wrong with a template, as a message made of it showed."""

    def withheld(self, planned: Sequence[Planned], known: Known) -> Sequence[Planned]:
        """Drop what would go to somebody whom an experiment holds out; nothing else is changed.

        Only here, when every gate lets it go: so whom no message reaches can be compared with whom one does.
        """
        if not self.book.trials:
            return planned
        return [
            Planned((*item.matches, *item.behind), Drop(Reason.HELD_OUT))
            if isinstance(item.decision, Send)
            and self.book.holds_out(_reader(known, item.matches[0].user_id))
            else item
            for item in planned
        ]

    def draft(
        self, decision: Send, rows: Sequence[Waiting], known: Known, *, more: int = 0, sends: int = 1
    ) -> Draft:
        """Word the letter that carries these matches of one user, and says that there are ``more``.

        It is one of so many ``sends`` to this person in this round.
        """
        user_id = rows[0].candidate.user_id
        reader = _reader(known, user_id)
        letter = None
        if len(rows) == 1 and not more:
            letter = self._card(decision.recipient, rows[0], known, self.book.wording_for(reader), sends)
        letter = letter or match_letter(
            [Carried(self.content.cleaned(row.match), row.generation) for row in rows],
            kind=pushes.MATCH,
            wording=self.book.plain_for(reader),
            digest=self.book.digest_for(reader) if len(rows) > 1 else None,
            recipient=decision.recipient,
            person=known.group.name,
            installation=self.installation,
            more=more,
        )
        refused = next((row.fallback_of for row in rows if row.fallback_of is not None), None)
        if refused is not None:
            letter = replace(letter, fallback_of=refused)
        opened_at = next(
            window.opened_at for window in known.facts.windows if window.recipient == decision.recipient
        )
        letter = replace(letter, body=self.content.guarded(letter.body))
        return Draft(letter, decision.send_by, opened_at)

    def _card(
        self, recipient: RecipientKey, row: Waiting, known: Known, wording: Wording, sends: int
    ) -> Letter | None:
        """Write one match as the kind that the operator chose; None: it goes as text."""
        if not self.cards.may(wording.kind, row, recipient, known.facts, sends):
            return None
        try:
            letter = card_letter(
                Carried(self.content.cleaned(row.match), row.generation),
                wording=wording,
                media=self.cards.media,
                recipient=recipient,
                person=known.group.name,
                installation=self.installation,
            )
        except NotReady:
            return None  # the keeper says why, once
        except (InvalidMessage, TemplateError) as error:
            self.complaints.append(f"template {wording.name!r}: {error}. It goes as plain text")
            return None
        self.cards.went(wording.kind, recipient)
        return letter


def _reader(known: Known, user_id: str) -> Reader:
    return Reader(user_id, known.locales.get(user_id, ""))
