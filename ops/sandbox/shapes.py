"""What the content of each message type must hold, and how long it may be.  Pure: content in, a code out.

Sources: document/path/94677 for the fields, the public error table for 95009; sizes are UTF-8 bytes.
What WeChat is documented to cut (a link's title and description, a mini program's title) is never too long.
"""

from collections.abc import Callable, Mapping
from typing import Final

from ops.sandbox import errcodes

Content = Mapping[str, object]

AROUND_MENU: Final = 1024
CHOICE: Final = 128
TEXT_LINE: Final = 256
URL: Final = 2048
LABEL: Final = 1024
APPID: Final = 32
CUT: Final[Mapping[str, Mapping[str, int]]] = {
    "link": {"title": 128, "desc": 512},
    "miniprogram": {"title": 64},
}
"""What WeChat cuts, and at how many bytes."""
CONTACT_LINK: Final = "https://work.weixin.qq.com/ca/"
LATITUDE: Final = 90
LONGITUDE: Final = 180


def judge(msgtype: str, content: Content) -> int:
    """OK, or what WeChat has against this content."""
    judged = _JUDGES.get(msgtype)
    return errcodes.OK if judged is None else judged(content)


def cut(msgtype: str, content: Content) -> dict[str, object]:
    """The content with the texts that WeChat cuts ending where it cuts them."""
    limits = CUT.get(msgtype, {})
    return {
        name: cut_text(value, limits[name]) if name in limits and isinstance(value, str) else value
        for name, value in content.items()
    }


def cut_text(text: str, most: int) -> str:
    """The beginning of a text that has room, ending between characters."""
    return text.encode(errors="replace")[:most].decode(errors="ignore")


def _media(content: Content) -> int:
    return _code(_is_text(content.get("media_id"), URL))


def _link(content: Content) -> int:
    return _code(_is_web(content.get("url")) and _has(content, "title", "thumb_media_id"))


def _program(content: Content) -> int:
    return _code(_has(content, "appid", "thumb_media_id", "pagepath"))


def _location(content: Content) -> int:
    here = (_is_within(content.get("latitude"), LATITUDE), _is_within(content.get("longitude"), LONGITUDE))
    return _code(all(here))


def _card(content: Content) -> int:
    return _code(_has(content, "userid"))


def _contact_link(content: Content) -> int:
    return _code(_has(content, "link_url") and str(content["link_url"]).startswith(CONTACT_LINK))


def _menu(content: Content) -> int:
    items = content.get("list", [])
    around = [content[name] for name in ("head_content", "tail_content") if name in content]
    if not isinstance(items, list) or not all(_is_text(text, AROUND_MENU, least=0) for text in around):
        return errcodes.BAD_PARAMETER
    return next((code for code in map(_item, items) if code != errcodes.OK), errcodes.OK)


def _item(item: object) -> int:
    if not isinstance(item, Mapping):
        return errcodes.BAD_PARAMETER
    kind = item.get("type")
    if not isinstance(kind, str) or kind not in _ITEMS:
        return errcodes.BAD_ITEM
    entry = item.get(kind)
    return _code(isinstance(entry, Mapping) and _ITEMS[kind](entry))


def _is_click(entry: Content) -> bool:
    is_named = "id" not in entry or _is_text(entry["id"], CHOICE)
    return is_named and _is_text(entry.get("content"), CHOICE)


def _is_view(entry: Content) -> bool:
    return _is_text(entry.get("url"), URL) and _is_text(entry.get("content"), LABEL)


def _is_program(entry: Content) -> bool:
    places = _is_text(entry.get("appid"), APPID) and _is_text(entry.get("pagepath"), LABEL)
    return places and _is_text(entry.get("content"), LABEL)


def _is_line(entry: Content) -> bool:
    return _is_text(entry.get("content"), TEXT_LINE)


_ITEMS: Final[dict[str, Callable[[Content], bool]]] = {
    "click": _is_click,
    "view": _is_view,
    "miniprogram": _is_program,
    "text": _is_line,
}
_JUDGES: Final[dict[str, Callable[[Content], int]]] = {
    **dict.fromkeys(("image", "voice", "video", "file"), _media),
    "link": _link,
    "miniprogram": _program,
    "location": _location,
    "msgmenu": _menu,
    "business_card": _card,
    "ca_link": _contact_link,
}


def _code(is_right: object) -> int:
    return errcodes.OK if is_right else errcodes.BAD_PARAMETER


def _has(content: Content, *names: str) -> bool:
    return all(_is_text(content.get(name), URL) for name in names)


def _is_text(value: object, most: int, least: int = 1) -> bool:
    return isinstance(value, str) and least <= len(value.encode(errors="replace")) <= most


def _is_web(value: object) -> bool:
    return isinstance(value, str) and _is_text(value, URL) and value.startswith(("http://", "https://"))


def _is_within(value: object, most: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -most <= value <= most
