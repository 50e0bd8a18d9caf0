"""What users are told, in Chinese.  Pure; every text fits into one message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consumer.cut import TEXT_BYTES, cut_to_bytes
from consumer.replies.asked import (
    Command,
    Daily,
    Immediate,
    NoQuiet,
    NoSummary,
    Quiet,
    Resume,
    Stop,
    Summary,
    Topic,
    Unclear,
    View,
)
from consumer.replies.reading import menu_id_of
from consumer.templates import Template, compile_template, match_values
from schemas import kf_kinds
from schemas.events import MatchCreated
from schemas.kf_kinds import ITEM_BYTES, MENU_ITEMS

HELP: Final = (
    "您可以回复：\n"
    "查看 / 查看1：了解匹配详情\n"
    "更多：接收等待中的匹配\n"
    "免打扰 22:00-08:00：设置免打扰时段\n"
    "关闭免打扰：任何时间都接收\n"
    "每天 9:00：每天定时接收\n"
    "实时：有匹配就接收\n"
    "每日小结 20:00：每天定时收到小结\n"
    "退订：不再接收\n"
    "恢复：重新接收"
)
STOPPED: Final = "已退订，不会再给您发送匹配消息。想重新接收时，请回复「恢复」。"
RESUMED: Final = "已恢复，有新的匹配会及时告诉您。退订期间的匹配不再补发。"
RECEIVES_ALREADY: Final = "您正在接收匹配消息，无需恢复。回复「退订」可以停止接收。"
QUIET: Final = "已设置：每天 {start}–{end} 不打扰您。回复「关闭免打扰」可以取消。"
NO_QUIET: Final = "已关闭免打扰，任何时间有匹配都会告诉您。"
DAILY: Final = "已设置：每天 {at} 把匹配发给您。回复「实时」可以改为有匹配就发。"
IMMEDIATE: Final = "已设置：有匹配就告诉您。"
SUMMARY: Final = "已设置：每天 {at} 给您发送小结，没有新匹配的日子不发。回复「关闭小结」可以取消。"
NO_SUMMARY: Final = "已关闭每日小结。回复「每日小结 20:00」可以再次开启。"
NOT_SET: Final = "抱歉，暂时无法修改这项设置，请在应用中修改。"
HOW: Final = {
    Topic.QUIET: "没有看懂免打扰的时间。请这样回复：免打扰 22:00-08:00",
    Topic.DAILY: "没有看懂时间。请这样回复：每天 9:00",
    Topic.SUMMARY: "想每天收到小结，请这样回复：每日小结 20:00",
}
NOTHING_YET: Final = "目前没有可以查看的匹配。有新的匹配会及时告诉您。"
NOTHING_MORE: Final = "目前没有等待中的匹配了。有新的匹配会及时告诉您。"
NO_SUCH_NUMBER: Final = "最近一条消息里有 {count} 个匹配，请回复「查看1」到「查看{count}」。"
ONLY_ONE: Final = "最近一条消息里只有 1 个匹配，请回复「查看1」。"
NO_SUCH_MATCH: Final = "没有找到这个匹配。回复「查看」可以查看最近的匹配。"
WITHDRAWN: Final = "这个匹配已经失效。"

_HEARD: Final = {Stop: STOPPED, NoQuiet: NO_QUIET, Immediate: IMMEDIATE, NoSummary: NO_SUMMARY}

_LIST_HEAD: Final = "最近一条消息里有 {count} 个匹配："
_LIST_END: Final = "回复「查看1」到「查看{count}」了解详情"
_LIST_REST: Final = "其余的请回复「查看{first}」到「查看{last}」了解详情"
_LIST_LAST: Final = "最后一个请回复「查看{last}」了解详情"
_NAMED: Final = "{{n}}. {{profile_name}}{intent} · {{score}}%"


def details(match: MatchCreated, detail: Template | None = None) -> str:
    """Tell all about one match, in the operator's words if there are; a long explanation loses its end."""
    values = match_values(match, 1)
    text = detail.render_within(values, TEXT_BYTES) if detail is not None else ""
    if text.strip():
        return text
    lines = ["【{profile_name}】"]
    if values["intent_name"]:
        lines.append("意图：{intent_name}")
    lines.append("匹配度：{score}%")
    if values["matched_conditions"]:
        lines.append("匹配条件：{matched_conditions}")
    if values["explanation"]:
        lines += ["", "{explanation}"]
    text = compile_template("\n".join(lines)).render_within(values, TEXT_BYTES)
    return text if text.strip() else NO_SUCH_MATCH


@dataclass(frozen=True, slots=True)
class Menu:
    """Words, items to tap below them, (id, words) each, and words below those."""

    head: str
    items: tuple[tuple[str, str], ...]
    tail: str = ""

    def message(self) -> kf_kinds.Menu:
        """Write it as WeChat takes it."""
        clicks = tuple(kf_kinds.Click(words, name) for name, words in self.items)
        return kf_kinds.Menu(self.head, clicks, self.tail)


_PLAIN_ID: Final = re.compile(r"[0-9A-Za-z_]{1,100}")


def menu(matches: Sequence[MatchCreated]) -> Menu:
    """List the matches of a message to be tapped; an item names its match, whatever comes after it.

    A menu has ten items at most; of what a message carries besides, it says how to ask.
    """
    items = [
        (
            menu_id_of(
                View(match.match_id, by_id=True) if _PLAIN_ID.fullmatch(match.match_id) else View(str(n))
            ),
            cut_to_bytes(_named(match, n), ITEM_BYTES),
        )
        for n, match in enumerate(matches[:MENU_ITEMS], 1)
    ]
    first, last = MENU_ITEMS + 1, len(matches)
    tail = _LIST_REST.format(first=first, last=last) if last > first else _LIST_LAST.format(last=last)
    return Menu(_LIST_HEAD.format(count=last), tuple(items), tail if last >= first else "")


def listing(matches: Sequence[MatchCreated]) -> str:
    """List the matches of a message, and how to ask for each."""
    head, end = (text.format(count=len(matches)) for text in (_LIST_HEAD, _LIST_END))
    room = TEXT_BYTES - len(f"{head}\n\n{end}".encode()) - len(matches)
    lines = [cut_to_bytes(_named(match, n), room // len(matches)) for n, match in enumerate(matches, 1)]
    return "\n".join([head, *lines, end])


def no_such_number(count: int) -> str:
    """Tell which numbers there are."""
    return ONLY_ONE if count == 1 else NO_SUCH_NUMBER.format(count=count)


def said(command: Command, *, had_stopped: bool) -> str:
    """Say that a wish was heard, or what may be wished."""
    match command:
        case Resume():
            return RESUMED if had_stopped else RECEIVES_ALREADY
        case Quiet(start, end):
            return QUIET.format(start=f"{start:%H:%M}", end=f"{end:%H:%M}")
        case Daily(at):
            return DAILY.format(at=f"{at:%H:%M}")
        case Summary(at):
            return SUMMARY.format(at=f"{at:%H:%M}")
        case Unclear(about):
            return HOW[about]
    return _HEARD.get(type(command), HELP)


def _named(match: MatchCreated, n: int) -> str:
    values = match_values(match, n)
    intent = " · {intent_name}" if values["intent_name"] else ""
    return compile_template(_NAMED.format(intent=intent)).render(values)
