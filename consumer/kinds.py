"""How a push of each kind is judged before another try: as its matches, a message, a summary or an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from consumer.facts import Candidate, Person
from consumer.ledger.pushes import ANSWER, SUMMARY, Letter, Push
from consumer.plain import as_answer, as_match, as_summary

OFFERED: Final = (ANSWER, SUMMARY)
"""Kinds whose letters are written before anybody tries them: the next round makes the first attempt."""

TELLS_OF_THE_STOP: Final = "answer.stop"
"""The ``template`` of the one answer that goes to somebody who wants nothing more: that this was heard."""


def as_judged(facts: Person, push: Push, matches: Sequence[Candidate]) -> tuple[Person, Sequence[Candidate]]:
    """Give what the policy is to be told of the recipient and of what this push carries."""
    letter = push.letter
    if letter.kind == ANSWER:
        return as_answer(
            facts, letter.user_id, matches, push.reserved_at, although_stopped=tells_of_the_stop(letter)
        )
    if letter.kind == SUMMARY:
        return as_summary(facts, letter.user_id, matches, push.reserved_at)
    if not letter.matches:
        facts, message = as_match(facts, letter.user_id, push.reserved_at, keeps_quiet=True)
        return facts, [message]
    return facts, matches


def tells_of_the_stop(letter: Letter) -> bool:
    """Whether this is the word that confirms a stop."""
    return letter.template == TELLS_OF_THE_STOP
