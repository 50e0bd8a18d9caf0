"""Whose turn it is on a connection, and in which thread the work runs.

A connection has one transaction at a time.  ``InThread`` runs all of it in a thread of its own, off the event
loop: whatever it waits for, a network, a host's lock, a slow disk, nobody else waits.  ``OnLoop`` is for a
SQLite file that is ours: its statements wait for nobody (write-ahead log: readers and the writer pass each
other), so they run where they are asked for, and only what may wait leaves the loop: to be the only writer
while somebody else is, and the commit, which waits for the disk.

Why: two threads of Python pass its one lock to and fro at every statement.  That cost a quarter of all CPU.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, TypeVar

from schemas.engines.contract import Engine, Session, Transaction
from schemas.engines.sqlite import SqliteEngine, SqliteSession, is_busy

T = TypeVar("T")


class Turns(Protocol):
    """Runs one transaction after the other."""

    async def run(self, work: Callable[[Transaction], T], *, exclusive: bool) -> T:
        """Run ``work`` in a transaction of its own; who is cancelled learns first what became of it."""
        ...

    async def close(self) -> None:
        """Finish the work at hand and close the connection."""
        ...


class InThread:
    """The connection belongs to a thread, and everything is done there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._owner = _owner(engine)
        self._session: Session | None = None

    async def run(self, work: Callable[[Transaction], T], *, exclusive: bool) -> T:
        """Run ``work`` in the thread."""
        running = asyncio.get_running_loop().run_in_executor(self._owner, self._transact, work, exclusive)
        return await _seen_through(running)

    async def close(self) -> None:
        """Close the connection in its thread, and end that."""
        await asyncio.get_running_loop().run_in_executor(self._owner, self._close)
        self._owner.shutdown(wait=True)

    def _transact(self, work: Callable[[Transaction], T], exclusive: bool) -> T:  # noqa: FBT001 - by place only, through the executor
        try:
            if self._session is None:
                self._session = self._engine.open()
            session = self._session
            try:
                (session.begin_exclusive if exclusive else session.begin_read)()
                result = work(session.tx)
                session.commit()
            except BaseException:
                session.rollback()
                if session.is_lost():
                    self._close()
                raise
        except self._engine.errors as error:
            raise self._engine.explained(error) from error
        return result

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


class OnLoop:
    """The work runs in the event loop's own thread; opening, waiting for a lock and committing do not."""

    def __init__(self, engine: SqliteEngine) -> None:
        self._engine = engine
        self._aside = _owner(engine)
        self._turn = asyncio.Lock()
        self._session: SqliteSession | None = None

    async def run(self, work: Callable[[Transaction], T], *, exclusive: bool) -> T:
        """Run ``work`` here, at once if nobody is at it and it only reads."""
        if not exclusive and self._session is not None and not self._turn.locked():
            try:
                return self._read(self._session, work)
            except sqlite3.Error as error:
                if not is_busy(error):
                    raise self._engine.explained(error) from error
                # A file that is just being recovered or closed by another process: wait for it, aside.
        return await _seen_through(asyncio.ensure_future(self._in_turn(work, exclusive=exclusive)))

    async def close(self) -> None:
        """Close the connection after whoever is at it."""
        async with self._turn:
            if self._session is not None:
                await self._leave(self._session.close)
                self._session = None
        self._aside.shutdown(wait=True)

    async def _in_turn(self, work: Callable[[Transaction], T], *, exclusive: bool) -> T:
        async with self._turn:
            try:
                if self._session is None:
                    self._session = await self._leave(self._engine.open)
                if exclusive:
                    return await self._write(self._session, work)
                return await self._leave(self._read, self._session, work)
            except sqlite3.Error as error:
                raise self._engine.explained(error) from error

    async def _write(self, session: SqliteSession, work: Callable[[Transaction], T]) -> T:
        try:
            if not session.begin_exclusive_at_once():
                await self._leave(session.begin_exclusive)
            result = work(session.tx)
            await self._leave(session.commit)
        except BaseException:
            session.rollback()
            raise
        return result

    @staticmethod
    def _read(session: SqliteSession, work: Callable[[Transaction], T]) -> T:
        try:
            session.begin_read()
            result = work(session.tx)
            session.commit()
        except BaseException:
            session.rollback()
            raise
        return result

    async def _leave(self, wait: Callable[..., T], *args: object) -> T:
        """Do what may wait, off the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, wait, *args)


def _owner(engine: Engine) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"kfpush-{engine.name}")


async def _seen_through(running: asyncio.Future[T]) -> T:
    """Wait for a transaction that began, whoever is cancelled.

    A caller that is cancelled learns first what was committed, then of its cancellation, at its next await: a
    push that was reserved must reach the sender, and nobody may close the database under a transaction that
    still runs.
    """
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):  # asked again meanwhile
                await asyncio.wait([running])
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
            task.cancel()
        return running.result()
