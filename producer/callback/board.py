"""Notices wait here, in memory, until the database takes them: a callback never waits for a database.

What a kill takes from memory is found again by the puller's poll, once a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Protocol

import structlog

from producer.callback import notices
from producer.callback.letter import AccountsChanged, Noticed
from producer.callback.notices import Note
from schemas.database import Transaction
from schemas.errors import StorageError

PAUSE: Final = 0.02
"""Seconds between two writes: the first of a burst is written at once, the others together."""

FIRST_WAIT: Final = 0.1
LONGEST_WAIT: Final = 2.0
"""Seconds between two tries; short, because somebody wrote and waits for an answer."""

TELL_EVERY: Final = 60.0
DRAIN_WITHIN: Final = 5.0
MOST_NAMED: Final = 20

log = structlog.get_logger(__name__)


class Ledger(Protocol):
    """Whoever writes for us."""

    async def exclusive(self, work: Callable[[Transaction], None]) -> None:
        """Run ``work`` as the only writer; StorageError, and nothing was written, if that cannot be."""
        ...


class Board:
    """One note an account at most, the newest; ``run`` brings them to the database, for ever if need be."""

    def __init__(
        self, own: Ledger, *, wall: Callable[[], datetime], on_noticed: Callable[[], None] | None = None
    ) -> None:
        self._own = own
        self._wall = wall
        self._on_noticed = on_noticed
        self._waiting: dict[str | None, Note] = {}
        self._changed = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many accounts have a note that is not in the database yet."""
        return len(self._waiting)

    def notice(self, noticed: Noticed) -> None:
        """Put down a notice; an earlier one of the account goes, but its token serves if this has none."""
        earlier = self._waiting.get(noticed.open_kfid)
        token = noticed.token or (earlier.token if earlier else None)
        self._put(Note(noticed.open_kfid, token))

    def change(self, changed: AccountsChanged) -> None:
        """Put down which accounts the app may serve, and tell of it: new ones are pulled at once."""
        for open_kfid in changed.granted:
            self.notice(Noticed(open_kfid, None))
        for open_kfid in changed.revoked:
            self._put(Note(open_kfid, is_revoked=True))
        if changed.granted:
            log.info("callback.accounts_granted", **_some(changed.granted))
        if changed.revoked:
            log.warning(
                "callback.accounts_revoked",
                **_some(changed.revoked),
                advice="WeChat lets the app serve these no longer; matches for them cannot go",
            )
        if not changed.granted and not changed.revoked:
            log.warning(
                "callback.accounts_changed", advice="WeChat names none; see whether the app may still use KF"
            )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set and everything is written, or some seconds have passed."""
        loop = asyncio.get_running_loop()
        stopping = asyncio.create_task(stop.wait())
        failures = 0
        tell_at = drain_until = 0.0
        try:
            while await self._something(stopping):
                if stop.is_set():
                    drain_until = drain_until or loop.time() + DRAIN_WITHIN
                    if failures and loop.time() >= drain_until:
                        log.warning("callback.left", notices=self.waiting, advice="the next poll finds them")
                        return
                try:
                    await self._write()
                except StorageError as error:
                    failures += 1
                    if loop.time() >= tell_at:
                        log.error(  # noqa: TRY400 - expected
                            "callback.waiting", error=str(error), failures=failures, notices=self.waiting
                        )
                        tell_at = loop.time() + TELL_EVERY
                    await asyncio.sleep(min(FIRST_WAIT * 2 ** min(failures, 10), LONGEST_WAIT))
                    continue
                if failures:
                    log.info("callback.written_at_last", failures=failures)
                failures, tell_at = 0, 0.0
                await asyncio.sleep(PAUSE)
        finally:
            stopping.cancel()

    async def _something(self, stopping: asyncio.Task[bool]) -> bool:
        """Wait for a note; False when asked to stop and there is none."""
        while not self._waiting:
            if stopping.done():
                return False
            self._changed.clear()
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait({changed, stopping}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        return True

    async def _write(self) -> None:
        """Write what waits now; what comes meanwhile, also for the same account, stays."""
        taken = dict(self._waiting)
        await self._own.exclusive(lambda tx: notices.note(tx, taken.values(), self._wall()))
        for name, item in taken.items():
            if self._waiting.get(name) is item:
                del self._waiting[name]
        if self._on_noticed is not None:
            self._on_noticed()

    def _put(self, item: Note) -> None:
        self._waiting[item.open_kfid] = item
        self._changed.set()


def _some(accounts: tuple[str, ...]) -> dict[str, Any]:
    """Tell of accounts in a log line: how many, and the first of them."""
    return {"accounts": list(accounts[:MOST_NAMED]), "count": len(accounts)}
