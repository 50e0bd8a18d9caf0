"""Preview: what a phone would show of a template, and how much of WeChat's limits it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from consumer.bodies import body_of, needs_of
from consumer.book import Wording
from consumer.compose import Carried, match_letter
from consumer.content import Content
from consumer.sources import DIGEST, TEXT
from consumer.templates import match_values
from ops.looking.lint import PARTS
from ops.looking.shelf import Part, Preview
from schemas.decisions import RecipientKey
from schemas.events import MatchCreated
from schemas.kf import TEXT_BYTES
from schemas.kf_kinds import Envelope, InvalidMessage, Kind

_TO: Final = RecipientKey("wkSample", "wmSample")
_MEDIA_ID: Final = "preview"
_KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    Kind.LINK: {"title": "title", "desc": "content", "url": ""},
    Kind.MINIPROGRAM: {"title": "title", "appid": "", "pagepath": ""},
    Kind.MSGMENU: {"head_content": "content", "tail_content": ""},
    Kind.LOCATION: {"name": "", "address": "", "latitude": "", "longitude": ""},
    Kind.BUSINESS_CARD: {"userid": ""},
    Kind.CA_LINK: {"link_url": ""},
}
"""Of each kind, the fields of its body in the order they are read, and the part of the template each is."""


def preview(
    wording: Wording,
    digest: Wording | None,
    matches: Sequence[MatchCreated],
    content: Content,
    *,
    more: int = 0,
) -> Preview:
    """Word a message that carries these matches: one by ``wording``, several as a digest.

    Raises:
        InvalidMessage: the template makes a message of this match that WeChat is sure to refuse.

    """
    cleaned = [content.cleaned(match) for match in matches]
    blocked = next(filter(None, (content.blocked(match) for match in matches)), "")
    is_single = len(matches) == 1 and wording.kind != DIGEST
    if is_single and wording.kind != TEXT:
        body = _card(wording, cleaned[0])
        name, version, kind = wording.name, wording.version, wording.kind
    else:
        letter = match_letter(
            [Carried(match, 0) for match in cleaned],
            kind="match",
            wording=wording,
            digest=digest,
            recipient=_TO,
            person=_TO.external_userid,
            installation="",
            more=more,
        )
        body, name, version = letter.body, letter.template or "", letter.version or 0
        kind = TEXT if is_single else DIGEST
    details = None
    if is_single and wording.detail is not None:
        details = _part("detail", wording.detail.render_within(match_values(cleaned[0], 1)), TEXT_BYTES)
    return Preview(
        name,
        version or None,
        kind,
        wording.locale,
        tuple(_parts(kind, content.guarded(body))),
        details,
        blocked,
        any(before is not after for before, after in zip(matches, cleaned, strict=True)),
    )


def _card(wording: Wording, match: MatchCreated) -> dict[str, object]:
    media = dict.fromkeys(needs_of(wording.kind, wording.config), _MEDIA_ID)
    envelope = Envelope(_TO.external_userid, _TO.open_kfid, "1")
    return body_of(wording, envelope, match_values(match, 1), media)


def _parts(kind: str, body: Mapping[str, object]) -> Iterator[Part]:
    said = body[str(body["msgtype"])]
    if not isinstance(said, Mapping):
        raise InvalidMessage("the body says nothing")
    if kind in {TEXT, DIGEST}:
        yield _part("content", str(said["content"]), TEXT_BYTES)
        return
    limits = dict(PARTS.get(kind, ()))
    for key, part in _KEYS.get(kind, {}).items():
        if said.get(key) not in (None, ""):
            yield _part(part or key, str(said[key]), limits.get(part))
    if isinstance(said.get("list"), list):
        for item in said["list"]:
            yield _part("item", _words(item))


def _words(item: object) -> str:
    """What an item of a menu says, whatever its type."""
    inner = item.get(str(item.get("type"))) if isinstance(item, Mapping) else None
    return str(inner.get("content", "")) if isinstance(inner, Mapping) else ""


def _part(name: str, text: str, limit: int | None = None) -> Part:
    return Part(name, text, len(text.encode()), limit)
