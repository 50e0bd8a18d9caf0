"""Compose a letter: the bytes a person will read, and the msgid that makes resending them safe.  Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consumer.book import Wording
from consumer.ledger.pushes import Letter
from consumer.templates import DEFAULT_TEMPLATES, TEXT_TEMPLATE, Template, compile_template, match_values
from schemas.decisions import RecipientKey
from schemas.events import MatchCreated
from schemas.kf import MSGID_BYTES, TEXT_BYTES, text_body

BETWEEN: Final = "\n\n"
"""What parts the matches of one message."""

THERE_IS_MORE: Final = "还有 {} 个，回复「更多」"

_BUILT_IN: Final = compile_template(DEFAULT_TEMPLATES[TEXT_TEMPLATE])


@dataclass(frozen=True, slots=True)
class Carried:
    """A match in a letter, and how many pushes named it before."""

    match: MatchCreated
    generation: int

    @property
    def key(self) -> tuple[str, int]:
        """The (match_id, revision) pair."""
        return self.match.match_id, self.match.revision


def msgid_of(installation: str, kind: str, parts: Sequence[object]) -> str:
    """Hash what makes a push one push into a msgid of WeChat's alphabet and length."""
    text = "\x1f".join([installation, kind, *(str(part) for part in parts)])
    return hashlib.sha256(text.encode()).hexdigest()[:MSGID_BYTES]


def match_letter(
    carried: Sequence[Carried],
    *,
    kind: str,
    wording: Wording,
    recipient: RecipientKey,
    person: str,
    installation: str,
    more: int = 0,
) -> Letter:
    """Write the letter that carries these matches of one user, and says how many ``more`` there are."""
    parts = [part for item in carried for part in (*item.key, item.generation)]
    msgid = msgid_of(installation, kind, parts)
    last = [THERE_IS_MORE.format(more)] if more else []
    room = TEXT_BYTES - sum(len(text.encode()) + len(BETWEEN) for text in last)
    texts = [*_texts(wording.template, [item.match for item in carried], room), *last]
    return Letter(
        msgid=msgid,
        recipient=recipient,
        user_id=carried[0].match.user_id,
        person=person,
        matches=tuple(item.key for item in carried),
        body=text_body(
            touser=recipient.external_userid,
            open_kfid=recipient.open_kfid,
            msgid=msgid,
            content=BETWEEN.join(texts),
        ),
        kind=kind,
        template=wording.name,
        version=wording.version,
        variant=wording.variant,
    )


def _texts(template: Template, matches: Sequence[MatchCreated], room: int) -> list[str]:
    """Render matches into so many bytes together: what is short leaves its room to what is long."""
    values = [match_values(match, n) for n, match in enumerate(matches, 1)]
    texts = [_text(template, value, TEXT_BYTES) for value in values]
    room -= (len(matches) - 1) * len(BETWEEN)
    by_size = sorted(range(len(texts)), key=lambda place: len(texts[place].encode()))
    for left, place in zip(range(len(texts), 0, -1), by_size, strict=True):
        if len(texts[place].encode()) > room // left:
            texts[place] = _text(template, values[place], room // left)
        room -= len(texts[place].encode())
    return texts


def _text(template: Template, values: Mapping[str, str], limit: int) -> str:
    """Render; an operator's text that comes out blank, for want of a name, gives way to the built-in one."""
    text = template.render_within(values, limit)
    return text if text.strip() else _BUILT_IN.render_within(values, limit)
