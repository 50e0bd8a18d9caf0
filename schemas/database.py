"""The one adapter between kfpush and a SQL database: a connection, its owner thread, and ``exclusive()``.

The only file of schemas/ that does I/O.  Everything else hands it a function of a ``Transaction``; the
function runs off the event loop, in the one thread that owns the connection, inside one transaction:

    rows = await database.read(lambda tx: tx.rows("SELECT ...", (...,)))
    await database.exclusive(lambda tx: ledger.reserve(tx, ...))

``exclusive`` is the dialect's one verb: on SQLite ``BEGIN IMMEDIATE``, so that whoever holds it is the only
writer of that database.  SQL is written once, with ``?`` marks, without date, JSON or boolean functions.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from schemas.errors import ConfigurationError, DatabaseBusy, DatabaseFull, StorageError

OLDEST_SQLITE: Final = (3, 35, 0)
BUSY_TIMEOUT: Final = 10.0
COMMIT_POLL: Final = 0.005
"""Seconds between two looks at ``PRAGMA data_version`` (4 us each); the mirror wakes this fast."""

LOCK_POLL: Final = 0.01
"""Seconds between two tries where SQLite itself does not wait for a lock."""

Row = sqlite3.Row
T = TypeVar("T")


def is_storage(error: Exception) -> bool:
    """Whether an error inside a transaction is the database's, not the data's; then all is rolled back.

    A broken constraint is the data's: the statement alone is undone, and the transaction goes on.
    """
    return isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError)


def _lenient(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def marks(values: Sequence[object]) -> str:
    """Write the placeholders for an IN list: ``?,?,?``."""
    return ",".join("?" * len(values))


def path_of(url: str) -> Path:
    """Read the path of a ``sqlite:///PATH`` URL; the path is literal, spaces included."""
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url == prefix:
        scheme = url.split(":", 1)[0]
        message = (
            f"a database URL of the kind {scheme!r} is not supported; "
            "write sqlite:///relative/path.db or sqlite:////absolute/path.db"
        )
        raise ConfigurationError(message)
    return Path(url.removeprefix(prefix))


def explained(error: sqlite3.Error, name: str) -> StorageError:
    """Turn SQLite's error into one of ours that says what to do."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return DatabaseBusy(
            f"{name}: the database is locked by another writer for longer than {BUSY_TIMEOUT:.0f} s; "
            "find the long transaction and end it (kfpush tries again by itself)",
        )
    if primary == sqlite3.SQLITE_FULL:
        return DatabaseFull(
            f"{name}: the disk or the database is full; free some room, kfpush goes on by itself"
        )
    advice = {
        sqlite3.SQLITE_READONLY: "check the permissions of the file and of its folder",
        sqlite3.SQLITE_CANTOPEN: "check that its folder exists and may be written",
        sqlite3.SQLITE_CORRUPT: "restore the last backup; keep the damaged file",
        sqlite3.SQLITE_NOTADB: "this file is not a SQLite database",
        sqlite3.SQLITE_IOERR: "check the disk",
    }.get(primary or 0, "run `kfpush migrate` if a table or column is missing")
    return StorageError(f"{name}: {error}; {advice}")


class Transaction:
    """An open transaction, inside its owner thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Wrap the owner thread's connection."""
        self._connection = connection

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run one statement and return how many rows it touched."""
        return self._connection.execute(sql, values).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for many rows."""
        self._connection.executemany(sql, rows)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a query and return all its rows."""
        return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """Run a query and return its first row, or None."""
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def columns(self, table: str) -> frozenset[str]:
        """Tell which columns a table has; none if there is no such table."""
        return frozenset(row["name"] for row in self.rows("SELECT name FROM pragma_table_info(?)", (table,)))


class Database:
    """One handle on one SQLite file.

    ``durable`` asks for synchronous=FULL (a commit survives a power cut); ``wal`` switches the journal mode
    and is only ever given for a file that is ours: a host's journal mode is never changed.  ``read_only``
    is for who only looks: nothing is made or changed, and a write is an error.
    """

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
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            message = f"SQLite {sqlite3.sqlite_version} is too old: kfpush needs 3.35 or newer"
            raise ConfigurationError(message)
        self.path = path_of(url)
        self.name = name
        self._wal = wal
        self._read_only = read_only
        self._busy_timeout = busy_timeout
        self._owner = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"kfpush-{name}")
        self._connection: sqlite3.Connection | None = None

    async def exclusive(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` as the database's only writer; commit what it did, or nothing of it.

        Raises:
            DatabaseBusy, DatabaseFull, StorageError: nothing was written.

        """
        return await self._run("BEGIN IMMEDIATE", work)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` on one consistent snapshot; it must not write."""
        return await self._run("BEGIN", work)

    async def close(self) -> None:
        """Finish the work at hand and close the connection."""
        await asyncio.get_running_loop().run_in_executor(self._owner, self._close)
        self._owner.shutdown(wait=True)

    def watch(self, on_commit: Callable[[], object]) -> Callable[[], None]:
        """Call ``on_commit`` (from another thread) after anyone's commit; return the way to stop."""
        stopped = threading.Event()

        def poll() -> None:
            connection: sqlite3.Connection | None = None
            seen: object = None
            while not stopped.wait(COMMIT_POLL):
                try:
                    if connection is None:
                        connection = self._open()
                    version = connection.execute("PRAGMA data_version").fetchone()[0]
                except (sqlite3.Error, StorageError):
                    # The sweep serves meanwhile; a file that is away is looked for again a second later.
                    connection = None
                    stopped.wait(1)
                    continue
                if version != seen:
                    seen = version
                    on_commit()
            if connection is not None:
                connection.close()

        thread = threading.Thread(target=poll, name=f"kfpush-{self.name}-watch", daemon=True)
        thread.start()

        def stop() -> None:
            stopped.set()
            thread.join()

        return stop

    async def _run(self, begin: str, work: Callable[[Transaction], T]) -> T:
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

    def _transact(self, begin: str, work: Callable[[Transaction], T]) -> T:
        try:
            if self._connection is None:
                self._connection = self._open()
            connection = self._connection
            connection.execute(begin)
            try:
                result = work(Transaction(connection))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise explained(error, self.name) from error
        return result

    def _open(self) -> sqlite3.Connection:
        if not self.path.parent.is_dir():
            message = f"{self.name}: the folder {self.path.parent} does not exist; run `kfpush migrate`"
            raise StorageError(message)
        # "rw" makes no file.  "ro" would leave a -wal and a -shm behind that it may not clean up.
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={'rw' if self._read_only else 'rwc'}",
            uri=True,
            timeout=self._busy_timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = Row
        # A host may hold bytes that are no UTF-8; one such cell must not stop everybody.
        connection.text_factory = _lenient
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if self._read_only:
            connection.execute("PRAGMA query_only = ON")
            return
        if self._wal:
            _switch_to_wal(connection, time.monotonic() + self._busy_timeout)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _switch_to_wal(connection: sqlite3.Connection, until: float) -> None:
    """Switch the journal mode; here alone SQLite does not wait by itself while others use the file."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(LOCK_POLL)
        else:
            return
