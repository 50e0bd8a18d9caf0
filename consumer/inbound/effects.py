"""A page's effects on our own tables, and its cursor: one exclusive transaction.

Only items that never came before have any, so a page may come twice, whole or in part, and change nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from consumer import opens, windows
from consumer.facts import ServiceState, Window
from consumer.inbound import failed, inbox, stops, talk
from consumer.inbound.failures import failure_of
from consumer.inbound.heard import Heard
from consumer.inbound.replies import Answering, Entered, Hosted, Moment
from consumer.inbound.sessions import Bound
from consumer.ledger import pushes, timeline, waking
from consumer.ledger.pushes import Push
from consumer.ledger.timeline import Line
from consumer.replies.answering import Answered, Ending
from consumer.replies.asked import Asked, Stop
from schemas.database import Transaction, is_storage
from schemas.decisions import RecipientKey
from schemas.kf_items import EnterSession, Item, Recall, SendFail, SessionChange
from schemas.states import Effect, Entry

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say: whether a tap on a menu item reopens the five messages.

    ``reply_within`` is how soon after a message a word of theirs counts as a reply to it.
    """

    click_reopens: bool = False
    reply_within: timedelta = timedelta(minutes=30)

    def opens(self, item: Item) -> bool:
        """Whether a customer's message opens the window."""
        return self.click_reopens or not item.is_click


@dataclass(frozen=True, slots=True)
class Taken:
    """What a page did: how many items were new, by effect, and which accounts (empty: the corp) it paused."""

    new: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    entered: tuple[Entered, ...] = ()
    has_woken: bool = False
    paused: tuple[str, ...] = ()
    held: tuple[RecipientKey, ...] = ()
    """Who spoke while a person of the corp is believed to hold the conversation."""


def take_in(
    tx: Transaction,
    account: str,
    page: Sequence[Heard],
    hosted: Hosted,
    rules: Rules,
    moment: Moment,
    answering: Answering,
) -> Taken:
    """Store a page's items and do what the new ones mean, in the order in which they happened."""
    undone = inbox.overruled(tx, page)
    keys = inbox.add(tx, account, page, moment.now)
    inbox.did(tx, account, [(key, Effect.TOO_LATE) for key in undone & keys])
    heard = [one for one in page if one.item.key in keys]
    if not heard:
        return Taken()
    concerned = _named(tx, heard)
    after = _in_windows(tx, heard, concerned, rules, moment)
    paused = failed.settle(tx, heard, concerned, after, moment.now)
    _recall(tx, heard, concerned, moment.now)
    opens.replied(tx, _replies(heard), rules.reply_within)
    has_woken = _wake(tx, heard, hosted.bound, rules, moment)
    history = [one for one in heard if one.item.key not in undone]
    has_woken |= stops.obey_history(tx, account, history, hosted.bound, moment.now)
    asked = [item for item in hosted.asked if item.inbound_key in keys - undone]
    answers = _answered(tx, asked, hosted, moment, answering) if asked else []
    about = {one.item.key: push.id for one in heard if (push := _of(one, concerned))}
    told = list(zip(asked, answers, strict=True))
    about |= {item.inbound_key: one.push_id for item, one in told if one.push_id}
    inbox.about(tx, account, about.items())
    inbox.answered(tx, account, [(item.inbound_key, one.told) for item, one in told])
    return Taken(
        new=len(heard),
        counts=dict(Counter(str(one.effect) for one in heard)),
        entered=tuple(_entered(heard)),
        has_woken=has_woken or bool(asked or concerned),
        paused=tuple(paused),
        held=_held(heard, after),
    )


def _replies(heard: Sequence[Heard]) -> list[tuple[RecipientKey, datetime]]:
    """Tell who said something in words and when; a tap is told of by itself."""
    return [
        (one.recipient, one.at)
        for one in heard
        if one.recipient is not None and one.item.is_word and not one.item.is_click and not one.is_history
    ]


def _held(heard: Sequence[Heard], after: Mapping[RecipientKey, Window]) -> tuple[RecipientKey, ...]:
    """Tell who spoke since a person was last seen to hold the conversation: perhaps nobody does any more."""
    found: dict[RecipientKey, None] = {}
    for one in heard:
        if one.item.is_word and one.recipient is not None:
            window = after[one.recipient]
            if window.held_by_human and (window.state_at is None or one.at > window.state_at):
                found[one.recipient] = None
    return tuple(found)


def learn(
    tx: Transaction, states: Mapping[RecipientKey, ServiceState], bound: Mapping[str, Bound], moment: Moment
) -> bool:
    """Note what WeChat answered about conversations; where nobody holds one, what waited for that goes."""
    phones = {recipient.external_userid for recipient in states}
    listed = [window for opened in windows.load(tx, phones).values() for window in opened]
    known = {window.recipient: window for window in listed if window.recipient in states}
    after = {key: talk.found(window, states[key], moment.now) for key, window in known.items()}
    windows.write(tx, (window for key, window in after.items() if window != known[key]), moment.now)
    free = [key.external_userid for key, window in after.items() if not window.held_by_human]
    for phone in free:
        who = bound.get(phone, Bound((phone,), phone))
        waking.release(tx, {who.person, phone}, {*who.user_ids, phone}, moment.now)
    pushes.wake(tx, free, moment.wall)
    return bool(free)


def _answered(
    tx: Transaction, asked: Sequence[Asked], hosted: Hosted, moment: Moment, answering: Answering
) -> list[Answered]:
    """Have words obeyed and answered; one on which that breaks holds up no other, halving by halving.

    A wish to hear nothing more holds even then, though nobody confirms it.
    """
    try:
        with tx.savepoint():
            return list(answering(tx, asked, hosted, moment))
    except Exception as error:
        if is_storage(error):
            raise
        if len(asked) == 1:
            [item] = asked
            log.exception("pull.answer_broke", account=item.recipient.open_kfid, item=item.inbound_key)
            if isinstance(item.command, Stop):
                people = {item.person, item.recipient.external_userid}
                stops.choose(tx, item.user_ids, people, moment.now, stop=True)
            return [Answered(Ending.BROKEN)]
    half = len(asked) // 2
    return [
        ending
        for some in (asked[:half], asked[half:])
        for ending in _answered(tx, some, hosted, moment, answering)
    ]


def _entered(heard: Sequence[Heard]) -> Iterator[Entered]:
    for one in heard:
        body = one.item.body
        if isinstance(body, EnterSession) and body.welcome_code and one.is_recent and one.recipient:
            yield Entered(one.recipient, body.welcome_code, one.at)


def _named(tx: Transaction, heard: Sequence[Heard]) -> dict[str, Push]:
    """Read the pushes that failures and recalls name."""
    bodies = [one.item.body for one in heard]
    return pushes.of_msgids(tx, {body.msgid for body in bodies if isinstance(body, SendFail | Recall)})


def _of(one: Heard, concerned: Mapping[str, Push]) -> Push | None:
    body = one.item.body
    return concerned.get(body.msgid) if isinstance(body, SendFail | Recall) else None


def _in_windows(
    tx: Transaction,
    heard: Sequence[Heard],
    concerned: Mapping[str, Push],
    rules: Rules,
    moment: Moment,
) -> dict[RecipientKey, Window]:
    """Fold what happened into the windows; tell how they are now."""
    phones = {one.recipient.external_userid for one in heard if one.recipient}
    phones |= {push.letter.recipient.external_userid for push in concerned.values()}
    before = {window.recipient: window for opened in windows.load(tx, phones).values() for window in opened}
    after = dict(before)
    for one in heard:
        push = _of(one, concerned)
        recipient = push.letter.recipient if push else one.recipient
        if recipient is not None:
            window = after.get(recipient, Window(recipient))
            after[recipient] = _after(window, one, push, rules)
    known = {key: window for key, window in after.items() if window != before.get(key, Window(key))}
    windows.write(tx, known.values(), moment.now)
    return after


def _after(window: Window, one: Heard, push: Push | None, rules: Rules) -> Window:
    item, at = one.item, one.at
    if item.is_word:
        return talk.spoke(talk.heard(window, at), at, reopens=rules.opens(item))
    match item.body:
        case SessionChange(change_type=change_type):
            return talk.changed(window, change_type, at)
        case SendFail(fail_type=fail_type):
            failure = failure_of(fail_type)
            if failure.uses_up:
                window = talk.used_up(window, push.window_opened_at if push else None, at)
            if failure.ends:
                window = talk.ended(window, at)
            return talk.refuses(window, at) if failure.mutes else window
        case _:
            return talk.servicer_spoke(window, at) if one.effect is Effect.STATE else window


def _recall(tx: Transaction, heard: Sequence[Heard], concerned: Mapping[str, Push], now: datetime) -> None:
    """A message of ours that a servicer took back; it keeps its slot, and its matches were perhaps read."""
    taken_back = [
        push.id
        for one in heard
        if one.effect is Effect.RECALLED
        and (push := _of(one, concerned)) is not None
        and pushes.recall(tx, push.id)
    ]
    timeline.note(tx, [Line(Entry.RECALLED, push_id=push_id) for push_id in taken_back], now)


def _wake(
    tx: Transaction, heard: Sequence[Heard], bound: Mapping[str, Bound], rules: Rules, moment: Moment
) -> bool:
    """The wake rule: what waited for their word is released; for other news, everything is decided again."""
    words = [one for one in heard if one.item.is_word and rules.opens(one.item)]
    spoke = _people(words, bound)
    taps = [one for one in heard if one.item.is_word and not rules.opens(one.item)]
    others = _people([*taps, *(one for one in heard if one.effect is Effect.STATE)], bound)
    if spoke.phones:
        waking.release(tx, spoke.names, spoke.user_ids, moment.now)
        pushes.wake(tx, spoke.phones, moment.wall)
    if others.phones:
        waking.wake(tx, others.names, others.user_ids, moment.now)
        pushes.wake(tx, others.phones, moment.wall)
    return bool(spoke.phones or others.phones)


@dataclass(frozen=True, slots=True)
class _People:
    phones: frozenset[str]
    names: frozenset[str]
    user_ids: frozenset[str]


def _people(heard: Sequence[Heard], bound: Mapping[str, Bound]) -> _People:
    phones = frozenset(one.recipient.external_userid for one in heard if one.recipient)
    found = [bound[phone] for phone in phones if phone in bound]
    return _People(
        phones,
        phones | {one.person for one in found},
        phones | {user_id for one in found for user_id in one.user_ids},
    )
