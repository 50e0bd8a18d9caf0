"""SQLite: one file, ``BEGIN IMMEDIATE``, and ``PRAGMA data_version`` to learn of commits."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from schemas.engines.contract import Row, Stopping, Transaction
from schemas.errors import ConfigurationError, DatabaseBusy, DatabaseFull, StorageError, ValueRefused

OLDEST: Final = (3, 35, 0)
PREFIX: Final = "sqlite:///"
COMMIT_POLL: Final = 0.002
"""Seconds between two looks at ``PRAGMA data_version``; the mirror wakes this fast."""

QUIET_POLL: Final = 0.02
"""The same while nobody commits: what costs is not the look but being woken, some 100 us of CPU each time."""

QUIET_AFTER: Final = 2.0
"""Seconds without a commit after which it is quiet."""

LOCK_POLL: Final = 0.01
"""Seconds between two tries where SQLite itself does not wait for a lock."""

AWAY_POLL: Final = 1.0
"""Seconds until a file that is away is looked for again."""


def path_of(url: str) -> Path:
    """Read the path of a ``sqlite:///PATH`` URL; the path is literal, spaces included."""
    if not url.startswith(PREFIX) or url == PREFIX:
        raise ConfigurationError(
            "a SQLite database URL is sqlite:///relative/path.db or sqlite:////absolute/path.db"
        )
    return Path(url.removeprefix(PREFIX))


class SqliteTransaction:
    """A transaction on a connection that is in manual mode (``isolation_level=None``)."""

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

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Make a part that is whole or nothing."""
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # a full disk may have ended all of it
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            raise
        self._connection.execute("RELEASE part")


class SqliteSession:
    """One open connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.raw = connection
        self.tx: Transaction = SqliteTransaction(connection)

    def begin_exclusive(self) -> None:
        """Begin as the file's only writer."""
        self.raw.execute("BEGIN IMMEDIATE")

    def begin_read(self) -> None:
        """Begin on one consistent snapshot."""
        self.raw.execute("BEGIN")

    def commit(self) -> None:
        """Make it so."""
        self.raw.execute("COMMIT")

    def rollback(self) -> None:
        """Take back what is open, if anything is."""
        if self.raw.in_transaction:
            self.raw.execute("ROLLBACK")

    def is_lost(self) -> bool:
        """A file does not go away."""
        return False

    def close(self) -> None:
        """Close the connection."""
        self.raw.close()


class SqliteEngine:
    """One SQLite file.

    ``wal`` switches the journal mode and is only ever given for a file that is ours: a host's journal mode
    is never changed.  ``read_only`` is for who only looks: nothing is made or changed, and a write is an
    error.
    """

    dialect = "sqlite"
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)
    refusals: Final = (sqlite3.IntegrityError,)

    def __init__(self, url: str, name: str, *, wal: bool, read_only: bool, busy_timeout: float) -> None:
        if sqlite3.sqlite_version_info < OLDEST:
            message = f"SQLite {sqlite3.sqlite_version} is too old: kfpush needs 3.35 or newer"
            raise ConfigurationError(message)
        self.path = path_of(url)
        self.name = name or self.place
        self._wal = wal
        self._read_only = read_only
        self._busy_timeout = busy_timeout

    @property
    def place(self) -> str:
        """The whole path."""
        return str(self.path.absolute())

    def is_there(self) -> bool:
        """Whether the file exists."""
        return self.path.exists()

    def open(self) -> SqliteSession:
        """Open the file; nobody but ``kfpush migrate`` makes one.

        A host's file that is away for a moment must not find an empty one in its place when it comes back.
        """
        if not self.path.parent.is_dir():
            message = f"{self.name}: the folder {self.path.parent} does not exist; run `kfpush migrate`"
            raise StorageError(message)
        if not self.path.exists():
            message = f"{self.name}: {self.place} is not there; run `kfpush migrate`, or put it back"
            raise StorageError(message)
        # "ro" would leave a -wal and a -shm behind that it may not clean up.
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=self._busy_timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = sqlite3.Row
        # A host may hold bytes that are no UTF-8; one such cell must not stop everybody.
        connection.text_factory = _lenient
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return SqliteSession(connection)

    def explained(self, error: Exception) -> StorageError:
        """Turn SQLite's error into one of ours."""
        return explained(error, self.name, self._busy_timeout)

    def follow(self, on_commit: Callable[[], object], stopping: Stopping) -> None:
        """Look every few milliseconds whether somebody committed."""
        connection: sqlite3.Connection | None = None
        seen: object = None
        heard_at = time.monotonic()
        while not stopping.wait(COMMIT_POLL if time.monotonic() - heard_at < QUIET_AFTER else QUIET_POLL):
            try:
                if connection is None:
                    connection = self.open().raw
                version = connection.execute("PRAGMA data_version").fetchone()[0]
            except (sqlite3.Error, StorageError):
                # The sweep serves meanwhile.
                connection = None
                stopping.wait(AWAY_POLL)
                continue
            if version != seen:
                seen = version
                heard_at = time.monotonic()
                on_commit()
        if connection is not None:
            connection.close()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if self._read_only:
            connection.execute("PRAGMA query_only = ON")
            return
        if self._wal:
            _switch_to_wal(connection, time.monotonic() + self._busy_timeout)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")


def explained(error: Exception, name: str, waited: float) -> StorageError:
    """Turn SQLite's error into one of ours that says what to do."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return DatabaseBusy(
            f"{name}: the database is locked by another writer for longer than {waited:g} s; "
            "find the long transaction and end it (kfpush tries again by itself)",
        )
    if primary == sqlite3.SQLITE_FULL:
        return DatabaseFull(
            f"{name}: the disk or the database is full; free some room, kfpush goes on by itself"
        )
    if isinstance(error, sqlite3.IntegrityError):
        return ValueRefused(f"{name}: {error}")
    advice = {
        sqlite3.SQLITE_READONLY: "check the permissions of the file and of its folder",
        sqlite3.SQLITE_CANTOPEN: "check that its folder exists and may be written",
        sqlite3.SQLITE_CORRUPT: "restore the last backup; keep the damaged file",
        sqlite3.SQLITE_NOTADB: "this file is not a SQLite database",
        sqlite3.SQLITE_IOERR: "check the disk",
    }.get(primary or 0, "run `kfpush migrate` if a table or column is missing")
    return StorageError(f"{name}: {error}; {advice}")


def _lenient(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


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
