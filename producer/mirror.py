"""The mirror: committed outbox rows appear on the stream, at least once, within milliseconds.

It wakes when the application commits (``Database.watch``) and sweeps every second besides.  One mirror is
active at a time, by a lease; two at once would only add entries twice, which intake ignores.

The second sweep repairs what Redis lost: a row mirrored a minute ago that the ledger does not know is added
again, unless its entry is pending or still ahead of the group.  A flush, a rewound server and a new group are
this one rule.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from producer import outbox
from producer.outbox import OutboxRow
from producer.stream import MatchStream, Position, parse_id
from schemas.database import Database
from schemas.errors import RedisUnavailable, StorageError

BATCH: Final = 500
CHECKED: Final = 1000
"""So many rows at most are checked for loss each second."""

SWEEP_EVERY: Final = 1.0
TRIM_EVERY: Final = 60.0
LONGEST_BACK_OFF: Final = 10.0

Carried = Callable[[Sequence[str]], Awaitable[frozenset[str]]]
"""Which of these event keys the ledger knows: a delivery, or a dead letter."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Checked:
    """What the second sweep found, by outbox id."""

    carried: tuple[int, ...]
    lost: tuple[OutboxRow, ...]


def check(
    rows: Sequence[OutboxRow], position: Position, pending: frozenset[str], known: frozenset[str]
) -> Checked:
    """Sort rows into those that arrived, those on their way (in neither answer), and those that were lost."""
    carried = tuple(row.id for row in rows if row.envelope.key in known)
    lost = tuple(
        row
        for row in rows
        if row.envelope.key not in known
        and row.stream_id not in pending
        and not (row.stream_id and position.is_ahead(parse_id(row.stream_id)))
    )
    return Checked(carried, lost)


class Mirror:
    """The producer's daemon."""

    def __init__(
        self,
        app: Database,
        stream: MatchStream,
        carried: Carried,
        *,
        now: Callable[[], datetime],
        lease: float,
        grace: float,
        retention: timedelta,
    ) -> None:
        self._app = app
        self._stream = stream
        self._carried = carried
        self._now = now
        self._lease = lease
        self._grace = timedelta(seconds=grace)
        self._retention = retention
        self._holder = secrets.token_hex(8)
        self._committed = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; then give the lease to whoever comes next."""
        loop = asyncio.get_running_loop()
        stop_watching = self._app.watch(lambda: loop.call_soon_threadsafe(self._committed.set))
        log.info("mirror.started", holder=self._holder)
        try:
            await self._run(stop)
        finally:
            stop_watching()
        try:
            await self._stream.release_lease(self._holder)
        except RedisUnavailable:
            log.info("mirror.left_without_goodbye")
        log.info("mirror.stopped")

    async def _run(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        active: bool | None = None
        sweep_at = trim_at = 0.0
        while not stop.is_set():
            self._committed.clear()
            try:
                held = await self._stream.hold_lease(self._holder, int(self._lease * 1000))
                if held != active:
                    active = held
                    log.info("mirror.active" if active else "mirror.standing_by")
                if active:
                    while await self._mirror() and not stop.is_set():
                        await self._stream.hold_lease(self._holder, int(self._lease * 1000))
                    if loop.time() >= sweep_at:
                        await self._sweep()
                        sweep_at = loop.time() + SWEEP_EVERY
                    if loop.time() >= trim_at:
                        await self._stream.trim(self._now() - self._retention, await self._stream.position())
                        trim_at = loop.time() + TRIM_EVERY
                failures = 0
            except (RedisUnavailable, StorageError) as error:
                failures += 1
                log.error("mirror.waiting", error=str(error), failures=failures)  # noqa: TRY400 - expected
                await _wait(stop, min(0.1 * 2 ** min(failures, 10), LONGEST_BACK_OFF))
                continue
            await self._rest(stop, active=bool(active))

    async def _rest(self, stop: asyncio.Event, *, active: bool) -> None:
        """Sleep until the application commits, the next sweep is due, or we are asked to stop."""
        if not active:
            await _wait(stop, min(self._lease / 5, SWEEP_EVERY))
            return
        stopping = asyncio.create_task(stop.wait())
        committed = asyncio.create_task(self._committed.wait())
        try:
            await asyncio.wait(
                {stopping, committed},
                timeout=min(self._lease / 3, SWEEP_EVERY),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            stopping.cancel()
            committed.cancel()

    async def _mirror(self) -> bool:
        """Mirror one batch; tell whether there may be more."""
        rows = await self._app.read(lambda tx: outbox.unmirrored(tx, BATCH))
        if rows:
            await self._add(rows)
        return len(rows) == BATCH

    async def _add(self, rows: Sequence[OutboxRow]) -> None:
        stream_ids = await self._stream.add([row.envelope for row in rows])
        marked = [(row.id, stream_id) for row, stream_id in zip(rows, stream_ids, strict=True)]
        await self._app.exclusive(lambda tx: outbox.mark_mirrored(tx, marked, self._now()))

    async def _sweep(self) -> None:
        """Check what should have arrived: Redis first, the ledger second, to see what moves as moving."""
        before = self._now() - self._grace
        rows = await self._app.read(lambda tx: outbox.uncarried(tx, before, CHECKED))
        if not rows:
            return
        position = await self._stream.position()
        pending = await self._stream.pending_among([row.stream_id for row in rows if row.stream_id])
        known = await self._carried([row.envelope.key for row in rows])
        checked = check(rows, position, pending, known)
        if checked.carried:
            await self._app.exclusive(lambda tx: outbox.mark_carried(tx, checked.carried, self._now()))
        if checked.lost:
            log.warning(
                "mirror.found_lost", events=len(checked.lost), advice="Redis lost them; adding them again"
            )
            await self._add(checked.lost)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
