"""The puller's room: reads every KF account of which there is news, and each one every minute all the same.

A task of its own, never queued behind matches: it opens the windows, and carries the wish to hear nothing
more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from consumer.backoff import doubled, spread
from consumer.inbound import cursors
from consumer.inbound.cursors import LeaseLost
from consumer.inbound.pull import Pull, Pulled
from consumer.looping import keep_at
from consumer.wechat.errcodes import explain
from consumer.wechat.syncing import NotPulled
from consumer.world import World
from schemas.database import Database, Transaction
from schemas.errors import StorageError
from schemas.receipts import RefusalKind, Refused

LOOK_EVERY: Final = 0.25
"""Seconds between two looks for news that nobody told us of: another process may hear the callbacks."""

POLL_EVERY: Final = timedelta(minutes=1)
"""Every account is pulled so often without any news: a callback may have been lost."""

HOST_EVERY: Final = timedelta(minutes=10)
"""The host's table has no index for this question."""

AT_ONCE: Final = 8
"""So many accounts are read side by side."""

FIRST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(seconds=60)
REST: Final = timedelta(seconds=60)
"""WeChat blocks for a minute at least whoever asks too often."""
REFUSED_WAIT: Final = timedelta(minutes=5)
"""An account that WeChat does not know, or not to us, is asked for so often."""

log = structlog.get_logger(__name__)


class Puller:
    """Whose turn it is, who failed lately, and when everybody is asked again."""

    def __init__(
        self,
        app: Database,
        own: Database,
        pull: Pull,
        *,
        holder: str,
        lease: timedelta,
        world: World,
        on_woken: Callable[[], None],
    ) -> None:
        """``holder`` names this installation and this process in every lease that it takes, for so long."""
        self._app = app
        self._own = own
        self._pull = pull
        self._holder = holder
        self._lease = lease
        self._world = world
        self._on_woken = on_woken
        self._nudged = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, datetime] = {}
        self._of_host: frozenset[str] = frozenset()
        self._poll_at: datetime | None = None
        self._ask_host_at: datetime | None = None

    def nudge(self) -> None:
        """There is a notice."""
        self._nudged.set()

    async def run(self) -> None:
        """Work until cancelled; a pull that is cut is repeated by whoever comes next."""
        try:
            await keep_at(
                self.look, self._nudged, world=self._world, every=LOOK_EVERY, trouble="pull.waiting"
            )
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def look(self) -> None:
        """Begin to read the accounts whose turn it is, as many as there are places."""
        wall = self._world.wall()
        due = await self._own.read(lambda tx: cursors.noticed(tx, self._holder, wall))
        if self._poll_at is None or wall >= self._poll_at:
            due += await self._silent(wall)
            self._poll_at = wall + POLL_EVERY / 6
        for account in dict.fromkeys(due):
            if len(self._running) >= AT_ONCE:
                self._poll_at = None  # who found no place is looked for again at once
                return
            if account not in self._running and wall >= self._not_before.get(account, wall):
                task = asyncio.create_task(self._read(account), name=f"pull {account}")
                self._running[account] = task
                task.add_done_callback(partial(self._ended, account))

    async def idle(self) -> None:
        """Wait until nothing is being read."""
        while self._running:
            await asyncio.wait(self._running.values())
            await asyncio.sleep(0)

    def _ended(self, account: str, _: asyncio.Task[None]) -> None:
        del self._running[account]
        self._nudged.set()  # there may be news since, or somebody waits for the place

    async def _silent(self, wall: datetime) -> list[str]:
        """Name the known accounts that nobody has read for a minute."""
        if self._ask_host_at is None or wall >= self._ask_host_at:
            self._of_host = await self._app.read(_accounts_of_host)
            self._ask_host_at = wall + HOST_EVERY

        def work(tx: Transaction) -> list[str]:
            accounts = (cursors.known(tx) | self._of_host) - cursors.revoked(tx)
            return cursors.silent(tx, accounts, wall - POLL_EVERY)

        return await self._own.read(work)

    async def _read(self, account: str) -> None:
        """Read one account; whatever goes wrong is told, waited for, and tried again."""
        try:
            wall = self._world.wall()
            turn = await self._own.exclusive(
                lambda tx: cursors.take(tx, account, self._holder, self._lease, wall)
            )
            if turn is None:
                return
            pulled = await self._pull.read(turn, self._failures.get(account, 0))
        except LeaseLost:
            log.warning("pull.lease_lost", account=account)
            return
        except StorageError as error:
            log.error("pull.storage", account=account, error=str(error))  # noqa: TRY400 - expected
            self._wait(account, NotPulled("storage"))
            return
        except Exception:
            # A fault of ours must not end the room: the others' windows open, and the page comes again.
            log.exception("pull.broke", account=account)
            self._wait(account, NotPulled("fault"))
            return
        self._told(account, pulled)

    def _told(self, account: str, pulled: Pulled) -> None:
        if pulled.has_woken:
            self._on_woken()
        if pulled.problem is None:
            self._failures.pop(account, None)
            self._not_before.pop(account, None)
            return
        self._wait(account, pulled.problem)
        failures = self._failures[account]
        if failures & (failures - 1):
            return  # told at the 1st, 2nd, 4th, 8th ...
        log.warning(
            "pull.failed",
            account=account,
            cause=pulled.problem.cause,
            errcode=pulled.problem.errcode,
            failures=failures,
            advice=explain(pulled.problem.errcode).advice if pulled.problem.errcode else None,
        )

    def _wait(self, account: str, problem: NotPulled) -> None:
        failures = self._failures[account] = self._failures.get(account, 0) + 1
        wait = wait_after(problem, failures, self._world.dice())
        self._not_before[account] = self._world.wall() + wait


def wait_after(problem: NotPulled, failures: int, jitter: float) -> timedelta:
    """Tell how long to leave an account alone after so many failures in a row; ``jitter`` in [0, 1)."""
    receipt = explain(problem.errcode).receipt if problem.errcode else None
    kind = receipt.kind if isinstance(receipt, Refused) else None
    if kind is RefusalKind.THROTTLED:
        return spread(REST, jitter) + REST / 4  # a minute at least
    if kind in {RefusalKind.ACCOUNT_CONFIG, RefusalKind.CONTENT, RefusalKind.UNCLASSIFIED}:
        return spread(doubled(failures, FIRST_WAIT, REFUSED_WAIT), jitter)
    return spread(doubled(failures, FIRST_WAIT, LONGEST_WAIT), jitter)


def _accounts_of_host(tx: Transaction) -> frozenset[str]:
    rows = tx.rows(
        "SELECT DISTINCT open_kfid FROM wechat_kf_sessions WHERE open_kfid IS NOT NULL AND open_kfid <> ''"
    )
    return frozenset(str(row["open_kfid"]) for row in rows)
