"""People's lives by dice: what they say is obeyed and answered, whatever comes late or twice."""

import random
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from tests.engines import Engine
from tests.faults.inbound_life import SECRET, InboundLife
from tests.flow.ledger_house import LedgerHouse, ledger_house

BATCHES = 4
LIVES = 40


@pytest.fixture
async def house(engine: Engine) -> AsyncIterator[LedgerHouse]:
    """A ledger and a host, both empty, on each engine."""
    async with ledger_house(engine.migrated()) as opened:
        yield opened


async def live(house: LedgerHouse, seed: int) -> None:
    """One life; nothing may be broken, nothing left, and nothing that was said may stand in a log."""
    await house.own.exclusive(lambda tx: tx.execute("DELETE FROM push_pauses"))
    with capture_logs() as logs:
        broken = await InboundLife(house, random.Random(seed), f"L{seed}").live()
    assert broken == [], f"seed {seed}"
    told = repr(logs)
    assert SECRET not in told
    assert "wmSECRET" not in told


async def test_some_lives(house: LedgerHouse) -> None:
    """A handful: nothing twice, no sixth, none after a stop or in quiet hours, none lost."""
    for seed in (7, 9, 31):
        await live(house, seed)


@pytest.mark.faults
@pytest.mark.parametrize("batch", range(BATCHES))
async def test_many_lives(house: LedgerHouse, batch: int) -> None:
    """Hundreds of lives: the same."""
    for seed in range(100 + batch * LIVES, 100 + (batch + 1) * LIVES):
        await live(house, seed)
