"""Reading what a user wrote or tapped.  Pure; raises nothing, whatever was written.

People type with Chinese keyboards, copy the invitation whole (``回复"查看1"``), and write traditional
characters: all that is taken away first.  What is left is a command only if it says nothing else:
退订是什么意思 is a question for the application, not a wish to leave.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import time
from typing import Final

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
from schemas.host_values import time_of_day

LONGEST: Final = 4096
"""A longer text, in characters, is not even looked at."""

LONGEST_COMMAND: Final = 200
"""What is longer, in characters, once it is plain, says more than a command does."""

MENU_PREFIX: Final = "kfpush_"
"""So the ids of our own menu items begin; they have letters, digits and ``_`` only (WeChat: msgmenu)."""

_SIMPLE: Final = str.maketrans(
    "訂閱復覆幫擾關閉實時點請發詳個號間還設條結", "订阅复复帮扰关闭实时点请发详个号间还设条结"
)
"""The traditional characters of our words, and their simplified ones."""

_AROUND: Final = " \t\r\n.。,，、!！;；:'\"“”‘’「」『』《》〈〉【】[]()（）<>…~\u3000"
"""Spaces, quotation marks and punctuation; a question mark is not among them."""

_SPACE = re.compile(r"\s+")
_INVITED = re.compile(
    r"(?:请)?(?:回复|发送)[\s:]*(?P<said>.+?)(?P<why>(?:即可)?(?:(?:了解|查看)详情|退订|恢复|不再接收小结))?",
    re.DOTALL,
)
_VIEW = re.compile(
    r"查看 ?(?:详情|第)? ?#?"
    r"(?P<which>[0-9A-Za-z][0-9A-Za-z_.:\-]{0,127}|[一二三四五六七八九十])?"
    r" ?(?:[个号条])?"
)
_QUIET = re.compile(r"(?:设置)?免打扰 ?(?:时间|时段)?[ :]*(?P<rest>.*)", re.DOTALL)
_DAILY = re.compile(r"每[天日] ?(?P<at>(?:早上|上午|中午|下午|晚上)? ?[0-9].*)", re.DOTALL)
_SUMMARY = re.compile(r"(?:每[天日]|每晚|订阅)?小结 ?(?:时间)?[ :]*(?P<at>.*)", re.DOTALL)
_DASH = re.compile(r" ?[-~\u2010-\u2015\u2212\u301c至到]{1,2} ?")
_CLOCK = re.compile(
    r"(?P<part>凌晨|早上|早|上午|中午|下午|晚上|晚)? ?(?P<hour>[0-9]{1,2})"
    r"(?: ?(?::|点) ?(?:(?P<minute>[0-9]{1,2})分?|(?P<half>半)|整?)?)?"
)
_A_CLOCK = re.compile(r"[0-9 ]+[:点][0-9 分]*")
_AFTERNOON: Final = frozenset({"中午", "下午", "晚上", "晚"})
_NUMERALS: Final = "一二三四五六七八九十"
_HALF_DAY: Final = 12

_WORDS: Final[dict[str, Command]] = {
    **dict.fromkeys(("更多", "查看更多", "还有", "more"), More()),
    **dict.fromkeys(("退订", "td", "取消订阅", "我要退订", "停止推送"), Stop()),
    **dict.fromkeys(("恢复", "订阅", "恢复推送", "恢复订阅", "重新订阅", "我要订阅"), Resume()),
    **dict.fromkeys(
        ("关闭免打扰", "取消免打扰", "免打扰关闭", "免打扰 关闭", "免打扰取消", "免打扰 取消", "免打扰 关"),
        NoQuiet(),
    ),
    **dict.fromkeys(("实时", "即时", "实时推送", "取消每天", "关闭每天"), Immediate()),
    **dict.fromkeys(
        [
            said
            for verb in ("关闭", "取消", "不要", "退订")
            for said in (f"{verb}小结", f"{verb}每日小结", f"{verb}每天小结")
        ]
        + ["每日小结关闭", "每日小结 关闭", "每日小结取消", "每日小结 取消", "小结关闭", "小结 关闭"],
        NoSummary(),
    ),
    **dict.fromkeys(("帮助", "help"), Help()),
}

_MENU: Final[dict[str, Command]] = {
    "more": More(),
    "stop": Stop(),
    "resume": Resume(),
    "noquiet": NoQuiet(),
    "immediate": Immediate(),
    "help": Help(),
    "view": View(),
}
_MENU_VIEW = re.compile(r"(?:kfpush_(?P<how>view|match)_|view:)(?P<which>[0-9A-Za-z_.:\-]{1,128})")


def read(text: str, menu_id: str | None = None) -> Command:
    """Read a customer's text, and the id of the menu item it came from, if it came from one."""
    tapped = _tapped(menu_id)
    if tapped is not None:
        return tapped
    plain = _plain(text)
    invited = _INVITED.fullmatch(plain)
    if invited is not None:
        plain = invited["said"].strip(_AROUND)
    is_question = plain.endswith("?")
    command = _command(plain.rstrip("?").strip(_AROUND))
    # "退订？" asks what that is; nobody is harmed by an answer to "帮助？".
    return command if not is_question or isinstance(command, View | More | Help) else Other()


def menu_id_of(command: View | More | Help) -> str:
    """Write the id of the menu item that asks for this; ``read`` reads it back."""
    match command:
        case View(""):
            return f"{MENU_PREFIX}view"
        case View(which, by_id):
            return f"{MENU_PREFIX}{'match' if by_id else 'view'}_{which}"
        case More():
            return f"{MENU_PREFIX}more"
        case Help():
            return f"{MENU_PREFIX}help"


def _tapped(menu_id: str | None) -> Command | None:
    if not menu_id:
        return None
    viewed = _MENU_VIEW.fullmatch(menu_id)
    if viewed is not None:
        return View(viewed["which"], by_id=viewed["how"] == "match")
    return _MENU.get(menu_id.removeprefix(MENU_PREFIX)) if menu_id.startswith(MENU_PREFIX) else None


def _plain(text: str) -> str:
    """Make widths, characters and spaces plain; empty where it is too long to be a command."""
    if len(text) > LONGEST:
        return ""
    plain = unicodedata.normalize("NFKC", text)
    if len(plain) > LONGEST_COMMAND:
        return ""
    return _SPACE.sub(" ", plain.translate(_SIMPLE)).strip(_AROUND)


def _command(plain: str) -> Command:
    word = _WORDS.get(plain.lower())
    if word is not None:
        return word
    viewed = _VIEW.fullmatch(plain)
    if viewed is not None:
        return View(_which(viewed["which"] or ""))
    quiet = _QUIET.fullmatch(plain)
    if quiet is not None:
        return _quiet(quiet["rest"])
    summary = _SUMMARY.fullmatch(plain)
    if summary is not None:
        return _summary(summary["at"])
    daily = _DAILY.fullmatch(plain)
    if daily is not None:
        at = _time(daily["at"])
        # "每天 3 个人联系我" is talk; a clock and nothing else was meant for us.
        return Daily(at) if at else Unclear(Topic.DAILY) if _A_CLOCK.fullmatch(daily["at"]) else Other()
    return Other()


def _which(which: str) -> str:
    """``一`` is 1; everything else stays as it is."""
    if which and which in _NUMERALS:
        return str(_NUMERALS.index(which) + 1)
    return which


def _quiet(rest: str) -> Command:
    if not rest:
        return Unclear(Topic.QUIET)
    match [_time(part) for part in _DASH.split(rest)]:
        case [time() as start, time() as end] if start != end:
            return Quiet(start, end)
    return Unclear(Topic.QUIET) if re.search("[0-9]", rest) else Other()


def _summary(at: str) -> Command:
    if not at:
        return Unclear(Topic.SUMMARY)
    clock = _time(at)
    # "小结一下 3 个人" is talk; a clock that cannot be was meant for us.
    return Summary(clock) if clock else Unclear(Topic.SUMMARY) if _A_CLOCK.fullmatch(at) else Other()


def _time(text: str) -> time | None:
    """Read ``9:00``, ``9``, ``9点``, ``9点半``, ``晚上10点30分``; None for anything else."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    hour = int(found["hour"])
    if found["part"] in _AFTERNOON and 0 < hour < _HALF_DAY - (found["part"] == "中午"):
        hour += _HALF_DAY
    minute = 30 if found["half"] else int(found["minute"] or 0)
    return time_of_day(f"{hour}:{minute:02}")
