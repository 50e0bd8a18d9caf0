"""Compose a letter: the bytes a person will read, and the msgid that makes resending them safe.  Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consumer.ledger.pushes import Letter
from consumer.templates import DEFAULT_TEMPLATES, TEXT_TEMPLATE, Template, compile_template, match_values
from schemas.decisions import RecipientKey
from schemas.events import MatchCreated
from schemas.kf import MSGID_BYTES, TEXT_BYTES, text_body

BETWEEN: Final = "\n\n"
"""What parts the matches of one message."""

_BUILT_IN: Final = compile_template(DEFAULT_TEMPLATES[TEXT_TEMPLATE])


@dataclass(frozen=True, slots=True)
class Wording:
    """A compiled template and which version of it this is."""

    name: str
    version: int
    template: Template


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
) -> Letter:
    """Write the letter that carries these matches of one user."""
    parts = [part for item in carried for part in (*item.key, item.generation)]
    msgid = msgid_of(installation, kind, parts)
    share = (TEXT_BYTES - (len(carried) - 1) * len(BETWEEN)) // len(carried)
    texts = [_text(wording.template, match_values(item.match, n), share) for n, item in enumerate(carried, 1)]
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
    )


def _text(template: Template, values: Mapping[str, str], limit: int) -> str:
    """Render; an operator's text that comes out blank, for want of a name, gives way to the built-in one."""
    text = template.render_within(values, limit)
    return text if text.strip() else _BUILT_IN.render_within(values, limit)
