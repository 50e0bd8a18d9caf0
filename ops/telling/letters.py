"""Tells dead letters, and what was or would be done with them.  Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from consumer.redrive import Fate, Judged, Kind, Letter
from ops.telling.facts import advice_text, code_text
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import DELIVERIES, PUSHES, Text, full, short
from schemas.states import DeliveryStatus, PushStatus
from schemas.times import to_text

NONE = Text("No dead letters.", "没有死信。")
COUNTS = Text("Dead letters: {count}", "死信：{count} 封")
OF_REASON = Text("{count}  {reason}: {why}", "{count}  {reason}：{why}")
OF_USER = Text("{name}, user {user}: {why}", "{name}，用户 {user}：{why}")
OF_ENTRY = Text("entry {name}: {why} ({error})", "条目 {name}：{why}（{error}）")
MORE = Text("More: --after {place}", "更多：--after {place}")

TITLE: Final[Mapping[Kind, Text]] = {
    Kind.MATCH: Text("Match {name}: {status}", "匹配 {name}：{status}"),
    Kind.ENTRY: Text("Stream entry {name}: {status}", "消息流条目 {name}：{status}"),
}
STATES: Final[Mapping[str, Text]] = {
    **{status.value: text for status, text in DELIVERIES.items()},
    "redriven": Text("redriven", "已重新投递"),
}
WHOSE = Text("of user {user}", "用户 {user}")
SINCE = Text("since {at}", "自 {at}")
CARRIED_BY = Text("last carried by push {id}: {status}", "最近由推送 {id} 携带：{status}")
EXPIRES = Text("expires {at}", "过期时间 {at}")
HANDED_OUT = Text("handed out {count} times", "被取出 {count} 次")
ERROR = Text("error: {error}", "错误：{error}")
CLOSED_BY = Text("closed by {author} on {at}", "由 {author} 于 {at} 处理")
WHY = Text("why: {why}", "原因：{why}")
FIELD = Text("{name}: {value}", "{name}：{value}")
HIDDEN = Text("{count} bytes (--show-text shows them)", "{count} 字节（--show-text 可显示）")
GONE = Text("nothing of the entry was left but its id", "条目除编号外没有留下任何内容")
JOURNEY = Text("The whole journey: kfpush explain {match}", "完整经过：kfpush explain {match}")

FATES: Final[Mapping[Fate, tuple[Text, Text]]] = {
    Fate.WAITING: (
        Text("{count} would be planned again at once", "{count} 封会立即重新安排"),
        Text("{count} planned again at once", "{count} 封已立即重新安排"),
    ),
    Fate.EXPIRED: (
        Text("{count} would be taken up and dropped: they have expired", "{count} 封已过期，会被丢弃"),
        Text("{count} taken up, to be dropped: they have expired", "{count} 封已过期，将被丢弃"),
    ),
    Fate.CLOSED: (
        Text("{count} would be closed for good", "{count} 封会被关闭"),
        Text("{count} closed for good", "{count} 封已关闭"),
    ),
    Fate.NEEDS_RESEND: (
        Text(
            "{count} left: the user may have it. Look at the phone; --resend --why TEXT sends it again",
            "{count} 封保持不变：用户可能已收到。请先查看手机；--resend --why 原因 可再次发送",
        ),
    )
    * 2,
    Fate.PUSH_OPEN: (
        Text(
            "{count} left: a push that carries it is on its way", "{count} 封保持不变：携带它的推送仍在途中"
        ),
    )
    * 2,
    Fate.UNREADABLE: (
        Text(
            "{count} left: this kfpush cannot read them either", "{count} 封保持不变：当前 kfpush 仍无法读取"
        ),
    )
    * 2,
    Fate.GONE: (Text("{count} left: nothing of them was kept", "{count} 封保持不变：没有留下内容"),) * 2,
    Fate.OVER: (
        Text(
            "{count} left: sent, and expired, withdrawn or scored again since",
            "{count} 封保持不变：已发送，此后已过期、被撤回或有了新版本",
        ),
    )
    * 2,
    Fate.NOT_DEAD: (Text("{count} left: no dead letters", "{count} 封保持不变：不是死信"),) * 2,
}
LEFT = Text("{name}: {why}", "{name}：{why}")
NOTHING_FOUND = Text("Nothing to do: no dead letter is meant.", "无需操作：没有符合条件的死信。")

_ATTRIBUTES: Final = frozenset(
    {b"id", b"type", b"source", b"time", b"subject", b"datacontenttype", b"specversion", b"traceparent"}
    | {b"again"}
)
"""What is shown of an entry without being asked: CloudEvents attributes, which name and never describe."""


def listed(
    counts: Mapping[str, int], letters: Sequence[Letter], place: str | None, teller: Teller
) -> tuple[Said, ...]:
    """Tell how many there are by reason, then one page of them, a line each."""
    if not counts:
        return (Said(teller.say(NONE), Tone.GOOD),)
    told = [Said(teller.say(COUNTS, count=sum(counts.values())), Tone.BAD)]
    for reason, count in counts.items():
        why = short(reason, teller.language)
        told.append(Said(teller.say(OF_REASON, count=count, reason=reason, why=why), depth=1))
    for nth, letter in enumerate(letters):
        told.append(Said(_line(letter, teller), at=teller.briefly(letter.at), depth=1, gap=nth == 0))
    if place is not None:
        told.append(Said(teller.say(MORE, place=place), Tone.QUIET, gap=True))
    return tuple(told)


def _line(letter: Letter, teller: Teller) -> str:
    why = short(letter.reason, teller.language)
    if letter.kind is Kind.ENTRY:
        return teller.say(OF_ENTRY, name=letter.name, why=why, error=letter.error)
    if letter.errcode:
        why = teller.say(LEFT, name=why, why=letter.errcode)
    return teller.say(OF_USER, name=letter.name, user=letter.user_id, why=why)


def whole(letter: Letter, text: str | None, teller: Teller) -> Iterator[Said]:
    """Tell one letter; ``text`` is what its match says, if that was asked for."""
    status = teller.say(STATES[letter.status])
    yield Said(
        teller.say(TITLE[letter.kind], name=letter.name, status=status),
        Tone.BAD if letter.status == DeliveryStatus.DEAD else Tone.QUIET,
    )
    if letter.reason:
        yield Said(full(letter.reason, teller.language), depth=1)
    if letter.errcode:
        yield Said(
            teller.sentences(code_text(letter.errcode, teller), advice_text(letter.errcode, teller)), depth=1
        )
    yield from (Said(fact, depth=1) for fact in _facts(letter, teller))
    if letter.kind is Kind.ENTRY:
        shown = fields_shown(letter, with_text=text is not None)
        if shown is None:
            yield Said(teller.say(GONE), depth=1)
        for name, value in (shown or {}).items():
            said = teller.say(HIDDEN, count=value) if isinstance(value, int) else value
            yield Said(teller.say(FIELD, name=name, value=said), depth=1)
    elif text:
        yield Said(text, depth=1)
    if letter.match_id is not None:
        yield Said(teller.say(JOURNEY, match=letter.match_id), Tone.QUIET, depth=1)


def _facts(letter: Letter, teller: Teller) -> list[str]:
    """Tell what is known of a letter, a fact a line."""
    facts = [teller.say(SINCE, at=letter.at)]
    if letter.user_id:
        facts.append(teller.say(WHOSE, user=letter.user_id))
    if letter.push_id is not None and letter.push_status:
        push = teller.say(PUSHES[PushStatus(letter.push_status)])
        facts.append(teller.say(CARRIED_BY, id=letter.push_id, status=push))
    if letter.expires_at is not None:
        facts.append(teller.say(EXPIRES, at=letter.expires_at))
    if letter.deliveries is not None:
        facts.append(teller.say(HANDED_OUT, count=letter.deliveries))
    if letter.error:
        facts.append(teller.say(ERROR, error=letter.error))
    if letter.closed_at is not None:
        facts.append(teller.say(CLOSED_BY, author=letter.closed_by, at=letter.closed_at))
    if letter.closed_why:
        facts.append(teller.say(WHY, why=letter.closed_why))
    return facts


def fields_shown(letter: Letter, *, with_text: bool) -> dict[str, str | int] | None:
    """What may be shown of an entry's fields: attributes, and of the rest how many bytes it has.

    ``with_text`` shows every byte; those that are no UTF-8 escaped.
    """
    if letter.fields is None:
        return None
    return {
        name.decode(errors="backslashreplace"): value.decode(errors="backslashreplace")
        if with_text or name in _ATTRIBUTES
        else len(value)
        for name, value in letter.fields.items()
    }


def done(
    judged: Mapping[Fate, int], left: Sequence[Judged], teller: Teller, *, is_dry_run: bool
) -> tuple[Said, ...]:
    """Tell what an act did or would do, and by name what it left."""
    if not judged:
        return (Said(teller.say(NOTHING_FOUND)),)
    told = []
    for fate, count in judged.items():
        text = FATES[fate][0 if is_dry_run else 1]
        told.append(Said(teller.say(text, count=count), Tone.PLAIN if fate.is_moved else Tone.WAIT))
        for item in left:
            if item.fate is fate:
                why = item.error or short(item.letter.reason, teller.language) or item.letter.status
                told.append(Said(teller.say(LEFT, name=item.letter.name, why=why), Tone.QUIET, depth=1))
    return tuple(told)


def as_json(letter: Letter, *, with_text: bool = False, text: str | None = None) -> dict[str, object]:
    """Describe a letter by the names of its columns."""

    def plain(value: object) -> object:
        return to_text(value) if isinstance(value, datetime) else value

    names = [name for name in Letter.__slots__ if name != "fields"]
    told = {name: plain(getattr(letter, name)) for name in names}
    if letter.kind is Kind.ENTRY:
        told["fields"] = fields_shown(letter, with_text=with_text)
    elif text is not None:
        told["event"] = json.loads(text)
    return told
