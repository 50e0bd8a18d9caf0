"""Make the tables: add what is missing, change nothing that is there.  Repeatable, and safe to start twice.

What is missing is found in ``ddl``.  Concurrent starts are serialised by the database's own lock, and on
SQLite by a file lock besides.
"""

from __future__ import annotations

import fcntl
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from consumer import host, windows
from consumer.templates import DEFAULT_TEMPLATES
from ops import ddl, tenancy
from schemas.database import Database, Session, Transaction, connected, engine_of, in_exclusive
from schemas.engines.sqlite import SqliteEngine, SqliteSession
from schemas.errors import SchemaTooNew, SchemaTooOld, StorageError
from schemas.tables import (
    APP_SCHEMA_VERSION,
    APP_TABLES,
    HOST_TABLES,
    OWN_SCHEMA_VERSION,
    OWN_TABLES,
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
    """Tell what is missing from a database, without changing it.

    Raises:
        StorageError, ConfigurationError: the database cannot be asked.

    """
    engine = engine_of(url)
    if not engine.is_there():
        with closing(sqlite3.connect(":memory:")) as nothing:
            return _steps(SqliteSession(nothing), engine.dialect, part)
    with connected(engine) as session:
        session.begin_read()
        return _steps(session, engine.dialect, part)


def migrate(url: str, part: str, now: datetime) -> list[Step]:
    """Add what is missing, in one transaction; tell what was added.

    Raises:
        SchemaTooNew: a newer kfpush was here; nothing was changed.
        StorageError: the database refused; nothing was changed.

    """
    engine = engine_of(url)
    with (
        _alone(engine.path) if isinstance(engine, SqliteEngine) else nullcontext(),
        connected(engine) as session,
        in_exclusive(session) as tx,
    ):
        _refuse_newer(_version(tx, part), part)
        steps = _steps(session, engine.dialect, part)
        for step in steps:
            tx.execute(step.sql)
        tx.execute(
            "INSERT INTO push_schema (part, version, migrated_at) VALUES (?, ?, ?)"
            " ON CONFLICT (part) DO UPDATE SET version = excluded.version,"
            " migrated_at = excluded.migrated_at WHERE push_schema.version < excluded.version",
            (part, _VERSIONS[part], to_text(now)),
        )
        if part == APP:
            _seed_templates(tx)
        else:
            tx.execute(
                "INSERT INTO push_installation (name, value) VALUES ('id', ?) ON CONFLICT (name) DO NOTHING",
                (secrets.token_hex(16),),
            )
    return steps


async def new_installation(app: Database, own: Database) -> None:
    """Give a copied database an identity of its own, so that its msgids are none that WeChat has seen.

    From now on it is this one that serves the application.
    """
    installation = secrets.token_hex(16)

    def renew(tx: Transaction) -> None:
        tx.execute("UPDATE push_installation SET value = ? WHERE name = 'id'", (installation,))

    await own.exclusive(renew)
    await app.exclusive(lambda tx: tenancy.serve(tx, installation))


async def adopt_windows(app: Database, own: Database, zone: ZoneInfo, now: datetime) -> int:
    """Take windows that were open before kfpush came for full: nobody knows what was sent in them."""
    if not await own.read(_first_time):
        return 0
    parts = await app.read(host.all_sessions)

    def adopt(tx: Transaction) -> int:
        if not _first_time(tx):
            return 0
        for sessions in parts:
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
    if not database.is_there():
        raise SchemaTooOld(f"{database.place} does not exist yet; run `kfpush migrate`")
    tables = await database.read(lambda tx: tx.columns("push_schema"))
    row = (
        await database.read(lambda tx: tx.one("SELECT version FROM push_schema WHERE part = ?", (part,)))
        if tables
        else None
    )
    version = int(row["version"]) if row else 0
    _refuse_newer(version, part)
    if version < _VERSIONS[part] or (part == OWN and await database.read(_first_time)):
        raise SchemaTooOld(f"{database.place} has not been migrated for this kfpush; run `kfpush migrate`")


def _refuse_newer(version: int, part: str) -> None:
    if version > _VERSIONS[part]:
        raise SchemaTooNew(
            f"the {part} tables are of version {version} and this kfpush knows {_VERSIONS[part]}; "
            "a newer kfpush was here: upgrade this one"
        )


def _steps(session: Session, dialect: str, part: str) -> list[Step]:
    found = ddl.missing(ddl.dialect_of(session, dialect), _PARTS[part])
    return [Step(part, item.what, item.sql) for item in found]


def _version(tx: Transaction, part: str) -> int:
    if not tx.columns("push_schema"):
        return 0
    row = tx.one("SELECT version FROM push_schema WHERE part = ?", (part,))
    return int(row["version"]) if row else 0


def _seed_templates(tx: Transaction) -> None:
    for name, body in DEFAULT_TEMPLATES.items():
        tx.execute(
            "INSERT INTO push_templates (template_name, template_type, content_template, is_active)"
            " SELECT ?, 'text', ?, ?"
            " WHERE NOT EXISTS (SELECT 1 FROM push_templates WHERE template_name = ?)",
            (name, body, 1, name),
        )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Be the only one who migrates this file: two who make it at once would not see each other's lock."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = (path.parent / f".{path.name}.migrating").open("w")
    except OSError as error:
        raise StorageError(f"cannot write in the folder {path.parent}: {error.strerror}") from error
    with closing(lock):
        fcntl.flock(lock, fcntl.LOCK_EX)
        path.touch(0o644)
        yield
