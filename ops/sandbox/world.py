"""Everything one sandbox remembers, in one place, and the bell that tells watchers of a change."""

import asyncio
import itertools
import secrets
import time
from dataclasses import dataclass
from typing import Final

from ops.sandbox.calls import CallLog
from ops.sandbox.clock import VirtualClock
from ops.sandbox.faults import Script
from ops.sandbox.limits import Turnstile
from ops.sandbox.rules import Corp
from ops.sandbox.switches import Switches
from ops.sandbox.tokens import TokenOffice

TOKEN_BYTES: Final = 160


class Bell:
    """Wakes everybody who waits for something to change; after it is closed nobody waits any more."""

    def __init__(self) -> None:
        self.rung = 0
        self.is_closed = False
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Something changed."""
        self.rung += 1
        self._next.set()
        self._next = asyncio.Event()

    def close(self) -> None:
        """The sandbox stops: wake all, for good."""
        self.is_closed = True
        self.ring()

    async def wait(self, seconds: float, after: int | None = None) -> None:
        """Until it rings (or has rung since `after`), it is closed, or the seconds are over."""
        if self.is_closed or (after is not None and after != self.rung):
            return
        ring = self._next
        try:
            async with asyncio.timeout(seconds):
                await ring.wait()
        except TimeoutError:
            return

    async def pause(self, seconds: float) -> None:
        """Let seconds pass whatever changes, but do not hold up a sandbox that stops."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self.is_closed and (left := until - loop.time()) > 0:
            await self.wait(left)


@dataclass(frozen=True)
class Credentials:
    """What kfpush must bring to be given a token."""

    corpid: str = "sandbox"
    secret: str = "sandbox"  # noqa: S105 - everybody may know it


class World:
    """One corp on one pretended WeChat."""

    def __init__(self, credentials: Credentials, switches: Switches) -> None:
        self.run = secrets.token_hex(8)
        # Numbered from the time of day, so that a reader's place outlives a reset and a restart.
        self._seq = itertools.count(time.time_ns() // 1_000_000)
        self.bell = Bell()
        self._credentials = credentials
        self._switches_at_start = switches
        self.forget()

    def forget(self) -> None:
        """Begin anew: no users, no messages, no tokens, no faults, today's time."""
        self.switches = self._switches_at_start
        self.clock = VirtualClock()
        self.corp = Corp(self._seq)
        self.tokens = TokenOffice(
            self._credentials.corpid,
            self._credentials.secret,
            lambda: secrets.token_urlsafe(TOKEN_BYTES),
        )
        self.turnstile = Turnstile()
        self.faults = Script()
        self.calls = CallLog()
        self.bell.ring()
