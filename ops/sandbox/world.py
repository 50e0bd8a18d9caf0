"""Everything one sandbox remembers, in one place, and the bell that tells watchers of a change."""

import asyncio
import itertools
import secrets
import time
from dataclasses import dataclass
from typing import Final

from ops.sandbox import items
from ops.sandbox.callbacks import Callbacks
from ops.sandbox.calls import CallLog
from ops.sandbox.clock import VirtualClock
from ops.sandbox.envelope import Seal, notification
from ops.sandbox.faults import Script
from ops.sandbox.items import Item
from ops.sandbox.limits import Turnstile
from ops.sandbox.mailbox import Mailboxes
from ops.sandbox.rules import Corp
from ops.sandbox.switches import Switches
from ops.sandbox.talks import Bubble
from ops.sandbox.tokens import TokenOffice
from schemas.settings import SANDBOX_AES_KEY, SANDBOX_CORP, SANDBOX_SECRET, SANDBOX_TOKEN

TOKEN_BYTES: Final = 160
SYNC_TOKEN_BYTES: Final = 24


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
    """What kfpush must bring to be given a token, and what its callback is configured with."""

    corpid: str = SANDBOX_CORP
    secret: str = SANDBOX_SECRET
    token: str = SANDBOX_TOKEN
    aes_key: str = SANDBOX_AES_KEY


class World:
    """One corp on one pretended WeChat."""

    def __init__(self, credentials: Credentials, switches: Switches) -> None:
        self.run = secrets.token_hex(8)
        # Numbered from the time of day, so that a reader's place outlives a reset and a restart.
        self._seq = itertools.count(time.time_ns() // 1_000_000)
        self.bell = Bell()
        self._credentials = credentials
        self._switches_at_start = switches
        # Where kfpush listens is the console's affair: it outlives a reset.
        seal = Seal(credentials.corpid, credentials.token, credentials.aes_key)
        self.callbacks = Callbacks(seal, lambda: self.clock.now())  # noqa: PLW0108 - a reset gives another clock
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
        self.mailboxes = Mailboxes(lambda: f"ENC{secrets.token_hex(SYNC_TOKEN_BYTES)}")
        self.callbacks.forget()
        self.bell.ring()

    def deliver(self, open_kfid: str, item: Item) -> None:
        """Something happened at an account: keep it for sync_msg, and tell kfpush to come and pull."""
        now = self.clock.witness()
        self.mailboxes.put(open_kfid, next(self._seq), item, now)
        self.bell.ring()
        corpid = self.callbacks.seal.corpid

        def write() -> str:
            left_at = self.clock.now()
            return notification(corpid, open_kfid, self.mailboxes.give_token(left_at), left_at)

        self.callbacks.notify(open_kfid, write, self.switches)

    def happen(self, event_type: str, open_kfid: str, external_userid: str | None, **facts: object) -> None:
        """Deliver one of WeChat's events."""
        self.deliver(
            open_kfid,
            items.event(
                event_type,
                open_kfid,
                self.clock.witness(),
                f"event_{next(self._seq)}",
                external_userid=external_userid,
                **facts,
            ),
        )

    def fail(self, bubble: Bubble, fail_type: int, after: float = 0.0) -> bool:
        """Let a message that was taken fail: the phone shows it no more, and ``after`` seconds tell so.

        False if it had failed before.
        """
        corp = self.corp
        if not corp.lose(bubble, self.switches):
            return False
        self.bell.ring()

        def tell() -> None:
            if self.corp is corp:  # a reset forgets what was still to be told
                names = bubble.open_kfid, bubble.external_userid
                self.happen("msg_send_fail", *names, fail_msgid=bubble.msgid, fail_type=fail_type)

        if after:
            asyncio.get_running_loop().call_later(after, tell)
        else:
            tell()
        return True
