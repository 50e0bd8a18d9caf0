"""The one adapter between kfpush and a SQL database: a connection, its owner thread, and ``exclusive()``.

The only part of schemas/ that does I/O.  Everything else hands it a function of a ``Transaction``; the
function runs off the event loop, in the one thread that owns the connection, inside one transaction:

    rows = await database.read(lambda tx: tx.rows("SELECT ...", (...,)))
    await database.exclusive(lambda tx: ledger.reserve(tx, ...))

``exclusive`` is the dialect's one verb: whoever holds it is the only writer of that database among those who
use kfpush.  On SQLite it is ``BEGIN IMMEDIATE``, on PostgreSQL an advisory lock.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Final, TypeVar

from schemas.engines.contract import BUSY_TIMEOUT, Engine, Row, Session, Transaction, marks
from schemas.engines.sqlite import PREFIX as SQLITE
from schemas.engines.sqlite import SqliteEngine, path_of
from schemas.errors import ConfigurationError, StorageError, ValueRefused

__all__ = (
    "BUSY_TIMEOUT",
    "Database",
    "Engine",
    "Row",
    "Session",
    "Transaction",
    "connected",
    "engine_of",
    "in_exclusive",
    "is_storage",
    "marks",
    "path_of",
)

ROW_TIMEOUT: Final = 0.5
"""Seconds that everybody's writes may wait for one row of the application's, where rows can be locked."""

POSTGRES: Final = ("postgresql://", "postgres://")

T = TypeVar("T")


def is_storage(error: Exception) -> bool:
    """Whether an error inside a transaction is the database's, not the data's; then all is rolled back.

    A value that was refused is the data's: what was done in its savepoint is undone, and the transaction
    may go on.
    """
    return isinstance(error, (StorageError, *SqliteEngine.errors)) and not isinstance(
        error, (ValueRefused, *SqliteEngine.refusals)
    )


def engine_of(
    url: str,
    name: str = "",
    *,
    wal: bool = False,
    read_only: bool = False,
    busy_timeout: float = BUSY_TIMEOUT,
    row_timeout: float | None = None,
) -> Engine:
    """Choose the engine that a URL names; nothing is opened yet.  Without a name, errors tell the place.

    ``busy_timeout`` is how long to wait to be the only writer; ``row_timeout`` how long that one waits, while
    all others wait for it, for a row that the application holds; the same, if not given.

    Raises:
        ConfigurationError: no engine of ours, or its driver is not installed.

    """
    if url.startswith(SQLITE):
        return SqliteEngine(url, name, wal=wal, read_only=read_only, busy_timeout=busy_timeout)
    if not url.startswith(POSTGRES):
        scheme = url.split(":", 1)[0] if "://" in url else ""
        raise ConfigurationError(
            f"a database URL of the kind {scheme!r} is not supported; write sqlite:///relative/path.db,"
            " sqlite:////absolute/path.db or postgresql://user:password@host/name"
        )
    try:
        from schemas.engines.postgres import PostgresEngine  # noqa: PLC0415 - psycopg is an extra
    except ImportError:
        raise ConfigurationError(
            "a postgresql:// database needs the extra `pg` in kfpush's own environment:"
            " .venv/bin/pip install 'psycopg[binary]>=3.2,<4'"
        ) from None
    return PostgresEngine(url, name, read_only=read_only, busy_timeout=busy_timeout, row_timeout=row_timeout)


@contextmanager
def connected(engine: Engine) -> Iterator[Session]:
    """Hold a connection for work that is not asynchronous.

    Raises:
        StorageError: also for what the driver raises meanwhile.

    """
    try:
        with closing(engine.open()) as session:
            yield session
    except engine.errors as error:
        raise engine.explained(error) from None


@contextmanager
def in_exclusive(session: Session) -> Iterator[Transaction]:
    """Be the only writer meanwhile; commit at the end, or after an error nothing."""
    session.begin_exclusive()
    try:
        yield session.tx
        session.commit()
    except BaseException:
        session.rollback()
        raise


class Database:
    """One handle on one database, with a connection and a thread of its own; see ``engine_of``."""

    def __init__(
        self,
        url: str,
        name: str,
        *,
        wal: bool = False,
        read_only: bool = False,
        busy_timeout: float = BUSY_TIMEOUT,
    ) -> None:
        """Prepare the handle; nothing is opened before the first use."""
        self._engine = engine_of(
            url,
            name,
            wal=wal,
            read_only=read_only,
            busy_timeout=busy_timeout,
            row_timeout=ROW_TIMEOUT,
        )
        self.url = url
        self.name = name
        self._owner = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"kfpush-{name}")
        self._session: Session | None = None
        self._is_closed = False

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return self._engine.place

    def is_there(self) -> bool:
        """Whether there is a database to open; False only where opening it would make one."""
        return self._engine.is_there()

    async def exclusive(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` as the database's only writer; commit what it did, or nothing of it.

        Raises:
            DatabaseBusy, DatabaseFull, StorageError: nothing was written; or, if a server went away at the
                very commit, all of it: the same as a crash right after.

        """
        return await self._run(_begin_exclusive, work)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` on one consistent snapshot; it must not write."""
        return await self._run(_begin_read, work)

    async def close(self) -> None:
        """Finish the work at hand and close the connection; a second time there is nothing left to do."""
        if self._is_closed:
            return
        self._is_closed = True
        await asyncio.get_running_loop().run_in_executor(self._owner, self._close)
        self._owner.shutdown(wait=True)

    def watch(self, on_commit: Callable[[], object]) -> Callable[[], None]:
        """Call ``on_commit`` (from another thread) after anyone's commit; return the way to stop.

        On PostgreSQL the commits that are heard of are those that add to ``push_outbox``.
        """
        stopping = _Stopping()

        def follow() -> None:
            self._engine.follow(on_commit, stopping)

        thread = threading.Thread(target=follow, name=f"kfpush-{self.name}-watch", daemon=True)
        thread.start()

        def stop() -> None:
            stopping.set()
            thread.join()
            stopping.close()

        return stop

    async def _run(self, begin: Callable[[Session], None], work: Callable[[Transaction], T]) -> T:
        running = asyncio.get_running_loop().run_in_executor(self._owner, self._transact, begin, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            # A caller that is cancelled learns first what was committed, then of its cancellation, at its
            # next await: a push that was reserved must reach the sender, and nobody may close the database
            # under a transaction that still runs.
            while not running.done():
                with suppress(asyncio.CancelledError):  # asked again meanwhile
                    await asyncio.wait([running])
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
                task.cancel()
            return running.result()

    def _transact(self, begin: Callable[[Session], None], work: Callable[[Transaction], T]) -> T:
        try:
            if self._session is None:
                self._session = self._engine.open()
            session = self._session
            try:
                begin(session)
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


def _begin_exclusive(session: Session) -> None:
    session.begin_exclusive()


def _begin_read(session: Session) -> None:
    session.begin_read()


class _Stopping:
    """An event that a selector can wait for too."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._heard, self._said = socket.socketpair()

    def set(self) -> None:
        self._event.set()
        self._said.send(b"!")

    def wait(self, seconds: float) -> bool:
        return self._event.wait(seconds)

    def fileno(self) -> int:
        return self._heard.fileno()

    def close(self) -> None:
        self._heard.close()
        self._said.close()
