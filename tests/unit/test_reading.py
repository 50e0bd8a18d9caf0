"""What users write, and what of it is a command."""

import unicodedata
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.replies.asked import (
    Command,
    Daily,
    Help,
    Immediate,
    More,
    NoQuiet,
    NoSummary,
    Other,
    Quiet,
    Resume,
    Stop,
    Summary,
    Topic,
    Unclear,
    View,
)
from consumer.replies.reading import LONGEST, menu_id_of, read

NIGHT = Quiet(time(22), time(8))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("查看", View()),
        ("查看1", View("1")),
        ("查看１", View("1")),
        (" 查看 12 ", View("12")),
        ("查看第2个", View("2")),
        ("查看 3 号", View("3")),
        ("查看一", View("1")),
        ("查看十", View("10")),
        ("查看M-17_a.b:c", View("M-17_a.b:c")),
        ("查看#17", View("17")),
        ("「查看3」", View("3")),
        ('回复"查看1"了解详情', View("1")),
        ("回复“查看1”了解详情", View("1")),
        ("回覆「查看１」了解詳情。", View("1")),
        ("请回复 查看2", View("2")),
        ("更多", More()),
        ("更多！", More()),
        ("还有?", More()),
        ("还有 3 个，回复「更多」", Other()),
        ("查看更多", More()),
        ("More", More()),
        ("退订", Stop()),
        ("退訂。", Stop()),
        ("TD", Stop()),
        ("ｔｄ", Stop()),
        ("Td", Stop()),
        ("回复TD退订", Stop()),
        ("恢复", Resume()),
        ("恢復", Resume()),
        ("订阅", Resume()),
        ("訂閱", Resume()),
        ("帮助", Help()),
        ("幫助？", Help()),
        ("HELP", Help()),
        ("免打扰 22:00-08:00", NIGHT),
        ("免打擾２２：００～０８：００", NIGHT),
        ("免打扰 22:00 － 8:00", NIGHT),
        ("免打扰22点到8点", NIGHT),
        ("免打扰 22點 至 8點", NIGHT),
        ("免打扰 晚上10点半至早上7点", Quiet(time(22, 30), time(7))),
        ("免打扰：下午1点20分-3点", Quiet(time(13, 20), time(3))),
        ("免打扰 22:00-24:00", Quiet(time(22), time(0))),
        ("每日小结 20:00", Summary(time(20))),
        ("每日小結２０：３０", Summary(time(20, 30))),
        ("每天小结：晚上8点半", Summary(time(20, 30))),
        ("小结 7点", Summary(time(7))),
        ("回复「每日小结 20:00」", Summary(time(20))),
        ("每日小结", Unclear(Topic.SUMMARY)),
        ("每日小结 25:00", Unclear(Topic.SUMMARY)),
        ("小结一下 3 个人", Other()),
        ("每日小结是什么", Other()),
        ("每日小结？", Other()),
        ("关闭小结", NoSummary()),
        ("關閉每日小結", NoSummary()),
        ("每日小结 关闭", NoSummary()),
        ("退订小结", NoSummary()),
        ("回复「关闭小结」不再接收小结", NoSummary()),
        ("关闭免打扰", NoQuiet()),
        ("關閉免打擾", NoQuiet()),
        ("免打扰 取消", NoQuiet()),
        ("每天 9:00", Daily(time(9))),
        ("每天９：００", Daily(time(9))),
        ("每天9点", Daily(time(9))),
        ("每天晚上8点", Daily(time(20))),
        ("每天中午12点", Daily(time(12))),
        ("每日 21:30", Daily(time(21, 30))),
        ("实时", Immediate()),
        ("實時", Immediate()),
        ("免打扰", Unclear(Topic.QUIET)),
        ("免打扰 25:00-08:00", Unclear(Topic.QUIET)),
        ("免打扰 8:00-8:00", Unclear(Topic.QUIET)),
        ("免打扰 8:00", Unclear(Topic.QUIET)),
        ("每天 25:00", Unclear(Topic.DAILY)),
    ],
)
def test_a_command_is_read_however_it_was_typed(text: str, command: Command) -> None:
    """Widths, spaces, quotation marks, traditional characters and invitations copied whole do not matter."""
    assert read(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "",
        "。",
        "你好",
        "退订是什么意思",
        "退订？",
        "怎么退订",
        "不要退订",
        "退订 查看1",
        "TDK",
        "查看一下",
        "查看我的资料",
        "查看17 18",
        "请帮助我",
        "更多信息请联系我",
        "恢复得怎么样",
        "恢复?",
        "免打扰是什么",
        "免打扰 22:00-08:00?",
        "每天都有吗",
        "每天 3 个人联系我",
        "每天9点开会",
        "张三 符合您的意图，回复“查看1”了解详情",
    ],
)
def test_what_says_more_belongs_to_the_application(text: str) -> None:
    """A question about a word, a sentence with it, two of them at once: none is a wish."""
    assert read(text) == Other()


@pytest.mark.parametrize("command", [View(), View("1"), View("m_17"), View("17", by_id=True), More(), Help()])
def test_a_tap_says_what_its_item_was_made_for(command: View | More | Help) -> None:
    """Whatever words stand on it."""
    assert read("任意文字", menu_id_of(command)) == command


def test_a_tap_on_somebody_elses_menu_is_read_as_words() -> None:
    """The application's own menus have ids of their own."""
    assert read("查看1", "more") == View("1")
    assert read("人工客服", "101") == Other()
    assert read("退订", "kfpush_unheard_of") == Stop()
    assert read("看看", "view:2") == View("2")


PIECES = st.sampled_from(
    [
        *"查看更多退订恢复帮助免打扰每天点半至到晚上早个号第",
        *"0１2９:：-～ 　?？。「」\"'",
        "TD",
        "回复",
        "了解详情",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


@given(TEXTS, st.one_of(st.none(), st.text(max_size=40)))
def test_nothing_that_is_written_breaks_it(text: str, menu_id: str | None) -> None:
    """Whatever comes is a command or is not, and the same text is always the same."""
    command = read(text, menu_id)

    assert command == read(text, menu_id)
    if isinstance(command, Quiet):
        assert command.start != command.end
    if isinstance(command, View):
        assert len(command.which) <= 128


@given(TEXTS)
def test_widths_do_not_matter(text: str) -> None:
    """A text and its plain form ask the same."""
    assert read(unicodedata.normalize("NFKC", text)) == read(text)


@pytest.mark.parametrize(
    "text", ["查看" + "1" * LONGEST, "查" * 100_000, "回复" * 50_000, " " * 100_000 + "TD"]
)
def test_a_flood_is_not_looked_at(text: str) -> None:
    """What is far too long is nobody's command."""
    assert read(text) == Other()
