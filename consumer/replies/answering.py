"""Answering: what users asked becomes letters that are due at once, and stops that hold from now on.

Part of the transaction that notes the words themselves, so each is answered once, however often its page is
pulled.  The windows that the words open are raised before, and what they release is released: an answer may
carry it.  Where none can go (no slot, a human holds the conversation, nothing is wanted any more) there is no
answer, and the ending says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from consumer import opens, preferences, wordings
from consumer.book import Book, Reader
from consumer.compose import Carried, match_letter, msgid_of
from consumer.content import Content
from consumer.facts import Person
from consumer.gather import HostInputs, Known, Rules, gather
from consumer.kinds import TELLS_OF_THE_STOP
from consumer.ledger import deliveries, offers, pushes, waking
from consumer.ledger.deliveries import Key, Verdict, Waiting
from consumer.ledger.pushes import ANSWER, MENU, Draft, Letter
from consumer.opens import Open
from consumer.plain import as_answer, as_asked_for, only_at
from consumer.planner import plan
from consumer.policy import judge
from consumer.replies import seen, texts, viewing
from consumer.replies.asked import (
    Asked,
    Daily,
    Immediate,
    More,
    NoQuiet,
    NoSummary,
    Other,
    Quiet,
    Resume,
    Stop,
    Summary,
    View,
)
from consumer.templates import Template
from schemas.database import Transaction
from schemas.decisions import Decision, Drop, Park, Reason, Send
from schemas.kf import text_body
from schemas.kf_kinds import Envelope, message_body
from schemas.opens import Proxy
from schemas.states import DeliveryStatus

WITH_A_TAP: Final = 2
"""A message with items to tap takes two: its own, and one for the answer to the tap."""

ANSWER_WITHIN: Final = timedelta(hours=1)
"""Who asked longer ago, while kfpush was away, is not answered any more; what they wished holds."""


@dataclass(frozen=True, slots=True)
class Context:
    """What answering needs to know of the world.

    ``inputs`` are the host's, read after the wishes were set; ``refused`` are those that could not be, by
    (open_kfid, inbound_key).
    """

    inputs: HostInputs
    rules: Rules
    installation: str
    now: datetime
    wall: datetime
    refused: frozenset[tuple[str, str]] = frozenset()


class Ending(StrEnum):
    """What became of a word.  The values are stored: they never change."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    """No answer can go; the reason says why."""
    TOO_LATE = "too_late"
    """It was said too long ago."""
    REPEATED = "repeated"
    """There is nothing to add to what was said before."""
    BROKEN = "broken"
    """Answering it failed, by a fault of ours; the log says how."""
    HOST = "host"
    """It belongs to the application."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The ending of one word, and the push that answers it."""

    ending: Ending
    reason: Reason | None = None
    push_id: int | None = None

    @property
    def told(self) -> str:
        """The ending as it is stored: ``answered``, ``unanswered:no_slot``."""
        return self.ending if self.reason is None else f"{self.ending}:{self.reason}"


def answer(tx: Transaction, asked: Sequence[Asked], context: Context) -> list[Answered]:
    """Grant and answer words that are new, in the order they were said; tell each one's ending."""
    ours = [item for item in asked if not isinstance(item.command, Other)]
    if not ours:
        return [Answered(Ending.HOST)] * len(asked)
    desk = _Desk(tx, ours, context)
    endings = [
        Answered(Ending.HOST) if isinstance(item.command, Other) else desk.answer(item) for item in asked
    ]
    return desk.close(endings)


@dataclass(frozen=True, slots=True)
class _Reply:
    """A letter, the waiting matches that it carries, and those it had no room for."""

    letter: Letter
    carries: tuple[Key, ...] = ()
    behind: tuple[Waiting, ...] = ()


@dataclass
class _Desk:
    """One page of words; what one of them takes, the next does not find."""

    tx: Transaction
    asked: Sequence[Asked]
    context: Context
    _people: dict[str, Known] = field(default_factory=dict)
    _facts: dict[str, Person] = field(default_factory=dict)
    """Of each person, by name: changed by every word and every answer."""
    _pending: list[Waiting] = field(default_factory=list)
    _taken: set[Key] = field(default_factory=set)
    _written: list[tuple[Draft, _Reply]] = field(default_factory=list)
    _stops: dict[str, bool] = field(default_factory=dict)
    """Of each user who stopped or came back: whether they are stopped now."""
    _summaries: dict[str, Summary | NoSummary] = field(default_factory=dict)
    """Of each user who wants a daily summary, or none: the last they said."""
    _changed: list[Asked] = field(default_factory=list)
    """Words after which what waits is decided again."""
    _opened: Book | None = None
    _seen: list[tuple[Key | None, Open]] = field(default_factory=list)
    """What people must have seen, to ask for it; of what stood in an older message, the key to find it by."""

    def __post_init__(self) -> None:
        tx, now = self.tx, self.context.now
        users = {user_id for item in self.asked for user_id in item.user_ids}
        for known in gather(tx, self.context.inputs, users, self.context.rules, now):
            self._facts[known.group.name] = known.facts
            self._people |= dict.fromkeys(known.group.external_userids, known)
        viewers = [item for item in self.asked if isinstance(item.command, View)]
        phones = {item.recipient.external_userid for item in viewers}
        self._letters = seen.newest_letters(tx, phones, now) if phones else {}
        needed = {
            match_id
            for item in viewers
            if isinstance(item.command, View)
            for match_id in viewing.ids_needed(item.command.which, self._newest(item))
        }
        self._matches = self._readable(seen.matches_of(tx, needed)) if needed else {}
        curious = {
            user for item in self.asked if isinstance(item.command, View | More) for user in item.user_ids
        }
        if curious:
            rows = deliveries.pending_rows(tx, [sorted(curious)], now)
            found = deliveries.understood(tx, [row for found in rows.values() for row in found])
            self._pending = [row for row in found if not self._content.blocked(row.match)]

    def answer(self, item: Asked) -> Answered:
        """Grant what a word asks for, and write its answer; the push's id is known when the desk closes."""
        known = self._people.get(item.recipient.external_userid)
        if known is None or not known.group.user_ids >= set(item.user_ids):
            # A phone that everybody seems to have is nobody's: the word holds for the phone alone.
            self._grant(None, replace(item, user_ids=(item.recipient.external_userid,)))
            return Answered(Ending.UNANSWERED, Reason.NO_SESSION)
        had_stopped = self._has_stopped(known, item)
        self._grant(known, item)
        if isinstance(item.command, View):
            self._note_view(item, item.command)
        if had_stopped and isinstance(item.command, Stop):
            return Answered(Ending.REPEATED)
        if had_stopped and not isinstance(item.command, Resume):
            return Answered(Ending.UNANSWERED, Reason.STOPPED)
        if self.context.now - item.spoken_at > ANSWER_WITHIN:
            return Answered(Ending.TOO_LATE)
        decision = self._gate(known, item)
        if not isinstance(decision, Send):
            reason = decision.reason if isinstance(decision, Park | Drop) else None
            return Answered(Ending.UNANSWERED, reason)
        self._write(known, item, self._reply(known, item, had_stopped=had_stopped), decision)
        return Answered(Ending.ANSWERED)

    def close(self, endings: Sequence[Answered]) -> list[Answered]:
        """Write all that was granted and answered together, and tell the answers' pushes."""
        context = self.context
        self._obey()
        self._write_opens()
        ids = iter(offers.offer(self.tx, [draft for draft, _ in self._written], context.wall, context.now))
        told: list[Answered] = []
        replies = iter(self._written)
        reserved: list[tuple[Key, int, str]] = []
        behind: list[Verdict] = []
        for ending in endings:
            if ending.ending is not Ending.ANSWERED:
                told.append(ending)
                continue
            push_id, (draft, reply) = next(ids), next(replies)
            told.append(Answered(Ending.REPEATED) if push_id is None else replace(ending, push_id=push_id))
            if push_id is not None:
                person = draft.letter.person
                reserved += [(key, push_id, person) for key in reply.carries]
                behind += [
                    Verdict(row.key, DeliveryStatus.PARKED, Reason.MORE, row.candidate.expires_at, person)
                    for row in reply.behind
                ]
        deliveries.reserve(self.tx, reserved, context.now)
        deliveries.place(self.tx, behind, context.now)
        return told

    def _has_stopped(self, known: Known, item: Asked) -> bool:
        users = self._facts[known.group.name].users
        return all(users[user_id].preferences.stopped for user_id in item.user_ids)

    def _who(self, known: Known, item: Asked) -> str:
        """Whose name an answer goes under: of those who share the phone, somebody who has not stopped."""
        users = self._facts[known.group.name].users
        going = (user_id for user_id in item.user_ids if not users[user_id].preferences.stopped)
        return next(going, item.user_ids[0])

    def _grant(self, known: Known | None, item: Asked) -> None:
        """Note what the word asks for of our own tables; what waits is decided again."""
        command = item.command
        if isinstance(command, Stop | Resume):
            stop = isinstance(command, Stop)
            for user_id in item.user_ids:
                if stop or known is None or self._facts[known.group.name].users[user_id].preferences.stopped:
                    self._stops[user_id] = stop
            if known is not None:
                self._facts[known.group.name] = _with_stop(self._facts[known.group.name], item, stop=stop)
        if isinstance(command, Summary | NoSummary):
            self._summaries |= dict.fromkeys(item.user_ids, command)
        if isinstance(command, Stop | Resume | Quiet | NoQuiet | Daily | Immediate):
            self._changed.append(item)

    def _obey(self) -> None:
        """Write what the page's words ask of our own tables, and wake whom they concern."""
        tx, now = self.tx, self.context.now
        if self._stops:
            preferences.stop(tx, self._stops, now)
        for user_id, wish in self._summaries.items():
            chosen = f"{wish.at:%H:%M}" if isinstance(wish, Summary) else preferences.OFF
            preferences.choose(tx, user_id, {"summary": chosen}, now)
        if self._changed:
            users = {user_id for item in self._changed for user_id in item.user_ids}
            waking.wake(tx, {item.person for item in self._changed}, users, now)
            pushes.wake(tx, {item.recipient.external_userid for item in self._changed}, self.context.wall)

    def _reply(self, known: Known, item: Asked, *, had_stopped: bool) -> _Reply:
        match item.command:
            case View() as asked:
                return self._view(known, item, asked)
            case More():
                return self._more(known, item)
        is_refused = (item.recipient.open_kfid, item.inbound_key) in self.context.refused and isinstance(
            item.command, Quiet | NoQuiet | Daily | Immediate
        )
        text = texts.NOT_SET if is_refused else texts.said(item.command, had_stopped=had_stopped)
        return self._say(known, item, text)

    def _note_view(self, item: Asked, asked: View) -> None:
        """Remember that they have seen what they ask about, whether or not an answer can go."""
        letter = self._newest(item)
        shown = viewing.view(asked, letter, self._matches, item.user_ids)
        proxy = Proxy.TAPPED if item.is_tap else Proxy.VIEWED
        if shown.brings is None and shown.about is not None:
            is_in_letter = letter is not None and shown.about in letter.matches
            push_id = letter.push_id if letter is not None and is_in_letter else 0
            found = Open(push_id, proxy, item.spoken_at, shown.about[0])
            self._seen.append((None if is_in_letter else shown.about, found))
        elif shown.menu is not None and letter is not None:  # the list of all that it carries
            self._seen.append((None, Open(letter.push_id, proxy, item.spoken_at)))

    def _write_opens(self) -> None:
        older = opens.of_keys(self.tx, {key for key, _ in self._seen if key is not None})
        opens.note(
            self.tx,
            [
                found if key is None else replace(found, push_id=older[key])
                for key, found in self._seen
                if key is None or key in older
            ],
        )

    def _newest(self, item: Asked) -> seen.Seen | None:
        letters = [self._letters.get((item.recipient, user_id)) for user_id in item.user_ids]
        return max((letter for letter in letters if letter), key=lambda letter: letter.push_id, default=None)

    def _view(self, known: Known, item: Asked, asked: View) -> _Reply:
        shown = viewing.view(
            asked, self._newest(item), self._matches, item.user_ids, self._detail(known, item)
        )
        if shown.brings is None:
            return self._say(known, item, shown.text, menu=shown.menu)
        free = [row for row in self._free(item) if row.key == shown.brings]
        for row in free:
            if isinstance(judge(self._asking(known, item), row.candidate, self.context.now), Send):
                self._taken.add(row.key)
                user_id = row.candidate.user_id
                return self._say(known, item, shown.text, user_id=user_id, carries=(row.key,))
        if shown.brings in self._taken:  # a word before this one has it
            return self._say(known, item, shown.text)
        return self._say(known, item, texts.NO_SUCH_MATCH)

    def _more(self, known: Known, item: Asked) -> _Reply:
        rows = {row.key: row for row in self._free(item)}
        asked_for = [replace(row.candidate, released=True, told=False, alone=False) for row in rows.values()]
        for planned in plan(self._asking(known, item), asked_for, self.context.now):
            if isinstance(planned.decision, Send):
                going = [rows[match.match_id, match.revision] for match in planned.matches]
                behind = tuple(rows[match.match_id, match.revision] for match in planned.behind)
                self._taken |= {row.key for row in going}
                reader = _reader(known, going[0].candidate.user_id)
                letter = match_letter(
                    [Carried(self._content.cleaned(row.match), row.generation) for row in going],
                    kind=ANSWER,
                    wording=self._book.plain_for(reader),
                    digest=self._book.digest_for(reader),
                    recipient=item.recipient,
                    person=known.group.name,
                    installation=self.context.installation,
                    more=len(behind),
                )
                letter = replace(letter, body=self._content.guarded(letter.body))
                return _Reply(letter, letter.matches, behind)
        return self._say(known, item, texts.NOTHING_MORE)

    @property
    def _book(self) -> Book:
        """The wordings in force; opened only for a page of words that asks for matches."""
        if self._opened is None:
            self._opened = wordings.choose(self.tx, self.context.inputs.templates, self.context.now)
        return self._opened

    def _detail(self, known: Known, item: Asked) -> Template | None:
        """How the operator wants one match told to whoever asks; None: they did not say."""
        if not any(row.get("detail_template") for row in self.context.inputs.templates):
            return None
        return self._book.wording_for(_reader(known, self._who(known, item))).detail

    @property
    def _content(self) -> Content:
        """What must not be said."""
        return self.context.rules.words.content

    def _readable(self, matches: Mapping[str, list[seen.Known]]) -> Mapping[str, list[seen.Known]]:
        """Hide what must not be read; a match that must not be sent is as one that was taken back."""
        return {
            match_id: [
                known
                if known.match is None
                else replace(
                    known,
                    match=None if self._content.blocked(known.match) else self._content.cleaned(known.match),
                )
                for known in revisions
            ]
            for match_id, revisions in matches.items()
        }

    def _free(self, item: Asked) -> list[Waiting]:
        """The matches of whoever asks that wait, and that no word before this one took."""
        return [
            row
            for row in self._pending
            if row.candidate.user_id in item.user_ids and row.key not in self._taken
        ]

    def _asking(self, known: Known, item: Asked) -> Person:
        return as_asked_for(only_at(self._facts[known.group.name], item.recipient))

    def _say(
        self,
        known: Known,
        item: Asked,
        text: str,
        *,
        user_id: str = "",
        carries: tuple[Key, ...] = (),
        menu: texts.Menu | None = None,
    ) -> _Reply:
        """Write a text as the letter that answers this word; as a menu, where a tap can be answered too."""
        recipient = item.recipient
        msgid = msgid_of(self.context.installation, ANSWER, [recipient.open_kfid, item.inbound_key])
        to = {"touser": recipient.external_userid, "open_kfid": recipient.open_kfid, "msgid": msgid}
        is_menu = menu is not None and self._left(known, item) >= WITH_A_TAP
        body = (
            message_body(Envelope(**to), menu.message())
            if menu is not None and is_menu
            else text_body(**to, content=text)
        )
        letter = Letter(
            msgid=msgid,
            recipient=recipient,
            user_id=user_id or self._who(known, item),
            person=known.group.name,
            matches=carries,
            body=body,
            kind=ANSWER,
            template=TELLS_OF_THE_STOP if isinstance(item.command, Stop) else MENU if is_menu else ANSWER,
        )
        return _Reply(letter, carries)

    def _gate(self, known: Known, item: Asked) -> Decision:
        """Ask the gates that an answer has: a slot, nobody else who holds the conversation, no stop."""
        facts = only_at(self._facts[known.group.name], item.recipient)
        is_stop = isinstance(item.command, Stop)
        now = self.context.now
        judged, [message] = as_answer(facts, self._who(known, item), (), now, although_stopped=is_stop)
        return judge(judged, message, now)

    def _left(self, known: Known, item: Asked) -> int:
        """How many messages the conversation has left for answers."""
        facts = self._facts[known.group.name]
        [window] = only_at(facts, item.recipient).windows
        return replace(window, for_taps=0).slots_left(facts.slots_kept_back)

    def _write(self, known: Known, item: Asked, reply: _Reply, decision: Send) -> None:
        """Let an answer take its slot."""
        facts = self._facts[known.group.name]
        [window] = only_at(facts, item.recipient).windows
        self._written.append((Draft(reply.letter, decision.send_by, window.opened_at), reply))
        windows = tuple(
            other.with_more(1) if other.recipient == item.recipient else other for other in facts.windows
        )
        self._facts[known.group.name] = replace(facts, windows=windows)


def _reader(known: Known, user_id: str) -> Reader:
    return Reader(user_id, known.locales.get(user_id, ""))


def _with_stop(facts: Person, item: Asked, *, stop: bool) -> Person:
    """The person once they have stopped, or come back."""
    users = dict(facts.users)
    for user_id in item.user_ids:
        wishes = replace(users[user_id].preferences, stopped=stop)
        users[user_id] = replace(users[user_id], preferences=wishes)
    return replace(facts, users=users)
