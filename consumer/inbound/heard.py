"""What a page's items mean: who spoke when, what they ask, and whether that is obeyed and answered.  Pure.

What was asked before kfpush first listened at an account is neither answered nor obeyed, for somebody else
heard it then; only who wanted to hear nothing more is taken at their word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from consumer.replies.asked import Command, Other, Resume, Stop
from schemas.decisions import RecipientKey
from schemas.kf_items import (
    EVENT,
    EnterSession,
    Item,
    Origin,
    Recall,
    SendFail,
    SessionChange,
    Text,
    Unknown,
    Unreadable,
)
from schemas.states import Effect

RECENT: Final = timedelta(minutes=10)
"""At an account's first reading, what is older is history."""

WELCOME_WITHIN: Final = timedelta(seconds=20)
"""WeChat: a welcome_code is good for so long from the event (document/path/95122)."""

AHEAD: Final = timedelta(minutes=5)
"""WeChat's clock and ours may differ by so much; what is further ahead was said now, for all we know."""

Read = Callable[[str, str | None], Command]


@dataclass(frozen=True, slots=True)
class Heard:
    """One item and what it means; ``at`` is its send_time, or now where it has none that can be."""

    item: Item
    recipient: RecipientKey | None
    at: datetime
    effect: Effect
    command: Command | None = None
    is_recent: bool = False
    """Of an enter_session: its code is still good.  Of a word: somebody waits for what comes of it."""
    is_history: bool = False
    """It was said before kfpush listened: who asked something then was heard by somebody else."""

    @property
    def is_kept_raw(self) -> bool:
        """Whether the item is kept as it came: nobody understood it."""
        return isinstance(self.item.body, Unknown | Unreadable)


def come_early(items: Iterable[Item], now: datetime) -> bool:
    """Whether some of these have a time that has not come yet."""
    return any(item.send_time is not None and item.send_time > now + AHEAD for item in items)


def hear(items: Iterable[Item], account: str, now: datetime, read: Read, *, is_first: bool) -> list[Heard]:
    """Understand a page, in the order in which things happened.

    ``is_first`` says that this account has never been read to its end: what comes may be three days old.
    """
    heard = [_heard(item, account, now, read, is_first=is_first) for item in items]
    return sorted(heard, key=lambda one: one.at)


def _heard(item: Item, account: str, now: datetime, read: Read, *, is_first: bool) -> Heard:
    at = now if item.send_time is None or item.send_time > now + AHEAD else item.send_time
    recipient = (
        RecipientKey(item.open_kfid or account, item.external_userid) if item.external_userid else None
    )
    if not item.is_word:
        return Heard(item, recipient, at, _effect(item), is_recent=now - at <= WELCOME_WITHIN)
    body, is_recent = item.body, now - at <= RECENT
    command = read(body.content, body.menu_id) if isinstance(body, Text) else Other()
    is_history = is_first and not is_recent
    effect = _of_command(item, command, is_late=is_history)
    return Heard(item, recipient, at, effect, command, is_recent, is_history)


def _of_command(item: Item, command: Command, *, is_late: bool) -> Effect:
    match command:
        case Other():
            return Effect.TAPPED if item.is_click else Effect.WORD
        case Stop():
            return Effect.STOPPED
        case Resume():
            return Effect.RESUMED
        case _:
            return Effect.TOO_LATE if is_late else Effect.ASKED


def _effect(item: Item) -> Effect:  # noqa: PLR0911 - one line a kind
    if item.msgtype != EVENT and item.origin == Origin.SERVICER and not isinstance(item.body, Unreadable):
        return Effect.STATE
    match item.body:
        case SendFail():
            return Effect.SEND_FAILED
        case Recall():
            return Effect.RECALLED
        case SessionChange():
            return Effect.STATE
        case EnterSession():
            return Effect.ENTERED
        case Unknown():
            return Effect.UNKNOWN
        case Unreadable():
            return Effect.UNREADABLE
        case _:
            return Effect.NOTED
