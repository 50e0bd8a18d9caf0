"""Compose a letter: the bytes a person will read, and the msgid that makes resending them safe.  Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consumer import digest as digests
from consumer.bodies import Need, body_of
from consumer.book import Wording
from consumer.ledger.pushes import MATCH, Letter
from consumer.templates import DEFAULT_TEMPLATES, TEXT_TEMPLATE, Template, compile_template, match_values
from schemas.decisions import RecipientKey
from schemas.events import MatchCreated
from schemas.kf import MSGID_BYTES, TEXT_BYTES, text_body
from schemas.kf_kinds import Envelope

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
    digest: Wording | None = None,
    more: int = 0,
) -> Letter:
    """Write the letter that carries these matches of one user, and says how many ``more`` there are.

    One match is worded by ``wording``; several are always a digest: the operator's, or without one ours.
    """
    parts = [part for item in carried for part in (*item.key, item.generation)]
    msgid = msgid_of(installation, kind, parts)
    values = [match_values(item.match, n) for n, item in enumerate(carried, 1)]
    used = wording if len(carried) == 1 else digest
    content = (
        _single(wording.template, values[0], more)
        if used is wording
        else digests.digest_text(values, digest, more=more)
    )
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
            content=content,
        ),
        kind=kind,
        template=used.name if used else digests.NAME,
        version=used.version if used else None,
        variant=used.variant if used else "",
        experiment=used.experiment if used else "",
    )


def card_letter(
    carried: Carried,
    *,
    wording: Wording,
    media: Mapping[Need, str],
    recipient: RecipientKey,
    person: str,
    installation: str,
) -> Letter:
    """Write the letter of one match as a message of the wording's kind; ``media`` is what is ready.

    Raises:
        NotReady, InvalidMessage, TemplateError: it cannot be made, and goes as text.

    """
    msgid = msgid_of(installation, MATCH, [*carried.key, carried.generation])
    envelope = Envelope(recipient.external_userid, recipient.open_kfid, msgid)
    return Letter(
        msgid=msgid,
        recipient=recipient,
        user_id=carried.match.user_id,
        person=person,
        matches=(carried.key,),
        body=body_of(wording, envelope, match_values(carried.match, 1), media),
        template=wording.name,
        version=wording.version,
        variant=wording.variant,
        experiment=wording.experiment,
    )


def _single(template: Template, values: Mapping[str, str], more: int) -> str:
    """Render one match; an operator's text that comes out blank gives way to the built-in one."""
    end = f"\n\n{digests.THERE_IS_MORE.format(more)}" if more else ""
    room = TEXT_BYTES - len(end.encode())
    text = template.render_within(values, room)
    return (text if text.strip() else _BUILT_IN.render_within(values, room)) + end
