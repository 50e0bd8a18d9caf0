"""Reading sync_msg's answer: lenient about what nobody needs, strict about what decides.  Pure.

One item that cannot be read becomes ``Unreadable`` and holds up no other.  A customer's message whose
content is strange is still a customer's message: it opens the window.  Events have their ids inside
``event``, not beside ``msgtype``, and may have no msgid (developer.work.weixin.qq.com/document/path/94670).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from schemas import kf_items as kf
from schemas.kf import UnreadableAnswer

LONGEST_ID: Final = 128
"""Longer than any id of WeChat's (external_userid, open_kfid and msgids are at most 64)."""

_LONGEST_NUMBER: Final = 18
_ID: Final = re.compile(rf"[!-~]{{1,{LONGEST_ID}}}")
_CURSOR: Final = re.compile(r"[!-~]{1,256}")
_NAME: Final = re.compile(r"[0-9A-Za-z_.-]{1,64}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")
_HALF_CIRCLE: Final = 180
_EARLIEST: Final = 946_684_800
_LATEST: Final = 4_102_444_800
"""The years 2000 and 2100: nobody wrote before, and a time behind it is none."""

Object = Mapping[str, object]


def read_page(body: bytes) -> kf.Page:
    """Read an answer.

    A title that WeChat cut in the middle of a character, or a raw control character, spoils no page.

    Raises:
        UnreadableAnswer: it is no JSON object, or neither a page nor an error.

    """
    try:
        found = json.loads(body.decode("utf-8", "replace"), strict=False, parse_int=_int)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UnreadableAnswer("the answer is not a JSON object")
    errcode = number(found.get("errcode"))
    if errcode is None and not ("msg_list" in found or "next_cursor" in found):
        raise UnreadableAnswer("the answer has neither a page nor an errcode")
    if errcode:
        return kf.Page(errcode)
    listed = found.get("msg_list")
    return kf.Page(
        0,
        _matching(_CURSOR, found.get("next_cursor")) or "",
        number(found.get("has_more")) == 1,
        tuple(read_item(item) for item in listed) if isinstance(listed, list) else (),
    )


def read_item(found: object) -> kf.Item:
    """Read one item, whatever it is; never raises."""
    if not isinstance(found, dict):
        return kf.Item(_hashed(found), kf.Unreadable("not an object"), raw={"item": found})
    msgtype, origin = _matching(_NAME, found.get("msgtype")), number(found.get("origin"))
    inner = _object(found, kf.EVENT) if msgtype == kf.EVENT else {}
    item = kf.Item(
        key=_matching(_ID, found.get("msgid")) or _hashed(found),
        body=kf.Unknown(),
        open_kfid=_id_of(inner, found, "open_kfid"),
        external_userid=_id_of(inner, found, "external_userid"),
        send_time=instant(found.get("send_time")),
        origin=origin,
        msgtype=msgtype,
        event_type=_matching(_NAME, inner.get("event_type")),
        raw=found,
    )
    return replace(item, body=_event(item, inner) if msgtype == kf.EVENT else _message(item, found))


def _message(item: kf.Item, found: Object) -> kf.Body:
    if item.msgtype is None:
        return kf.Unreadable("no msgtype")
    if item.origin in {kf.Origin.CUSTOMER, kf.Origin.SERVICER}:
        if item.external_userid is None:
            return kf.Unreadable("a message of nobody: no external_userid")
        if item.send_time is None:
            return kf.Unreadable("a message without its time")
    read = _MESSAGES.get(item.msgtype)
    return kf.Unknown() if read is None else read(_object(found, item.msgtype))


def _event(item: kf.Item, inner: Object) -> kf.Body:
    if item.event_type is None:
        return kf.Unreadable("an event without event_type")
    known = _EVENTS.get(item.event_type)
    if known is None:
        return kf.Unknown()
    needed, read = known
    if needed == _PERSON:
        return kf.Unreadable(f"an event without {needed}") if item.external_userid is None else read(inner)
    return read(inner) if _matching(_ID, inner.get(needed)) else kf.Unreadable(f"an event without {needed}")


# values, as lenient as can be


def number(value: object) -> int | None:
    """Read a whole number that is one, or says it: WeChat's samples write ``"1"`` for some."""
    if isinstance(value, str):
        return int(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, float):
        # Infinities and NaN are no numbers of WeChat's; 3.0 is one that a gateway wrote anew.
        return int(value) if value.is_integer() and abs(value) < 10**_LONGEST_NUMBER else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if abs(value) < 10**_LONGEST_NUMBER else None


def instant(value: object) -> datetime | None:
    """Read unix seconds between the years 2000 and 2100."""
    seconds = number(value)
    if seconds is None or not _EARLIEST <= seconds < _LATEST:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _int(digits: str) -> int | None:
    """Read JSON's whole numbers; one with thousands of digits is none, and spoils no page."""
    return int(digits) if _NUMBER.fullmatch(digits) else None


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _id_of(inner: Object, found: Object, name: str) -> str | None:
    return _matching(_ID, inner.get(name)) or _matching(_ID, found.get(name))


def _object(found: Object, name: str) -> Object:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _objects(found: Object, name: str) -> list[Object]:
    listed = found.get(name)
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _text(found: Object, *names: str) -> str:
    """The first of these fields that is there; a number is its digits, anything else is no text."""
    for name in names:
        value = found.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return ""


def _degrees(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) <= _HALF_CIRCLE else None


def _hashed(found: object) -> str:
    """Name what has no name of its own: the same item has the same one, whenever it is read."""
    return "sha256:" + hashlib.sha256(as_text(found).encode("ascii")).hexdigest()


def as_text(found: object) -> str:
    """Write an item as JSON that any column takes: ASCII, control characters and half pairs escaped."""
    try:
        return json.dumps(found, sort_keys=True, separators=(",", ":"))
    except RecursionError:  # as deep as the reader could go; what lies on top tells it from others
        top = found if isinstance(found, dict) else {}
        plain = {name: value for name, value in top.items() if not isinstance(value, dict | list)}
        return json.dumps(plain, sort_keys=True, separators=(",", ":"))


# bodies


def _menu_item(found: Object) -> kf.MenuItem:
    kind = _text(found, "type")
    inner = _object(found, kind)
    return kf.MenuItem(kind, _text(inner, "id"), _text(inner, "content"))


def _merged_item(found: Object) -> kf.MergedItem:
    return kf.MergedItem(
        instant(found.get("send_time")),
        _text(found, "msgtype"),
        _text(found, "sender_name"),
        _text(found, "msg_content"),
    )


def _media(found: Object) -> kf.Media:
    return kf.Media(_text(found, "media_id"))


def _bare(_: Object) -> kf.Bare:
    return kf.Bare()


_MESSAGES: Final[Mapping[str, Callable[[Object], kf.Body]]] = {
    "text": lambda it: kf.Text(_text(it, "content"), _text(it, "menu_id") or None),
    "image": _media,
    "voice": _media,
    "video": _media,
    "file": _media,
    "location": lambda it: kf.Location(
        _degrees(it.get("latitude")), _degrees(it.get("longitude")), _text(it, "name"), _text(it, "address")
    ),
    "link": lambda it: kf.Link(*(_text(it, name) for name in ("title", "desc", "url", "pic_url"))),
    "business_card": lambda it: kf.BusinessCard(_text(it, "userid")),
    "miniprogram": lambda it: kf.MiniProgram(
        *(_text(it, name) for name in ("title", "appid", "pagepath", "thumb_media_id"))
    ),
    "msgmenu": lambda it: kf.Menu(
        _text(it, "head_content"),
        tuple(_menu_item(line) for line in _objects(it, "list")),
        _text(it, "tail_content"),
    ),
    # Some copies of the documentation write head_image, others head_img.
    "channels_shop_product": lambda it: kf.ShopProduct(
        _text(it, "product_id"),
        _text(it, "title"),
        number(it.get("sales_price")),
        _text(it, "head_image", "head_img"),
        _text(it, "shop_nickname"),
        _text(it, "shop_head_image", "shop_head_img"),
    ),
    "channels_shop_order": lambda it: kf.ShopOrder(
        *(
            _text(it, name)
            for name in (
                "order_id",
                "product_titles",
                "price_wording",
                "state",
                "image_url",
                "shop_nickname",
            )
        )
    ),
    "merged_msg": lambda it: kf.Merged(
        _text(it, "title"), tuple(_merged_item(line) for line in _objects(it, "item"))
    ),
    "channels": lambda it: kf.Channels(number(it.get("sub_type")), _text(it, "nickname"), _text(it, "title")),
    "meeting": _bare,
    "schedule": _bare,
    "note": _bare,
}


def _enter_session(it: Object) -> kf.EnterSession:
    channels = _object(it, "wechat_channels")
    return kf.EnterSession(
        _text(it, "scene"),
        _text(it, "scene_param"),
        _text(it, "welcome_code"),
        number(channels.get("scene")),
        _text(channels, "nickname", "shop_nickname"),
    )


_PERSON: Final = "external_userid"

_EVENTS: Final[Mapping[str, tuple[str, Callable[[Object], kf.Body]]]] = {
    "enter_session": (_PERSON, _enter_session),
    "msg_send_fail": (
        "fail_msgid",
        lambda it: kf.SendFail(_text(it, "fail_msgid"), number(it.get("fail_type"))),
    ),
    "servicer_status_change": (
        "servicer_userid",
        lambda it: kf.ServicerStatus(
            _text(it, "servicer_userid"), number(it.get("status")), number(it.get("stop_type"))
        ),
    ),
    "session_status_change": (
        _PERSON,
        lambda it: kf.SessionChange(
            number(it.get("change_type")),
            _text(it, "old_servicer_userid"),
            _text(it, "new_servicer_userid"),
            _text(it, "msg_code"),
        ),
    ),
    "user_recall_msg": (
        "recall_msgid",
        lambda it: kf.Recall(_text(it, "recall_msgid"), None),
    ),
    "servicer_recall_msg": (
        "recall_msgid",
        lambda it: kf.Recall(_text(it, "recall_msgid"), _text(it, "servicer_userid")),
    ),
    "reject_customer_msg_switch_change": (
        _PERSON,
        lambda it: kf.RejectSwitch(_text(it, "servicer_userid"), number(it.get("reject_switch")) == 1),
    ),
}
"""The id that an event cannot do without, and how the rest is read."""
