"""Tells what was or would be put on the stream again, and what was left.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from consumer.fates import Fate
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import Text

NOTHING = Text("Nothing is in that range.", "该范围内没有任何事件。")
ADDED: Final[tuple[Text, Text]] = (
    Text("Would be put on the stream again: {count}", "会重新加入消息流：{count} 个"),
    Text("Put on the stream again: {count}", "已重新加入消息流：{count} 个"),
)
NONE_ADDED: Final[tuple[Text, Text]] = (
    Text("Nothing would be put on the stream again.", "不会有事件重新加入消息流。"),
    Text("Nothing was put on the stream again.", "没有事件重新加入消息流。"),
)
LEFT = Text("Left as it is: {count}", "保持不变：{count} 个")

FATES: Final[Mapping[Fate, Text]] = {
    Fate.MISSING: Text("{count} missing from the ledger", "{count} 个台账中没有"),
    Fate.PARKED: Text("{count} parked, to be decided anew", "{count} 个搁置中，将重新决定"),
    Fate.DROPPED: Text("{count} dropped, to be decided anew", "{count} 个曾被放弃，将重新决定"),
    Fate.WAITING: Text("{count} waiting, to be decided at once", "{count} 个等待中，将立即决定"),
    Fate.SENT: Text("{count} sent", "{count} 个已发送"),
    Fate.SENDING: Text("{count} being sent", "{count} 个发送中"),
    Fate.DEAD: Text("{count} dead letters: see kfpush dead", "{count} 个死信：见 kfpush dead"),
    Fate.WITHDRAWN: Text("{count} withdrawn by the application", "{count} 个已被应用撤回"),
    Fate.CONVERTED: Text("{count} conversions counted already", "{count} 个转化已经计入"),
    Fate.CLOSED: Text("{count} closed by a person", "{count} 个已由人工关闭"),
    Fate.UNSETTLED: Text(
        "{count} that may have been seen: see kfpush dead redrive --resend",
        "{count} 个可能已送达：见 kfpush dead redrive --resend",
    ),
    Fate.NEEDS_UPGRADE: Text("{count} that need a newer kfpush", "{count} 个需要更新版本的 kfpush"),
    Fate.ON_ITS_WAY: Text(
        "{count} on the stream already, not stored yet: they come by themselves",
        "{count} 个已在消息流中、尚未入库：会自行到达",
    ),
    Fate.REPEATED: Text("{count} met a second time in this range", "{count} 个在该范围内重复出现"),
    Fate.UNREADABLE: Text("{count} that cannot be read", "{count} 个无法解析"),
}
UNREADABLE = Text("{name}: {error}", "{name}：{error}")
WAITING_FOR_READERS = Text(
    "Waiting: consumers have not read everything on the stream. Is `kfpush consume` (or `kfpush up`) "
    "running? --no-wait does not wait.",
    "等待中：消费者尚未读完消息流。`kfpush consume`（或 `kfpush up`）在运行吗？--no-wait 可不等待。",
)
WAITING_FOR_PLANS = Text(
    "Waiting: many matches are due and not planned yet; `kfpush status` says what holds them. --no-wait does "
    "not wait.",
    "等待中：许多匹配已到期但尚未安排；`kfpush status` 可查看原因。--no-wait 可不等待。",
)


def told(
    fates: Mapping[Fate, int],
    added: Mapping[Fate, int],
    unreadable: Sequence[tuple[str, str]],
    teller: Teller,
    *,
    is_dry_run: bool,
) -> tuple[Said, ...]:
    """Tell what was added and what was left, by what the ledger said of it."""
    if not fates:
        return (Said(teller.say(NOTHING)),)
    nth = 0 if is_dry_run else 1
    count = sum(added.values())
    said = [Said(teller.say((ADDED if count else NONE_ADDED)[nth], count=count))]
    said += [Said(teller.say(FATES[fate], count=added[fate]), depth=1) for fate in Fate if added.get(fate)]
    left = {fate: fates[fate] - added.get(fate, 0) for fate in Fate if fates.get(fate)}
    left = {fate: number for fate, number in left.items() if number}
    if left:
        said.append(Said(teller.say(LEFT, count=sum(left.values()))))
    for fate, number in left.items():
        said.append(
            Said(
                teller.say(_LEFT.get(fate, FATES[fate]), count=number),
                Tone.BAD if fate is Fate.UNREADABLE else Tone.QUIET,
                depth=1,
            )
        )
    said += [Said(teller.say(UNREADABLE, name=name, error=error), depth=2) for name, error in unreadable]
    return tuple(said)


_LEFT: Final[Mapping[Fate, Text]] = {
    Fate.PARKED: Text("{count} parked", "{count} 个搁置中"),
    Fate.DROPPED: Text("{count} dropped", "{count} 个曾被放弃"),
    Fate.WAITING: Text("{count} waiting", "{count} 个等待中"),
}
"""What would be taken up, and was not asked for."""
