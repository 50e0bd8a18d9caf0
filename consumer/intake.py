"""Intake: stream entries, abandoned ones first, become delivery rows.

An entry whose row exists, in whatever state, is acked at once: the row carries the match.  A fresh one is
acked by whoever ends its walk: intake itself, if a withdrawal or a newer revision drops it.  One that cannot
be read is a dead letter, raw, then acked.  A database or a Redis that is away is never the entry's fault:
intake stops, keeps what it read, and backs off.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from consumer import conversions, deadletters, overtaking
from consumer.deadletters import Poison
from consumer.ledger import arrivals, deliveries
from consumer.ledger.arrivals import Incoming
from consumer.ledger.deliveries import Key
from consumer.stream import Abandoned, Delivered, GroupGone, Stream
from consumer.world import World
from schemas.database import Database, Transaction
from schemas.decisions import Reason
from schemas.entries import decode
from schemas.errors import InvalidEvent, NewerEventVersion, RedisUnavailable, StorageError
from schemas.events import (
    MatchConverted,
    MatchCreated,
    MatchWithdrawn,
    is_conversion,
    is_withdrawal,
    split_key,
)

BATCH: Final = 200
MOST_DUE: Final = 2000
"""Intake pauses while so many rows are due: the stream holds the rest."""

POISON_AT: Final = 5
"""At this delivery an entry that somebody keeps dying on is given up."""

BACK_PRESSURE_WAIT: Final = 0.2

log = structlog.get_logger(__name__)


@dataclass
class Sorted:
    """A batch, decoded: rows to be, withdrawals, conversions, what is for newer code, what cannot be read."""

    rows: list[Incoming] = field(default_factory=list)
    withdrawals: list[tuple[MatchWithdrawn, str]] = field(default_factory=list)
    """With the entry that each came by."""
    conversions: list[tuple[MatchConverted, str]] = field(default_factory=list)
    """The same."""
    newer: list[tuple[tuple[str, int], Delivered]] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


def sort(entries: Sequence[Delivered]) -> Sorted:
    """Decode a batch; nothing is lost of what cannot be."""
    batch = Sorted()
    for entry in entries:
        if entry.fields is None:
            # Trimmed or deleted while pending: its outbox row, not carried, brings it back.
            batch.gone.append(entry.entry_id)
            continue
        try:
            arrived = decode(entry.fields)
        except NewerEventVersion as newer:
            batch.newer.append((split_key(str(newer)), entry))
        except InvalidEvent as error:
            batch.poison.append(Poison(entry.entry_id, entry.fields, Reason.UNREADABLE_EVENT, str(error)))
        except Exception as error:  # noqa: BLE001 - a fault of ours on one entry; it is kept whole
            words = f"kfpush itself failed on it: {type(error).__name__}"
            batch.poison.append(Poison(entry.entry_id, entry.fields, Reason.UNREADABLE_EVENT, words))
        else:
            if isinstance(arrived.event, MatchCreated):
                batch.rows.append(Incoming(arrived.event, entry.entry_id, arrived.again))
            elif isinstance(arrived.event, MatchWithdrawn):
                batch.withdrawals.append((arrived.event, entry.entry_id))
            else:
                batch.conversions.append((arrived.event, entry.entry_id))
    return batch


def store(tx: Transaction, batch: Sorted, now: datetime) -> list[str]:
    """Write a batch; tell which entries are done with already and may be acked."""
    keys = [(item.match.match_id, item.match.revision) for item in batch.rows]
    first = {key: item.entry_id for key, item in reversed(list(zip(keys, batch.rows, strict=True)))}
    existing = arrivals.revisions(tx, {match_id for match_id, _ in keys})
    arrivals.insert_fresh(tx, batch.rows, now)
    arrivals.look_again(tx, [key for key, item in zip(keys, batch.rows, strict=True) if item.again], now)
    closed = overtaking.withdraw(tx, [event for event, _ in batch.withdrawals], now)
    conversions.note(tx, [conversions.of_event(event, now) for event, _ in batch.conversions])
    closed += overtaking.supersede(tx, _rivals(existing, keys), now)
    for key, entry in batch.newer:
        fields = {name.decode(): value.decode() for name, value in (entry.fields or {}).items()}
        arrivals.insert_needing_upgrade(tx, key, fields, entry.entry_id, now)
    deadletters.bury(tx, batch.poison, now)
    return [
        *(
            item.entry_id
            for key, item in zip(keys, batch.rows, strict=True)
            if key in existing or item.entry_id != first[key]
        ),
        *(entry_id for _, entry_id in batch.withdrawals),
        *(entry_id for _, entry_id in batch.conversions),
        *(row.entry_id for row in closed if row.entry_id is not None),
        *(entry.entry_id for _, entry in batch.newer),
        *(letter.entry_id for letter in batch.poison),
        *batch.gone,
    ]


def _rivals(existing: Collection[Key], arriving: Collection[Key]) -> set[str]:
    """The matches of which more than one revision is here now; most have one for ever."""
    count = Counter(match_id for match_id, _ in {*existing, *arriving})
    return {match_id for match_id, revisions in count.items() if revisions > 1}


class Intake:
    """The room: reads, stores, acks what was known, nudges plan."""

    def __init__(
        self,
        stream: Stream,
        own: Database,
        *,
        world: World,
        reclaim_idle: float,
        on_stored: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._own = own
        self._world = world
        self._idle = int(reclaim_idle * 1000)
        self._on_stored = on_stored
        self._failures = 0

    async def run(self) -> None:
        """Work until cancelled; nothing that was read is forgotten on the way out: it stays pending."""
        ready = False
        reclaim_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                if not ready:
                    await self._own.exclusive(self._decode_waiting)
                    if await self._stream.ensure_group():
                        log.info("intake.group_made", consumer=self._stream.consumer)
                    await self._resume()
                    ready = True
                if not await self._has_room():
                    await asyncio.sleep(BACK_PRESSURE_WAIT)
                    continue
                if loop.time() >= reclaim_at:
                    await self._reclaim()
                    reclaim_at = loop.time() + min(5.0, self._idle / 1000)
                await self._take(await self._stream.fresh(BATCH))
                self._failures = 0
            except GroupGone:
                log.warning("intake.group_gone", consumer=self._stream.consumer)
                ready = False
            except (StorageError, RedisUnavailable) as error:
                await self._back_off(error)
                ready = False

    async def _take(self, entries: Sequence[Delivered]) -> None:
        if not entries:
            return
        batch = sort(entries)
        # What was read stays in memory until it is stored: reading it again would count against it.
        while True:
            try:
                done = await self._own.exclusive(lambda tx: store(tx, batch, self._world.now()))
                break
            except StorageError as error:
                await self._back_off(error)
        for letter in batch.poison:
            log.error("intake.unreadable", entry_id=letter.entry_id, reason=letter.reason, error=letter.error)
        if batch.rows or batch.withdrawals:
            self._on_stored()
        await self._stream.ack(done)

    async def _resume(self) -> None:
        """Take up what this consumer's name had read and left when it last ended.

        What is stored now is found again, its row there, and acked: the loop ends.
        """
        while mine := await self._stream.own(BATCH):
            for left in mine:
                await self._take_over(left, 0)

    async def _reclaim(self) -> None:
        """Take over what others read and left."""
        for left in await self._stream.abandoned(self._idle, BATCH):
            await self._take_over(left, self._idle)

    async def _take_over(self, left: Abandoned, idle: int) -> None:
        """Claim one entry, alone: what somebody dies on must not count against its neighbours."""
        if left.deliveries >= POISON_AT:
            await self._give_up(left, idle)
            return
        claimed = await self._stream.claim(left.entry_id, idle)
        if claimed is None:
            if idle == 0:  # nobody was faster: the entry itself is gone
                await self._stream.ack([left.entry_id])
            return
        log.info("intake.reclaimed", entry_id=left.entry_id, since=left.consumer, deliveries=left.deliveries)
        await self._take([claimed])

    async def _give_up(self, left: Abandoned, idle: int) -> None:
        """Bury what was handed out too often; if its row exists after all, it only lacked the ack."""
        claimed = await self._stream.claim(left.entry_id, idle)
        if claimed is None:
            return
        key = _key_of(claimed)
        poison = Poison(
            left.entry_id,
            claimed.fields,
            Reason.POISON,
            f"handed out {left.deliveries} times and never settled",
            left.deliveries,
        )

        def bury(tx: Transaction) -> bool:
            if key is not None and arrivals.known(tx, [key]):
                return False
            deadletters.bury(tx, [poison], self._world.now())
            return True

        if claimed.fields is not None and await self._own.exclusive(bury):
            log.error("intake.poison", entry_id=left.entry_id, deliveries=left.deliveries)
        await self._stream.ack([left.entry_id])

    def _decode_waiting(self, tx: Transaction) -> None:
        """Decode what an older kfpush could not; also proves that the database takes writes."""
        after = ("", 0)
        while rows := arrivals.needing_upgrade(tx, after, BATCH):
            after = (rows[-1]["match_id"], rows[-1]["revision"])
            for row in rows:
                fields = {name.encode(): value.encode() for name, value in json.loads(row["event"]).items()}
                try:
                    arrived = decode(fields)
                except InvalidEvent:
                    continue  # still newer than this code
                if isinstance(arrived.event, MatchCreated):  # a withdrawal never waits for newer code
                    arrivals.upgraded(tx, arrived.event, self._world.now())
                    overtaking.supersede(tx, [arrived.event.match_id], self._world.now())

    async def _has_room(self) -> bool:
        due = await self._own.read(lambda tx: deliveries.count_due(tx, self._world.now(), MOST_DUE))
        return due < MOST_DUE

    async def _back_off(self, error: Exception) -> None:
        self._failures += 1
        log.error("intake.waiting", error=str(error), failures=self._failures)
        await asyncio.sleep(self._world.back_off(self._failures))


def _key_of(entry: Delivered) -> tuple[str, int] | None:
    """Read the match's key alone: what lies deeper may be what everybody dies on.

    None for a withdrawal and a conversion: that the match has a row says nothing about them.
    """
    try:
        subject = (entry.fields or {})[b"subject"].decode()
        return None if is_withdrawal(subject) or is_conversion(subject) else split_key(subject)
    except (KeyError, UnicodeDecodeError, InvalidEvent):
        return None
