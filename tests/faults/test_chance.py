"""The ledger's life by dice: two consumers, and everything that can happen to a message, on paper."""

import random
from datetime import timedelta

import pytest

from ops.sandbox.switches import Switches
from schemas.database import Database
from tests.faults.chance import Life
from tests.faults.paper import NOON, Paper, turned

BATCHES = 8
LIVES = 150


def by_dice(dice: random.Random) -> Switches:
    """What WeChat is like in this life."""
    return turned(
        check_order=dice.choice(["msgid_first", "limits_first"]),
        refused_burns_msgid=dice.choice([False, True]),
        failed_calls_count=dice.choice([False, True]),
        msgid_scope=dice.choice(["account", "corp"]),
    )


async def live(handles: tuple[Database, Database], seed: int) -> Paper:
    """One life, a month after the one before; nothing may be broken, and nothing may be left."""
    dice = random.Random(seed)
    paper = Paper(*handles, f"L{seed}", NOON + timedelta(days=30 * seed), by_dice(dice))
    await Life(paper, dice).live()
    assert await paper.judged() == [], f"seed {seed}"
    return paper


async def test_some_lives(handles: tuple[Database, Database]) -> None:
    """A handful of lives: no double, no sixth message, none in quiet hours, nothing lost at the end."""
    for seed in range(6):
        await live(handles, seed)


@pytest.mark.faults
@pytest.mark.parametrize("batch", range(BATCHES))
async def test_many_lives(handles: tuple[Database, Database], batch: int) -> None:
    """Hundreds of lives: the same."""
    for seed in range(100 + batch * LIVES, 100 + (batch + 1) * LIVES):
        await live(handles, seed)
