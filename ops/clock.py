"""The clocks.  Wall time is the machine's; business time is the same, but for the sandbox's offset.

The sandbox has a virtual clock, so that a day can pass in a test.  It reaches kfpush only from our own
sandbox on loopback, and only business time: leases and timeouts never use it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from consumer.wechat.port import TransportFailure
from consumer.wechat.transport import HttpTransport
from schemas.errors import StorageError

POLL: Final = 0.2

log = structlog.get_logger(__name__)


def wall() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class SandboxClock:
    """Business time in the sandbox: the wall plus an offset that the sandbox serves."""

    def __init__(self, transport: HttpTransport, on_leap: Callable[[], Awaitable[None]]) -> None:
        self._transport = transport
        self._on_leap = on_leap
        self._offset = timedelta(0)

    def now(self) -> datetime:
        """The sandbox's time."""
        return wall() + self._offset

    async def read(self) -> bool:
        """Ask the sandbox for its offset; tell whether it answered."""
        try:
            reply = await self._transport.get("/sandbox/clock", {})
            offset = timedelta(seconds=float(json.loads(reply.body)["offset"]))
        except (TransportFailure, ValueError, KeyError, TypeError):
            return False
        if offset != self._offset:
            log.info("clock.moved", offset_seconds=offset.total_seconds())
            self._offset = offset
            with suppress(StorageError):  # what it would have woken is looked at when its date comes
                await self._on_leap()
        return True

    async def follow(self) -> None:
        """Keep reading until cancelled; while the sandbox is away its last offset holds."""
        while True:
            await self.read()
            await asyncio.sleep(POLL)
