"""Joining the application's own transaction: the outbox's INSERT on its connection, by whichever driver."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from schemas.database import marks
from schemas.errors import NoTransaction, StorageError

if TYPE_CHECKING:
    import psycopg

Connection: TypeAlias = "sqlite3.Connection | psycopg.Connection[Any]"
"""The application's own connection, by whichever driver."""

_COLUMNS: Final = ("event_key", "event_type", "user_id", "payload", "traceparent", "created_at")
_INSERT: Final = f"INSERT INTO push_outbox ({', '.join(_COLUMNS)})"
_ONCE: Final = "ON CONFLICT (event_key) DO NOTHING RETURNING"
_FROM_ARRAYS: Final = (
    f"{_INSERT} SELECT {', '.join(_COLUMNS)} FROM unnest({', '.join(['%s::text[]'] * len(_COLUMNS))})"
    f" WITH ORDINALITY AS given ({', '.join(_COLUMNS)}, nth) ORDER BY nth {_ONCE} event_key"
)
AT_ONCE: Final = 100
"""So many rows share one statement on SQLite, which takes a bounded number of values."""


Values: TypeAlias = tuple[str | None, ...]
"""A new row of ``push_outbox``."""


def insert(connection: Connection, rows: Sequence[Values]) -> set[str]:
    """Insert what is not there yet; tell its keys.

    Raises:
        NoTransaction, StorageError, sqlite3.Error, psycopg.Error: as ``Outbox.add`` says.

    """
    if isinstance(connection, sqlite3.Connection):
        return _by_sqlite(connection, rows)
    # Whoever holds a connection of psycopg's has imported it; kfpush itself runs without.
    if "psycopg" in sys.modules:
        import psycopg  # noqa: PLC0415

        if isinstance(connection, psycopg.Connection):
            return _by_psycopg(connection, rows)
    raise TypeError(
        "the outbox writes on a sqlite3.Connection or a psycopg (3) Connection, not on a"
        f" {type(connection).__module__}.{type(connection).__qualname__}; of a cursor, pass its .connection"
    )


def _by_sqlite(connection: sqlite3.Connection, rows: Sequence[Values]) -> set[str]:
    if not _joins(connection):
        raise NoTransaction
    cursor = connection.cursor()
    cursor.row_factory = None  # the caller's own is the caller's business
    added: set[str] = set()
    one = f"({marks(_COLUMNS)})"
    try:
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            cursor.execute(
                # Bytes: what becomes of a text is for the caller's text factory to say.
                f"{_INSERT} VALUES {', '.join([one] * len(some))} {_ONCE} CAST(event_key AS BLOB)",
                [value for row in some for value in row],
            )
            added |= {key.decode() for (key,) in cursor.fetchall()}
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            raise _no_outbox() from error
        raise
    finally:
        cursor.close()
    return added


def _by_psycopg(connection: psycopg.Connection[Any], rows: Sequence[Values]) -> set[str]:
    import psycopg  # noqa: PLC0415 - the caller has it
    from psycopg.rows import tuple_row  # noqa: PLC0415

    idle = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    if connection.autocommit and idle:
        raise NoTransaction
    if not rows:
        return set()
    # A plain cursor, whatever kind of cursor and of row the caller's connection makes.
    with psycopg.Cursor(connection, row_factory=tuple_row) as cursor:
        try:
            cursor.execute(_FROM_ARRAYS, [list(column) for column in zip(*rows, strict=True)])
        except psycopg.errors.UndefinedTable as error:
            raise _no_outbox() from error
        return {str(key) for (key,) in cursor.fetchall()}


def _no_outbox() -> StorageError:
    return StorageError("this database has no push_outbox; run `kfpush migrate` on it first")


def _joins(connection: sqlite3.Connection) -> bool:
    """Whether an INSERT on this connection stays uncommitted until its owner says so."""
    if connection.in_transaction:
        return True
    # Python 3.12 and newer: autocommit=False keeps a transaction open at all times, True never has one.
    autocommit = getattr(connection, "autocommit", None)
    if isinstance(autocommit, bool):
        return not autocommit
    # The classic modes: sqlite3 itself begins before an INSERT, except with isolation_level=None.
    return connection.isolation_level is not None
