"""Make the tables: add what is missing, change nothing that is there.  Repeatable, and safe to start twice.

The declarations are ``schemas.tables``; sqlite-utils looks at what exists.  Concurrent starts are serialised
by a file lock and by the database's own.
"""

from __future__ import annotations

import fcntl
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import sqlite_utils

from consumer import host, windows
from consumer.templates import DEFAULT_TEMPLATES
from schemas.database import BUSY_TIMEOUT, Database, Transaction, explained, path_of
from schemas.errors import SchemaTooNew, SchemaTooOld, StorageError
from schemas.tables import (
    APP_SCHEMA_VERSION,
    APP_TABLES,
    HOST_TABLES,
    OWN_SCHEMA_VERSION,
    OWN_TABLES,
    Column,
    Index,
    Table,
)
from schemas.times import to_text

APP: Final = "app"
OWN: Final = "own"
_VERSIONS: Final = {APP: APP_SCHEMA_VERSION, OWN: OWN_SCHEMA_VERSION}
_PARTS: Final = {APP: (*APP_TABLES, *HOST_TABLES), OWN: OWN_TABLES}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that migrating does; ``sql`` is what it runs."""

    part: str
    what: str
    sql: str


def plan(url: str, part: str) -> list[Step]:
    """Tell what is missing from a database, without changing it."""
    path = path_of(url)
    if not path.exists():
        return list(_steps(sqlite_utils.Database(memory=True), part))
    with _open(url) as database:
        return list(_steps(database, part))


def migrate(url: str, part: str, now: datetime) -> list[Step]:
    """Add what is missing, in one transaction; tell what was added.

    Raises:
        SchemaTooNew: a newer kfpush was here; nothing was changed.
        StorageError: the database refused; nothing was changed.

    """
    path = path_of(url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder {path.parent}: {error.strerror}") from error
    with _alone(path), _open(url) as database:
        connection = database.conn
        connection.execute("BEGIN IMMEDIATE")
        try:
            _refuse_newer(_version(database, part), part)
            steps = list(_steps(database, part))
            for step in steps:
                connection.execute(step.sql)
            connection.execute(
                "INSERT INTO push_schema (part, version, migrated_at) VALUES (?, ?, ?)"
                " ON CONFLICT (part) DO UPDATE SET version = excluded.version,"
                " migrated_at = excluded.migrated_at WHERE push_schema.version < excluded.version",
                (part, _VERSIONS[part], to_text(now)),
            )
            if part == APP:
                _seed_templates(connection)
            else:
                connection.execute(
                    "INSERT INTO push_installation (name, value) VALUES ('id', ?)"
                    " ON CONFLICT (name) DO NOTHING",
                    (secrets.token_hex(16),),
                )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return steps


async def new_installation(own: Database) -> None:
    """Give a copied database an identity of its own, so that its msgids are none that WeChat has seen."""

    def renew(tx: Transaction) -> None:
        tx.execute("UPDATE push_installation SET value = ? WHERE name = 'id'", (secrets.token_hex(16),))

    await own.exclusive(renew)


async def adopt_windows(app: Database, own: Database, zone: ZoneInfo, now: datetime) -> int:
    """Take windows that were open before kfpush came for full: nobody knows what was sent in them."""
    if not await own.read(_first_time):
        return 0
    sessions = await app.read(host.all_sessions)

    def adopt(tx: Transaction) -> int:
        if not _first_time(tx):
            return 0
        windows.raise_from_host(tx, sessions, zone, now)
        adopted = windows.take_for_full(tx, now)
        tx.execute(
            "INSERT INTO push_installation (name, value) VALUES ('windows_adopted', ?)", (to_text(now),)
        )
        return adopted

    return await own.exclusive(adopt)


def _first_time(tx: Transaction) -> bool:
    return tx.one("SELECT value FROM push_installation WHERE name = 'windows_adopted'") is None


async def require_current(database: Database, part: str) -> None:
    """Refuse to start on a database that was not migrated, or by a newer kfpush.

    Raises:
        SchemaTooOld, SchemaTooNew: saying which command helps.

    """
    if not database.path.exists():
        raise SchemaTooOld(f"{database.path.absolute()} does not exist yet; run `kfpush migrate`")
    tables = await database.read(lambda tx: tx.columns("push_schema"))
    row = (
        await database.read(lambda tx: tx.one("SELECT version FROM push_schema WHERE part = ?", (part,)))
        if tables
        else None
    )
    version = int(row["version"]) if row else 0
    _refuse_newer(version, part)
    if version < _VERSIONS[part] or (part == OWN and await database.read(_first_time)):
        raise SchemaTooOld(
            f"{database.path.absolute()} has not been migrated for this kfpush; run `kfpush migrate`"
        )


def _refuse_newer(version: int, part: str) -> None:
    if version > _VERSIONS[part]:
        raise SchemaTooNew(
            f"the {part} tables are of version {version} and this kfpush knows {_VERSIONS[part]}; "
            "a newer kfpush was here: upgrade this one"
        )


def _steps(database: sqlite_utils.Database, part: str) -> Iterator[Step]:
    existing = set(database.table_names())
    for table in _PARTS[part]:
        if table.name not in existing:
            if not table.made:
                continue
            yield Step(part, f"create table {table.name}", _create(table))
            yield from _index_steps(part, table, present=())
            continue
        target = database.table(table.name)
        if table not in HOST_TABLES and not table.auto and set(target.pks) != set(table.key):
            yield from _rebuild(part, table, {column.name for column in target.columns})
            continue
        columns = {column.name.lower() for column in target.columns}
        for column in table.columns:
            if column.name.lower() not in columns:
                yield Step(part, f"add column {table.name}.{column.name}", _add(table, column))
        yield from _index_steps(part, table, present=[index.name for index in target.indexes])


def _rebuild(part: str, table: Table, columns: set[str]) -> Iterator[Step]:
    """Give a table of ours another key, which no ALTER TABLE can; its rows come along."""
    new = replace(table, name=f"{table.name}_rebuilt")
    kept = ", ".join(column.name for column in table.columns if column.name in columns)
    copy = f"INSERT INTO {new.name} ({kept}) SELECT {kept} FROM {table.name}"
    yield Step(part, f"create table {new.name}", _create(new))
    yield Step(part, f"copy the rows of {table.name}", copy)
    yield Step(part, f"drop table {table.name}", f"DROP TABLE {table.name}")
    yield Step(part, f"rename table {new.name}", f"ALTER TABLE {new.name} RENAME TO {table.name}")
    yield from _index_steps(part, table, present=())


def _index_steps(part: str, table: Table, present: Iterable[str]) -> Iterator[Step]:
    for index in table.indexes:
        if index.name not in set(present):
            yield Step(part, f"create index {index.name}", _index(table, index))


def _create(table: Table) -> str:
    parts = [_column(column, table) for column in table.columns]
    if not table.auto:
        parts.append(f"PRIMARY KEY ({', '.join(table.key)})")
    parts += [f"UNIQUE ({', '.join(columns)})" for columns in table.unique]
    return f"CREATE TABLE {table.name} ({', '.join(parts)})"


def _column(column: Column, table: Table) -> str:
    if table.auto and table.key == (column.name,):
        return f"{column.name} INTEGER PRIMARY KEY AUTOINCREMENT"
    words = [column.name, column.type]
    if column.not_null:
        words.append("NOT NULL")
    if column.default is not None:
        words.append(f"DEFAULT {column.default}")
    return " ".join(words)


def _add(table: Table, column: Column) -> str:
    """SQLite adds no column with a default that is computed; a host's old rows keep NULL there."""
    default = "" if column.default in {None, "CURRENT_TIMESTAMP"} else f" DEFAULT {column.default}"
    return f"ALTER TABLE {table.name} ADD COLUMN {column.name} {column.type}{default}"


def _index(table: Table, index: Index) -> str:
    unique = "UNIQUE " if index.unique else ""
    where = f" WHERE {index.where}" if index.where else ""
    return f"CREATE {unique}INDEX {index.name} ON {table.name} ({', '.join(index.columns)}){where}"


def _version(database: sqlite_utils.Database, part: str) -> int:
    if "push_schema" not in database.table_names():
        return 0
    row = database.conn.execute("SELECT version FROM push_schema WHERE part = ?", (part,)).fetchone()
    return int(row[0]) if row else 0


def _seed_templates(connection: sqlite3.Connection) -> None:
    for name, body in DEFAULT_TEMPLATES.items():
        connection.execute(
            "INSERT INTO push_templates (template_name, template_type, content_template, is_active)"
            " SELECT ?, 'text', ?, 1"
            " WHERE NOT EXISTS (SELECT 1 FROM push_templates WHERE template_name = ?)",
            (name, body, name),
        )


@contextmanager
def _open(url: str) -> Iterator[sqlite_utils.Database]:
    path = path_of(url)
    try:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)
        try:
            yield sqlite_utils.Database(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise explained(error, str(path)) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    try:
        lock = (path.parent / f".{path.name}.migrating").open("w")
    except OSError as error:
        raise StorageError(f"cannot write in the folder {path.parent}: {error.strerror}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
