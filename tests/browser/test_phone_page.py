"""The phone page in a browser: typing, tapping, the keyboard, the clock, both languages, wide and narrow."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from ops.sandbox.process import SandboxControl, SandboxProcess
from tests.browser.conftest import OpenPage
from tests.files import AMR, png
from tests.flow.wechat_caller import Caller

MENU = {
    "head_content": "您有 2 个新匹配：",
    "list": [
        {"type": "click", "click": {"id": "kfpush_view_1", "content": "查看1 周以墨"}},
        {"type": "text", "text": {"content": "或者"}},
        {"type": "view", "view": {"url": "https://example.com/", "content": "打开网页"}},
        {"type": "view", "view": {"url": "javascript:alert(1)", "content": "别点"}},
    ],
    "tail_content": "回复「更多」看其余的",
}
PROGRAM = {"appid": "wx1", "title": "周以墨的名片", "pagepath": "pages/card.html"}
LINK = {"title": "一篇文章", "desc": "说明", "url": "https://example.com/a"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """One running sandbox."""
    with SandboxProcess() as running:
        yield running


@pytest.fixture
def control(sandbox: SandboxProcess) -> SandboxControl:
    """A sandbox in which wmA has just written."""
    sandbox.control.reset()
    sandbox.control.speak("wkA", "wmA", "在吗")
    return sandbox.control


@pytest.fixture
def caller(sandbox: SandboxProcess, control: SandboxControl) -> Caller:
    """A caller with a token."""
    caller = Caller(sandbox.base_url)
    caller.gettoken()
    return caller


def phone(page: Page, user: str = "wmA") -> Locator:
    """One user's card."""
    return page.locator(f".user[data-user='{user}']")


def push(caller: Caller, msgid: str, msgtype: str, content: object) -> None:
    """Send wmA something."""
    body = {"touser": "wmA", "open_kfid": "wkA", "msgid": msgid, "msgtype": msgtype, msgtype: content}
    assert caller.api("send_msg", body)["errcode"] == 0


def test_a_word_is_typed_and_sent(open_page: OpenPage, control: SandboxControl) -> None:
    """Enter sends, the box is empty again, and the bubble stands on the right; text stays text."""
    page = open_page(f"{control.base_url}/phone")
    box = phone(page).get_by_role("textbox")
    box.fill("<b>你好</b>")
    box.press("Enter")
    expect(phone(page).locator(".from-user .said").last).to_contain_text("<b>你好</b>")
    expect(box).to_have_value("")
    expect(box).to_be_focused()
    assert [word["text"] for word in control.words()] == ["在吗", "<b>你好</b>"]


def test_a_menu_is_tapped(open_page: OpenPage, caller: Caller, control: SandboxControl) -> None:
    """A tap says the item's words with its id; web links are links, and nothing else is."""
    push(caller, "m1", "msgmenu", MENU)
    page = open_page(f"{control.base_url}/phone")
    bubble = phone(page).locator(".from-kf .said")
    expect(bubble).to_contain_text("您有 2 个新匹配：")
    expect(bubble.get_by_role("link")).to_have_count(1)
    bubble.get_by_role("button", name="查看1 周以墨").click()
    expect(phone(page).locator(".from-user .said").last).to_contain_text("查看1 周以墨")
    assert control.words()[-1]["menu_id"] == "kfpush_view_1"


def test_cards(open_page: OpenPage, caller: Caller, control: SandboxControl) -> None:
    """A link is a card that leads there, a mini program names itself, and a failed message says so."""
    thumb = {"thumb_media_id": caller.upload(png())["media_id"]}
    push(caller, "m1", "link", LINK | thumb)
    push(caller, "m2", "miniprogram", PROGRAM | thumb)
    push(caller, "m3", "text", {"content": "没有人看见"})
    control.do("fail", open_kfid="wkA", msgid="m3", fail_type=10)
    control.send("wkA", "wmA", "location")
    page = open_page(f"{control.base_url}/phone")
    link = phone(page).get_by_role("link", name="一篇文章")
    expect(link).to_have_attribute("href", "https://example.com/a")
    expect(phone(page).locator(".card.program")).to_contain_text("周以墨的名片")
    expect(phone(page).locator(".card.program")).to_contain_text("小程序")
    expect(phone(page).locator(".failed")).to_contain_text("微信收下了，但没有送达")
    expect(phone(page).locator(".card.place")).to_contain_text("广州国际媒体港")


def test_files(open_page: OpenPage, caller: Caller, control: SandboxControl) -> None:
    """Pictures are seen, on cards too; a file has its name and can be saved; a voice its length."""
    picture = caller.upload(png())["media_id"]
    push(caller, "m1", "miniprogram", PROGRAM | {"thumb_media_id": picture})
    push(caller, "m2", "image", {"media_id": picture})
    voice = caller.upload(AMR + bytes(8000), "voice", "a.amr")["media_id"]
    push(caller, "m3", "voice", {"media_id": voice})
    document = caller.upload(bytes(2048), "file", "合作意向书.pdf")["media_id"]
    push(caller, "m4", "file", {"media_id": document})
    push(caller, "m5", "business_card", {"userid": "zhangsan"})
    for width in (1280, 390):
        page = open_page(f"{control.base_url}/phone", width=width)
        for place in (".card.program img", ".card.shot img"):
            expect(phone(page).locator(place)).to_have_js_property("naturalWidth", 52)
        expect(phone(page).locator(".voice")).to_have_text("5″")
        file = phone(page).locator("a.card.file")
        expect(file).to_contain_text("合作意向书.pdf")
        expect(file).to_contain_text("2 KB")
        expect(file).to_have_attribute("download", "合作意向书.pdf")
        expect(phone(page).locator(".card.person")).to_contain_text("zhangsan")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_wechat_knows(open_page: OpenPage, caller: Caller, control: SandboxControl) -> None:
    """The window runs down by itself, the five are counted, and the clock's jumps close the window."""
    push(caller, "m1", "text", {"content": "一"})
    push(caller, "m2", "text", {"content": "二"})
    page = open_page(f"{control.base_url}/phone")
    known = phone(page).locator(".known")
    window = known.locator(".window dd")
    expect(window).to_have_text(re.compile(r"^(48:00:00|47:59:\d\d) 后关闭$"))
    before = window.inner_text()
    expect(window).not_to_have_text(before)
    expect(known.locator(".left dd")).to_have_text("3 / 5 条")
    expect(known.locator(".state dd")).to_have_text("智能助手接待")
    page.get_by_role("button", name="+12 小时").click()
    expect(window).to_have_text(re.compile(r"^35:59:\d\d 后关闭$"))
    page.get_by_role("button", name="+49 小时").click()
    expect(window).to_have_text("已关闭 · 等用户再说一句")
    expect(known.locator(".left dd")).to_have_text("0 / 5 条")
    expect(known.locator(".state dd")).to_have_text("已结束")
    expect(page.locator("#clock")).to_contain_text("快 2 天 13 小时 0 分")
    assert 61 * 3600 <= control.clock()["offset"] < 61 * 3600 + 60


def test_times_divide_the_talk(open_page: OpenPage, control: SandboxControl) -> None:
    """Words of one moment share a time; what was today is yesterday after a day's jump."""
    control.clock(now="2036-05-01T04:00:00Z")
    control.speak("wkA", "wmA", "一")
    control.speak("wkA", "wmA", "二")
    control.clock(now="2036-05-01T05:00:00Z")
    control.speak("wkA", "wmA", "三")
    page = open_page(f"{control.base_url}/phone")
    times = phone(page).locator(".talk time")
    expect(times.nth(1)).to_have_text("12:00")
    expect(times.nth(2)).to_have_text("13:00")
    expect(times).to_have_count(3)
    control.clock(now="2036-05-02T05:00:00Z")
    expect(times.nth(1)).to_have_text("昨天 12:00")
    control.clock(now="2036-05-05T05:00:00Z")
    expect(times.nth(1)).to_have_text("星期四 12:00")


def test_what_a_user_does_besides(open_page: OpenPage, control: SandboxControl) -> None:
    """A word of the suggested ones, an image, refusing messages, a human servicer: one button each."""
    page = open_page(f"{control.base_url}/phone")
    card = phone(page)
    card.get_by_role("button", name="查看1", exact=True).click()
    expect(card.locator(".from-user .said").last).to_contain_text("查看1")
    card.get_by_role("button", name="发图片").click()
    expect(card.locator(".card.image")).to_be_visible()
    card.get_by_role("button", name="拒收消息").click()
    expect(card.locator(".state dd")).to_have_text("用户拒收消息")
    card.get_by_role("button", name="恢复接收").click()
    expect(card.get_by_role("button", name="拒收消息")).to_be_visible()
    card.get_by_role("button", name="转人工").click()
    expect(card.locator(".state dd")).to_have_text("人工接待中")
    card.get_by_role("button", name="结束会话").click()
    expect(card.locator(".state dd")).to_have_text("已结束")
    assert control.phone("wmA")["conversations"][0]["service_state"] == 4


def test_two_phones_and_two_accounts(open_page: OpenPage, control: SandboxControl) -> None:
    """Users stand side by side; each account has a talk of its own, and a new phone comes from the form."""
    control.speak("wkB", "wmA", "另一个账号")
    page = open_page(f"{control.base_url}/phone")
    page.get_by_text("再加一部手机").click()
    form = page.locator("#newcomer form")
    form.get_by_label("用户 external_userid").fill("wmB")
    form.get_by_role("button", name="说出去").click()
    expect(phone(page, "wmB").locator(".from-user")).to_contain_text("你好")
    expect(phone(page).locator(".from-user")).to_contain_text("在吗")
    phone(page).get_by_role("button", name="wkB").click()
    expect(phone(page).locator(".from-user")).to_have_count(1)
    expect(phone(page).locator(".from-user")).to_contain_text("另一个账号")
    phone(page).get_by_role("textbox").fill("在这里说")
    phone(page).get_by_role("textbox").press("Enter")
    expect(phone(page).locator(".from-user")).to_have_count(2)
    assert [word["open_kfid"] for word in control.words()][-1] == "wkB"


def test_the_keyboard_reaches_everything(open_page: OpenPage, control: SandboxControl) -> None:
    """Tab goes through the page in the order in which it is read, and every stop shows where it is."""
    page = open_page(f"{control.base_url}/phone")
    expect(phone(page).locator(".from-user")).to_have_count(1)
    stops = []
    for _ in range(24):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => { const at = document.activeElement, style = getComputedStyle(at);
            return [at.innerText || at.name || at.role, style.outlineStyle, parseInt(style.outlineWidth)] }"""
        )
        stops.append(stop[0].split("\n")[0])
        assert stop[1:] == ["solid", 3]
        if stops[-1] == "再加一部手机":
            break
    reading = [
        "+1 小时",
        "+49 小时",
        "English",
        "你好",
        "退订",
        "发图片",
        "转人工",
        "text",
        "发送",
        "再加一部手机",
    ]
    assert [stop for stop in stops if stop in reading] == reading


def test_new_messages_are_announced(open_page: OpenPage, caller: Caller, control: SandboxControl) -> None:
    """The talk is a log, which screen readers follow; who spoke is said, and faces are not."""
    page = open_page(f"{control.base_url}/phone")
    log = phone(page).get_by_role("log", name="wmA 与 wkA 的对话")
    expect(log).not_to_have_attribute("aria-busy", "true")
    push(caller, "m1", "text", {"content": "新匹配"})
    expect(log.locator(".from-kf .said")).to_have_text("客服：新匹配")
    expect(log.locator(".from-kf .face")).to_have_attribute("aria-hidden", "true")


def test_english_by_a_switch(open_page: OpenPage, control: SandboxControl) -> None:
    """Chinese at first, English by the button, and so it stays; an English browser begins in English."""
    page = open_page(f"{control.base_url}/phone")
    expect(page.get_by_role("heading", level=1)).to_have_text("沙盒手机")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sandbox phones")
    expect(phone(page).locator(".window dd")).to_have_text(re.compile(r"^closing in 4[78]:\d\d:\d\d$"))
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(phone(page).locator(".left dd")).to_have_text("5 of 5")
    english = open_page(f"{control.base_url}/phone", locale="en-GB")
    expect(english.get_by_role("heading", level=1)).to_have_text("Sandbox phones")


@pytest.mark.parametrize("width", [320, 375, 800, 1440])
def test_nothing_is_wider_than_the_screen(
    open_page: OpenPage, caller: Caller, control: SandboxControl, width: int
) -> None:
    """No sideways scrolling, the box and its button are inside, and a word can be said."""
    push(caller, "m1", "msgmenu", MENU)
    thumb = caller.upload(png())["media_id"]
    push(caller, "m2", "link", {**LINK, "title": "长" * 60, "thumb_media_id": thumb})
    push(caller, "m3", "text", {"content": "https://example.com/" + "a" * 300})
    page = open_page(f"{control.base_url}/phone", width=width)
    expect(phone(page).locator(".from-kf")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    send = phone(page).get_by_role("button", name="发送")
    send.scroll_into_view_if_needed()
    place = send.bounding_box()
    assert place is not None
    assert place["x"] + place["width"] <= width
    phone(page).get_by_role("textbox").fill("窄")
    send.click()
    expect(phone(page).locator(".from-user").last).to_contain_text("窄")


def test_a_small_screen_has_the_box_at_once(open_page: OpenPage, control: SandboxControl) -> None:
    """On a phone the window, the talk and the box to type in are all on the first screen."""
    page = open_page(f"{control.base_url}/phone", width=375)
    expect(phone(page).locator(".from-user")).to_be_in_viewport(ratio=1)
    expect(phone(page).locator(".window dd")).to_be_in_viewport(ratio=1)
    expect(phone(page).get_by_role("button", name="发送")).to_be_in_viewport(ratio=1)


def test_a_sandbox_that_is_gone(open_page: OpenPage) -> None:
    """It is said at the top, a word that was not taken stays in its box, and later all goes on."""
    with SandboxProcess() as first:
        first.control.speak("wkA", "wmA")
        page = open_page(f"{first.base_url}/phone")
        expect(page.locator("#line")).to_have_text("实时")
    expect(page.locator("#line")).to_have_text("沙盒没有应答，正在重连……")
    box = phone(page).get_by_role("textbox")
    box.fill("还在吗")
    box.press("Enter")
    expect(phone(page).get_by_role("alert")).to_have_text("沙盒没有应答，正在重连……")
    expect(box).to_have_value("还在吗")
    with SandboxProcess(port=first.port) as second:
        second.control.speak("wkA", "wmA")
        expect(page.locator("#line")).to_have_text("实时")
        box.press("Enter")
        expect(box).to_have_value("")
        assert [word["text"] for word in second.control.words()] == ["你好", "还在吗"]
