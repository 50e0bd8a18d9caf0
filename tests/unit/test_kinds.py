"""The kinds of message: WeChat's limits met and missed by one byte, and bodies made of templates."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.bodies import DEFAULT_TITLE, Need, NotReady, body_of, compiled, needs_of
from consumer.configs import KEYS, problems_of
from consumer.templates import FIELDS, Template
from schemas.kf import encode, text_size, words_of
from schemas.kf_kinds import (
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
    media_ids_of,
    message_body,
)

TO = Envelope("wm1", "wk1", "m1")
WEB = "https://example.com/"
THUMB = Need("image", "cards/match.png")
READY = {THUMB: "MEDIA"}
VALUES = dict.fromkeys(FIELDS, "") | {
    "profile_name": "李 雷&/?#%",
    "intent_name": "寻找技术合伙人",
    "score": "85",
    "explanation": "他做过三家公司的技术负责人。",
    "match_id": "42",
    "n": "1",
}
CONFIGS: dict[str, dict[str, object]] = {
    "text": {},
    "link": {"url": "https://example.com/m/{match_id}?name={profile_name}", "thumb": THUMB.path},
    "miniprogram": {
        "appid": "wx1234567890abcdef",
        "pagepath": "pages/match/detail.html?id={match_id}",
        "thumb": THUMB.path,
    },
    "msgmenu": {},
    "image": {"file": "poster.png"},
    "voice": {"file": "hello.amr"},
    "video": {"file": "hello.mp4"},
    "file": {"file": "brochure.pdf"},
    "location": {"latitude": 0, "longitude": -180, "name": "见面地点", "address": "{intent_name}"},
    "business_card": {"userid": "zhangsan"},
    "ca_link": {"link_url": "https://work.weixin.qq.com/ca/cawcde1234?customer_channel={match_id}"},
}


WORDS = compiled('【{profile_name}】{score}%\n{explanation}\n回复"查看{n}"了解详情')


@dataclass(frozen=True)
class Worded:
    """A wording as the book gives it."""

    kind: str
    config: Mapping[str, object]
    template: Template = WORDS
    title: Template | None = None


class Making(Protocol):
    """Makes a message whose one part is so long."""

    def __call__(self, n: int, /) -> Message: ...


def body(
    kind: str,
    values: Mapping[str, str] = VALUES,
    *,
    config: Mapping[str, object] | None = None,
    title: Template | None = None,
) -> dict[str, Any]:
    """The content of a message of a kind, its files ready."""
    whole = CONFIGS[kind] | dict(config or {})
    ready = READY | dict.fromkeys(needs_of(kind, whole), "MEDIA")
    made = body_of(Worded(kind, whole, title=title), TO, values, ready)
    assert made["msgtype"] == kind
    content: dict[str, Any] = made[kind]  # type: ignore[assignment]
    return content


@pytest.mark.parametrize(
    ("message", "field", "limit"),
    [
        (lambda n: Text("a" * n), "text.content", 2048),
        (lambda n: Link("t", WEB + "a" * (n - len(WEB)), "m"), "link.url", 2048),
        (lambda n: Link("t", WEB, "m" * n), "link.thumb_media_id", 128),
        (lambda n: MiniProgram("a" * n, "p", "m"), "miniprogram.appid", 32),
        (lambda n: MiniProgram("a", "p" * n, "m"), "miniprogram.pagepath", 1024),
        (lambda n: Media(Kind.VOICE, "m" * n), "voice.media_id", 128),
        (lambda n: BusinessCard("u" * n), "business_card.userid", 64),
        (lambda n: Menu("h" * n, (Line("x"),)), "msgmenu.head_content", 1024),
        (lambda n: Menu("h", (Line("x"),), "t" * n), "msgmenu.tail_content", 1024),
        (lambda n: Menu("h", (Click("c" * n),)), "msgmenu.click.content", 128),
        (lambda n: Menu("h", (Click("c", "i" * n),)), "msgmenu.click.id", 128),
        (lambda n: Menu("h", (View("c" * n, WEB),)), "msgmenu.view.content", 1024),
        (lambda n: Menu("h", (View("c", WEB + "a" * (n - len(WEB))),)), "msgmenu.view.url", 2048),
        (lambda n: Menu("h", (Line("c" * n),)), "msgmenu.text.content", 256),
        (lambda n: Menu("h", (ProgramItem("c", "a" * n, "p"),)), "msgmenu.miniprogram.appid", 32),
        (lambda n: Menu("h", (ProgramItem("c", "a", "p" * n),)), "msgmenu.miniprogram.pagepath", 1024),
        (lambda n: Menu("h", (ProgramItem("c" * n, "a", "p"),)), "msgmenu.miniprogram.content", 1024),
        (lambda n: Menu("h", (Line("x"),) * n), "msgmenu.list", 10),
    ],
)
def test_hard_limits(message: Making, field: str, limit: int) -> None:
    """The last byte fits, the next is refused; the error names field and limit."""
    message_body(TO, message(limit))
    with pytest.raises(InvalidMessage, match=field) as caught:
        message_body(TO, message(limit + 1))
    assert str(limit) in str(caught.value)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (Text(" \n"), "text.content"),
        (Link("", WEB, "m"), "link.title"),
        (Link("t", "example.com", "m"), "link.url"),
        (Link("t", "https://", "m"), "link.url"),
        (Link("t", "javascript:alert(1)", "m"), "link.url"),
        (Link("t", WEB, ""), "link.thumb_media_id"),
        (MiniProgram("", "p", "m"), "miniprogram.appid"),
        (MiniProgram("a", "", "m"), "miniprogram.pagepath"),
        (Media(Kind.FILE, ""), "file.media_id"),
        (Location(90.001, 0), "location.latitude"),
        (Location(0, -180.1), "location.longitude"),
        (Location(float("nan"), 0), "location.latitude"),
        (BusinessCard(""), "business_card.userid"),
        (ContactLink("https://work.weixin.qq.com/ca/"), "ca_link.link_url"),
        (ContactLink("https://example.com/ca/x"), "ca_link.link_url"),
        (Menu("", (Line("x"),)), "msgmenu.head_content"),
        (Menu("h", ()), "msgmenu.list"),
        (Menu("h", (Click("c", "a-b"),)), "msgmenu.click.id"),
        (Menu("h", (View("c", "x"),)), "msgmenu.view.url"),
    ],
)
def test_what_wechat_would_refuse_is_refused_here(message: Message, field: str) -> None:
    """Each by the name of its field."""
    with pytest.raises(InvalidMessage, match=field):
        message_body(TO, message)


def test_an_error_does_not_tell_what_was_written() -> None:
    """A value may be a person's."""
    with pytest.raises(InvalidMessage) as caught:
        message_body(TO, Media(Kind.IMAGE, "秘密" * 100))
    assert "秘" not in str(caught.value)


WILD = st.text(st.sampled_from("a名🎉👩\u200d🔧é"), max_size=900)


@given(WILD, WILD)
def test_what_wechat_cuts_is_cut_here(title: str, desc: str) -> None:
    """Between characters, and no more than must be: a link's title and description, a program's title."""
    link = Link(f"t{title}", WEB, "m", desc).fields()
    program = MiniProgram("a", "p", "m", f"t{title}").fields()
    for cut, whole, limit in (
        (str(link["title"]), f"t{title}", 128),
        (str(link.get("desc", "")), desc, 512),
        (str(program["title"]), f"t{title}", 64),
    ):
        assert text_size(cut) <= limit
        assert whole.startswith(cut)
        assert cut == whole or text_size(whole[: len(cut) + 1]) > limit


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=1200)), st.sampled_from(sorted(CONFIGS)))
def test_every_kind_fits_whatever_the_values(values: dict[str, str], kind: str) -> None:
    """Any match makes a body that WeChat can take, or an error that names a field: never anything else."""
    made = {"score": "85", "match_id": "7", "profile_name": "名"} | values | {"n": "1"}
    try:
        content = body(kind, made)
    except InvalidMessage:
        # An address has room for so much, and what has only blanks is no words; all else is cut.
        assert kind in {"link", "miniprogram", "ca_link", "text"}
        return
    assert json.loads(encode({kind: content}))[kind]
    for key, most in (("title", 128), ("desc", 512), ("content", 2048), ("head_content", 1024)):
        assert text_size(str(content.get(key, ""))) <= most


def test_a_mini_program() -> None:
    """Title, page and picture; the page's values are encoded, and the title is a template of its own."""
    assert body("miniprogram", config={"pagepath": "p.html?id={match_id}&who={profile_name}"}) == {
        "appid": "wx1234567890abcdef",
        "title": "为您找到：李 雷&/?#%（85%）",
        "thumb_media_id": "MEDIA",
        "pagepath": "p.html?id=42&who=%E6%9D%8E%20%E9%9B%B7%26%2F%3F%23%25",
    }
    long = body("miniprogram", VALUES | {"profile_name": "名" * 100})
    assert long["title"] == "为您找到：名名名名名名名名名名名名…（85%）"
    assert body("miniprogram", title=compiled("{intent_name}\n{score}%"))["title"] == "寻找技术合伙人 85%"


def test_a_link() -> None:
    """The description is the content, its longest value cut first, so that how to answer stays."""
    made = body("link", VALUES | {"explanation": "好" * 600})
    assert made["url"] == "https://example.com/m/42?name=%E6%9D%8E%20%E9%9B%B7%26%2F%3F%23%25"
    assert made["desc"].endswith('好…\n回复"查看1"了解详情')
    assert 500 < text_size(made["desc"]) <= 512
    assert made["title"].startswith("为您找到：")


def test_a_menu() -> None:
    """Without items of its own it offers the details, by the id that kfpush reads back."""
    made = body("msgmenu", VALUES | {"n": "3"})
    assert made["list"] == [{"type": "click", "click": {"id": "kfpush_view_3", "content": "查看详情"}}]
    items = [
        {"content": "打开", "url": "https://example.com/{match_id}"},
        {"content": "小程序", "appid": "wx1", "pagepath": "p.html"},
        {"content": "或者", "type": "text"},
        {"content": "查看{n}"},
    ]
    made = body("msgmenu", config={"items": items, "tail": "谢谢，{profile_name}"})
    assert made["tail_content"] == "谢谢，李 雷&/?#%"
    assert [item["type"] for item in made["list"]] == ["view", "miniprogram", "text", "click"]
    assert made["list"][0]["view"]["url"] == "https://example.com/42"
    assert made["list"][3]["click"] == {"content": "查看1"}


def test_a_place_may_be_on_the_equator() -> None:
    """Nought is a number, and stays."""
    made = body("location")
    assert (made["latitude"], made["longitude"], made["address"]) == (0.0, -180.0, "寻找技术合伙人")


def test_a_file_that_is_not_uploaded_yet() -> None:
    """Says so; a media_id of the operator's own needs no file."""
    with pytest.raises(NotReady):
        body_of(Worded("miniprogram", CONFIGS["miniprogram"]), TO, VALUES, {})
    config = {key: value for key, value in CONFIGS["link"].items() if key != "thumb"}
    made = body_of(Worded("link", {**config, "thumb_media_id": "OWN"}), TO, VALUES, {})
    assert media_ids_of(made) == ["OWN"]


@pytest.mark.parametrize(("kind", "config"), CONFIGS.items())
def test_good_configs(kind: str, config: dict[str, object]) -> None:
    """Have no problems, and every kind has one here."""
    assert problems_of(kind, config) == []
    assert set(CONFIGS) == set(KEYS) == {str(each) for each in Kind}


@pytest.mark.parametrize(
    ("kind", "changed", "told"),
    [
        ("carousel", {}, "there is no kind 'carousel'"),
        ("text", {"url": WEB}, "no key of text"),
        ("miniprogram", {"appid": ""}, "appid is missing"),
        ("miniprogram", {"page_path": "x"}, "did you mean 'pagepath'?"),
        ("miniprogram", {"thumb": "", "thumb_media_id": ""}, "give thumb"),
        ("miniprogram", {"thumb_media_id": "M"}, "give thumb"),
        ("miniprogram", {"thumb": "/etc/card.png"}, "a path below KFPUSH_MEDIA_DIR"),
        ("miniprogram", {"thumb": "../card.png"}, "a path below KFPUSH_MEDIA_DIR"),
        ("miniprogram", {"thumb": "a/../../card.png"}, "a path below KFPUSH_MEDIA_DIR"),
        ("miniprogram", {"thumb": "C:\\card.png"}, "a path below KFPUSH_MEDIA_DIR"),
        ("miniprogram", {"thumb": "1G6nrLmr5EC3MMb_"}, "a media_id in thumb_media_id"),
        ("miniprogram", {"thumb": "card.gif"}, "ends in .jpg or .jpeg or .png"),
        ("voice", {"file": "hello.mp3"}, "ends in .amr"),
        ("miniprogram", {"pagepath": "p.html?who={name}"}, "pagepath: line 1, column 12: no such field"),
        ("link", {"url": "example.com/{match_id}"}, "link.url must be an address"),
        ("location", {"latitude": "north"}, "latitude must be a number"),
        ("location", {"latitude": 91}, "location.latitude"),
        ("location", {"longitude": True}, "longitude must be a number"),
        ("ca_link", {"link_url": WEB}, "ca_link.link_url must begin with"),
        ("msgmenu", {"items": [{"content": "c"}] * 11}, "msgmenu.list must have 1 to 10 items"),
        ("msgmenu", {"items": "x"}, "items must be a list"),
        ("msgmenu", {"items": ["x"]}, "an item must be an object"),
        ("msgmenu", {"items": [{"content": "{x}"}]}, r"items\[1\].content: line 1"),
        ("msgmenu", {"items": [{"url": WEB}]}, "msgmenu.view.content"),
    ],
)
def test_bad_configs(kind: str, changed: dict[str, object], told: str) -> None:
    """Each problem is a sentence that names the key."""
    import re

    config = {key: value for key, value in (CONFIGS.get(kind, {}) | changed).items() if value != ""}
    [problem, *_] = problems_of(kind, config)
    assert re.search(told, problem)


@given(
    st.sampled_from(sorted(KEYS)),
    st.dictionaries(
        st.sampled_from(["url", "thumb", "appid", "items", "latitude", "longitude", "file", "name", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
            max_leaves=4,
        ),
    ),
)
def test_no_config_breaks_anything(kind: str, config: dict[str, object]) -> None:
    """Whatever JSON an operator wrote, it is judged; and what is found good makes a message."""
    if not problems_of(kind, config):
        ready = dict.fromkeys(needs_of(kind, config), "M")
        body_of(Worded(kind, config), TO, VALUES, ready)


def test_what_a_person_reads() -> None:
    """The words of each kind, as screens and explain show them; a picture has none."""
    expected = {
        "link": f"为您找到：{VALUES['profile_name']}（85%）\n【{VALUES['profile_name']}】85%",
        "miniprogram": f"为您找到：{VALUES['profile_name']}（85%）",
        "location": "见面地点\n寻找技术合伙人",
        "ca_link": "https://work.weixin.qq.com/ca/",
    }
    for kind in CONFIGS:
        words = words_of({"msgtype": kind, kind: body(kind)})
        assert (words or "").startswith(expected.get(kind, ""))
        assert (words is None) == (kind in {"image", "voice", "video", "file", "business_card"})
    menu = Menu("头", (Click("一"), View("二", WEB)), "尾")
    assert words_of(message_body(TO, menu)) == "头\n一\n二\n尾"


def test_an_item_is_one_of_four() -> None:
    """The default title and items compile."""
    items: list[Item] = [Click("a"), View("a", WEB), ProgramItem("a", "b", "c"), Line("a")]
    assert [item.entry()["type"] for item in items] == ["click", "view", "miniprogram", "text"]
    assert compiled(DEFAULT_TITLE).fields == {"profile_name", "score"}
