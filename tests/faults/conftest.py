"""A world for each test that breaks one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.world import World, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A whole installation, with one database and a Valkey that the test may kill."""
    with open_world(tmp_path) as made:
        yield made
