"""Tells when a user speaks: bars for a terminal, an SVG for a page, and a sentence of what follows.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from consumer.rhythm import LEAST_DAYS, LEAST_HOURS, Basis
from ops.looking.habits import Habits, Summing
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import Text, short
from schemas.decisions import Reason

HEAD = Text("When the user speaks, by their own clock", "用户的发言时段（用户当地时间）")
CHOSEN: Final[Mapping[str, Text]] = {
    Basis.LEARNT: Text(
        "mostly around {at}, learnt from some {hours} hours heard on {days} days",
        "多在 {at} 前后发言（近期在 {days} 天的 {hours} 个小时里发过言）",
    ),
    Basis.SILENT: Text(
        "nothing was heard yet: {at} stands in for an hour of their own",
        "尚未听到任何发言：暂以 {at} 代替",
    ),
    Basis.THIN: Text(
        "too little was heard to tell (hours: {hours}, days: {days};"
        " it takes {least_hours} and {least_days}): {at} stands in",
        "发言太少，无法判断（{days} 天的 {hours} 个小时；至少需要 {least_days} 天的 {least_hours} 个小时）："
        "暂以 {at} 代替",
    ),
    Basis.EVEN: Text(
        "no hour outside quiet hours stands out (some {hours} hours heard on {days} days): {at} stands in",
        "免打扰时段之外没有突出的时段（{days} 天的 {hours} 个小时里发过言）：暂以 {at} 代替",
    ),
}
USED_FOR = Text(
    "daily messages go at {at}, as preferred_time is not set",
    "未设置 preferred_time，每天一次的消息在 {at} 发送",
)
OVERRULED = Text("preferred_time is set, and goes before it", "已设置 preferred_time，以该设置为准")
SUMMARY_NEXT = Text("daily summary: next on {at}", "每日小结：下一次 {at}")
SUMMARY_OFF = Text("daily summary: the user wants none", "每日小结：用户不需要")
SUMMARY_LAST = Text("the last one: {result}", "上一次：{result}")
RESULTS: Final[Mapping[str, Text]] = {
    "offered": Text("written", "已写好"),
    "nothing": Text("there was nothing to say", "没有可说的内容"),
}
TITLE = Text("Hours at which the user spoke", "用户发言的时段")

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_NOTHING: Final = "·"
_AXIS: Final = "".join(f"{hour:<12}" for hour in (0, 6, 12, 18)).rstrip()


def told(habits: Habits, *, is_daily: bool, teller: Teller) -> Iterator[Said]:
    """Tell the chart, where something was heard, and what follows from it."""
    yield Said(teller.say(HEAD), Tone.HEAD, gap=True)
    if habits.by_hour:
        yield Said(bars([count for _, count in habits.by_hour]), depth=1)
        yield Said(_AXIS, Tone.QUIET, depth=1)
    facts = {"at": habits.best, "hours": round(habits.hours), "days": round(habits.days)}
    least = {"least_hours": f"{LEAST_HOURS:g}", "least_days": f"{LEAST_DAYS:g}"}
    yield Said(teller.say(CHOSEN[habits.basis], **facts, **least), depth=1)
    if is_daily:
        used = OVERRULED if habits.is_overruled else USED_FOR
        yield Said(teller.say(used, at=habits.best), depth=1)


def told_summary(summing: Summing, teller: Teller) -> Iterator[Said]:
    """Tell when the next summary is due, and what became of the last."""
    if summing.next_at is None:
        yield Said(teller.say(SUMMARY_OFF), depth=1)
        return
    yield Said(teller.say(SUMMARY_NEXT, at=summing.next_at), depth=1)
    if summing.result:
        text = RESULTS.get(summing.result)
        result = teller.say(text) if text else short(Reason(summing.result), teller.language)
        yield Said(teller.say(SUMMARY_LAST, result=result), depth=1)


def bars(counts: list[float]) -> str:
    """Draw the hours of a day as blocks, two columns each; the tallest is the most that was heard."""
    most = max(counts, default=0.0)
    return " ".join(
        _BLOCKS[min(len(_BLOCKS) - 1, int(count / most * len(_BLOCKS)))] if count > 0 else _NOTHING
        for count in counts
    )


_WIDTH, _HEIGHT, _BASE, _STEP = 480, 150, 118, 19
_STYLE: Final = (
    "text{font:11px system-ui,sans-serif;fill:#555}rect{fill:#07a35a}line{stroke:#999}"
    "@media(prefers-color-scheme:dark){text{fill:#bbb}rect{fill:#3ecf8e}line{stroke:#666}}"
)


def svg(habits: Habits, teller: Teller) -> str:
    """Draw the same as an SVG of its own, readable on light and dark ground; it names nobody."""
    title = teller.say(TITLE)
    counts = [count for _, count in habits.by_hour] or [0.0] * 24
    most = max(counts) or 1.0
    drawn = []
    for hour, count in enumerate(counts):
        tall = round(count / most * 90)
        if tall:
            drawn.append(
                f'<rect x="{12 + hour * _STEP}" y="{_BASE - tall}" width="14" height="{tall}" rx="2"/>'
            )
    drawn += [
        f'<text x="{19 + hour * _STEP}" y="{_BASE + 16}" text-anchor="middle">{hour}</text>'
        for hour in range(0, 24, 3)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        f' aria-label="{title}"><title>{title}</title><style>{_STYLE}</style>'
        f'<text x="12" y="16">{title}</text>'
        f'<line x1="8" y1="{_BASE + 1}" x2="{_WIDTH - 8}" y2="{_BASE + 1}"/>{"".join(drawn)}</svg>\n'
    )
