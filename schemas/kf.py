"""KF's wire: what send_msg is asked and what WeChat answers.

A body built here is frozen in ``push_messages.body``; ``encode`` turns it into the same bytes every time.
Limits are in bytes of UTF-8, where one Chinese character takes three.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

SEND_MSG = "/cgi-bin/kf/send_msg"
GET_TOKEN = "/cgi-bin/gettoken"  # noqa: S105 - a path

TEXT_BYTES = 2048
"""The longest text content; WeChat cuts or refuses a longer one."""
MSGID_BYTES = 32
"""The longest msgid of our own choice."""

_NO_ERRCODE = 2**31
"""WeChat's codes have six digits; what no column of ours can hold is none of them."""

MSGID = re.compile(rf"[0-9a-zA-Z_-]{{1,{MSGID_BYTES}}}")
"""What a msgid may be made of."""
_ADDRESS = re.compile(r"from ip: ?([0-9a-fA-F.:]{3,45})")


def text_size(text: str) -> int:
    """The size of ``text`` as WeChat counts it."""
    return len(text.encode("utf-8", "replace"))


def cut_text(text: str, limit: int = TEXT_BYTES) -> str:
    """The longest beginning of ``text`` that fits into ``limit`` bytes, cut between characters."""
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")


def text_body(*, touser: str, open_kfid: str, msgid: str, content: str) -> dict[str, object]:
    """The body of a text message.

    Raises:
        ValueError: something WeChat is sure to refuse; the content itself is not in the error's text.

    """
    if not touser or not open_kfid:
        raise ValueError("a message needs an external_userid and an open_kfid")
    if not MSGID.fullmatch(msgid):
        raise ValueError(f"a msgid is 1 to {MSGID_BYTES} characters of 0-9 a-z A-Z _ -")
    size = text_size(content)
    if not 0 < size <= TEXT_BYTES:
        raise ValueError(f"a text is 1 to {TEXT_BYTES} bytes of UTF-8, not {size}")
    return {
        "touser": touser,
        "open_kfid": open_kfid,
        "msgid": msgid,
        "msgtype": "text",
        "text": {"content": content},
    }


_READ: Final = ("content", "head_content", "title", "desc", "name", "address", "url", "link_url")
_READ_LAST: Final = ("tail_content",)
"""What stands above and below a menu's items, or in a card."""

_AS_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Made once: ``json.dumps`` makes an encoder for every call that is not plain."""


def words_of(body: Mapping[str, object]) -> str | None:
    """What a person reads in a message of ours, line by line; None for one without words."""
    content = body.get(str(body.get("msgtype")))
    if not isinstance(content, Mapping):
        return None
    words = [str(content[name]) for name in _READ if content.get(name)]
    items = content.get("list")
    if isinstance(items, list):
        words += [str(item[item["type"]].get("content", "")) for item in items]
    words += [str(content[name]) for name in _READ_LAST if content.get(name)]
    return "\n".join(words) if words else None


def encode(body: Mapping[str, object]) -> bytes:
    """The bytes of ``body``: compact JSON, Chinese as itself.

    Half a surrogate pair cannot be UTF-8; it becomes ``?``, the same in every attempt.
    """
    return _AS_JSON(body).encode("utf-8", "replace")


class UnreadableAnswer(ValueError):
    """WeChat, or something on the way to it, answered with something that is not a KF answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What every KF call answers with; ``errcode`` is None when the field is missing or holds no code."""

    errcode: int | None
    errmsg: str = ""
    fields: Mapping[str, object] = field(default_factory=dict, repr=False)
    """The whole object, which may hold a token: never shown."""


def read_answer(raw: bytes) -> Answer:
    """Read an answer's body.

    Raises:
        UnreadableAnswer: not a JSON object.

    """
    try:
        found = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UnreadableAnswer("the answer is not a JSON object")
    errcode, errmsg = found.get("errcode"), found.get("errmsg")
    return Answer(
        errcode if type(errcode) is int and abs(errcode) < _NO_ERRCODE else None,
        errmsg if isinstance(errmsg, str) else "",
        found,
    )


def caller_address(answer: Answer) -> str | None:
    """The address that WeChat sees us at, where its free text tells (60020): to be shown, never judged."""
    seen = _ADDRESS.search(answer.errmsg)
    return None if seen is None else seen[1]


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """An access token and the seconds it lives."""

    access_token: str = field(repr=False)
    expires_in: float


def read_grant(answer: Answer) -> TokenGrant | None:
    """The grant in gettoken's answer; None when there is none.  A missing errcode is a success there."""
    token, lifetime = answer.fields.get("access_token"), answer.fields.get("expires_in")
    if answer.errcode not in {None, 0} or not isinstance(token, str) or not token:
        return None
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or lifetime <= 0:
        return None
    return TokenGrant(token, lifetime)
