"""The engines that tests run on: each makes databases that cost little and go away with the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from ops import migrate
from schemas.database import Session, connected, engine_of, in_exclusive
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
        yield opened
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
        """A file that is not there yet."""
        self._made += 1
        return f"sqlite:///{self._folder}/{self._made}.db"

    def migrated(self) -> dict[str, str]:
        """Two files."""
        urls = {part: f"sqlite:///{self._folder}/{part}.db" for part in PARTS}
        for part, url in urls.items():
            migrate.migrate(url, part, NOON)
        return urls


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

    def end(self) -> None:
        """Drop what was made."""
        while self._made:
            self._server.drop(self._made.pop())
