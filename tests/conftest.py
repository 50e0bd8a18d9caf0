"""What tests of every kind may ask for."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ops.embedded import EmbeddedValkey
from tests import engines
from tests.postgres import NoServer, Postgres, postgres


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """One real server for all tests of a module; whoever stops it starts it again."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests of a worker."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres())
        except NoServer as reason:
            pytest.skip(str(reason))
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[engines.Engine]:
    """Each engine in turn: what asks for this runs on all of them."""
    if request.param == "sqlite":
        yield engines.Sqlite(tmp_path)
        return
    found = engines.Postgresql(request.getfixturevalue("postgres_server"))
    yield found
    found.end()
