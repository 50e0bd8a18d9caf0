"""What is missing from a database, as the SQL that adds it, in the words of either engine.

The declarations are ``schemas.tables``; nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import sqlite_utils

from schemas.engines.contract import Session, Transaction
from schemas.tables import HOST_TABLES, PUSH_OUTBOX, Column, Index, Table

CHANNEL: Final = "kfpush_outbox"
"""What a watching mirror listens to on PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is not there, and the statement that makes it."""

    what: str
    sql: str


class Dialect(Protocol):
    """How one engine says it."""

    def tables(self) -> frozenset[str]:
        """Name the tables there are, in small letters."""
        ...

    def columns(self, table: str) -> frozenset[str]:
        """Name a table's columns, in small letters."""
        ...

    def key(self, table: str) -> frozenset[str]:
        """Name the columns of a table's primary key."""
        ...

    def indexes(self, table: str) -> frozenset[str]:
        """Name a table's indexes."""
        ...

    def type_of(self, column: Column) -> str:
        """Write a column's type."""
        ...

    def counting_key(self) -> str:
        """Write the type of a key that counts by itself."""
        ...

    def default_of(self, column: Column) -> str | None:
        """Write a column's default."""
        ...

    def besides(self, table: Table) -> Iterator[Missing]:
        """Tell what else this engine needs with a table, as far as it is missing."""
        ...


def dialect_of(session: Session, name: str) -> Dialect:
    """Choose the words for an open connection."""
    return Sqlite(session) if name == "sqlite" else Postgres(session.tx)


def missing(dialect: Dialect, declared: Sequence[Table]) -> Iterator[Missing]:
    """Tell what is missing of these tables: whole ones, columns, indexes."""
    existing = dialect.tables()
    for table in declared:
        if table.name in existing:
            if table not in HOST_TABLES and not table.auto and dialect.key(table.name) != set(table.key):
                yield from _rebuild(dialect, table)
                continue
            columns = dialect.columns(table.name)
            for column in table.columns:
                if column.name not in columns:
                    yield Missing(f"add column {table.name}.{column.name}", _add(dialect, table, column))
            indexes = dialect.indexes(table.name)
        elif not table.made:
            continue
        else:
            yield Missing(f"create table {table.name}", _create(dialect, table))
            indexes = frozenset()
        for index in table.indexes:
            if index.name not in indexes:
                yield Missing(f"create index {index.name}", _index(table, index))
        yield from dialect.besides(table)


def _rebuild(dialect: Dialect, table: Table) -> Iterator[Missing]:
    """Give a table of ours another key, which no ALTER TABLE can; its rows come along."""
    new = replace(table, name=f"{table.name}_rebuilt")
    there = dialect.columns(table.name)
    kept = ", ".join(column.name for column in table.columns if column.name in there)
    copy = f"INSERT INTO {new.name} ({kept}) SELECT {kept} FROM {table.name}"
    yield Missing(f"create table {new.name}", _create(dialect, new))
    yield Missing(f"copy the rows of {table.name}", copy)
    yield Missing(f"drop table {table.name}", f"DROP TABLE {table.name}")
    yield Missing(f"rename table {new.name}", f"ALTER TABLE {new.name} RENAME TO {table.name}")
    for index in table.indexes:
        yield Missing(f"create index {index.name}", _index(table, index))


def _create(dialect: Dialect, table: Table) -> str:
    parts = [_column(dialect, column, table) for column in table.columns]
    if not table.auto:
        parts.append(f"PRIMARY KEY ({', '.join(table.key)})")
    parts += [f"UNIQUE ({', '.join(columns)})" for columns in table.unique]
    return f"CREATE TABLE {table.name} ({', '.join(parts)})"


def _column(dialect: Dialect, column: Column, table: Table) -> str:
    if table.auto and table.key == (column.name,):
        return f"{column.name} {dialect.counting_key()}"
    words = [column.name, dialect.type_of(column)]
    if column.not_null:
        words.append("NOT NULL")
    if (default := dialect.default_of(column)) is not None:
        words.append(f"DEFAULT {default}")
    return " ".join(words)


def _add(dialect: Dialect, table: Table, column: Column) -> str:
    """SQLite adds no column with a default that is computed; a host's old rows keep NULL there."""
    default = "" if column.default in {None, "CURRENT_TIMESTAMP"} else f" DEFAULT {column.default}"
    return f"ALTER TABLE {table.name} ADD COLUMN {column.name} {dialect.type_of(column)}{default}"


def _index(table: Table, index: Index) -> str:
    unique = "UNIQUE " if index.unique else ""
    where = f" WHERE {index.where}" if index.where else ""
    return f"CREATE {unique}INDEX {index.name} ON {table.name} ({', '.join(index.columns)}){where}"


class Sqlite:
    """SQLite's words; sqlite-utils looks at what exists."""

    def __init__(self, session: Session) -> None:
        self._database = sqlite_utils.Database(session.raw)

    def tables(self) -> frozenset[str]:
        """Name the tables there are."""
        return frozenset(name.lower() for name in self._database.table_names())

    def columns(self, table: str) -> frozenset[str]:
        """Name a table's columns."""
        return frozenset(column.name.lower() for column in self._database.table(table).columns)

    def key(self, table: str) -> frozenset[str]:
        """Name the columns of a table's primary key."""
        return frozenset(self._database.table(table).pks)

    def indexes(self, table: str) -> frozenset[str]:
        """Name a table's indexes."""
        return frozenset(index.name for index in self._database.table(table).indexes)

    def type_of(self, column: Column) -> str:
        """The declared types are SQLite's."""
        return column.type

    def counting_key(self) -> str:
        """A number that is never given twice."""
        return "INTEGER PRIMARY KEY AUTOINCREMENT"

    def default_of(self, column: Column) -> str | None:
        """The declared defaults are SQLite's."""
        return column.default

    def besides(self, table: Table) -> Iterator[Missing]:
        """Nothing: commits are seen by looking."""
        del table
        yield from ()


_TYPES: Final = {
    "TEXT": 'TEXT COLLATE "C"',  # our instants and keys are compared as SQLite does, by their bytes
    "INTEGER": "BIGINT",
    "REAL": "DOUBLE PRECISION",
    "BLOB": "BYTEA",
}
_NOW: Final = "to_char(CURRENT_TIMESTAMP AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
"""CURRENT_TIMESTAMP as SQLite writes it into a TEXT."""

_FUNCTION: Final = "kfpush_outbox_added"
_TRIGGER: Final = "push_outbox_added"


class Postgres:
    """PostgreSQL's words, for what is found on the connection's search_path."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def tables(self) -> frozenset[str]:
        """Name the tables there are."""
        return self._names(
            "SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND pg_table_is_visible(oid)"
        )

    def columns(self, table: str) -> frozenset[str]:
        """Name a table's columns."""
        return frozenset(name.lower() for name in self._tx.columns(table))

    def key(self, table: str) -> frozenset[str]:
        """Name the columns of a table's primary key."""
        return self._names(
            "SELECT attname AS name FROM pg_index"
            " JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)"
            " WHERE indisprimary AND indrelid = to_regclass(?)",
            table,
        )

    def indexes(self, table: str) -> frozenset[str]:
        """Name a table's indexes."""
        return self._names(
            "SELECT relname AS name FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid"
            " WHERE indrelid = to_regclass(?)",
            table,
        )

    def type_of(self, column: Column) -> str:
        """Write the type that holds the same values."""
        return _TYPES[column.type]

    def counting_key(self) -> str:
        """A number that is never given twice; a row that brings its own may."""
        return "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"

    def default_of(self, column: Column) -> str | None:
        """Write a column's default."""
        return _NOW if column.default == "CURRENT_TIMESTAMP" else column.default

    def besides(self, table: Table) -> Iterator[Missing]:
        """With the outbox, the trigger that tells whoever listens that rows were added.

        One for a statement, not for each row; PostgreSQL tells it at the commit, and once.
        """
        if table.name != PUSH_OUTBOX.name:
            return
        if not self._names("SELECT proname AS name FROM pg_proc WHERE oid = to_regproc(?)", _FUNCTION):
            yield Missing(
                f"create function {_FUNCTION}",
                f"CREATE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN PERFORM pg_notify('{CHANNEL}', ''); RETURN NULL; END $$",
            )
        if not self._names(
            "SELECT tgname AS name FROM pg_trigger WHERE tgrelid = to_regclass(?) AND tgname = ?",
            table.name,
            _TRIGGER,
        ):
            yield Missing(
                f"create trigger {_TRIGGER}",
                f"CREATE TRIGGER {_TRIGGER} AFTER INSERT ON {table.name}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()",
            )

    def _names(self, sql: str, *values: str) -> frozenset[str]:
        return frozenset(row["name"] for row in self._tx.rows(sql, values))
