"""Tells what needs a person, and what to do about each.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ops.looking.standing import Need, Standing, is_behind, is_for_a_person, needs
from ops.telling import status_texts as texts
from ops.telling.facts import pause_text
from ops.telling.said import Teller
from ops.telling.sentences import Text, full
from schemas.decisions import Reason
from schemas.states import PushStatus

Telling = Callable[[Standing, Teller], Iterator[str]]


def told_needs(standing: Standing, teller: Teller) -> list[str]:
    """Tell each thing that needs a person, a sentence or two each."""
    return [text for need in needs(standing) for text in _TELLINGS[need](standing, teller)]


def _database(standing: Standing, teller: Teller) -> Iterator[str]:
    problems = dict.fromkeys(item.problem for item in standing.looked if item.problem)
    yield from (teller.say(texts.DATABASE, problem=problem) for problem in problems)


def _redis(standing: Standing, teller: Teller) -> Iterator[str]:
    yield teller.say(texts.REDIS, problem=standing.stream.problem)


def _mirror(standing: Standing, teller: Teller) -> Iterator[str]:
    outbox = standing.outbox
    if outbox is not None and outbox.unmirrored_since is not None:
        span = teller.span(standing.now - outbox.unmirrored_since)
        yield teller.say(texts.MIRROR, count=outbox.unmirrored, span=span)


def _consumer(_standing: Standing, teller: Teller) -> Iterator[str]:
    yield teller.say(texts.CONSUMER_NEEDED)


def _pause(standing: Standing, teller: Teller) -> Iterator[str]:
    halts = standing.ledger.pauses if standing.ledger else ()
    yield from (pause_text(halt, teller) for halt in halts if is_for_a_person(halt))


def _unknown(standing: Standing, teller: Teller) -> Iterator[str]:
    for item in standing.ledger.open if standing.ledger else ():
        if item.status == PushStatus.UNKNOWN:
            span = teller.span(standing.now - item.oldest_at)
            yield teller.say(texts.UNKNOWN_LONG, count=item.count, span=span)


def _dead(standing: Standing, teller: Teller) -> Iterator[str]:
    for item in standing.ledger.dead if standing.ledger else ():
        example = teller.say(texts.FOR_EXAMPLE, match=item.example) if item.example else ""
        why = full(item.reason, teller.language)
        yield teller.say(texts.DEAD_LETTERS, count=item.count, why=why, example=example).strip()


def _waiting_for(reason: Reason, text: Text) -> Telling:
    """Make the telling of what waits for one reason."""

    def telling(standing: Standing, teller: Teller) -> Iterator[str]:
        waiting = standing.ledger.waiting if standing.ledger else ()
        yield teller.say(text, count=sum(item.count for item in waiting if item.reason == reason))

    return telling


def _news(standing: Standing, teller: Teller) -> Iterator[str]:
    for account in standing.ledger.accounts if standing.ledger else ():
        if account.waiting_since is not None and is_behind(account, standing.now):
            span = teller.span(standing.now - account.waiting_since)
            yield teller.say(texts.NEWS, account=account.open_kfid, span=span)


def _wording(standing: Standing, teller: Teller) -> Iterator[str]:
    yield from (teller.say(texts.WORDING, problem=problem) for problem in standing.wording)


_TELLINGS: Final[Mapping[Need, Telling]] = {
    Need.DATABASE: _database,
    Need.REDIS: _redis,
    Need.MIRROR: _mirror,
    Need.CONSUMER: _consumer,
    Need.PAUSE: _pause,
    Need.UNKNOWN: _unknown,
    Need.DEAD: _dead,
    Need.PREFERENCES: _waiting_for(Reason.UNREADABLE_PREFERENCES, texts.PREFERENCES),
    Need.FAULT: _waiting_for(Reason.PLANNING_FAILED, texts.FAULT),
    Need.NEWS: _news,
    Need.WORDING: _wording,
    Need.UPGRADE: _waiting_for(Reason.NEEDS_UPGRADE, texts.UPGRADE),
}
