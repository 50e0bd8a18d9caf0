"""What a round has decided and not yet written: letters, new places of rows, lines of the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from consumer.book import Book, Reader
from consumer.compose import Carried, match_letter
from consumer.content import Content
from consumer.gather import Known
from consumer.ledger import pushes
from consumer.ledger.deliveries import Verdict, Waiting
from consumer.ledger.pushes import Draft
from consumer.ledger.timeline import Line
from consumer.planner import Planned
from schemas.decisions import Drop, Reason, Send


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
    content: Content = field(default_factory=Content)

    def judged(self, rows: list[Waiting]) -> list[Waiting]:
        """Mark the matches that say what the operator's list blocks."""
        if self.content.blocking is None:
            return rows
        return [
            replace(row, candidate=replace(row.candidate, blocked=category))
            if (category := self.content.blocked(row.match))
            else row
            for row in rows
        ]

    def withheld(self, planned: Sequence[Planned]) -> Sequence[Planned]:
        """Drop what would go to somebody whom an experiment holds out; nothing else is changed.

        Only here, when every gate lets it go: so whom no message reaches can be compared with whom one does.
        """
        if not self.book.trials:
            return planned
        return [
            Planned((*item.matches, *item.behind), Drop(Reason.HELD_OUT))
            if isinstance(item.decision, Send) and self.book.holds_out(item.matches[0].user_id)
            else item
            for item in planned
        ]

    def draft(self, decision: Send, rows: Sequence[Waiting], known: Known, *, more: int = 0) -> Draft:
        """Word the letter that carries these matches of one user, and says that there are ``more``."""
        user_id = rows[0].candidate.user_id
        reader = Reader(user_id, known.locales.get(user_id, ""))
        letter = match_letter(
            [Carried(self.content.cleaned(row.match), row.generation) for row in rows],
            kind=pushes.MATCH,
            wording=self.book.wording_for(reader),
            digest=self.book.digest_for(reader) if len(rows) > 1 else None,
            recipient=decision.recipient,
            person=known.group.name,
            installation=self.installation,
            more=more,
        )
        opened_at = next(
            window.opened_at for window in known.facts.windows if window.recipient == decision.recipient
        )
        letter = replace(letter, body=self.content.guarded(letter.body))
        return Draft(letter, decision.send_by, opened_at)
