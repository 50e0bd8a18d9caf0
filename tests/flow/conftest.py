"""What several flow tests begin with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.flow.ledger_house import LedgerHouse, ledger_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[LedgerHouse]:
    """A ledger and a host, both migrated and empty."""
    async with ledger_house(tmp_path) as opened:
        yield opened
