"""The kinds of message that kf/send_msg takes, each with WeChat's limits (document/path/94677).

Sizes are bytes of UTF-8.  What WeChat documents to cut by itself (a link's title and description, a mini
program's title) is cut here, between characters, so that a frozen body says what the phone shows; every other
limit is hard.  An error names the field and the limit, never the value, which may be a person's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.kf import MSGID, MSGID_BYTES, TEXT_BYTES, cut_text, text_size

MENU_BYTES: Final = 1024
"""The longest words above a menu's items, and below them."""
MENU_ITEMS: Final = 10
"""So many items at most."""
ITEM_BYTES: Final = 128
"""The longest words of an item to tap, and its longest id."""
LINK_TITLE: Final = 128
LINK_DESC: Final = 512
URL: Final = 2048
PROGRAM_TITLE: Final = 64
PAGEPATH: Final = 1024
"""Documented for a menu's item; nothing is said of a card's, and 1,024 bytes do for both."""
APPID: Final = 32
LABEL: Final = 1024
"""The words of a menu's item that leads to a page or a mini program."""
LINE: Final = 256
"""A menu's line of plain text."""
MEDIA_ID: Final = 128
USERID: Final = 64
PLACE: Final = 512
"""Name and address of a location; WeChat names no limit."""
LATITUDE, LONGITUDE = 90, 180

CONTACT_LINK: Final = "https://work.weixin.qq.com/ca/"

_ITEM_ID = re.compile(rf"[0-9A-Za-z_]{{1,{ITEM_BYTES}}}")
_WEB = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)


class Kind(StrEnum):
    """``msgtype`` of a message."""

    TEXT = "text"
    LINK = "link"
    MINIPROGRAM = "miniprogram"
    MSGMENU = "msgmenu"
    IMAGE = "image"
    VOICE = "voice"
    VIDEO = "video"
    FILE = "file"
    LOCATION = "location"
    BUSINESS_CARD = "business_card"
    CA_LINK = "ca_link"


MEDIA_KINDS: Final = (Kind.IMAGE, Kind.VOICE, Kind.VIDEO, Kind.FILE)
"""Kinds that are a file and nothing else."""


class InvalidMessage(ValueError):
    """A message that WeChat is sure to refuse; the text names the field and what it must be."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """To whom, from which KF account, and under which msgid of ours."""

    touser: str
    open_kfid: str
    msgid: str


@dataclass(frozen=True, slots=True)
class Text:
    """Words, 1 to 2,048 bytes."""

    content: str

    kind = Kind.TEXT

    def fields(self) -> dict[str, object]:
        """What stands under ``text``."""
        return {"content": _sized("text.content", self.content, TEXT_BYTES)}


@dataclass(frozen=True, slots=True)
class Link:
    """A card that leads to a web page; it must have a picture."""

    title: str
    url: str
    thumb_media_id: str
    desc: str = ""

    kind = Kind.LINK

    def fields(self) -> dict[str, object]:
        """What stands under ``link``."""
        desc = cut_text(self.desc, LINK_DESC)
        return {
            "title": _sized("link.title", cut_text(self.title, LINK_TITLE), LINK_TITLE),
            **({"desc": desc} if desc else {}),
            "url": _web("link.url", self.url),
            "thumb_media_id": _sized("link.thumb_media_id", self.thumb_media_id, MEDIA_ID),
        }


@dataclass(frozen=True, slots=True)
class MiniProgram:
    """A card that opens a page of a mini program that is linked to the corp (else 90207)."""

    appid: str
    pagepath: str
    thumb_media_id: str
    title: str = ""

    kind = Kind.MINIPROGRAM

    def fields(self) -> dict[str, object]:
        """What stands under ``miniprogram``."""
        title = cut_text(self.title, PROGRAM_TITLE)
        return {
            "appid": _sized("miniprogram.appid", self.appid, APPID),
            **({"title": title} if title else {}),
            "thumb_media_id": _sized("miniprogram.thumb_media_id", self.thumb_media_id, MEDIA_ID),
            "pagepath": _sized("miniprogram.pagepath", self.pagepath, PAGEPATH),
        }


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, a voice, a video or a file, uploaded before."""

    kind: Kind
    media_id: str

    def fields(self) -> dict[str, object]:
        """What stands under the kind's name."""
        return {"media_id": _sized(f"{self.kind}.media_id", self.media_id, MEDIA_ID)}


@dataclass(frozen=True, slots=True)
class Location:
    """A place on the map; 0 is a place too."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""

    kind = Kind.LOCATION

    def fields(self) -> dict[str, object]:
        """What stands under ``location``."""
        named = {"name": cut_text(self.name, PLACE), "address": cut_text(self.address, PLACE)}
        return {
            **{name: text for name, text in named.items() if text},
            "latitude": _within("location.latitude", self.latitude, LATITUDE),
            "longitude": _within("location.longitude", self.longitude, LONGITUDE),
        }


@dataclass(frozen=True, slots=True)
class BusinessCard:
    """A servicer's card: one a user in 48 hours (95025), after a word of the user's own (95024)."""

    userid: str

    kind = Kind.BUSINESS_CARD

    def fields(self) -> dict[str, object]:
        """What stands under ``business_card``."""
        return {"userid": _sized("business_card.userid", self.userid, USERID)}


@dataclass(frozen=True, slots=True)
class ContactLink:
    """A link of 获客助手."""

    link_url: str

    kind = Kind.CA_LINK

    def fields(self) -> dict[str, object]:
        """What stands under ``ca_link``."""
        _sized("ca_link.link_url", self.link_url, URL)
        if not self.link_url.startswith(CONTACT_LINK) or len(self.link_url) == len(CONTACT_LINK):
            raise InvalidMessage(f"ca_link.link_url must begin with {CONTACT_LINK}")
        return {"link_url": self.link_url}


@dataclass(frozen=True, slots=True)
class Click:
    """A menu's item whose tap says its words in the user's name, with its id."""

    content: str
    id: str = ""

    def entry(self) -> dict[str, object]:
        """What stands in the menu's list."""
        if self.id and not _ITEM_ID.fullmatch(self.id):
            raise InvalidMessage(f"msgmenu.click.id must be 1 to {ITEM_BYTES} letters, digits and _")
        words = {"content": _sized("msgmenu.click.content", self.content, ITEM_BYTES)}
        return {"type": "click", "click": {**({"id": self.id} if self.id else {}), **words}}


@dataclass(frozen=True, slots=True)
class View:
    """A menu's item that leads to a web page."""

    content: str
    url: str

    def entry(self) -> dict[str, object]:
        """What stands in the menu's list."""
        url = _web("msgmenu.view.url", self.url)
        return {
            "type": "view",
            "view": {"url": url, "content": _sized("msgmenu.view.content", self.content, LABEL)},
        }


@dataclass(frozen=True, slots=True)
class ProgramItem:
    """A menu's item that opens a mini program."""

    content: str
    appid: str
    pagepath: str

    def entry(self) -> dict[str, object]:
        """What stands in the menu's list."""
        return {
            "type": "miniprogram",
            "miniprogram": {
                "appid": _sized("msgmenu.miniprogram.appid", self.appid, APPID),
                "pagepath": _sized("msgmenu.miniprogram.pagepath", self.pagepath, PAGEPATH),
                "content": _sized("msgmenu.miniprogram.content", self.content, LABEL),
            },
        }


@dataclass(frozen=True, slots=True)
class Line:
    """A menu's line that is only text."""

    content: str

    def entry(self) -> dict[str, object]:
        """What stands in the menu's list."""
        return {"type": "text", "text": {"content": _sized("msgmenu.text.content", self.content, LINE)}}


Item = Click | View | ProgramItem | Line


@dataclass(frozen=True, slots=True)
class Menu:
    """Words with up to ten items below them (one source says 50; ten is safe)."""

    head: str
    items: tuple[Item, ...]
    tail: str = ""

    kind = Kind.MSGMENU

    def fields(self) -> dict[str, object]:
        """What stands under ``msgmenu``."""
        if not 0 < len(self.items) <= MENU_ITEMS:
            raise InvalidMessage(f"msgmenu.list must have 1 to {MENU_ITEMS} items")
        tail = {"tail_content": _sized("msgmenu.tail_content", self.tail, MENU_BYTES)} if self.tail else {}
        return {
            "head_content": _sized("msgmenu.head_content", self.head, MENU_BYTES),
            "list": [item.entry() for item in self.items],
            **tail,
        }


Message = Text | Link | MiniProgram | Media | Location | BusinessCard | ContactLink | Menu


def message_body(envelope: Envelope, message: Message) -> dict[str, object]:
    """The body of kf/send_msg.

    Raises:
        InvalidMessage: something WeChat is sure to refuse.

    """
    if not envelope.touser or not envelope.open_kfid:
        raise InvalidMessage("a message needs an external_userid and an open_kfid")
    if not MSGID.fullmatch(envelope.msgid):
        raise InvalidMessage(f"a msgid is 1 to {MSGID_BYTES} characters of 0-9 a-z A-Z _ -")
    return {
        "touser": envelope.touser,
        "open_kfid": envelope.open_kfid,
        "msgid": envelope.msgid,
        "msgtype": str(message.kind),
        str(message.kind): message.fields(),
    }


def media_ids_of(body: Mapping[str, object]) -> list[str]:
    """The media that a body names: it can be sent only while they live."""
    content = body.get(str(body.get("msgtype")))
    if not isinstance(content, Mapping):
        return []
    found = (content.get(name) for name in ("media_id", "thumb_media_id"))
    return [media_id for media_id in found if isinstance(media_id, str)]


def _sized(field: str, text: str, most: int) -> str:
    size = text_size(text)
    if not text.strip() or size > most:
        raise InvalidMessage(f"{field} must be 1 to {most} bytes of UTF-8, not {size if text.strip() else 0}")
    return text


def _web(field: str, url: str) -> str:
    _sized(field, url, URL)
    if not _WEB.fullmatch(url):
        raise InvalidMessage(f"{field} must be an address that begins with https:// (or http://)")
    return url


def _within(field: str, value: float, most: int) -> float:
    if not math.isfinite(value) or abs(value) > most:
        raise InvalidMessage(f"{field} must be a number from -{most} to {most}")
    return value
