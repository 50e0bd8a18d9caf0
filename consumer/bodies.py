"""Bodies of send_msg: a template of any kind, the values of one match, and what comes of them.  Pure.

``template_type`` names the kind; ``miniprogram_config`` is its config, a JSON object, for every kind:

    text                        (nothing)
    link                        url, thumb | thumb_media_id
    miniprogram                 appid, pagepath, thumb | thumb_media_id
    image, voice, video, file   file | media_id
    location                    latitude, longitude, name?, address?
    business_card               userid
    ca_link                     link_url
    msgmenu                     items?, tail?

Texts in a config are templates too; what a value puts into an address is percent-encoded.  ``thumb`` and
``file`` are paths below KFPUSH_MEDIA_DIR, which are uploaded and kept alive; the others are media_ids that
the operator sees to.  A title that the template lacks is ``DEFAULT_TITLE``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import quote

from consumer.cut import cut_to_bytes
from consumer.templates import Template, compile_template
from schemas.kf import TEXT_BYTES
from schemas.kf_kinds import (
    LINK_DESC,
    LINK_TITLE,
    MENU_BYTES,
    PROGRAM_TITLE,
    BusinessCard,
    Click,
    ContactLink,
    Envelope,
    InvalidMessage,
    Item,
    Kind,
    Line,
    Link,
    Location,
    Media,
    Menu,
    Message,
    MiniProgram,
    ProgramItem,
    Text,
    View,
    message_body,
)

Config = Mapping[str, object]
Values = Mapping[str, str]

DEFAULT_TITLE: Final = "为您找到：{profile_name}（{score}%）"
DEFAULT_ITEMS: Final[Sequence[Config]] = ({"id": "kfpush_view_{n}", "content": "查看详情"},)
"""What a menu without items of its own offers: the details of the match."""


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """A file that must be uploaded as ``kind`` (image, voice, video, file); ``path`` as the config has it."""

    kind: str
    path: str


class NotReady(Exception):
    """A file of the message is not with WeChat (yet)."""


class Worded(Protocol):
    """What is asked of a wording."""

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def template(self) -> Template: ...  # noqa: D102
    @property
    def title(self) -> Template | None: ...  # noqa: D102
    @property
    def config(self) -> Config: ...  # noqa: D102


def needs_of(kind: str, config: Config) -> Iterator[Need]:
    """Tell which files a message of this kind needs."""
    named = _FILES.get(kind)
    path = None if named is None else config.get(named[0])
    if named is not None and isinstance(path, str) and path:
        yield Need(named[1], path)


def body_of(
    worded: Worded, envelope: Envelope, values: Values, media: Mapping[Need, str]
) -> dict[str, object]:
    """Make the body of one match's message; ``media`` tells the media_id of each file that is ready.

    Raises:
        NotReady: one of its files is not.
        InvalidMessage: the values, or the config, make something that WeChat is sure to refuse.

    """
    return message_body(envelope, _MAKERS[Kind(worded.kind)](worded, values, media))


def _text(worded: Worded, values: Values, _media: Mapping[Need, str]) -> Message:
    return Text(worded.template.render_within(values, TEXT_BYTES))


def _link(worded: Worded, values: Values, media: Mapping[Need, str]) -> Message:
    return Link(
        title=_title(worded, values, LINK_TITLE),
        desc=worded.template.render_within(values, LINK_DESC),
        url=_address(worded.config, "url", values),
        thumb_media_id=_media_id(worded, media),
    )


def _program(worded: Worded, values: Values, media: Mapping[Need, str]) -> Message:
    return MiniProgram(
        appid=_said(worded.config, "appid"),
        pagepath=_address(worded.config, "pagepath", values),
        thumb_media_id=_media_id(worded, media),
        title=_title(worded, values, PROGRAM_TITLE),
    )


def _file(worded: Worded, _values: Values, media: Mapping[Need, str]) -> Message:
    return Media(Kind(worded.kind), _media_id(worded, media))


def _place(worded: Worded, values: Values, _media: Mapping[Need, str]) -> Message:
    config = worded.config
    return Location(
        _number(config, "latitude"),
        _number(config, "longitude"),
        _filled(config, "name", values),
        _filled(config, "address", values),
    )


def _business_card(worded: Worded, _values: Values, _media: Mapping[Need, str]) -> Message:
    return BusinessCard(_said(worded.config, "userid"))


def _contact_link(worded: Worded, values: Values, _media: Mapping[Need, str]) -> Message:
    return ContactLink(_address(worded.config, "link_url", values))


def _menu(worded: Worded, values: Values, _media: Mapping[Need, str]) -> Message:
    items = worded.config.get("items") or DEFAULT_ITEMS
    if not isinstance(items, Sequence) or isinstance(items, str):
        raise InvalidMessage("items must be a list")
    head = worded.template.render_within(values, MENU_BYTES)
    return Menu(head, tuple(_item(item, values) for item in items), _filled(worded.config, "tail", values))


def _item(item: object, values: Values) -> Item:
    if not isinstance(item, Mapping):
        raise InvalidMessage("an item must be an object")
    words = _filled(item, "content", values)
    match {*item} - {"content", "type"}:
        case keys if "appid" in keys:
            return ProgramItem(words, _said(item, "appid"), _address(item, "pagepath", values))
        case keys if "url" in keys:
            return View(words, _address(item, "url", values))
        case _ if item.get("type") == "text":
            return Line(words)
        case _:
            return Click(words, _filled(item, "id", values))


_FILES: Final[Mapping[str, tuple[str, str]]] = {
    Kind.LINK: ("thumb", "image"),
    Kind.MINIPROGRAM: ("thumb", "image"),
    Kind.IMAGE: ("file", "image"),
    Kind.VOICE: ("file", "voice"),
    Kind.VIDEO: ("file", "video"),
    Kind.FILE: ("file", "file"),
}
"""Which key names the kind's file, and as what it is uploaded."""

MEDIA_KEYS: Final[Mapping[str, str]] = {"thumb": "thumb_media_id", "file": "media_id"}
"""The media_id that may stand in place of a file."""

_MAKERS: Final = {
    Kind.TEXT: _text,
    Kind.LINK: _link,
    Kind.MINIPROGRAM: _program,
    Kind.MSGMENU: _menu,
    Kind.IMAGE: _file,
    Kind.VOICE: _file,
    Kind.VIDEO: _file,
    Kind.FILE: _file,
    Kind.LOCATION: _place,
    Kind.BUSINESS_CARD: _business_card,
    Kind.CA_LINK: _contact_link,
}


def _media_id(worded: Worded, media: Mapping[Need, str]) -> str:
    key, _ = _FILES[worded.kind]
    for need in needs_of(worded.kind, worded.config):
        media_id = media.get(need)
        if media_id is None:
            raise NotReady(f"{key} is not uploaded yet")
        return media_id
    return _said(worded.config, MEDIA_KEYS[key])


def _title(worded: Worded, values: Values, most: int) -> str:
    title = worded.title or compiled(DEFAULT_TITLE)
    text = " ".join(title.render_within(values, most).split())
    return text or cut_to_bytes(" ".join(compiled(DEFAULT_TITLE).render(values).split()), most)


def _address(config: Config, key: str, values: Values) -> str:
    """Fill an address: a value is one step or one argument of it, whatever stands in it."""
    template = compiled(_said(config, key))
    encoded = {name: quote(values.get(name) or "", safe="", errors="replace") for name in template.fields}
    return template.render(encoded)


def _filled(config: Config, key: str, values: Values) -> str:
    return compiled(_said(config, key)).render(values) if config.get(key) else ""


def _said(config: Config, key: str) -> str:
    """The text under a key; a bare number is one too."""
    value = config.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise InvalidMessage(f"{key} is missing")
    return str(value).strip()


def _number(config: Config, key: str) -> float:
    value = config.get(key)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            return float(value)
    raise InvalidMessage(f"{key} must be a number")


@lru_cache(maxsize=512)
def compiled(text: str) -> Template:
    """Compile a text of a config, once.

    Raises:
        TemplateError: saying what is wrong with it.

    """
    return compile_template(text, may_be_empty=True)
