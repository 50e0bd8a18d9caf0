"""WeChat's rules for customer service messages: who may be written to, how often, how long.

Pure: nothing here reads a clock or a network; the time is an argument.  One corp's KF accounts, its
customers and their conversations are kept in memory, and every answer is one of errcodes.
"""

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ops.sandbox import errcodes, kinds, letter
from ops.sandbox.items import LATE, OVER, REJECTED, SIXTH
from ops.sandbox.letter import Letter
from ops.sandbox.media import MediaOffice
from ops.sandbox.sessions import (
    ASSISTANT,
    ENDED,
    NEW,
    POOL,
    SCENES,
    SERVICER,
    CodeOffice,
    Scene,
    may_become,
)
from ops.sandbox.switches import Switches
from ops.sandbox.talks import WINDOW, Bubble, Conversation


@dataclass(frozen=True)
class Answer:
    """How a call ended: the code, the message's id, and the bubble if there is a new one.

    ``fail_type`` is set for a message that was taken and will not be shown: a msg_send_fail must follow.
    """

    errcode: int
    msgid: str | None = None
    bubble: Bubble | None = None
    reply_code: str | None = None
    fail_type: int | None = None


class Corp:
    """Everything WeChat knows about one corp's customer service.  `seq` numbers what is said."""

    def __init__(self, seq: Iterator[int]) -> None:
        self.accounts: set[str] = set()
        self.customers: set[str] = set()
        self.servicers: set[str] = set()
        self.conversations: dict[tuple[str, str], Conversation] = {}
        self.words: list[Bubble] = []
        self.media = MediaOffice(lambda: f"sandbox_media_{next(seq)}")
        self._talks: defaultdict[str, list[Conversation]] = defaultdict(list)
        self._msgids: defaultdict[str, dict[str, datetime]] = defaultdict(dict)
        self._codes = CodeOffice(lambda: f"code_{next(seq)}")
        self._seq = seq

    def introduce(
        self, open_kfid: str | None, external_userid: str | None, servicer_userid: str | None = None
    ) -> None:
        """Make an account, a user or a human servicer known, without a word being said."""
        for name, known in (
            (open_kfid, self.accounts),
            (external_userid, self.customers),
            (servicer_userid, self.servicers),
        ):
            if name:
                known.add(name)

    def speak(
        self,
        open_kfid: str,
        external_userid: str,
        said: str | dict[str, object],
        now: datetime,
        *,
        msgtype: str = "text",
        menu_id: str | None = None,
        opens: bool = True,
    ) -> Bubble:
        """The user writes, sends something else, or clicks on a menu item: an ended session begins again.

        A word opens the window anew, with five messages; whether a click does is for the caller to say.
        """
        conversation = self._conversation(open_kfid, external_userid)
        if conversation.state_at(now) == ENDED:
            conversation.service_state, conversation.servicer = NEW, None
        if opens:
            conversation.opened_at, conversation.used = now, 0
        if menu_id is None:
            conversation.spoke_at = now
        seq = next(self._seq)
        word = Bubble(seq, now, "user", open_kfid, external_userid, f"word_{seq}", msgtype, said, menu_id)
        conversation.bubbles.append(word)
        self.words.append(word)
        return word

    def serve(self, open_kfid: str, external_userid: str, text: str, now: datetime) -> Bubble:
        """A human servicer writes in their own client, which the API's rules do not touch."""
        seq = next(self._seq)
        word = Bubble(seq, now, "servicer", open_kfid, external_userid, f"served_{seq}", "text", text)
        self._conversation(open_kfid, external_userid).bubbles.append(word)
        return word

    def find(self, open_kfid: str, msgid: str) -> Bubble | None:
        """The message that this account sent or got under a msgid."""
        talks = (talk for talk in self.conversations.values() if talk.open_kfid == open_kfid)
        found = (each for talk in talks for each in reversed(talk.bubbles) if each.msgid == msgid)
        return next(found, None)

    def recall(self, bubble: Bubble) -> None:
        """Whoever wrote it takes it back."""
        self._conversation(bubble.open_kfid, bubble.external_userid).fates[bubble.seq] = "recalled"

    def lose(self, bubble: Bubble, switches: Switches) -> bool:
        """A message that was taken fails after all; whether it had not failed before."""
        talk = self._conversation(bubble.open_kfid, bubble.external_userid)
        if talk.fates.get(bubble.seq) == "failed":
            return False
        talk.fates[bubble.seq] = "failed"
        in_window = talk.opened_at is not None and bubble.at >= talk.opened_at
        if in_window and not switches.late_failures_count:
            talk.used = max(0, talk.used - 1)
        return True

    def reject(self, open_kfid: str, external_userid: str, *, rejects: bool) -> None:
        """The user refuses this account's messages, or takes them again."""
        self._conversation(open_kfid, external_userid).rejects = rejects

    def enter(self, open_kfid: str, external_userid: str, now: datetime) -> str | None:
        """The user opens the chat; who never wrote gets a code for a welcome, once in 48 hours."""
        conversation = self._conversation(open_kfid, external_userid)
        welcomed = conversation.welcomed_at is not None and now - conversation.welcomed_at < WINDOW
        if welcomed or conversation.opened_at is not None:
            return None
        state = conversation.state_at(now)
        return self._codes.give(Scene.WELCOME, open_kfid, external_userid, state, now)

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
        """How many messages one phone shows."""
        return sum(len(talk.shown()) for talk in self.talks(external_userid))

    def enter_state(
        self, open_kfid: str, external_userid: str, service_state: int, servicer_userid: str | None = None
    ) -> tuple[int, str | None]:
        """Put a session into WeChat's state 0 to 4, as its routing or a human servicer would.

        The state and the servicer before.
        """
        talk = self._conversation(open_kfid, external_userid)
        before = talk.service_state, talk.servicer
        talk.service_state = service_state
        if service_state != ENDED:  # who had it is told when somebody takes it up again
            talk.servicer = servicer_userid if service_state == SERVICER else None
        return before

    def give_code(self, open_kfid: str, external_userid: str, now: datetime) -> str:
        """The code for one message that a session's new state allows."""
        state = self._conversation(open_kfid, external_userid).service_state
        return self._codes.give(SCENES[state], open_kfid, external_userid, state, now)

    def session(self, body: object) -> Conversation | int:
        """The session that a service_state call is about, or what is wrong with the call."""
        if not isinstance(body, dict):
            return errcodes.BAD_PARAMETER
        open_kfid, user = body.get("open_kfid"), body.get("external_userid")
        if not letter.is_name(open_kfid) or open_kfid not in self.accounts:
            return errcodes.UNKNOWN_ACCOUNT
        if not letter.is_name(user) or user not in self.customers:
            return errcodes.UNKNOWN_USER
        talk = self.conversations.get((open_kfid, user))
        return Conversation(open_kfid, user, ENDED) if talk is None else talk

    def transfer(self, body: object, now: datetime) -> Answer:
        """Judge one service_state/trans call, and move the session if nothing speaks against it."""
        talk = self.session(body)
        if isinstance(talk, int) or not isinstance(body, dict):
            return Answer(talk if isinstance(talk, int) else errcodes.BAD_PARAMETER)
        wanted, servicer = body.get("service_state"), body.get("servicer_userid")
        if type(wanted) is not int or not NEW <= wanted <= ENDED:
            return Answer(errcodes.BAD_PARAMETER)
        state = talk.state_at(now)
        if not may_become(state, wanted):
            return Answer(errcodes.TRANSITION_FORBIDDEN)
        if wanted == SERVICER and servicer not in self.servicers:
            return Answer(errcodes.NOT_A_SERVICER if servicer else errcodes.EMPTY_PARAMETER)
        talk.service_state, talk.servicer = wanted, servicer if wanted == SERVICER else None
        if wanted == state or wanted not in SCENES:
            return Answer(errcodes.OK)
        code = self._codes.give(SCENES[wanted], talk.open_kfid, talk.external_userid, wanted, now)
        return Answer(errcodes.OK, reply_code=code)

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
            return self._accept(letter.cut(wanted), now, switches)
        late = self._late(wanted, errcode, now, switches)
        if late is not None:
            talk = self._conversation(wanted.open_kfid, wanted.touser)
            return replace(self._put(talk, letter.cut(wanted), now), fail_type=late)
        self._count_refusal(wanted, now, switches)
        return Answer(errcode)

    def reply(self, body: object, now: datetime, switches: Switches) -> Answer:
        """Judge one send_msg_on_event call: what a code allows, whatever is left of the five."""
        code = self._codes.look(body.get("code") if isinstance(body, dict) else None, now)
        if not isinstance(body, dict) or code is None:
            return Answer(switches.spent_code)
        wanted = self._addressed({**body, "touser": code.external_userid, "open_kfid": code.open_kfid})
        if isinstance(wanted, int):
            return Answer(wanted)
        talk = self._conversation(code.open_kfid, code.external_userid)
        if code.scene.needs_state and talk.state_at(now) != code.state:
            return Answer(switches.spent_code)
        if wanted.msgtype not in code.scene.msgtypes:
            return Answer(errcodes.BAD_MSGTYPE)
        errcode = max(_judge_size(wanted, now, switches), self._judge_msgid(wanted, now, switches))
        if errcode != errcodes.OK:
            return Answer(errcode)
        self._codes.spend(code.code)
        if code.scene is Scene.WELCOME:
            talk.welcomed_at = now
        talk.used += switches.on_event_counts
        return self._put(talk, letter.cut(wanted), now)

    def refuse(self, body: object, errcode: int, now: datetime, switches: Switches) -> None:
        """Account for a refusal that was scripted, as if a rule had spoken it."""
        wanted = self._addressed(body)
        if isinstance(wanted, Letter) and errcode not in errcodes.GATEWAY:
            self._count_refusal(wanted, now, switches)

    def _addressed(self, body: object) -> Letter | int:
        wanted = letter.read(body)
        if isinstance(wanted, int):
            return wanted
        if wanted.open_kfid not in self.accounts:
            return errcodes.UNKNOWN_ACCOUNT
        return wanted if wanted.touser in self.customers else errcodes.UNKNOWN_USER

    def _judge(self, wanted: Letter, now: datetime, switches: Switches) -> int:
        checks: list[Callable[[Letter, datetime, Switches], int]] = [
            _judge_size,
            self._judge_kind,
            self._judge_limits,
        ]
        first = switches.check_order == "msgid_first"
        checks.insert(0 if first else len(checks), self._judge_msgid)
        codes = (check(wanted, now, switches) for check in checks)
        return next((code for code in codes if code != errcodes.OK), errcodes.OK)

    def _judge_msgid(self, wanted: Letter, now: datetime, switches: Switches) -> int:
        life = timedelta(seconds=switches.msgid_seconds)
        accounts = self.accounts if switches.msgid_scope == "corp" else {wanted.open_kfid}
        known = [self._msgids[account].get(wanted.msgid or "") for account in accounts]
        is_repeated = any(since is not None and now < since + life for since in known)
        return errcodes.REPEATED_MSGID if is_repeated else errcodes.OK

    def _judge_kind(self, wanted: Letter, now: datetime, switches: Switches) -> int:
        talk = self.conversations.get((wanted.open_kfid, wanted.touser))
        return kinds.judge(wanted, talk, self.media, now, switches)

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

    def _late(self, wanted: Letter, errcode: int, now: datetime, switches: Switches) -> int | None:
        """The fail_type with which a limit is told later, where this WeChat tells it later."""
        talk = self.conversations.get((wanted.open_kfid, wanted.touser))
        limits = {switches.stale_code, switches.ended_code, errcodes.FIVE_SENT}
        if switches.limits_told == "at_once" or errcode not in limits:
            return None
        if talk is None or not talk.is_open(now):
            return LATE
        if talk.service_state == ENDED:
            return OVER
        return None if talk.left(now) else SIXTH

    def _accept(self, wanted: Letter, now: datetime, switches: Switches) -> Answer:
        conversation = self.conversations[(wanted.open_kfid, wanted.touser)]
        conversation.used += 1
        if conversation.service_state == NEW:
            conversation.service_state = ASSISTANT
        if wanted.msgtype == "business_card":
            conversation.card_at = now
        fail_type: int | None = switches.send_fails if isinstance(switches.send_fails, int) else None
        if conversation.rejects:
            fail_type = REJECTED
        return replace(self._put(conversation, wanted, now), fail_type=fail_type)

    def _put(self, conversation: Conversation, wanted: Letter, now: datetime) -> Answer:
        seq = next(self._seq)
        msgid = wanted.msgid or f"made_by_wechat_{seq}"
        self._msgids[wanted.open_kfid][msgid] = now
        bubble = Bubble(
            seq, now, "kf", wanted.open_kfid, wanted.touser, msgid, wanted.msgtype, wanted.content
        )
        conversation.bubbles.append(bubble)
        return Answer(errcodes.OK, msgid, bubble)

    def _count_refusal(self, wanted: Letter, now: datetime, switches: Switches) -> None:
        conversation = self.conversations.get((wanted.open_kfid, wanted.touser))
        if switches.refused_burns_msgid and wanted.msgid:
            self._msgids[wanted.open_kfid].setdefault(wanted.msgid, now)
        if switches.failed_calls_count and conversation is not None:
            conversation.used += 1


def _judge_size(wanted: Letter, _now: datetime, switches: Switches) -> int:
    if letter.menu_items(wanted) > switches.menu_items:
        return errcodes.TOO_MANY_ITEMS
    refused = switches.long_text == "refuse" and letter.is_too_long(wanted)
    return errcodes.TOO_LONG if refused else errcodes.OK
