"""Tells what another plan would have made of a span of the past: a table, and sentences.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ops.simulating.outcome import Compared, Outcome
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import Text, short

HEADLINE = Text(
    "From {since} to {until}. Matches: {matches}, people: {people}.",
    "{since} 至 {until}。匹配 {matches} 个，用户 {people} 位。",
)
NOTHING = Text("No match came, or waited, in that span.", "该时段内没有到达或等待中的匹配。")
ONLY_NOW = Text(
    "Nothing was to be changed: this is how the model tells that span, beside what really happened.",
    "没有要更改的内容：下表是模型对该时段的推演，与实际情况并列。",
)
NO_DIFFERENCE = Text(
    "The change would have made no difference: every message would have gone as it goes now.",
    "该更改不会带来任何差别：每条消息都与现在相同。",
)
OTHERWISE = Text(
    "{count} of {people} people would have got other messages, or at other times.",
    "{people} 位用户中有 {count} 位会收到不同的消息，或在不同的时间收到。",
)
WITH_IT = Text("With the change", "更改之后")
MORE_SENT = Text("{count} more matches would have been sent", "会多发送 {count} 个匹配")
FEWER_SENT = Text("{count} fewer matches would have been sent", "会少发送 {count} 个匹配")
SAME_SENT = Text("as many matches would have been sent", "发送的匹配数相同")
MORE_SLOTS = Text("in {count} more messages", "多用 {count} 条消息")
FEWER_SLOTS = Text("in {count} fewer messages", "少用 {count} 条消息")
SAME_SLOTS = Text("in as many messages", "所用消息数相同")
LONGER = Text("strong ones waiting {hours} h longer", "高匹配度的平均多等 {hours} 小时")
SHORTER = Text("strong ones waiting {hours} h less", "高匹配度的平均少等 {hours} 小时")
LEFT_OUT = Text(
    "The model takes every message for accepted at once. It leaves out servicers, refusals, failures, pauses "
    "and outages, and matches brought by 更多 and 查看; preferences and limits are today's, for nobody keeps "
    "what they were. So compare what is simulated with what is simulated.",
    "模型假定每条消息都立即被接受；不考虑人工接待、拒收、发送失败、暂停与故障，也不考虑由“更多”“查看”带出的匹配；"
    "偏好与上限都按今天的计算，因为过去的值没有保存。因此请用模拟结果与模拟结果相比。",
)
UNREADABLE = Text(
    "{count} people have preferences that cannot be understood: the model sends them nothing, as kfpush "
    "does; see kfpush user show.",
    "{count} 位用户的偏好无法识别：模型与 kfpush 一样不向他们发送；见 kfpush user show。",
)
INTERRUPTED = Text(
    "Interrupted: only {people} people were simulated; the figures are theirs alone.",
    "已中断：只模拟了 {people} 位用户，以上数字仅为他们的。",
)

SINGLY = Text("messages with one match", "只含一个匹配的消息")
MEAN_BYTES = Text("  bytes of text, on average", "  平均字节数")
LONGEST_BYTES = Text("  bytes of the longest", "  最长字节数")
CUT = Text("  cut to what a message holds", "  因超长被截短")
LONGER_TEXTS = Text(
    "Messages would have gone as they go now; only their texts would be others.",
    "消息的发送与现在相同，只有文字不同。",
)

REALLY = Text("really", "实际")
AS_IT_IS = Text("as it is", "现状（模拟）")
CHANGED = Text("with the change", "更改后（模拟）")
DIFFERENCE = Text("difference", "差别")

_ROWS: Final = (
    (Text("matches sent", "已发送的匹配"), "sent"),
    (Text("  of these together with others", "  其中与其他匹配合并"), "merged"),
    (Text("messages (slots used)", "消息数（占用名额）"), "messages"),
    (Text("matches deferred at least once", "曾被推迟的匹配"), "deferred"),
    (Text("matches parked at least once", "曾被搁置的匹配"), "parked"),
    (Text("matches dropped", "被放弃的匹配"), "dropped"),
    (Text("dead letters", "死信"), "dead"),
    (Text("matches that still waited", "仍在等待的匹配"), "waiting"),
    (Text("people who hit the wall", "用尽名额的用户"), "at_the_wall"),
    (Text("wait of a strong match, hours", "高匹配度的平均等待（小时）"), "strong_delay"),
)


@dataclass(frozen=True, slots=True)
class Columns:
    """A table: what stands over each column, and its rows."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def headline(compared: Compared, teller: Teller) -> list[Said]:
    """Tell what was looked at."""
    really = compared.really
    if not really.matches:
        return [Said(teller.say(NOTHING))]
    span = compared.span
    return [
        Said(
            teller.say(
                HEADLINE,
                matches=f"{really.matches:,}",
                people=f"{really.people:,}",
                since=span.since,
                until=span.until,
            ),
            Tone.HEAD,
        )
    ]


def table(compared: Compared, teller: Teller, *, has_change: bool) -> Columns:
    """Put the three tellings side by side; without a change there are two."""
    shown = [compared.really, compared.now, *([compared.changed] if has_change else [])]
    heads = [REALLY, AS_IT_IS, *([CHANGED, DIFFERENCE] if has_change else [])]
    rows: list[tuple[str, ...]] = []
    for label, name in _ROWS:
        figures = [_figure(outcome, name) for outcome in shown]
        if name == "dead" and not any(figures):
            continue
        rows.append((teller.say(label), *_cells(figures, has_change=has_change)))
        if name == "dropped":
            rows += _reasons(shown, teller, has_change=has_change)
    rows += _texts(shown, teller, has_change=has_change)
    return Columns(("", *(teller.say(head) for head in heads)), tuple(rows))


def _figure(outcome: Outcome, name: str) -> float:
    if name == "dropped":
        return outcome.dropped.total()
    value = getattr(outcome, name)
    return round(float(value), 1) if name == "strong_delay" else int(value)


def _reasons(shown: list[Outcome], teller: Teller, *, has_change: bool) -> Iterator[tuple[str, ...]]:
    reasons = sorted({reason for outcome in shown for reason in outcome.dropped})
    for reason in reasons:
        figures: list[float] = [outcome.dropped[reason] for outcome in shown]
        label = f"  {short(reason, teller.language)}"
        yield (label, *_cells(figures, has_change=has_change))


def _texts(shown: list[Outcome], teller: Teller, *, has_change: bool) -> Iterator[tuple[str, ...]]:
    texts = [outcome.texts for outcome in shown]
    if not any(text.messages for text in texts):
        return
    for label, figures in (
        (SINGLY, [text.messages for text in texts]),
        (MEAN_BYTES, [round(text.mean, 1) for text in texts]),
        (LONGEST_BYTES, [text.longest for text in texts]),
        (CUT, [text.cut for text in texts]),
    ):
        yield (teller.say(label), *_cells(list(map(float, figures)), has_change=has_change))


def _cells(figures: list[float], *, has_change: bool) -> list[str]:
    cells = [f"{figure:,.1f}" if figure % 1 else f"{figure:,.0f}" for figure in figures]
    if has_change:
        _, now, changed = figures
        difference = round(changed - now, 1)
        form = "+,.1f" if difference % 1 else "+,.0f"
        cells.append(format(difference, form) if difference else "=")
    return cells


def told(compared: Compared, teller: Teller, *, has_change: bool) -> list[Said]:
    """Tell in sentences what the table comes to, and what it leaves out."""
    if not compared.really.matches:
        return []
    said: list[Said] = []
    if not has_change:
        said.append(Said(teller.say(ONLY_NOW)))
    elif not compared.fare_otherwise:
        is_worded = compared.changed.texts.messages > 0
        said.append(Said(teller.say(LONGER_TEXTS if is_worded else NO_DIFFERENCE), Tone.HEAD))
    else:
        said.append(Said(teller.sentences(_comes_to(compared, teller)), Tone.HEAD))
        said.append(
            Said(
                teller.say(
                    OTHERWISE,
                    count=f"{compared.fare_otherwise:,}",
                    people=f"{compared.now.people:,}",
                )
            )
        )
    if compared.unreadable:
        said.append(Said(teller.say(UNREADABLE, count=f"{compared.unreadable:,}"), Tone.BAD))
    if not compared.is_whole:
        said.append(Said(teller.say(INTERRUPTED, people=f"{compared.now.people:,}"), Tone.BAD))
    said.append(Said(teller.say(LEFT_OUT), Tone.QUIET))
    return said


def _comes_to(compared: Compared, teller: Teller) -> str:
    now, changed = compared.now, compared.changed
    sent, slots = changed.sent - now.sent, changed.messages - now.messages
    hours = round(_figure(changed, "strong_delay") - _figure(now, "strong_delay"), 1)
    parts = [
        _by_sign(sent, (MORE_SENT, FEWER_SENT, SAME_SENT), teller),
        _by_sign(slots, (MORE_SLOTS, FEWER_SLOTS, SAME_SLOTS), teller),
    ]
    if hours:
        parts.append(teller.say(LONGER if hours > 0 else SHORTER, hours=abs(hours)))
    return teller.listed([teller.say(WITH_IT), *parts])


def _by_sign(difference: int, texts: tuple[Text, Text, Text], teller: Teller) -> str:
    more, fewer, same = texts
    chosen = more if difference > 0 else fewer if difference < 0 else same
    return teller.say(chosen, count=f"{abs(difference):,}")
