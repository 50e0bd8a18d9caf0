"""The keeper: what the templates in force show is with WeChat, before a message needs it.

It uploads what is new and what will die soon, one upload a file however many consumers run.  Planning asks it
only which bytes a path stands for; whether they are with WeChat, the table says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Protocol

import structlog

from consumer import host
from consumer.bodies import Need, needs_of
from consumer.book import opened
from consumer.looping import keep_at
from consumer.media import shelf
from consumer.media.folder import Folder, Problem, item_of
from consumer.media.shelf import Item, Key
from consumer.sources import in_force
from consumer.wechat.calls import NoAnswer
from consumer.world import World
from schemas.database import Database, Transaction
from schemas.media import Uploaded

EVERY: Final = 5.0
"""Seconds between two looks at the templates and the folder."""

REFUSED_REST: Final = timedelta(hours=1)
"""A file that WeChat refused is offered again after so long, unless it changes."""

LONGEST_REST: Final = timedelta(minutes=10)
"""The same for one of which nothing was heard, after 1, 2, 4 ... seconds."""

KEPT: Final = timedelta(days=30)
"""So long what nobody wants any more is remembered."""

MARGIN: Final = timedelta(seconds=30)
"""By which the lease outlasts the longest upload."""

log = structlog.get_logger(__name__)


class Uploads(Protocol):
    """What can upload: WeChat's client, or a fault on purpose.  ``within`` is the longest time it takes."""

    @property
    def within(self) -> timedelta: ...  # noqa: D102

    async def upload(self, wanted: str, filename: str, data: bytes) -> Uploaded:
        """Upload a file; raises NoAnswer."""


class Keeper:
    """The room.  ``kind`` is how single matches are to go."""

    def __init__(
        self,
        app: Database,
        own: Database,
        uploads: Uploads,
        folder: Folder,
        *,
        kind: str,
        holder: str,
        world: World,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._app = app
        self._own = own
        self._uploads = uploads
        self._folder = folder
        self._kind = kind
        self._holder = holder
        self._world = world
        self._on_ready = on_ready
        self._nudged = asyncio.Event()
        self._told: frozenset[str] = frozenset()
        self.known: Mapping[Need, Key] = MappingProxyType({})
        """Which bytes each file of the templates in force is; of those that could be uploaded."""

    def nudge(self) -> None:
        """Some media was lost: look at once."""
        self._nudged.set()

    async def run(self) -> None:
        """Work until cancelled."""
        await keep_at(self.keep, self._nudged, world=self._world, every=EVERY, trouble="media.waiting")

    async def keep(self) -> None:
        """Look once at what is needed, and upload what has to be."""
        needs = await self._app.read(lambda tx: needed(tx, self._kind))
        found = await asyncio.to_thread(self._folder.look, needs)
        self._complain(found.values())
        items = {need: item for need, item in found.items() if isinstance(item, Item)}
        self.known = MappingProxyType({need: item.key for need, item in items.items()})
        if not items:
            return
        keys = {item.key for item in items.values()}
        now, wall = self._world.now(), self._world.wall()
        wanting = await self._own.read(lambda tx: shelf.wanting(tx, keys, now, wall))
        for need, item in items.items():
            if item.key in wanting:
                await self.upload(need, item)

    async def upload(self, need: Need, item: Item) -> bool:
        """Upload a file unless somebody else is at it; tell whether it is with WeChat now by our doing."""
        lease = self._uploads.within + MARGIN
        began_at, wall = self._world.now(), self._world.wall()
        mine = await self._own.exclusive(
            lambda tx: shelf.claim(tx, item, self._holder, lease, began_at, wall)
        )
        if not mine:
            return False
        data = await asyncio.to_thread(self._folder.read, need)
        if isinstance(data, Problem) or item_of(need, data) != item:
            await self._failed(item, None, "the file changed meanwhile", timedelta(0))
            return False
        try:
            answer = await self._uploads.upload(need.kind, need.path.rpartition("/")[2], data)
        except NoAnswer as error:
            await self._failed(item, error.errcode, error.cause, None)
            return False
        if not answer.media_id:
            await self._failed(item, answer.errcode, "WeChat refused it", REFUSED_REST)
            return False
        await self._own.exclusive(lambda tx: self._stored(tx, item.key, answer.media_id, began_at))
        log.info("media.uploaded", type=item.type, bytes=item.size, sha256=item.sha256[:12])
        self._on_ready()
        return True

    def _stored(self, tx: Transaction, key: Key, media_id: str, began_at: datetime) -> None:
        """Keep what came of an upload; its three days are counted from before it left."""
        now = self._world.now()
        shelf.stored(tx, key, media_id, began_at, now)
        shelf.prune(tx, now - KEPT)

    async def _failed(self, item: Item, errcode: int | None, cause: str, rest: timedelta | None) -> None:
        def note(tx: Transaction) -> None:
            wait = rest
            if wait is None:
                wait = min(timedelta(seconds=2 ** min(shelf.failures(tx, item.key), 10)), LONGEST_REST)
            again_at = self._world.wall() + wait
            shelf.failed(tx, item.key, self._holder, errcode, cause, again_at, self._world.now())

        await self._own.exclusive(note)
        log.warning("media.upload_failed", file=item.filename, type=item.type, errcode=errcode, cause=cause)

    def _complain(self, found: Collection[Item | Problem]) -> None:
        """Say what is wrong with a file, once as long as it stays so."""
        problems = frozenset(item.text for item in found if isinstance(item, Problem))
        for text in sorted(problems - self._told):
            log.warning("media.unusable", problem=text)
        self._told = problems


def needed(tx: Transaction, kind: str) -> list[Need]:
    """Tell which files the templates in force for single matches of this kind show."""
    ready = opened(in_force(host.templates(tx), kind).single).ready.values()
    found = (need for item in ready for need in needs_of(item.wording.kind, item.wording.config))
    return list(dict.fromkeys(found))
