"""PostgreSQL: one server, an advisory lock for the one writer, and NOTIFY to learn of commits.

The same SQL as SQLite's: ``?`` marks are numbered, nothing else is rewritten.  Values go out without a type,
as SQLite's do, so that 1 is a number for an INTEGER column and true for a host's BOOLEAN; times, JSON and the
like come back as the text they are written as.

Imported only when a URL asks for it: psycopg is the extra ``pg``.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import TextLoader

from schemas.engines import postgres_errors
from schemas.engines.contract import Row, Stopping, Transaction
from schemas.errors import ConfigurationError, StorageError

CHANNEL: Final = "kfpush_outbox"
"""What the trigger that ``kfpush migrate`` makes on push_outbox notifies."""

OLDEST: Final = 130000
LOCK: Final = 0x6B66_7075_7368
"""The advisory lock of ``exclusive``: "kfpush"."""

AWAY_POLL: Final = 1.0
"""Seconds until a server that is away is asked again."""

STILL_THERE: Final = 60.0
"""Seconds after which a silent connection that listens is tried."""

_PATIENCE: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""A network that swallows everything is noticed within a minute; the URL may say otherwise."""

_AS_TEXT: Final = ("date", "interval", "json", "jsonb", "time", "timestamptz", "timetz", "uuid")
_KEPT_STATEMENTS: Final = 300


class PostgresRow(tuple[Any, ...]):
    """A row by name or by place; each shape of result has a subclass of its own."""

    __slots__ = ()
    _places: dict[str, int]

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - a name, a place or a slice; what the column holds
        return tuple.__getitem__(self, self._places[key] if type(key) is str else key)

    def keys(self) -> list[str]:
        """Name the columns."""
        return list(self._places)


@lru_cache(maxsize=1024)
def _shape(names: tuple[str, ...]) -> type[PostgresRow]:
    places = {name: place for place, name in enumerate(names)}
    return type("PostgresRow", (PostgresRow,), {"__slots__": (), "_places": places})


def _rows(cursor: psycopg.Cursor[Any]) -> type[PostgresRow]:
    return _shape(tuple(column.name for column in cursor.description or ()))


@lru_cache(maxsize=2048)
def numbered(sql: str) -> bytes:
    """Write the marks as PostgreSQL has them: ``$1, $2``.  No text of ours has a question mark in quotes."""
    first, *parts = sql.split("?")
    return "".join([first, *(f"${number}{part}" for number, part in enumerate(parts, start=1))]).encode()


class _Untyped(Dumper):
    """Write a text; PostgreSQL has no character NUL, and one in a poisoned entry must not stop intake."""

    def dump(self, obj: Any) -> Buffer:  # noqa: ANN401 - whatever the type was registered for
        return str(obj).replace("\0", "\ufffd").encode()


class _UntypedNumber(Dumper):
    """Write a whole number, or a boolean as 0 and 1, for whatever type the column has."""

    def dump(self, obj: Any) -> Buffer:  # noqa: ANN401 - int or bool
        return b"%d" % obj


class _LocalTimeLoader(Loader):
    """Read a TIMESTAMP without a zone with a T, as Python writes a local time: it is of the host's zone."""

    def load(self, data: Buffer) -> str:
        return bytes(data).decode().replace(" ", "T", 1)


class _NumberLoader(Loader):
    """Read a NUMERIC as SQLite would give it: sums of whole numbers are whole."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else float(text)


class PostgresTransaction:
    """A transaction on the session's one cursor."""

    def __init__(self, cursor: psycopg.Cursor[Any], explained: Callable[[Exception], StorageError]) -> None:
        self._cursor = cursor
        self._explained = explained

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run one statement and return how many rows it touched."""
        self._run(sql, values)
        return self._cursor.rowcount

    def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for many rows."""
        try:
            self._cursor.executemany(numbered(sql), rows)
        except psycopg.Error as error:
            raise self._explained(error) from None  # its text may show what was stored

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a query and return all its rows."""
        self._run(sql, values)
        return [] if self._cursor.description is None else self._cursor.fetchall()

    def one(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """Run a query and return its first row, or None."""
        self._run(sql, values)
        row: Row | None = None if self._cursor.description is None else self._cursor.fetchone()
        return row

    def columns(self, table: str) -> frozenset[str]:
        """Tell which columns a table has; none if there is no such table."""
        found = self.rows(
            "SELECT attname AS name FROM pg_attribute"
            " WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped",
            (table,),
        )
        return frozenset(row["name"] for row in found)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Make a part that is whole or nothing."""
        self.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            with suppress(StorageError):  # with the connection lost, all of it is taken back
                self.execute("ROLLBACK TO SAVEPOINT part")
                self.execute("RELEASE SAVEPOINT part")
            raise
        self.execute("RELEASE SAVEPOINT part")

    def _run(self, sql: str, values: Sequence[object]) -> None:
        try:
            self._cursor.execute(numbered(sql), values)
        except psycopg.Error as error:
            raise self._explained(error) from None  # its text may show what was stored


class PostgresSession:
    """One open connection, in autocommit: transactions begin and end in words."""

    def __init__(self, connection: psycopg.Connection[Any], engine: PostgresEngine) -> None:
        self.raw = connection
        self._engine = engine
        cursor = psycopg.RawCursor(connection, row_factory=_rows)
        self.tx: Transaction = PostgresTransaction(cursor, engine.explained)

    def begin_exclusive(self) -> None:
        """Begin as the only writer among those who use kfpush; nobody else is locked out.

        READ COMMITTED: with a snapshot of the whole transaction, it would be of before the lock was had.
        """
        self._say(self._engine.begin_exclusive)

    def begin_read(self) -> None:
        """Begin on one consistent snapshot."""
        self._say(b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def commit(self) -> None:
        """Make it so."""
        self._say(b"COMMIT")

    def rollback(self) -> None:
        """Take back what is open, if anything is; a connection that is lost has taken it back itself."""
        if not self.is_lost() and self.raw.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            with suppress(StorageError):
                self._say(b"ROLLBACK")

    def is_lost(self) -> bool:
        """Whether the server or the way to it has gone."""
        return self.raw.closed

    def close(self) -> None:
        """Close the connection."""
        self.raw.close()

    def _say(self, words: bytes) -> None:
        try:
            self.raw.execute(words, prepare=False)
        except psycopg.Error as error:
            raise self._engine.explained(error) from None


class PostgresEngine:
    """One PostgreSQL database.  ``read_only`` is for who only looks: a write is an error."""

    dialect = "postgresql"
    errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(
        self, url: str, name: str, *, read_only: bool, busy_timeout: float, row_timeout: float | None = None
    ) -> None:
        self._url = url
        self.name = name or self.place
        self.begin_exclusive = (
            f"BEGIN ISOLATION LEVEL READ COMMITTED READ {'ONLY' if read_only else 'WRITE'};"
            f"SET LOCAL lock_timeout = {max(1, int(busy_timeout * 1000))};"
            f"SELECT pg_advisory_xact_lock({LOCK});"
            # Whoever writes with kfpush has waited already: what is locked now is locked by the application.
            f"SET LOCAL lock_timeout = {max(1, int(min(busy_timeout, row_timeout or busy_timeout) * 1000))}"
        ).encode()

    @property
    def place(self) -> str:
        """Server and database, without user, password and options."""
        behind = self._url.split("://", 1)[-1].rpartition("@")[2]
        return f"postgresql://{behind.partition('?')[0]}"

    def is_there(self) -> bool:
        """Whether it exists is for the server to say, on opening."""
        return True

    def open(self) -> PostgresSession:
        """Connect."""
        try:
            asked = conninfo_to_dict(self._url)
        except psycopg.Error:
            raise ConfigurationError(
                f"{self.name}: the database URL cannot be read; write postgresql://user:password@host/name,"
                " with %-signs for what a URL may not hold (%40 for @, %2F for /)"
            ) from None
        settings: dict[str, Any] = {"application_name": f"kfpush {self.name}", **_PATIENCE, **asked}
        settings["client_encoding"] = "UTF8"
        try:
            connection: psycopg.Connection[Any] = psycopg.connect(
                **settings, autocommit=True, cursor_factory=psycopg.RawCursor, row_factory=_rows
            )
        except psycopg.Error as error:
            raise postgres_errors.not_connected(error, self.name, self.place) from None
        try:
            self._prepare(connection)
        except psycopg.Error as error:
            connection.close()
            raise self.explained(error) from None
        except BaseException:
            connection.close()
            raise
        return PostgresSession(connection, self)

    def explained(self, error: Exception) -> StorageError:
        """Turn PostgreSQL's error into one of ours."""
        return postgres_errors.explained(error, self.name)

    def follow(self, on_commit: Callable[[], object], stopping: Stopping) -> None:
        """Listen for what push_outbox's trigger tells.  Behind a pooler nothing comes; the sweep serves."""
        while not stopping.wait(0):
            try:
                connection = self.open().raw
            except (StorageError, ConfigurationError):
                stopping.wait(AWAY_POLL)
                continue
            with closing(connection), suppress(psycopg.Error), selectors.DefaultSelector() as selector:
                connection.execute(f"LISTEN {CHANNEL}")
                on_commit()
                selector.register(stopping, selectors.EVENT_READ)
                selector.register(connection.fileno(), selectors.EVENT_READ)
                while not stopping.wait(0):
                    if not selector.select(STILL_THERE):
                        connection.execute("SELECT 1")
                    connection.pgconn.consume_input()
                    heard = False
                    while connection.pgconn.notifies():
                        heard = True
                    if heard:
                        on_commit()
            stopping.wait(AWAY_POLL)

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        connection.prepared_max = _KEPT_STATEMENTS
        adapters = connection.adapters
        adapters.register_dumper(str, _Untyped)
        for kind in (int, bool):
            adapters.register_dumper(kind, _UntypedNumber)
        for name in _AS_TEXT:
            adapters.register_loader(name, TextLoader)
        adapters.register_loader("timestamp", _LocalTimeLoader)
        adapters.register_loader("numeric", _NumberLoader)
        info = connection.info
        if info.server_version < OLDEST:
            raise ConfigurationError(
                f"{self.name}: PostgreSQL {info.server_version // 10000} is too old: kfpush needs 13 or newer"
            )
        if info.parameter_status("server_encoding") != "UTF8":
            raise ConfigurationError(
                f"{self.name}: the database's encoding is {info.parameter_status('server_encoding')}, which"
                " cannot hold every message; create it with ENCODING 'UTF8'"
            )
        connection.execute("SET TIME ZONE 'UTC'; SET datestyle = 'ISO'", prepare=False)
        [asked] = connection.execute("SELECT current_setting('synchronous_commit')").fetchone() or [None]
        if asked == "off":
            # A push that is sent must be remembered: what a server forgets in a power cut goes out twice.
            connection.execute("SET synchronous_commit = 'local'", prepare=False)
