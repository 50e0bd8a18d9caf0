"""What several flow tests begin with."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from consumer import holding
from ops.embedded import EmbeddedValkey
from tests.engines import Engine
from tests.flow.ledger_house import LedgerHouse, ledger_house
from tests.flow.mirror_house import Application
from tests.flow.stream_house import StreamHouse


@pytest.fixture(autouse=True)
def _at_the_minute() -> Iterator[None]:
    """Quiet hours end for everybody at once: tests here count minutes, and have other things to tell."""
    # A patch of its own: what a test itself patches has to end before its other fixtures do.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holding, "SMOOTHING", timedelta(0))
        yield


@pytest.fixture
async def house(engine: Engine) -> AsyncIterator[LedgerHouse]:
    """A ledger and a host, both migrated and empty, on each engine."""
    async with ledger_house(engine.migrated()) as opened:
        yield opened


@pytest.fixture
async def streaming(house: LedgerHouse, valkey: EmbeddedValkey) -> AsyncIterator[StreamHouse]:
    """The same behind a real server, which is empty."""
    valkey.start()
    async with AsyncExitStack() as stack:
        begun = StreamHouse(house, valkey, None, stack)
        begun.redis = begun.client()
        await begun.redis.flushall()
        yield begun


@pytest.fixture
async def application(streaming: StreamHouse) -> AsyncIterator[Application]:
    """The host, connected."""
    host = Application(streaming)
    yield host
    host.session.close()
