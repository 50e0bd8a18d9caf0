"""The engines that tests run on: each makes databases that cost little and go away with the test."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from ops import migrate
from schemas.database import Session, Transaction, connected, engine_of, in_exclusive
from schemas.engines.sqlite import SqliteTransaction
from tests.postgres import Postgres

NOON: Final = datetime.fromisoformat("2026-11-22T12:00+08:00")
PARTS: Final = (migrate.OWN, migrate.APP)


class Engine(Protocol):
    """What a test may ask of the engine it runs on."""

    name: str

    def empty(self) -> str:
        """Make a database without tables; tell its URL."""
        ...

    def migrated(self) -> dict[str, str]:
        """Make our ledger and an application's database; tell their URLs by part."""
        ...

    def ledger(self) -> AbstractContextManager[Transaction]:
        """Be in a transaction on an empty ledger, of which nothing stays; costs next to nothing."""
        ...


@contextmanager
def session(url: str) -> Iterator[Session]:
    """Connect as anybody might, in no transaction."""
    with connected(engine_of(url, "somebody")) as opened:
        yield opened


@contextmanager
def held(url: str) -> Iterator[Session]:
    """Be the only writer meanwhile, and change nothing."""
    with session(url) as opened:
        opened.begin_exclusive()
        try:
            yield opened
        finally:
            opened.rollback()


def ask(url: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Run a statement in a transaction of its own."""
    with session(url) as opened, in_exclusive(opened) as tx:
        return [tuple(row) for row in tx.rows(sql, values)]


class Sqlite:
    """Files in the test's folder: two, for application and ledger."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def empty(self) -> str:
        """An empty file."""
        self._made += 1
        path = Path(self._folder, f"{self._made}.db")
        path.touch()
        return f"sqlite:///{path}"

    def migrated(self) -> dict[str, str]:
        """Two files."""
        urls = {part: f"sqlite:///{self._folder}/{part}.db" for part in PARTS}
        for part, url in urls.items():
            migrate.migrate(url, part, NOON)
        return urls

    @contextmanager
    def ledger(self) -> Iterator[Transaction]:
        """A copy in memory of a file that is made once."""
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.deserialize(_empty_ledger())
            connection.execute("BEGIN")
            yield SqliteTransaction(connection)


@cache
def _empty_ledger() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        migrate.migrate(f"sqlite:///{folder}/own.db", migrate.OWN, NOON)
        return Path(folder, "own.db").read_bytes()


class Postgresql:
    """Databases of one server: one, for application and ledger together."""

    name = "postgresql"

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._made: list[str] = []

    def empty(self) -> str:
        """A database with nothing in it."""
        self._made.append(self._server.make())
        return self._server.url(self._made[-1])

    def migrated(self) -> dict[str, str]:
        """One database, a copy of one that was migrated once."""
        if self._server.template is None:
            template = self._server.make()
            for part in PARTS:
                migrate.migrate(self._server.url(template), part, NOON)
            self._server.template = template
        self._made.append(self._server.make(self._server.template))
        return dict.fromkeys(PARTS, self._server.url(self._made[-1]))

    @contextmanager
    def ledger(self) -> Iterator[Transaction]:
        """A database that is made once, and a transaction that is taken back."""
        opened = self._server.ledger
        if opened is None:
            url = self._server.url(self._server.make())
            migrate.migrate(url, migrate.OWN, NOON)
            opened = self._server.ledger = engine_of(url, "somebody").open()
        opened.begin_exclusive()
        try:
            yield opened.tx
        finally:
            opened.rollback()

    def end(self) -> None:
        """Drop what was made."""
        while self._made:
            self._server.drop(self._made.pop())
