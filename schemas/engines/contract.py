"""What every engine does for ``schemas.database``, and what may be asked of a transaction on any of them.

Plain declarations; nothing is opened here.  SQL is written once, with ``?`` marks, without date, JSON or
boolean functions; values are None, texts, whole numbers, booleans (0 and 1), floats and bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from schemas.errors import StorageError

BUSY_TIMEOUT: Final = 10.0
"""Seconds to wait for somebody else's lock."""


class Row(Protocol):
    """A row: values by name or by place, in the order of the SELECT; ``dict(row)`` works."""

    def keys(self) -> list[str]:
        """Name the columns."""
        ...

    def __getitem__(self, key: Any, /) -> Any:  # noqa: ANN401 - a name, a place or a slice; what the column holds
        ...

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...


class Transaction(Protocol):
    """An open transaction, inside its owner thread."""

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run one statement and return how many rows it touched."""
        ...

    def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for many rows."""
        ...

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a query and return all its rows."""
        ...

    def one(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """Run a query and return its first row, or None."""
        ...

    def columns(self, table: str) -> frozenset[str]:
        """Tell which columns a table has; none if there is no such table."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Make a part that is whole or nothing: an error takes back what was done inside, and goes on up.

        The transaction itself may go on after it.  On PostgreSQL it could not otherwise: there a statement
        that fails spoils its whole transaction.
        """
        ...


class Session(Protocol):
    """One open connection; used by one thread."""

    raw: Any
    """The driver's own connection, as an application would hold it."""

    tx: Transaction

    def begin_exclusive(self) -> None:
        """Begin as the database's only writer."""
        ...

    def begin_read(self) -> None:
        """Begin on one consistent snapshot."""
        ...

    def commit(self) -> None:
        """Make it so."""
        ...

    def rollback(self) -> None:
        """Take back what is open, if anything is."""
        ...

    def is_lost(self) -> bool:
        """Whether this connection is of no more use."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Stopping(Protocol):
    """Whether somebody who follows a database shall end, and how they learn of it at once."""

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; tell whether to end."""
        ...

    def fileno(self) -> int:
        """Give a descriptor that becomes readable when it is time to end."""
        ...


class Engine(Protocol):
    """One way to one database."""

    dialect: str
    """``sqlite`` or ``postgresql``."""

    name: str
    """What errors call this database: a name that was given, or its place."""

    @property
    def place(self) -> str:
        """Where it is, for people: a path, or a server and a name; never a user or a password."""
        ...

    errors: tuple[type[Exception], ...]
    """What the driver raises."""

    def is_there(self) -> bool:
        """Whether there is a database to open; False only where opening it would make one."""
        ...

    def open(self) -> Session:
        """Open a connection."""
        ...

    def explained(self, error: Exception) -> StorageError:
        """Turn the driver's error into one of ours that says what to do, without data or secrets."""
        ...

    def follow(self, on_commit: Callable[[], object], stopping: Stopping) -> None:
        """Call ``on_commit`` after anyone's commit, and once at the beginning, until it is time to end."""
        ...


def marks(values: Sequence[object]) -> str:
    """Write the placeholders for an IN list: ``?,?,?``; for none of them NULL, which nothing is equal to."""
    return ",".join("?" * len(values)) or "NULL"
