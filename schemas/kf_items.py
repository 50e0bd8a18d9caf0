"""What sync_msg brings: a page of items, each a message of a customer or servicer, or an event.

    Item   envelope (who, when, origin, msgtype) and a body
    Body   Text | Media | Location | Link | ... | EnterSession | SendFail | ... | Unknown | Unreadable

Plain values; ``kf_reading`` makes them of WeChat's JSON (developer.work.weixin.qq.com/document/path/94670).
What people wrote is in no repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Final

SYNC_MSG: Final = "/cgi-bin/kf/sync_msg"

PAGE_LIMIT: Final = 1000
"""The most items of a page, and WeChat's default."""

EVENT: Final = "event"
"""The msgtype of what is no message; ``event_type`` says which event."""


class Origin(IntEnum):
    """Who an item is from; the numbers are WeChat's."""

    CUSTOMER = 3
    SYSTEM = 4
    SERVICER = 5


class Change(IntEnum):
    """What a servicer did to a session in the client; the numbers are WeChat's."""

    TAKEN = 1
    TRANSFERRED = 2
    ENDED = 3
    TAKEN_AGAIN = 4


# what a message holds


@dataclass(frozen=True, slots=True)
class Text:
    """A text; with ``menu_id`` it came from a tap on a menu item of ours."""

    content: str = field(repr=False)
    menu_id: str | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """An image, a voice, a video or a file."""

    media_id: str


@dataclass(frozen=True, slots=True)
class Location:
    """A place; degrees, None where they are no numbers."""

    latitude: float | None
    longitude: float | None
    name: str = field(repr=False)
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Link:
    """A link with its card."""

    title: str = field(repr=False)
    desc: str = field(repr=False)
    url: str = field(repr=False)
    pic_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BusinessCard:
    """A servicer's card."""

    userid: str


@dataclass(frozen=True, slots=True)
class MiniProgram:
    """A mini-program's card."""

    title: str = field(repr=False)
    appid: str
    pagepath: str
    thumb_media_id: str


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One line of a menu: click, view, miniprogram or text."""

    type: str
    id: str
    content: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu, sent by a servicer."""

    head: str = field(repr=False)
    items: tuple[MenuItem, ...]
    tail: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ShopProduct:
    """A product of a 视频号 shop; the price in 分, None where it is no number."""

    product_id: str
    title: str = field(repr=False)
    sales_price: int | None
    head_image: str
    shop_nickname: str
    shop_head_image: str


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order in a 视频号 shop."""

    order_id: str
    product_titles: str = field(repr=False)
    price_wording: str = field(repr=False)
    state: str
    image_url: str
    shop_nickname: str


@dataclass(frozen=True, slots=True)
class MergedItem:
    """One message of a forwarded talk; ``content`` is WeChat's JSON as text, as deep as it likes."""

    send_time: datetime | None
    msgtype: str
    sender_name: str = field(repr=False)
    content: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Merged:
    """A forwarded talk."""

    title: str = field(repr=False)
    items: tuple[MergedItem, ...]


@dataclass(frozen=True, slots=True)
class Channels:
    """A 视频号 post, live or card (``sub_type`` says which)."""

    sub_type: int | None
    nickname: str = field(repr=False)
    title: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bare:
    """A meeting, a schedule or a note, of which WeChat tells nothing more."""


# what an event tells


@dataclass(frozen=True, slots=True)
class EnterSession:
    """A user opened the conversation; ``welcome_code`` is good for one message within 20 seconds."""

    scene: str
    scene_param: str = field(repr=False)
    welcome_code: str = field(repr=False)
    channels_scene: int | None
    channels_nickname: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendFail:
    """A message that WeChat took was not delivered; ``fail_type`` None is a number we cannot read."""

    msgid: str
    fail_type: int | None


@dataclass(frozen=True, slots=True)
class ServicerStatus:
    """A servicer began (1) or stopped (2) serving."""

    servicer_userid: str
    status: int | None
    stop_type: int | None


@dataclass(frozen=True, slots=True)
class SessionChange:
    """A servicer took, passed on or ended a conversation; see ``Change``."""

    change_type: int | None
    old_servicer: str
    new_servicer: str
    msg_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Recall:
    """The user, or a servicer, took a message back."""

    msgid: str
    servicer_userid: str | None


@dataclass(frozen=True, slots=True)
class RejectSwitch:
    """A servicer rejects a customer's messages, or takes them again."""

    servicer_userid: str
    rejects: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """A msgtype or an event of which this kfpush knows nothing; the item is kept as it came."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Not an item as WeChat describes them; ``why`` quotes nothing of it."""

    why: str


Body = (
    Text
    | Media
    | Location
    | Link
    | BusinessCard
    | MiniProgram
    | Menu
    | ShopProduct
    | ShopOrder
    | Merged
    | Channels
    | Bare
    | EnterSession
    | SendFail
    | ServicerStatus
    | SessionChange
    | Recall
    | RejectSwitch
    | Unknown
    | Unreadable
)


@dataclass(frozen=True, slots=True)
class Item:
    """One item; ``key`` is its msgid, or, as events may have none, a hash of the whole.

    ``raw`` is the item as it came, or as JSON text what was no object: never logged.
    """

    key: str
    body: Body
    open_kfid: str | None = None
    external_userid: str | None = None
    send_time: datetime | None = None
    origin: int | None = None
    msgtype: str | None = None
    event_type: str | None = None
    raw: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_word(self) -> bool:
        """Whether the customer said something: any message of theirs, understood or not, but no event."""
        return (
            self.origin == Origin.CUSTOMER
            and self.msgtype not in {None, EVENT}
            and not isinstance(self.body, Unreadable)
        )

    @property
    def is_click(self) -> bool:
        """Whether the customer only tapped a menu item."""
        return self.is_word and isinstance(self.body, Text) and self.body.menu_id is not None


@dataclass(frozen=True, slots=True)
class Page:
    """What sync_msg answered; ``errcode`` 0 is success, and then ``next_cursor`` is empty if none came."""

    errcode: int
    next_cursor: str = ""
    has_more: bool = False
    items: tuple[Item, ...] = ()
