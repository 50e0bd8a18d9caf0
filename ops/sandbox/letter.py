"""What a send_msg body must look like before any rule is asked.  Pure: a body in, a letter or a code out."""

import re
from dataclasses import dataclass, field, replace
from typing import Final, TypeGuard

from ops.sandbox import errcodes, shapes

TEXT_BYTES: Final = 2048
ID_BYTES: Final = 64

MSGTYPES: Final = frozenset(
    {"text", "image", "voice", "video", "file", "link", "miniprogram", "msgmenu", "location", "ca_link"}
    | {"business_card"}
)

_MSGID = re.compile(r"[0-9a-zA-Z_-]{1,32}", re.ASCII)


@dataclass(frozen=True)
class Letter:
    """One well-formed message; content is the text, or the object of any other type."""

    touser: str
    open_kfid: str
    msgid: str | None
    msgtype: str
    content: str | dict[str, object] = field(repr=False)


def read(body: object) -> Letter | int:
    """The letter in a body, or the errcode that WeChat would answer."""
    if not isinstance(body, dict):
        return errcodes.BAD_PARAMETER
    touser, open_kfid = body.get("touser"), body.get("open_kfid")
    if not is_name(touser):
        return errcodes.UNKNOWN_USER
    if not is_name(open_kfid):
        return errcodes.UNKNOWN_ACCOUNT
    msgid, msgtype = body.get("msgid"), body.get("msgtype")
    if "msgid" in body and not is_msgid(msgid):
        return errcodes.BAD_PARAMETER
    if not isinstance(msgtype, str) or msgtype not in MSGTYPES:
        return errcodes.BAD_MSGTYPE
    content = _content(msgtype, body.get(msgtype))
    return content if isinstance(content, int) else Letter(touser, open_kfid, msgid, msgtype, content)


def is_name(name: object) -> TypeGuard[str]:
    """Whether this can name a user or a KF account."""
    return isinstance(name, str) and is_writable(name) and 1 <= len(name.encode()) <= ID_BYTES


def is_msgid(msgid: object) -> TypeGuard[str]:
    """Whether this can be a msgid; the empty text is not one."""
    return isinstance(msgid, str) and _MSGID.fullmatch(msgid) is not None


def is_writable(text: str) -> bool:
    """Whether the text can be UTF-8: JSON can carry half a surrogate pair, which no phone can show."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _content(msgtype: str, content: object) -> str | dict[str, object] | int:
    if not isinstance(content, dict) or not content:
        return errcodes.BAD_PARAMETER
    if msgtype != "text":
        return shapes.judge(msgtype, content) or content
    text = content.get("content")
    if not isinstance(text, str) or not is_writable(text):
        return errcodes.BAD_PARAMETER
    return text or errcodes.EMPTY_TEXT


def is_too_long(letter: Letter) -> bool:
    """Whether a text is over WeChat's 2048 bytes; other types have limits of their own."""
    return isinstance(letter.content, str) and len(letter.content.encode()) > TEXT_BYTES


def menu_items(letter: Letter) -> int:
    """How many items a menu has; 0 for what is none."""
    items = letter.content.get("list") if isinstance(letter.content, dict) else None
    return len(items) if letter.msgtype == "msgmenu" and isinstance(items, list) else 0


def cut(letter: Letter) -> Letter:
    """The letter with its texts ending where WeChat would cut them: between characters."""
    if isinstance(letter.content, str):
        return replace(letter, content=shapes.cut_text(letter.content, TEXT_BYTES))
    return replace(letter, content=shapes.cut(letter.msgtype, letter.content))
