"""The clocks.  Wall time is the machine's; business time is the same, but for the sandbox's offset.

The sandbox has a virtual clock, so that a day can pass in a test.  It reaches kfpush only from our own
sandbox on loopback, and only business time: leases and timeouts never use it.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import structlog

from consumer.wechat.port import TransportFailure
from consumer.wechat.transport import HttpTransport
from schemas.errors import StorageError
from schemas.settings import Settings

POLL: Final = 0.2
LOOK_TIMEOUT: Final = 2.0
_PATH: Final = "/sandbox/clock"

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
            reply = await self._transport.get(_PATH, {})
            offset = _offset_in(reply.body)
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


async def read_once(settings: Settings) -> Callable[[], datetime]:
    """Give the business clock to a command that is soon over; a sandbox that is away has the wall's.

    Asked by the standard library: the fast transport's threads may still be at work when such a process ends,
    and the interpreter aborts then, now and again.
    """
    if not settings.sandboxed:
        return wall
    try:
        offset = await asyncio.to_thread(_ask, settings.wechat_url)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return wall
    return lambda: wall() + offset


def _ask(url: str) -> timedelta:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=LOOK_TIMEOUT)
    try:
        connection.request("GET", f"{place.path.rstrip('/')}{_PATH}")
        return _offset_in(connection.getresponse().read())
    finally:
        connection.close()


def _offset_in(body: bytes) -> timedelta:
    return timedelta(seconds=float(json.loads(body)["offset"]))
