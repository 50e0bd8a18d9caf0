"""What happened to a match, in order.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from consumer import digest
from consumer.counting import SUMMARY
from ops.looking.journey import Ended, Push, Revision, Try, Turn
from ops.telling import texts
from ops.telling.facts import advice_text, code_text
from ops.telling.failtypes import fail_text
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import ACTS, CAUSES, ENTRIES, full, short
from schemas.decisions import Reason
from schemas.kf_kinds import Kind
from schemas.receipts import NotSentCause
from schemas.states import Entry, PushStatus

_TRIES: Final = {
    Ended.ACCEPTED: texts.TRY_ACCEPTED,
    Ended.REPEATED: texts.TRY_REPEATED,
    Ended.REFUSED: texts.TRY_REFUSED,
    Ended.NOT_SENT: texts.TRY_NOT_SENT,
    Ended.UNKNOWN: texts.TRY_UNKNOWN,
    Ended.UNDER_WAY: texts.TRY_UNDER_WAY,
    Ended.UNTOLD: texts.TRY_UNTOLD,
}
_TONES: Final = {
    Ended.ACCEPTED: Tone.GOOD,
    Ended.REPEATED: Tone.GOOD,
    Ended.REFUSED: Tone.BAD,
    Ended.NOT_SENT: Tone.WAIT,
    Ended.UNKNOWN: Tone.WAIT,
    Ended.UNDER_WAY: Tone.PLAIN,
    Ended.UNTOLD: Tone.WAIT,
}
_END: Final = {
    PushStatus.REFUSED: texts.FREED,
    PushStatus.NOT_SENT: texts.FREED,
    PushStatus.GIVEN_UP: texts.GIVEN_UP,
}
_WORDED: Final = {digest.NAME: texts.DIGEST, SUMMARY: texts.SUMMARY}
"""What is told of letters that no template of the operator's worded; the others are answers."""

_DEAD: Final = frozenset({Reason.CONTENT_REFUSED, Reason.RECIPIENT_REFUSED, Reason.UNCLASSIFIED})
"""Refusals that make dead letters; after any other the matches are planned again."""

MANY: Final = 4
"""From so many pushes in a row with the same fate, only the first is told at length."""

Moment = tuple[datetime, list[Said]]


def story(revision: Revision, key: str, teller: Teller) -> list[Said]:
    """Tell everything that happened.

    The outbox comes first, whatever its times say: the application's clock is not kfpush's.
    """
    told: list[Said] = []
    later: list[Moment] = []
    for event in revision.committed:
        told.append(_line(event.committed_at, teller.say(texts.COMMITTED, key=event.event_key), teller))
        if event.mirrored_at is not None:
            told.append(_line(event.mirrored_at, teller.say(texts.MIRRORED, entry=event.stream_id), teller))
        if event.carried_at is not None:
            carried = _line(event.carried_at, teller.say(texts.CARRIED), teller, Tone.QUIET)
            later.append((event.carried_at, [carried]))
    if revision.arrived_at is not None:
        arrived = teller.say(texts.ARRIVED, entry=revision.entry_id or "-")
        later.append((revision.arrived_at, [_line(revision.arrived_at, arrived, teller)]))
    later += [(turn.at, [_line(turn.at, _turn(turn, teller), teller)]) for turn in revision.turns]
    for _, run in groupby(revision.pushes, key=_fate):
        later += _pushes(list(run), key, teller)
    for item in revision.buried:
        why = full(item.reason, teller.language)
        put_aside = teller.say(texts.PUT_ASIDE, entry=item.entry_id, why=why, error=item.error)
        later.append((item.buried_at, [_line(item.buried_at, put_aside, teller, Tone.BAD)]))
    for _, lines in sorted(later, key=lambda moment: moment[0]):
        told += lines
    return told


def _line(at: datetime | None, text: str, teller: Teller, tone: Tone = Tone.PLAIN, depth: int = 0) -> Said:
    return Said(text, tone, "" if at is None else teller.briefly(at), depth + 1)


def _turn(turn: Turn, teller: Teller) -> str:
    did = ACTS.get(turn.reason or "") if turn.entry == Entry.PERSON else None
    if did is not None:
        act = teller.say(did, author=turn.author)
        return teller.say(texts.BECAUSE, act=act, why=turn.detail) if turn.detail else act
    why = short(turn.reason, teller.language) if turn.reason else (turn.detail or "")
    if turn.reason == Reason.BLOCKED_CONTENT and turn.detail:
        why = teller.say(texts.OF_CATEGORY, why=why, category=turn.detail)
    if turn.entry == Entry.DEFERRED and turn.until is not None:
        return teller.say(texts.PUT_OFF, until=turn.until, why=why)
    what = teller.say(ENTRIES[Entry(turn.entry)]) if turn.entry in ENTRIES else turn.entry
    return teller.say(texts.TURN, what=turn.author or what, why=why)


def _fate(push: Push) -> object:
    """How a push went, so that what went the same way again and again is told once."""
    return (
        push.status,
        push.reason,
        push.fail_type,
        [(item.ended, item.errcode, item.cause) for item in push.tries],
    )


def _pushes(run: Sequence[Push], key: str, teller: Teller) -> Iterator[Moment]:
    """Tell pushes in a row that had the same fate: what is paused is probed every minute."""
    told = run if len(run) < MANY else run[:1]
    for push in told:
        yield push.reserved_at, list(_push(push, key, teller))
    if len(told) < len(run):
        first, last = run[1], run[-1]
        again = teller.say(texts.SAME_AGAIN, count=len(run) - 1, first=first.id, last=last.id)
        yield last.reserved_at, [_line(last.reserved_at, again, teller)]


def _push(push: Push, key: str, teller: Teller) -> Iterator[Said]:
    """Tell a push: the letter, its attempts, and how it ended."""
    reserved = teller.say(texts.RESERVED, id=push.id, phone=push.external_userid, account=push.open_kfid)
    yield _line(push.reserved_at, reserved, teller)
    text = _WORDED.get(push.template or "", texts.ANSWERS) if push.version is None else texts.LETTER
    letter = teller.say(text, msgid=push.msgid, template=push.template, version=push.version)
    yield _line(None, letter, teller, Tone.QUIET, 1)
    if push.msgtype != Kind.TEXT:
        yield _line(None, teller.say(texts.AS_KIND, kind=push.msgtype), teller, Tone.QUIET, 1)
    if push.fallback_of is not None:
        instead = teller.say(texts.IN_PLACE_OF, id=push.fallback_of)
        yield _line(None, instead, teller, Tone.QUIET, 1)
    if push.experiment is not None:
        tried = teller.say(texts.TRIED, variant=push.variant, experiment=push.experiment)
        yield _line(None, tried, teller, Tone.QUIET, 1)
    others = [carried for carried in push.carried if carried != key]
    if others:
        yield _line(None, teller.say(texts.ALSO_CARRIED, others=", ".join(others)), teller, depth=1)
    if push.text is not None:
        yield _line(None, teller.say(texts.WORDS, words=push.text), teller, depth=1)
    for item in push.tries:
        yield _line(item.told_at or item.begun_at, _try(item, teller), teller, _TONES[item.ended], 1)
    if push.failed_at is not None:
        yield _line(push.failed_at, _afterwards(push, teller), teller, Tone.BAD, 1)
    end = _END.get(PushStatus(push.status))
    if end is not None:
        is_buried = push.status == PushStatus.REFUSED and push.reason in _DEAD
        is_parted = len(push.carried) > 1 and push.reason != Reason.RECIPIENT_REFUSED
        text = texts.BURIED_WITH if is_buried and not is_parted else end
        why = short(push.reason or "", teller.language)
        yield _line(push.settled_at, teller.say(text, id=push.id, why=why), teller)


def _afterwards(push: Push, teller: Teller) -> str:
    if push.status == PushStatus.RECALLED:
        return teller.say(texts.TAKEN_BACK)
    return teller.say(texts.NOT_DELIVERED, number=push.fail_type, why=fail_text(push.fail_type, teller))


def _try(item: Try, teller: Teller) -> str:
    text = _TRIES[item.ended]
    if item.errcode is not None:
        why = teller.sentences(code_text(item.errcode, teller), advice_text(item.errcode, teller))
    elif item.ended is Ended.NOT_SENT and item.cause:
        why = teller.say(CAUSES[NotSentCause(item.cause)])
    else:
        why = item.cause or ""
    return teller.say(text, number=item.number, why=why)
