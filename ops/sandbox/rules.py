"""WeChat's rules for customer service messages: who may be written to, how often, how long.

Pure: nothing here reads a clock or a network; the time is an argument.  One corp's KF accounts, its
customers and their conversations are kept in memory, and every answer is one of errcodes.
"""

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from ops.sandbox import errcodes, letter
from ops.sandbox.letter import Letter
from ops.sandbox.switches import Switches

WINDOW: Final = timedelta(hours=48)
MESSAGES_PER_WINDOW: Final = 5

NEW, ASSISTANT, POOL, SERVICER, ENDED = range(5)


@dataclass(frozen=True)
class Bubble:
    """One message on a phone's screen."""

    seq: int
    at: datetime
    sender: Literal["user", "kf"]
    open_kfid: str
    external_userid: str
    msgid: str
    msgtype: str
    content: str | dict[str, object] = field(repr=False)


@dataclass
class Conversation:
    """One user and one KF account: what was said, and what may still be said."""

    open_kfid: str
    external_userid: str
    service_state: int = NEW
    opened_at: datetime | None = None
    used: int = 0
    bubbles: list[Bubble] = field(default_factory=list)

    def is_open(self, now: datetime) -> bool:
        """Whether the user's last word is younger than 48 hours."""
        return self.opened_at is not None and now - self.opened_at < WINDOW

    def left(self, now: datetime) -> int:
        """How many messages WeChat would still take."""
        return max(0, MESSAGES_PER_WINDOW - self.used) if self.is_open(now) else 0


@dataclass(frozen=True)
class Answer:
    """How a call ended: the code, the message's id, and the bubble if the phone shows a new one."""

    errcode: int
    msgid: str | None = None
    bubble: Bubble | None = None


class Corp:
    """Everything WeChat knows about one corp's customer service.  `seq` numbers what is said."""

    def __init__(self, seq: Iterator[int]) -> None:
        self.accounts: set[str] = set()
        self.customers: set[str] = set()
        self.conversations: dict[tuple[str, str], Conversation] = {}
        self.words: list[Bubble] = []
        self._talks: defaultdict[str, list[Conversation]] = defaultdict(list)
        self._msgids: defaultdict[str, set[str]] = defaultdict(set)
        self._seq = seq

    def introduce(self, open_kfid: str | None, external_userid: str | None) -> None:
        """Make an account or a user known, without a word being said."""
        if open_kfid:
            self.accounts.add(open_kfid)
        if external_userid:
            self.customers.add(external_userid)

    def speak(self, open_kfid: str, external_userid: str, text: str, now: datetime) -> Bubble:
        """The user writes: the window opens anew with five messages, and an ended session begins again."""
        conversation = self._conversation(open_kfid, external_userid)
        conversation.opened_at, conversation.used = now, 0
        if conversation.service_state == ENDED:
            conversation.service_state = NEW
        seq = next(self._seq)
        word = Bubble(seq, now, "user", open_kfid, external_userid, f"word_{seq}", "text", text)
        conversation.bubbles.append(word)
        self.words.append(word)
        return word

    def words_after(self, seq: int) -> list[Bubble]:
        """What users said since a sequence number, oldest first."""
        return self.words[bisect.bisect_right(self.words, seq, key=lambda word: word.seq) :]

    def talks(self, external_userid: str) -> list[Conversation]:
        """One user's conversations."""
        return self._talks.get(external_userid, [])

    def phones(self) -> int:
        """How many users have a conversation."""
        return len(self._talks)

    def pushes(self, external_userid: str) -> int:
        """How many messages one phone was sent."""
        talks = self.talks(external_userid)
        return sum(bubble.sender == "kf" for talk in talks for bubble in talk.bubbles)

    def enter_state(self, open_kfid: str, external_userid: str, service_state: int) -> None:
        """Put a session into WeChat's state 0 to 4, as its routing or a human servicer would."""
        self._conversation(open_kfid, external_userid).service_state = service_state

    def _conversation(self, open_kfid: str, external_userid: str) -> Conversation:
        self.introduce(open_kfid, external_userid)
        key = (open_kfid, external_userid)
        if key not in self.conversations:
            self.conversations[key] = Conversation(open_kfid, external_userid)
            self._talks[external_userid].append(self.conversations[key])
        return self.conversations[key]

    def send(self, body: object, now: datetime, switches: Switches) -> Answer:
        """Judge one send_msg call and, if nothing speaks against it, show it on the phone."""
        wanted = self._addressed(body)
        if isinstance(wanted, int):
            return Answer(wanted)
        errcode = self._judge(wanted, now, switches)
        if errcode == errcodes.OK:
            return self._accept(letter.cut(wanted), now)
        self._count_refusal(wanted, switches)
        return Answer(errcode)

    def refuse(self, body: object, errcode: int, switches: Switches) -> None:
        """Account for a refusal that was scripted, as if a rule had spoken it."""
        wanted = self._addressed(body)
        if isinstance(wanted, Letter) and errcode not in errcodes.GATEWAY:
            self._count_refusal(wanted, switches)

    def _addressed(self, body: object) -> Letter | int:
        wanted = letter.read(body)
        if isinstance(wanted, int):
            return wanted
        if wanted.open_kfid not in self.accounts:
            return errcodes.UNKNOWN_ACCOUNT
        return wanted if wanted.touser in self.customers else errcodes.UNKNOWN_USER

    def _judge(self, wanted: Letter, now: datetime, switches: Switches) -> int:
        checks: list[Callable[[Letter, datetime, Switches], int]] = [_judge_size, self._judge_limits]
        first = switches.check_order == "msgid_first"
        checks.insert(0 if first else len(checks), self._judge_msgid)
        codes = (check(wanted, now, switches) for check in checks)
        return next((code for code in codes if code != errcodes.OK), errcodes.OK)

    def _judge_msgid(self, wanted: Letter, _now: datetime, _switches: Switches) -> int:
        is_repeated = wanted.msgid in self._msgids[wanted.open_kfid]
        return errcodes.REPEATED_MSGID if is_repeated else errcodes.OK

    def _judge_limits(self, wanted: Letter, now: datetime, switches: Switches) -> int:
        conversation = self.conversations.get((wanted.open_kfid, wanted.touser))
        if conversation is None:
            return switches.stale_code
        if conversation.service_state == ENDED:
            return switches.ended_code
        if conversation.service_state in (POOL, SERVICER):
            return errcodes.STATE_FORBIDS
        if not conversation.is_open(now):
            return switches.stale_code
        return errcodes.OK if conversation.left(now) else errcodes.FIVE_SENT

    def _accept(self, wanted: Letter, now: datetime) -> Answer:
        conversation = self.conversations[(wanted.open_kfid, wanted.touser)]
        conversation.used += 1
        if conversation.service_state == NEW:
            conversation.service_state = ASSISTANT
        seq = next(self._seq)
        msgid = wanted.msgid or f"made_by_wechat_{seq}"
        self._msgids[wanted.open_kfid].add(msgid)
        bubble = Bubble(
            seq, now, "kf", wanted.open_kfid, wanted.touser, msgid, wanted.msgtype, wanted.content
        )
        conversation.bubbles.append(bubble)
        return Answer(errcodes.OK, msgid, bubble)

    def _count_refusal(self, wanted: Letter, switches: Switches) -> None:
        conversation = self.conversations.get((wanted.open_kfid, wanted.touser))
        if switches.refused_burns_msgid and wanted.msgid:
            self._msgids[wanted.open_kfid].add(wanted.msgid)
        if switches.failed_calls_count and conversation is not None:
            conversation.used += 1


def _judge_size(wanted: Letter, _now: datetime, switches: Switches) -> int:
    refused = switches.long_text == "refuse" and letter.is_too_long(wanted)
    return errcodes.TOO_LONG if refused else errcodes.OK
