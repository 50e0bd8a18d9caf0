"""sync_msg's answers: every item WeChat describes, and whatever else may come."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import kf_items as kf
from schemas.kf import UnreadableAnswer
from schemas.kf_reading import as_text, read_item, read_page

SPOKEN = 1_795_320_000
ENVELOPE = {
    "msgid": "msg1",
    "open_kfid": "wkAJ2GCAAASSm4_FhToWMFea0xAFfd3Q",
    "external_userid": "wmAJ2GCAAAme1XQRC-NI-q0_ZM9ukoAw",
    "send_time": SPOKEN,
    "origin": 3,
}


def item(msgtype: str, content: object = None, **more: object) -> kf.Item:
    """Read a customer's message of this type."""
    return read_item({**ENVELOPE, "msgtype": msgtype, msgtype: content, **more})


def event(event_type: str, **fields: object) -> kf.Item:
    """Read an event, shaped as WeChat shapes them: no ids of its own beside ``msgtype``."""
    inner = {"event_type": event_type, "open_kfid": "wk1", "external_userid": "wm1", **fields}
    return read_item({"send_time": SPOKEN, "origin": 4, "msgtype": "event", "event": inner})


def page(**fields: object) -> bytes:
    """Write an answer."""
    return json.dumps(fields).encode()


def test_envelope() -> None:
    """A message tells who said it to which account, when, and that a customer did."""
    said = item("text", {"content": "你好"})
    assert (said.key, said.open_kfid, said.external_userid) == (
        "msg1",
        "wkAJ2GCAAASSm4_FhToWMFea0xAFfd3Q",
        "wmAJ2GCAAAme1XQRC-NI-q0_ZM9ukoAw",
    )
    assert said.send_time == datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
    assert (said.is_word, said.is_click) == (True, False)
    assert said.body == kf.Text("你好")


MESSAGES: list[tuple[str, object, kf.Body]] = [
    ("text", {"content": "查看1", "menu_id": "101"}, kf.Text("查看1", "101")),
    ("image", {"media_id": "2iSLeVyqzk4eX0IB"}, kf.Media("2iSLeVyqzk4eX0IB")),
    ("voice", {"media_id": "v"}, kf.Media("v")),
    ("video", {"media_id": "v"}, kf.Media("v")),
    ("file", {"media_id": "f"}, kf.Media("f")),
    (
        "location",
        {"latitude": 23.106021881103501, "longitude": 113, "name": "广州", "address": "海珠区"},
        kf.Location(23.106021881103501, 113.0, "广州", "海珠区"),
    ),
    (
        "link",
        {"title": "T", "desc": "D", "url": "https://x", "pic_url": "https://p"},
        kf.Link("T", "D", "https://x", "https://p"),
    ),
    ("business_card", {"userid": "zhangsan"}, kf.BusinessCard("zhangsan")),
    (
        "miniprogram",
        {"title": "T", "appid": "wx1", "pagepath": "p.html", "thumb_media_id": "m"},
        kf.MiniProgram("T", "wx1", "p.html", "m"),
    ),
    (
        "msgmenu",
        {
            "head_content": "H",
            "list": [{"type": "click", "click": {"id": "1", "content": "满意"}}, {"type": "text"}],
            "tail_content": "T",
        },
        kf.Menu("H", (kf.MenuItem("click", "1", "满意"), kf.MenuItem("text", "", "")), "T"),
    ),
    (
        "channels_shop_product",
        {"product_id": "P", "head_image": "h", "title": "T", "sales_price": "100", "shop_nickname": "N"},
        kf.ShopProduct("P", "T", 100, "h", "N", ""),
    ),
    (
        "channels_shop_product",
        {"product_id": "P", "head_img": "h", "sales_price": 100, "shop_head_img": "s"},
        kf.ShopProduct("P", "", 100, "h", "", "s"),
    ),
    (
        "channels_shop_order",
        {
            "order_id": "O",
            "product_titles": "T",
            "price_wording": "¥1",
            "state": "已付款",
            "image_url": "i",
            "shop_nickname": "N",
        },
        kf.ShopOrder("O", "T", "¥1", "已付款", "i", "N"),
    ),
    (
        "merged_msg",
        {
            "title": "群聊的聊天记录",
            "item": [
                {"send_time": SPOKEN, "msgtype": "text", "sender_name": "发送者", "msg_content": "{}"},
                {"msgtype": 1},
            ],
        },
        kf.Merged(
            "群聊的聊天记录",
            (
                kf.MergedItem(datetime(2026, 11, 22, 4, 0, tzinfo=UTC), "text", "发送者", "{}"),
                kf.MergedItem(None, "1", "", ""),
            ),
        ),
    ),
    ("channels", {"sub_type": 1, "nickname": "N", "title": "T"}, kf.Channels(1, "N", "T")),
    ("meeting", None, kf.Bare()),
    ("schedule", {}, kf.Bare()),
    ("note", {}, kf.Bare()),
]


@pytest.mark.parametrize(("msgtype", "content", "body"), MESSAGES)
def test_messages(msgtype: str, content: object, body: kf.Body) -> None:
    """Every msgtype that WeChat describes is understood."""
    assert item(msgtype, content).body == body


EVENTS: list[tuple[str, dict[str, object], kf.Body]] = [
    (
        "enter_session",
        {
            "scene": "123",
            "scene_param": "abc",
            "welcome_code": "aaaaaa",
            "wechat_channels": {"nickname": "进入", "scene": 1},
        },
        kf.EnterSession("123", "abc", "aaaaaa", 1, "进入"),
    ),
    (
        "enter_session",
        {"wechat_channels": {"shop_nickname": "店", "scene": 4}},
        kf.EnterSession("", "", "", 4, "店"),
    ),
    ("msg_send_fail", {"fail_msgid": "F", "fail_type": 4}, kf.SendFail("F", 4)),
    ("msg_send_fail", {"fail_msgid": "F", "fail_type": "10"}, kf.SendFail("F", 10)),
    ("msg_send_fail", {"fail_msgid": "F"}, kf.SendFail("F", None)),
    (
        "servicer_status_change",
        {"servicer_userid": "S", "status": 2, "stop_type": 1},
        kf.ServicerStatus("S", 2, 1),
    ),
    (
        "session_status_change",
        {"change_type": 2, "old_servicer_userid": "A", "new_servicer_userid": "B"},
        kf.SessionChange(2, "A", "B", ""),
    ),
    ("session_status_change", {"change_type": 3, "msg_code": "C"}, kf.SessionChange(3, "", "", "C")),
    ("user_recall_msg", {"recall_msgid": "R"}, kf.Recall("R", None)),
    ("servicer_recall_msg", {"recall_msgid": "R", "servicer_userid": "S"}, kf.Recall("R", "S")),
    (
        "reject_customer_msg_switch_change",
        {"servicer_userid": "S", "reject_switch": 1},
        kf.RejectSwitch("S", rejects=True),
    ),
]


@pytest.mark.parametrize(("event_type", "fields", "body"), EVENTS)
def test_events(event_type: str, fields: dict[str, object], body: kf.Body) -> None:
    """Every event that WeChat describes is understood, with the ids that it holds inside."""
    happened = event(event_type, **fields)
    assert happened.body == body
    assert (happened.open_kfid, happened.external_userid, happened.is_word) == ("wk1", "wm1", False)


def test_event_without_msgid() -> None:
    """An event without msgid is named by its hash: the same each time, another for another second."""
    first, again = event("enter_session", scene="1"), event("enter_session", scene="1")
    assert first.key == again.key
    assert first.key.startswith("sha256:")
    assert first.key != event("enter_session", scene="2").key


def test_event_with_its_ids_outside() -> None:
    """Ids beside ``msgtype``, as older answers had them, serve too."""
    found = read_item(
        {
            **ENVELOPE,
            "msgtype": "event",
            "event": {"event_type": "session_status_change", "change_type": 3},
        }
    )
    assert (found.key, found.external_userid) == ("msg1", "wmAJ2GCAAAme1XQRC-NI-q0_ZM9ukoAw")
    assert found.body == kf.SessionChange(3, "", "", "")


@pytest.mark.parametrize("content", [None, [], "你好", 7, {"content": {"deep": 1}}, {}])
def test_strange_content_is_still_a_word(content: object) -> None:
    """Whatever a customer's text holds, the customer spoke."""
    said = item("text", content)
    assert said.is_word
    assert said.body == kf.Text("")


def test_unknown_types() -> None:
    """What this kfpush does not know is Unknown, not lost; from a customer it is a word all the same."""
    assert item("hologram", {"x": 1}).body == kf.Unknown()
    assert item("hologram").is_word
    assert event("session_teleported").body == kf.Unknown()


UNREADABLE: list[object] = [
    None,
    [],
    "text",
    7,
    {},
    {**ENVELOPE},
    {**ENVELOPE, "msgtype": 7},
    {**ENVELOPE, "msgtype": "te xt"},
    {**ENVELOPE, "msgtype": "text", "external_userid": None},
    {**ENVELOPE, "msgtype": "text", "external_userid": "wm\x00"},
    {**ENVELOPE, "msgtype": "text", "external_userid": "w" * 129},
    {**ENVELOPE, "msgtype": "text", "send_time": None},
    {**ENVELOPE, "msgtype": "text", "send_time": -1},
    {**ENVELOPE, "msgtype": "text", "send_time": 10**17},
    {**ENVELOPE, "msgtype": "text", "send_time": True},
    {"msgtype": "event"},
    {"msgtype": "event", "event": []},
    {"msgtype": "event", "event": {"event_type": "msg_send_fail", "fail_type": 4}},
    {"msgtype": "event", "event": {"event_type": "enter_session", "open_kfid": "wk1"}},
    {"msgtype": "event", "event": {"event_type": "user_recall_msg", "external_userid": "wm1"}},
]


@pytest.mark.parametrize("found", UNREADABLE)
def test_unreadable(found: object) -> None:
    """What lacks what decides is unreadable, has a name, and is never taken for a word."""
    read = read_item(found)
    assert isinstance(read.body, kf.Unreadable)
    assert (bool(read.key), read.is_word) == (True, False)


def test_one_poisoned_item_holds_up_no_other() -> None:
    """A page with nonsense between two messages has both."""
    text = {**ENVELOPE, "msgtype": "text", "text": {"content": "x"}}
    read = read_page(
        page(errcode=0, next_cursor="c1", has_more=1, msg_list=[text, None, {**text, "msgid": "2"}])
    )
    assert [type(found.body) for found in read.items] == [kf.Text, kf.Unreadable, kf.Text]
    assert (read.errcode, read.next_cursor, read.has_more) == (0, "c1", True)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (page(errcode=0, errmsg="ok"), kf.Page(0)),
        (page(next_cursor="c", msg_list=[]), kf.Page(0, "c")),
        (page(errcode=0, next_cursor="c", has_more=1), kf.Page(0, "c", has_more=True)),
        (page(errcode=0, next_cursor="c", has_more="1"), kf.Page(0, "c", has_more=True)),
        (page(errcode=0, next_cursor=None, has_more=None, msg_list=None), kf.Page(0)),
        (page(errcode=0, next_cursor="线", msg_list={}), kf.Page(0)),
        (page(errcode=95007, errmsg="invalid msgtoken"), kf.Page(95007)),
        (b'{"errcode":0,"next_cursor":"c","x":' + b"9" * 5000 + b"}", kf.Page(0, "c")),
        (b'{"errcode":0,"next_cursor":"c","x":"a\tb\xff"}', kf.Page(0, "c")),
    ],
)
def test_page(body: bytes, expected: kf.Page) -> None:
    """A page may be empty, lack its errcode, and hold bytes that nobody should have written."""
    assert read_page(body) == expected


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"{}", b'{"errcode":"x"}', b"[" * 5000])
def test_no_page(body: bytes) -> None:
    """What is neither a page nor an error is said to be so."""
    with pytest.raises(UnreadableAnswer):
        read_page(body)


def test_what_people_wrote_is_in_no_repr() -> None:
    """Words, places and codes are not shown where an item is logged by mistake."""
    assert "秘密" not in repr(item("text", {"content": "秘密"}))
    assert "秘密" not in repr(item("location", {"name": "秘密", "address": "秘密"}))
    assert "秘密" not in repr(event("enter_session", scene_param="秘密", welcome_code="秘密"))
    assert "秘密" not in repr(read_item("秘密"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "msgid": JSON,
            "external_userid": JSON | st.just("wm1"),
            "send_time": JSON | st.just(SPOKEN),
            "origin": JSON | st.sampled_from([3, 4, 5]),
            "msgtype": JSON | st.sampled_from([name for name, *_ in MESSAGES] + ["event"]),
            "text": JSON,
            "msgmenu": JSON,
            "merged_msg": JSON,
            "event": JSON
            | st.dictionaries(
                st.sampled_from(["event_type", "external_userid", "fail_msgid", "wechat_channels"]),
                JSON | st.sampled_from([name for name, *_ in EVENTS] + ["wm1"]),
            ),
        },
    )
)
def test_anything_is_an_item(found: dict[str, Any]) -> None:
    """Whatever JSON comes is read without an error, the same each time, and can be stored as text."""
    read = read_item(found)
    assert read == read_item(found)
    assert 0 < len(read.key) <= 128
    assert as_text(found).isascii()
    assert "\x00" not in as_text(found)
    if read.is_word:
        assert read.external_userid
        assert read.send_time
