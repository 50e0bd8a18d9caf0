"""A world for each test that breaks one: of processes, or on paper."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from schemas.database import Database
from tests.engines import Engine
from tests.faults.paper import Site, opened, site_on
from tests.faults.world import World, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A whole installation, with one database and a Valkey that the test may kill."""
    with open_world(tmp_path) as made:
        yield made


@pytest.fixture
def site(engine: Engine) -> Site:
    """Two empty databases, on each engine."""
    return site_on(engine)


@pytest.fixture
async def handles(site: Site) -> AsyncIterator[tuple[Database, Database]]:
    """One process's handles on them: the application's, and our own."""
    async with opened(site) as made:
        yield made
