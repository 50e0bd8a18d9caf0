"""Tells what a person has paused, or let go on.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ops.looking.journey import Halt
from ops.telling import texts
from ops.telling.facts import pause_text
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import SCOPES, Text
from schemas.states import PauseScope

PAUSED = Text("Paused: {scope}. {end}", "已暂停：{scope}。{end}")
WAS_PAUSED = Text("Paused already, for the same reason and until then: {scope}.", "此前已同样暂停：{scope}。")
NOT_KNOWN = Text(
    "No conversation on this KF account is known: is {target} right? Nothing else is stopped.",
    "没有该客服账号的会话记录：{target} 是否正确？其他发送不受影响。",
)
RESUMED = Text(
    "Goes on: {scope}, paused by {author} since {since} ({note})",
    "恢复：{scope}，由 {author} 于 {since} 暂停（{note}）",
)
NOT_PAUSED = Text("No person has paused it: {scope}.", "没有人暂停它：{scope}。")
STILL = Text("Another pause still holds it.", "仍有其他暂停在生效。")


@dataclass(frozen=True, slots=True)
class Paused:
    """What was paused; ``is_changed`` is false if all of it was so before."""

    scope: PauseScope
    target: str
    author: str
    note: str
    until: datetime | None
    is_changed: bool
    is_known: bool


def told_pause(paused: Paused, teller: Teller) -> list[Said]:
    """Tell what is paused now, and until when."""
    scope = teller.say(SCOPES[paused.scope], target=paused.target)
    end = teller.say(texts.PAUSE_ENDS, at=paused.until) if paused.until else teller.say(texts.PAUSE_STAYS)
    text = PAUSED if paused.is_changed else WAS_PAUSED
    told = [Said(teller.sentences(teller.say(text, scope=scope, end=end)), Tone.WAIT)]
    if not paused.is_known:
        told.append(Said(teller.say(NOT_KNOWN, target=paused.target), Tone.BAD))
    return told


def told_resume(
    scope: PauseScope, target: str, lifted: list[Halt], left: list[Halt], teller: Teller
) -> list[Said]:
    """Tell whose pauses ended, and what still holds the same things back."""
    name = teller.say(SCOPES[scope], target=target)
    told = [
        Said(
            teller.say(
                RESUMED,
                scope=name,
                author=halt.author,
                since=halt.paused_at,
                note=halt.note or halt.errcode or halt.reason,
            ),
            Tone.GOOD,
        )
        for halt in lifted
    ]
    if not lifted:
        told.append(Said(teller.say(NOT_PAUSED, scope=name)))
    if left:
        told.append(Said(teller.say(STILL), Tone.WAIT))
    told += [Said(pause_text(halt, teller), Tone.WAIT, depth=1) for halt in left]
    return told
