"""Forwarding: what users say to the application is POSTed to it, signed, at least once, from rows.

Its own room: a slow application delays nobody's messages.  Conversations go side by side, the words of one
conversation one after the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from consumer.backoff import doubled, spread
from consumer.ledger import forwards
from consumer.ledger.forwards import GIVE_UP_AFTER, Forward
from consumer.looping import keep_at
from consumer.wechat.port import Reply, TransportFailure
from consumer.world import World
from schemas.database import Database, Transaction

AT_ONCE: Final = 16
"""So many conversations are told of side by side."""

EVERY: Final = 1.0
FIRST_RETRY: Final = timedelta(seconds=1)
LONGEST_RETRY: Final = timedelta(minutes=5)
LEASE: Final = timedelta(seconds=30)
"""How long what is being tried belongs to who tries it: longer than a call may take."""

_SUCCESS: Final = range(200, 300)

log = structlog.get_logger(__name__)


class Poster(Protocol):
    """Whatever makes one POST to the application."""

    async def post(
        self, path: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """POST; raises TransportFailure."""


def signed(secret: bytes, name: str, at: datetime, body: bytes) -> dict[str, str]:
    """Write the headers that say who POSTs this and when: HMAC-SHA256 over ``<unix seconds>.<body>``."""
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "x-kfpush-id": name,
        "x-kfpush-timestamp": stamp,
        "x-kfpush-signature": f"sha256={digest}",
    }


@dataclass(frozen=True, slots=True)
class Target:
    """Where to POST: the path, with its query if it has one, and the key of the signature."""

    path: str
    secret: bytes


class Forwarder:
    """The room."""

    def __init__(self, own: Database, poster: Poster, target: Target, *, world: World) -> None:
        self._own = own
        self._poster = poster
        self._target = target
        self._world = world
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Something may have been queued."""
        self._nudged.set()

    async def run(self) -> None:
        """Work until cancelled."""
        await keep_at(self.forward, self._nudged, world=self._world, every=EVERY, trouble="forward.waiting")

    async def forward(self) -> bool:
        """Try what is due; tell whether there may be more."""
        wall = self._world.wall()
        if not await self._own.read(lambda tx: forwards.are_due(tx, wall)):
            return False
        taken, is_more = await self._own.exclusive(lambda tx: forwards.take(tx, wall, LEASE, AT_ONCE))
        if not taken:
            return is_more
        causes = await asyncio.gather(*(self._try(item) for item in taken))
        await self._own.exclusive(lambda tx: self._settle(tx, taken, causes))
        return True

    async def _try(self, item: Forward) -> str | None:
        """Make one attempt; why it failed, in a few fixed words, or None."""
        body = item.body.encode("utf-8", "replace")
        headers = signed(self._target.secret, item.name, self._world.wall(), body)
        try:
            reply = await self._poster.post(self._target.path, {}, body, headers)
        except TransportFailure as failure:
            return failure.cause
        return None if reply.status in _SUCCESS else f"http {reply.status}"

    def _settle(self, tx: Transaction, taken: Sequence[Forward], causes: Sequence[str | None]) -> None:
        wall = self._world.wall()
        failed = [(item, cause) for item, cause in zip(taken, causes, strict=True) if cause is not None]
        lost = [(item, cause) for item, cause in failed if wall - item.queued_at >= GIVE_UP_AFTER]
        later = [
            (item.id, wall + self._wait(item.attempts), cause)
            for item, cause in failed
            if wall - item.queued_at < GIVE_UP_AFTER
        ]
        forwards.heard(
            tx, [item.id for item, cause in zip(taken, causes, strict=True) if cause is None], wall
        )
        forwards.put_off(tx, later)
        forwards.give_up(tx, [(item.id, cause) for item, cause in lost], wall)
        for item, cause in failed:
            log.warning("forward.failed", id=item.name, attempt=item.attempts, cause=cause)
        for item, cause in lost:
            log.error(
                "forward.gave_up",
                id=item.name,
                attempts=item.attempts,
                cause=cause,
                advice="check KFPUSH_FORWARD_URL; the application never heard this message",
            )

    def _wait(self, attempts: int) -> timedelta:
        return spread(doubled(attempts, FIRST_RETRY, LONGEST_RETRY), self._world.dice())
