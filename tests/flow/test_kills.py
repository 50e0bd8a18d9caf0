"""Each step of the walk is the last of some daemon: nothing is lost, nothing doubled, nobody has to help."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.judge import judge
from tests.faults.kills import kill_at, recover
from tests.faults.processes import Fate
from tests.faults.steps import STEPS, Step
from tests.faults.world import World, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A whole installation of its own."""
    with open_world(tmp_path) as made:
        yield made


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_kill_at_each_step(world: World, step: Step) -> None:
    """After a kill -9 at this step and a plain restart, every match has its message or its right reason."""
    victim = kill_at(world, Fate(step))
    recover(world, victim)
    judge(world)
