"""Which match a 查看 means, and what is told of it.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consumer.ledger.deliveries import Key
from consumer.replies import texts
from consumer.replies.asked import View
from consumer.replies.seen import Known, Seen
from consumer.templates import Template

_LONGEST_NUMBER: Final = 3
"""Nothing that is sent has a thousand matches; a longer row of digits is an id."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A text, and the match in it that no message has brought yet: this one does.

    ``menu`` says the same with items to tap; ``about`` is the one match that is told of.
    """

    text: str
    brings: Key | None = None
    menu: texts.Menu | None = None
    about: Key | None = None


def number_in(which: str) -> int | None:
    """Read a place in a message, from 1; None for what can only be an id."""
    is_number = which.isascii() and which.isdigit() and len(which) <= _LONGEST_NUMBER
    return int(which) if is_number and int(which) > 0 else None


def ids_needed(which: str, letter: Seen | None) -> set[str]:
    """Tell which matches have to be looked up to answer."""
    return {match_id for match_id, _ in (letter.matches if letter else ())} | ({which} if which else set())


def view(
    asked: View,
    letter: Seen | None,
    matches: Mapping[str, Sequence[Known]],
    user_ids: Sequence[str],
    detail: Template | None = None,
) -> Shown:
    """Answer a 查看: a number counts in the newest message, anything else is the id of a match of theirs.

    ``detail`` is how the operator wants one match told; None: as kfpush tells it.
    """
    inside = [_at(key, matches) for key in letter.matches] if letter else []
    which, number = asked.which, None if asked.by_id else number_in(asked.which)
    if not which:
        return _newest(inside, detail)
    if number is not None and number <= len(inside):
        return _details(inside[number - 1], detail)
    own = [known for known in matches.get(which, ()) if known.user_id in user_ids]
    if own:
        return _details(own[-1], detail)
    if number is not None and inside:
        return Shown(texts.no_such_number(len(inside)))
    return Shown(texts.NO_SUCH_MATCH if inside else texts.NOTHING_YET)


def _at(key: Key, matches: Mapping[str, Sequence[Known]]) -> Known | None:
    return next((known for known in matches.get(key[0], ()) if known.key == key), None)


def _newest(inside: Sequence[Known | None], detail: Template | None) -> Shown:
    if len(inside) == 1:
        return _details(inside[0], detail)
    there = [known.match for known in inside if known is not None and known.match is not None]
    if len(there) < len(inside) or not there:
        # A list with a hole in it would number the others wrongly: only what they ask for by number is told.
        return Shown(texts.no_such_number(len(inside)) if inside else texts.NOTHING_YET)
    return Shown(texts.listing(there), menu=texts.menu(there))


def _details(known: Known | None, detail: Template | None) -> Shown:
    if known is None:
        return Shown(texts.NO_SUCH_MATCH)
    if known.match is None:
        return Shown(texts.WITHDRAWN)
    return Shown(texts.details(known.match, detail), known.key if known.is_pending else None, about=known.key)
