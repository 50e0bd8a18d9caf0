"""Putting events on the stream again, a page at a time, as replay and backfill do.

Only what the ledger would do something with is added; what was sent, is being sent or is dead is left, and
so is what comes by itself.  Between pages it waits until consumers have taken what was added, so that new
matches never stand behind more than a page of old ones.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from consumer import audit, replay
from consumer.audit import Act
from consumer.fates import Fate
from consumer.ledger import deliveries, timeline
from consumer.ledger.timeline import Line
from producer import backfill, outbox
from producer.backfill import Selection, Stored
from producer.stream import MatchStream, Position, StreamId, parse_id
from schemas.database import Database, Transaction
from schemas.entries import decode
from schemas.errors import InvalidEvent, NewerEventVersion
from schemas.events import OF_ALL, split_key
from schemas.states import Entry

PAGE: Final = 500
MOST_DUE: Final = 1000
"""While so many matches are due nothing is added: planning has enough to do."""

LOOK: Final = 0.05
SAY_AFTER: Final = 3.0
"""Seconds of waiting after which a person is told what is waited for."""

MOST_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Item:
    """One event as it would go on the stream; ``name`` is its entry's id, or its row's in the outbox."""

    name: str
    fields: Mapping[bytes, bytes]
    is_ahead: bool = False
    """No consumer has come to it yet."""
    stored: Stored | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, and from where to go on after them."""

    items: tuple[Item, ...]
    following: str


@dataclass
class Outcome:
    """How far it came.  ``following`` is from where the rest begins."""

    fates: Counter[Fate] = field(default_factory=Counter)
    """What the ledger said of each event."""
    added: Counter[Fate] = field(default_factory=Counter)
    """Those of them that were put on the stream, or would be."""
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    """Names and errors, of the first ones."""
    following: str = ""
    is_interrupted: bool = False


@dataclass
class _Judged:
    """What a page came to, before anything of it is added."""

    fates: Counter[Fate] = field(default_factory=Counter)
    added: Counter[Fate] = field(default_factory=Counter)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    chosen: list[tuple[Item, str]] = field(default_factory=list)


class Tell(Protocol):
    """Whoever shows progress."""

    def advance(self, events: int) -> None:
        """So many more events are done with."""

    def waiting(self, unread: bool) -> None:  # noqa: FBT001 - one of two things
        """It has been waiting for a while: for consumers to read, or for matches to be planned."""


@dataclass(frozen=True, slots=True)
class Ways:
    """What a run works with; ``act`` None only looks."""

    app: Database
    own: Database
    stream: MatchStream
    now: Callable[[], datetime]
    wall: Callable[[], datetime]
    act: Act | None
    waits: bool = True


class Again:
    """One run."""

    def __init__(self, ways: Ways, tell: Tell, wanted: Collection[Fate] | None = None) -> None:
        self._ways = ways
        self._tell = tell
        self._wanted = wanted
        """Of what would be added, only this; None for all."""
        self._added: set[str] = set()
        """What this run has added: its entries may lie in its own range, a second time."""
        self._number: int | None = None

    async def run(self, pages: AsyncIterator[Page], stop: asyncio.Event, outcome: Outcome) -> None:
        """Go through the pages; stops between two of them.  ``outcome`` always tells how far it came.

        Raises:
            RedisUnavailable, StorageError: what was added is added; the same again is harmless.

        """
        async for page in pages:
            judged = await self._judge(page)
            if self._ways.act is not None and judged.chosen:
                if self._ways.waits and not await self._has_room(stop):
                    outcome.is_interrupted = True
                    return
                await self._add(self._ways.act, judged.chosen)
            self._added |= {key for _, key in judged.chosen}
            outcome.fates += judged.fates
            outcome.added += judged.added
            outcome.unreadable += judged.unreadable[: MOST_NAMED - len(outcome.unreadable)]
            outcome.following = page.following
            self._tell.advance(len(page.items))
            if stop.is_set():
                outcome.is_interrupted = True
                return

    async def _judge(self, page: Page) -> _Judged:
        judged = _Judged()
        keys: dict[str, str] = {}
        for item in page.items:
            key, error = key_of(item.fields)
            if error is None:
                keys[item.name] = key
            else:
                judged.fates[Fate.UNREADABLE] += 1
                judged.unreadable.append((item.name, error))
        fates = await self._ways.own.read(lambda tx: replay.fates(tx, set(keys.values())))
        pending = await self._pending(page, keys, fates)
        chosen: dict[str, Item] = {}
        for item in page.items:
            if item.name not in keys:
                continue
            key = keys[item.name]
            fate = Fate.ON_ITS_WAY if item.is_ahead or item.name in pending else fates[key]
            if fate.is_added and (key in self._added or key in chosen):
                fate = Fate.REPEATED
            judged.fates[fate] += 1
            if fate.is_added and (self._wanted is None or fate in self._wanted):
                judged.added[fate] += 1
                chosen[key] = item
        judged.chosen = [(item, key) for key, item in chosen.items()]
        return judged

    async def _pending(
        self, page: Page, keys: Mapping[str, str], fates: Mapping[str, Fate]
    ) -> frozenset[str]:
        """Which events of the outbox a consumer has read and not stored yet."""
        entries = {
            item.stored.stream_id: item.name
            for item in page.items
            if item.stored and item.stored.stream_id and fates.get(keys.get(item.name, "")) is Fate.MISSING
        }
        found = await self._ways.stream.pending_among(list(entries)) if entries else frozenset()
        return frozenset(entries[entry] for entry in found)

    async def _add(self, act: Act, chosen: Sequence[tuple[Item, str]]) -> None:
        entries = await self._ways.stream.add_again([item.fields for item, _ in chosen])
        marked = [
            (item.stored.id, entry)
            for (item, _), entry in zip(chosen, entries, strict=True)
            if item.stored is not None and not item.stored.is_carried
        ]
        if marked:  # or the mirror would take them for lost, and add them once more
            wall = self._ways.wall()
            await self._ways.app.exclusive(lambda tx: outbox.mark_mirrored(tx, marked, wall))
        matches = [split_key(key) for _, key in chosen]
        self._number = await self._ways.own.exclusive(
            lambda tx: _note(tx, act, matches, self._number, self._ways.now())
        )

    async def _has_room(self, stop: asyncio.Event) -> bool:
        """Wait until consumers have read and planned what there is; false if asked to stop meanwhile."""
        loop = asyncio.get_running_loop()
        say_at = loop.time() + SAY_AFTER
        while not stop.is_set():
            position = await self._ways.stream.position()
            unread = position.last_delivered < position.last_generated
            due = await self._ways.own.read(lambda tx: deliveries.count_due(tx, self._ways.now(), MOST_DUE))
            if not unread and due < MOST_DUE:
                return True
            if loop.time() >= say_at:
                self._tell.waiting(unread)
                say_at = float("inf")
            await asyncio.sleep(LOOK)
        return False


def _note(
    tx: Transaction, act: Act, matches: Sequence[deliveries.Key], number: int | None, now: datetime
) -> int:
    """Write the act into the audit, and into the story of every match it touched."""
    did = act.what
    timeline.note(
        tx,
        [
            Line(Entry.PERSON, match_id, revision, reason=did, detail=act.why, author=act.author)
            for match_id, revision in matches
            if revision != OF_ALL  # a conversion is no part of any revision's journey
        ],
        now,
    )
    if number is None:
        return audit.note(tx, act, len(matches), now)
    audit.count_on(tx, number, len(matches))
    return number


def key_of(fields: Mapping[bytes, bytes]) -> tuple[str, str | None]:
    """Read an event's key, or why it cannot be read."""
    try:
        return decode(fields).event.key, None
    except NewerEventVersion as newer:
        return str(newer), None
    except InvalidEvent as error:
        return "", str(error)


async def entries(
    stream: MatchStream, first: StreamId, last: StreamId, position: Position
) -> AsyncIterator[Page]:
    """Page through a range of the stream; its group is left alone."""
    while found := await stream.between(first, last, PAGE):
        items = tuple(Item(name(entry), fields, is_ahead=position.is_ahead(entry)) for entry, fields in found)
        milliseconds, sequence = found[-1][0]
        first = (milliseconds, sequence + 1)
        yield Page(items, name(first))


def name(entry: StreamId) -> str:
    """Write an entry's id."""
    return f"{entry[0]}-{entry[1]}"


async def events(app: Database, selection: Selection, position: Position) -> AsyncIterator[Page]:
    """Page through a selection of the outbox."""
    after = selection.from_id - 1
    while found := await app.read(lambda tx: backfill.page(tx, selection, after, PAGE)):  # noqa: B023 - run at once
        yield Page(tuple(_item(stored, position) for stored in found), str(found[-1].id + 1))
        after = found[-1].id


def _item(stored: Stored, position: Position) -> Item:
    fields = {key.encode(): text.encode() for key, text in stored.envelope.fields().items()}
    is_ahead = bool(stored.stream_id) and position.is_ahead(parse_id(stored.stream_id or ""))
    return Item(str(stored.id), fields, is_ahead, stored)
