"""Reads people's pasts from the ledger and the application's tables, some at a time.  Writes nothing.

Memory holds a portion of the matches, however long the span is: for each portion the span is read once more.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeVar

from consumer import counting, windows
from consumer.facts import Intent
from consumer.gather import Rules, phones_of, read_host
from consumer.intents import read_intents
from consumer.ledger import deliveries, history
from consumer.ledger.usage import use_of
from consumer.people import Group, group
from consumer.preferences import settings_of
from ops.simulating.past import Past, PastMatch, PastMessage, PastUser, PutOff, Span, past_of
from ops.simulating.story import Key, Word
from schemas.database import Database, Row, Transaction
from schemas.decisions import RecipientKey
from schemas.times import from_text, maybe_from_text

PORTION: Final = 100_000
"""So many matches at most are in memory (a person's are never parted): some 60 MB."""

PORTION_WITH_EVENTS: Final = 30_000
PAGE: Final = 2_000
PEOPLE: Final = 200
AT_ONCE: Final = 500
"""So many matches are asked about in one statement."""

MEMORY: Final = timedelta(days=28)
"""So long before the span what users said is read too: it taught kfpush their hours."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """The databases to read, and how their values are to be understood."""

    app: Database
    own: Database
    rules: Rules
    menu_click_reopens: bool
    with_events: bool = False
    """Whether the matches' texts are wanted too."""

    @property
    def portion(self) -> int:
        """So many matches at most are in memory."""
        return PORTION_WITH_EVENTS if self.with_events else PORTION


async def count(source: Source, span: Span, only: str | None) -> list[tuple[str, int]]:
    """Tell whose matches there are in the span, and how many; the whole ledger is read for it once."""
    return await source.own.read(lambda tx: history.users_between(tx, span.since, span.until, only))


async def pasts(source: Source, span: Span, users: Sequence[tuple[str, int]]) -> AsyncIterator[list[Past]]:
    """Give the people behind these users, each whole, some at a time."""
    done: set[str] = set()
    for portion in _portions(users, source.portion):
        people: list[Group] = []
        for some in _batches((user_id for user_id in portion if user_id not in done), PEOPLE):
            found = await _people(source, some)
            people += found
            done |= {user_id for person in found for user_id in person.user_ids}
        matches = await _matches(source, span, {user_id for person in people for user_id in person.user_ids})
        for batch in _batches(people, PEOPLE):
            yield await _read(source, span, batch, matches)


def _portions(users: Sequence[tuple[str, int]], most: int) -> Iterator[list[str]]:
    portion: list[str] = []
    size = 0
    for user_id, number in users:
        if portion and size + number > most:
            yield portion
            portion, size = [], 0
        portion.append(user_id)
        size += number
    if portion:
        yield portion


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


async def _people(source: Source, user_ids: Collection[str]) -> list[Group]:
    inputs = await source.app.read(lambda tx: read_host(tx, user_ids, ()))
    own_people = await source.own.read(lambda tx: windows.own_people(tx, user_ids))
    return group(user_ids, own_people, inputs.sessions)


_Matches = Mapping[str, Sequence[PastMatch]]
"""By user_id."""


async def _matches(source: Source, span: Span, user_ids: Collection[str]) -> _Matches:
    """Read the matches of these users, page by page through the whole ledger."""
    found: dict[str, list[PastMatch]] = defaultdict(list)
    after: Key = ("", 0)

    def page(tx: Transaction) -> tuple[int, Key]:
        rows = history.matches_between(tx, span.since, span.until, after, PAGE)
        for row in rows:
            if row["user_id"] in user_ids:
                found[row["user_id"]].append(_match(row, with_event=source.with_events))
        return len(rows), (rows[-1]["match_id"], rows[-1]["revision"]) if rows else after

    while True:
        number, after = await source.own.read(page)
        if number < PAGE:
            return found


def _match(row: Row, *, with_event: bool) -> PastMatch:
    return PastMatch(
        deliveries.as_it_came(row),
        row["status"],
        row["reason"],
        from_text(row["updated_at"]),
        maybe_from_text(row["withdrawn_at"]),
        row["event"] if with_event else "",
    )


async def _read(source: Source, span: Span, people: Sequence[Group], matches: _Matches) -> list[Past]:
    """Read what concerns these people, and put together their pasts."""
    users = {user_id for person in people for user_id in person.user_ids}
    phones = {phone for person in people for phone in person.external_userids}
    keys = [match.key for user_id in users for match in matches.get(user_id, ())]
    inputs = await source.app.read(lambda tx: read_host(tx, users, phones))
    own = await source.own.read(lambda tx: _own(tx, source, span, users, phones, keys))
    named = phones_of(own.people, inputs.sessions)
    found: list[Past] = []
    for person in people:
        past_users = {
            user_id: PastUser(
                inputs.preferences.get(user_id),
                own.settings.get(user_id),
                frozenset(named.get(user_id, ())),
                _limits(inputs.intents.get(user_id, ()), source.rules, span.until),
                own.stops.get(user_id),
            )
            for user_id in sorted(person.user_ids)
        }
        theirs = [match for user_id in past_users for match in matches.get(user_id, ())]
        if theirs:
            said, messages = own.of_phones(person.external_userids)
            put_off = [item for match in theirs for item in own.put_off.get(match.key, ())]
            found.append(past_of(person.name, span, past_users, theirs, said, messages, put_off))
    return found


@dataclass(frozen=True, slots=True)
class _Own:
    """What our own tables say of some people."""

    people: frozenset[str]
    settings: Mapping[str, Mapping[str, object]]
    stops: Mapping[str, datetime]
    words: Mapping[str, Collection[Word]]
    messages: Mapping[str, Sequence[PastMessage]]
    put_off: Mapping[Key, Sequence[PutOff]]

    def of_phones(self, phones: Collection[str]) -> tuple[list[Word], list[PastMessage]]:
        """What was said on these phones, and what was sent to them, by time."""
        messages = [message for phone in phones for message in self.messages.get(phone, ())]
        messages.sort(key=lambda message: (message.at, message.use.push_id))
        return [word for phone in phones for word in self.words.get(phone, ())], messages


def _own(
    tx: Transaction,
    source: Source,
    span: Span,
    users: Collection[str],
    phones: Collection[str],
    keys: Sequence[Key],
) -> _Own:
    messages = [
        _message(row) for row in history.messages_between(tx, phones, span.since - counting.REACH, span.until)
    ]
    sent: dict[str, list[PastMessage]] = defaultdict(list)
    for message in messages:
        sent[message.use.recipient.external_userid].append(message)
    put_off: dict[Key, list[PutOff]] = defaultdict(list)
    for some in _batches(sorted({match_id for match_id, _ in keys}), AT_ONCE):
        for row in history.put_off_between(tx, some, span.since, span.until):
            key = row["match_id"], row["revision"]
            put_off[key].append(PutOff(key, row["entry"], row["reason"]))
    return _Own(
        windows.own_people(tx, users),
        settings_of(tx, users),
        {user_id: from_text(at) for user_id, at in history.stops_of(tx, users).items()},
        _words(tx, source, span, phones, messages),
        sent,
        put_off,
    )


def _words(
    tx: Transaction, source: Source, span: Span, phones: Collection[str], messages: Iterable[PastMessage]
) -> dict[str, set[Word]]:
    """Tell when people spoke: from the callback's items, and from the windows that messages began with.

    Words that only the application heard are known from the latter, and the last of all from the window.
    """
    rows = history.words_between(
        tx, phones, span.since - MEMORY, span.until, with_taps=source.menu_click_reopens
    )
    spoken = [(row["open_kfid"], row["external_userid"], from_text(row["send_time"])) for row in rows]
    spoken += [
        (row["open_kfid"], row["external_userid"], from_text(row["opened_at"]))
        for row in history.windows_of(tx, phones)
    ]
    said: dict[str, set[Word]] = defaultdict(set)
    for open_kfid, phone, at in spoken:
        if at < span.until:
            said[phone].add(Word(at, RecipientKey(open_kfid, phone)))
    for message in messages:
        opened_at = message.use.window_opened_at
        if opened_at is not None and opened_at < span.until:
            said[message.use.recipient.external_userid].add(Word(opened_at, message.use.recipient))
    return said


def _message(row: Row) -> PastMessage:
    carried = tuple((match_id, revision) for match_id, revision in json.loads(row["matches"]))
    return PastMessage(use_of(row), from_text(row["accepted_at"]), row["status"], carried)


def _limits(rows: Sequence[Mapping[str, object]], rules: Rules, now: datetime) -> dict[str, Intent]:
    """The intents' daily limits; all count as active, for they were when their matches came."""
    intents, _ = read_intents(rows, {}, rules.host_zone, now)
    return {name: replace(intent, is_active=True) for name, intent in intents.items()}
