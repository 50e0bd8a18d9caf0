"""A callback with a database behind it, and a client that speaks to it without a socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from ops import migrate
from ops.serving import make_app
from producer.callback.app import Callback
from producer.callback.board import Board
from producer.callback.tally import Tally
from schemas.database import Database
from tests.callbacks import SEAL, Request
from tests.engines import ask

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@dataclass
class CallbackHouse:
    """Everything a test touches; ``now`` is the wall clock, ``clock`` the monotonic one."""

    url: str
    own: Database
    now: datetime = NOON
    clock: float = 0.0
    nudges: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Put the callback together."""
        board = Board(self.own, wall=lambda: self.now, on_noticed=self._nudged)
        self.callback = Callback(SEAL, board, Tally(lambda: self.clock))
        transport = httpx.ASGITransport(make_app(self.callback), raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://kfpush")

    def _nudged(self) -> None:
        self.nudges += 1

    async def post(self, request: Request, path: str = "/wework/callback") -> httpx.Response:
        """Post as WeChat does."""
        return await self.client.post(f"{path}?{request.query}", content=request.body)

    async def get(self, request: Request, path: str = "/wework/callback") -> httpx.Response:
        """Check the URL as WeChat does."""
        return await self.client.get(f"{path}?{request.query}")

    async def written(self) -> None:
        """Write all that waits, as it is when kfpush stops."""
        self.stop.set()
        await self.callback.board.run(self.stop)
        self.stop.clear()

    def notices(self) -> list[tuple[Any, ...]]:
        """What the table says: account, token, time, revoked."""
        return ask(
            self.url, "SELECT open_kfid, token, notified_at, revoked_at FROM kf_notices ORDER BY open_kfid"
        )


async def eventually(look: Callable[[], object], seconds: float = 20) -> None:
    """Look until it is so."""
    async with asyncio.timeout(seconds):
        while not look():  # noqa: ASYNC110 - what is looked at has no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def callback_house(url: str) -> AsyncIterator[CallbackHouse]:
    """Put one up on a migrated ledger."""
    own = Database(url, migrate.OWN, busy_timeout=0.05)
    house = CallbackHouse(url, own)
    try:
        yield house
    finally:
        await house.client.aclose()
        await own.close()
