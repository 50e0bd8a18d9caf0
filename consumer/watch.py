"""Watch the host: a changed ``last_message_time`` of somebody who waits is a word, and opens their window.

A changed row of preferences makes what waits be decided again.

Every two seconds, only for people with something waiting, parked or of unknown outcome, in pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from consumer import host, windows
from consumer.facts import Session
from consumer.ledger import deliveries, pushes, waking
from consumer.world import World
from schemas.database import Database, Transaction
from schemas.decisions import RecipientKey
from schemas.errors import StorageError

EVERY: Final = 2.0
PAGE: Final = 500
PAGES: Final = 20
"""So many pages at a time; beyond ten thousand people who wait, a word is noticed some seconds later."""

Wishes = tuple[object, ...]
"""A user's row of preferences, as the host holds it."""

log = structlog.get_logger(__name__)


class HostWatch:
    """The room's quiet neighbour: reads the host's sessions, raises windows, wakes people."""

    def __init__(
        self,
        app: Database,
        own: Database,
        *,
        zone: ZoneInfo,
        world: World,
        on_woken: Callable[[], None],
    ) -> None:
        self._app = app
        self._own = own
        self._zone = zone
        self._world = world
        self._on_woken = on_woken
        self._users_after = self._phones_after = ""
        self._told: set[str] = set()
        """Complaints made at the last look: a time in the future is met again until it has come."""
        self._wishes: dict[str, Wishes] = {}
        self._wishes_before: dict[str, Wishes] = {}
        """What the host's preference rows said in this pass through everybody, and in the one before."""

    async def run(self) -> None:
        """Work until cancelled."""
        failures = 0
        while True:
            try:
                await self.look()
                failures = 0
                await asyncio.sleep(EVERY)
            except StorageError as error:
                failures += 1
                log.error("watch.waiting", error=str(error), failures=failures)  # noqa: TRY400 - expected
                await asyncio.sleep(EVERY + self._world.back_off(failures))

    async def look(self) -> None:
        """Go through those who wait for a word of theirs: at most so many pages, the others next time."""
        for _ in range(PAGES):
            users = await self._own.read(lambda tx: deliveries.waiting_users(tx, self._users_after, PAGE))
            phones = await self._own.read(lambda tx: pushes.unknown_recipients(tx, self._phones_after, PAGE))
            if users or phones:
                await self._page(users, phones)
            self._users_after = users[-1] if len(users) == PAGE else ""
            self._phones_after = phones[-1] if len(phones) == PAGE else ""
            if not self._users_after and not self._phones_after:
                self._wishes_before, self._wishes = self._wishes, {}
                return

    async def _page(self, users: tuple[str, ...], phones: tuple[str, ...]) -> None:
        await self._compare_wishes(users)
        sessions = await self._app.read(lambda tx: host.sessions_around(tx, users, phones).sessions)
        texts = windows.host_texts(sessions)
        seen = await self._own.read(lambda tx: windows.seen(tx, {key.external_userid for key in texts}))
        changed = {recipient for recipient, text in texts.items() if seen.get(recipient) != text}
        if changed:
            await self._own.exclusive(lambda tx: self._raise(tx, sessions, changed))
            self._on_woken()

    async def _compare_wishes(self, users: tuple[str, ...]) -> None:
        """Wake those whose preferences were changed: what waits for 08:00 may go at once, or never."""
        rows = await self._app.read(lambda tx: host.preferences_of(tx, users))
        now_wished = {user: tuple(rows.get(user, {}).values()) for user in users}
        before = {**self._wishes_before, **self._wishes}
        changed = [user for user, wished in now_wished.items() if before.get(user, wished) != wished]
        self._wishes.update(now_wished)
        if changed:
            await self._own.exclusive(lambda tx: waking.wake(tx, (), changed, self._world.now()))
            self._on_woken()

    def _raise(self, tx: Transaction, sessions: list[Session], changed: set[RecipientKey]) -> None:
        now = self._world.now()
        news = [session for session in sessions if session.recipient in changed]
        raised = windows.raise_from_host(tx, news, self._zone, now)
        for complaint in set(raised.complaints) - self._told:
            log.warning("watch.unreadable_time", error=complaint)
        self._told = set(raised.complaints)
        woken = {item.user_id for item in sessions if item.recipient.external_userid in raised.people}
        waking.release(tx, raised.people, woken | raised.people, now)
        pushes.wake(tx, raised.people, self._world.wall())
