"""Pages of sync_msg that WeChat should not write: items changed inside, then, of half, the bytes too.

Whatever an item is, it is read, named and understood as something; a sound message beside it is heard.
"""

import json
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from consumer.inbound.heard import Heard, hear
from consumer.replies.reading import read
from schemas.kf import UnreadableAnswer
from schemas.kf_items import Item, Unknown, Unreadable
from schemas.kf_reading import LONGEST_ID, as_text, read_page
from schemas.states import Effect
from tests.fuzz.mutation import mutated
from tests.fuzz.runner import Target

NOW: Final = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SPOKEN: Final = int(NOW.timestamp())

SOUND: Final = {
    "msgid": "sound",
    "open_kfid": "wk1",
    "external_userid": "wmSound",
    "send_time": SPOKEN,
    "origin": 3,
    "msgtype": "text",
    "text": {"content": "退订"},
}

_MESSAGES: Final[dict[str, Any]] = {
    "text": {"content": "查看1", "menu_id": "kfpush_view_1"},
    "image": {"media_id": "m"},
    "voice": {"media_id": "m"},
    "video": {"media_id": "m"},
    "file": {"media_id": "m"},
    "location": {"latitude": 23.1, "longitude": 113.3, "name": "广州", "address": "海珠区"},
    "link": {"title": "T", "desc": "D", "url": "https://x", "pic_url": "https://p"},
    "business_card": {"userid": "zhangsan"},
    "miniprogram": {"title": "T", "appid": "wx1", "pagepath": "p", "thumb_media_id": "m"},
    "msgmenu": {"head_content": "H", "list": [{"type": "click", "click": {"id": "1", "content": "是"}}]},
    "channels_shop_product": {"product_id": "P", "head_image": "h", "sales_price": "100"},
    "channels_shop_order": {"order_id": "O", "state": "已付款"},
    "merged_msg": {"title": "T", "item": [{"send_time": SPOKEN, "msgtype": "text", "msg_content": "{}"}]},
    "channels": {"sub_type": 1, "nickname": "N", "title": "T"},
    "meeting": {},
    "schedule": {},
    "note": {},
    "hologram": {"x": 1},
}
_EVENTS: Final[dict[str, Any]] = {
    "enter_session": {"scene": "1", "welcome_code": "c", "wechat_channels": {"nickname": "N", "scene": 1}},
    "msg_send_fail": {"fail_msgid": "F", "fail_type": 4},
    "servicer_status_change": {"servicer_userid": "S", "status": 2, "stop_type": 1},
    "session_status_change": {"change_type": 3, "old_servicer_userid": "A", "msg_code": "M"},
    "user_recall_msg": {"recall_msgid": "R"},
    "servicer_recall_msg": {"recall_msgid": "R", "servicer_userid": "S"},
    "reject_customer_msg_switch_change": {"servicer_userid": "S", "reject_switch": 1},
    "session_teleported": {},
}
_STRANGE: Final[tuple[object, ...]] = (
    *(
        None,
        True,
        False,
        0,
        1,
        3,
        4,
        5,
        -1,
        10**15,
        10**30,
        3.0,
        1.5,
        float("nan"),
        float("inf"),
        "",
        "0",
        "3",
    ),
    *("1795320000", "x" * 200, "x" * 5000, "你好", "\x00", "\ud800", "9" * 5000, " ", "text", "event", "wm1"),
    *([], {}, [[]], [None], {"": None}, {"type": {}}, [{"type": "click", "click": 3}]),
)


def run(chance: Random) -> str:
    """Make a page, read it, and understand what it holds."""
    item = _item(chance)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
        item = _changed(item, chance)
    listed = [SOUND, item, {**SOUND, "msgid": "sound2"}]
    page = {"errcode": 0, "errmsg": "ok", "next_cursor": "c1", "has_more": 1, "msg_list": listed}
    is_as_listed = chance.random() < 0.95
    if not is_as_listed:
        page = _changed(page, chance)
    body = json.dumps(page, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    is_whole = chance.random() < 0.5
    if not is_whole:
        body = mutated(body, chance)
    try:
        found = read_page(body)
    except UnreadableAnswer:
        assert not (is_whole and is_as_listed), "one item spoiled the page"
        return "no page"
    if found.errcode:
        return "refused"
    heard = hear(found.items, "wk1", NOW, read, is_first=chance.random() < 0.5)
    for one in heard:
        _is_sound(one)
    if is_whole and is_as_listed:
        stops = [
            one for one in heard if one.item.external_userid == "wmSound" and one.effect is Effect.STOPPED
        ]
        assert len(stops) >= 2, "a sound message was lost"
        middle = found.items[1].body
        return type(middle).__name__
    return "page of changed bytes"


def _is_sound(one: Heard) -> None:
    item: Item = one.item
    assert 0 < len(item.key) <= LONGEST_ID, "a key that no column should hold"
    assert one.at <= NOW.replace(minute=5), "a time that has not come"
    text = as_text(item.raw)
    assert text.isascii(), "not for every database"
    for value in (item.key, item.open_kfid, item.external_userid, item.msgtype, item.event_type):
        assert value is None or (value.isascii() and value.isprintable()), "an id that is none"
    assert not item.is_word or (item.external_userid and item.send_time), "a word of nobody"
    assert one.is_kept_raw == isinstance(item.body, Unknown | Unreadable)
    repr(item)


def _item(chance: Random) -> Any:  # noqa: ANN401 - any JSON
    if chance.random() < 0.05:
        return chance.choice(_STRANGE)
    envelope = {**SOUND, "msgid": f"m{chance.randrange(10**6)}", "external_userid": "wm1"}
    del envelope["text"]
    if chance.random() < 0.5:
        name = chance.choice(list(_MESSAGES))
        origin = chance.choice((3, 3, 3, 5, 4))
        return {**envelope, "origin": origin, "msgtype": name, name: dict(_MESSAGES[name])}
    name = chance.choice(list(_EVENTS))
    inner = {"event_type": name, "open_kfid": "wk1", "external_userid": "wm1", **_EVENTS[name]}
    return {"send_time": SPOKEN, "origin": 4, "msgtype": "event", "event": inner}


def _changed(value: Any, chance: Random) -> Any:  # noqa: ANN401, PLR0911 - any JSON; one line a way
    """Change one place of a JSON value, however deep."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        rest = {key: inner for key, inner in value.items() if key != name}
        way = chance.randrange(6)
        if way == 0:
            return rest
        if way == 1:
            return {**rest, chance.choice((name + "x", name.upper(), "")): value[name]}
        if way == 2:
            return {**value, chance.choice(list(_MESSAGES)): chance.choice(_STRANGE)}
        return {**value, name: _changed(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        return [*value[:at], _changed(value[at], chance), *value[at + 1 :]]
    if chance.random() < 0.02:
        deep: object = None
        for _ in range(chance.choice((10, 400, 900))):
            deep = [deep] if chance.random() < 0.5 else {"deep": deep}
        return deep
    return chance.choice(_STRANGE)


TARGET: Final = Target(
    "items",
    100_000,
    ("schemas.kf_reading", "schemas.kf_items", "consumer.inbound.heard"),
    run,
)
