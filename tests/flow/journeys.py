"""A ledger house with an outbox and a stream before it, and somebody outside who only looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from consumer.intake import sort, store
from consumer.stream import Delivered
from consumer.watch import HostWatch
from consumer.world import World
from ops import migrate
from ops.looking.explain import explain
from ops.looking.journey import Journey
from ops.looking.lookout import Lookout
from ops.telling import tell
from ops.telling.sentences import Language
from ops.wiring import databases, rules_of
from producer import outbox
from producer.outbox import Outbox
from producer.stream import MatchStream
from schemas.database import in_exclusive
from schemas.keys import Keys
from schemas.receipts import Accepted, Receipt
from schemas.settings import Settings
from tests.engines import session
from tests.flow.ledger_house import NOON, LedgerHouse, at, ledger_house, match

EVERYTHING = 500


class Walk:
    """Matches that walk by hand, from the application's commit on."""

    def __init__(self, house: LedgerHouse, folder: Path, redis: Redis) -> None:
        self.house = house
        self.redis = redis
        self.settings = Settings(
            data_dir=str(folder / "data"),
            database_url=house.own.url,
            app_database_url=house.app.url,
        )
        self._mirrored: list[Delivered] = []
        self._entries = 0

    @property
    def keys(self) -> Keys:
        """The Redis keys of this installation."""
        return Keys(self.settings.namespace)

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to be told to look at this installation."""
        return {
            "KFPUSH_DATA_DIR": self.settings.data_dir,
            "KFPUSH_DATABASE_URL": self.settings.database_url,
            "KFPUSH_APP_DATABASE_URL": self.settings.app_database_url,
        }

    async def speaks(self, user_id: str = "ann", spoken_at: datetime | None = None) -> None:
        """A user writes to wkA; the application notes it, by its own clock."""
        said = spoken_at or self.house.now
        await self.house.session(user_id, f"wm{user_id}", "wkA", f"{said:%Y-%m-%dT%H:%M:%S}")

    async def commit(self, match_id: str, user_id: str = "ann", **more: object) -> None:
        """The application stores a match's event in a transaction of its own."""
        await asyncio.to_thread(self._commit, match_id, user_id, **more)

    def _commit(self, match_id: str, user_id: str, **more: object) -> None:
        with session(self.house.app.url) as host, in_exclusive(host):
            Outbox().add(host.raw, match(match_id, user_id, **more), now=self.house.now)

    async def mirror(self) -> None:
        """What is committed goes to a stream that needs no server."""
        rows = await self.house.app.read(lambda tx: outbox.unmirrored(tx, EVERYTHING))
        ids = []
        for row in rows:
            self._entries += 1
            entry = f"{int(self.house.now.timestamp())}000-{self._entries}"
            fields = {name.encode(): text.encode() for name, text in row.envelope.fields().items()}
            self._mirrored.append(Delivered(entry, fields))
            ids.append((row.id, entry))
        await self.house.app.exclusive(lambda tx: outbox.mark_mirrored(tx, ids, self.house.now))

    async def mirror_to_redis(self) -> list[str]:
        """What is committed goes to Redis; the entries' ids."""
        rows = await self.house.app.read(lambda tx: outbox.unmirrored(tx, EVERYTHING))
        stream = MatchStream(self.redis, self.keys.matches, self.keys.mirror_lease)
        entries = await stream.add([row.envelope for row in rows])
        ids = [(row.id, entry) for row, entry in zip(rows, entries, strict=True)]
        await self.house.app.exclusive(lambda tx: outbox.mark_mirrored(tx, ids, self.house.now))
        return entries

    async def take(self, *raw: Delivered) -> None:
        """A consumer takes what was mirrored, and these entries."""
        batch = sort([*self._mirrored, *raw])
        self._mirrored.clear()
        await self.house.own.exclusive(lambda tx: store(tx, batch, self.house.now))

    async def arrive(self, match_id: str, user_id: str = "ann", **more: object) -> None:
        """A match is committed, mirrored and taken."""
        await self.commit(match_id, user_id, **more)
        await self.mirror()
        await self.take()

    async def send(self, receipt: Receipt | None = None) -> None:
        """Plan, and let everything reserved end in one receipt: accepted, unless told otherwise."""
        outcome = await self.house.plan()
        await self.house.settle(*((attempt, receipt or Accepted()) for attempt in outcome.attempts))

    async def hear(self) -> None:
        """Look once at what the application newly says of those who wait."""
        house = self.house
        world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
        watch = HostWatch(
            house.app, house.own, zone=house.rules.host_zone, world=world, on_woken=lambda: None
        )
        await watch.look()

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[Lookout]:
        """Look from outside, at this moment."""
        app, own = databases(self.settings, read_only=True)
        now, wall = self.house.now, self.house.wall
        try:
            yield Lookout(self.settings, app, own, self.redis, rules_of(self.settings), now, wall)
        finally:
            await app.close()
            await own.close()

    async def journey(self, match_id: str, *, with_text: bool = False) -> Journey:
        """Gather a match's journey."""
        async with self.looking() as look:
            return await explain(look, match_id, with_text=with_text)

    async def told(self, match_id: str, language: Language = "en", *, with_text: bool = False) -> list[str]:
        """Tell a match's journey, a text a line."""
        said = tell(await self.journey(match_id, with_text=with_text), language)
        return [" ".join(filter(None, (line.at, line.text))) for line in said]

    async def answer(self, match_id: str) -> list[str]:
        """Tell where a match stands: the headline, and what stands under it."""
        told = await self.told(match_id)
        return told[: next(nth for nth, line in enumerate(told) if line.startswith("What happened"))]


@asynccontextmanager
async def walking(urls: Mapping[str, str], folder: Path, redis: Redis | None = None) -> AsyncIterator[Walk]:
    """Make an installation at noon in which Ann wrote at eleven; without ``redis``, none can be reached."""
    away = Redis.from_url(f"unix://{folder}/nobody.sock", retry=Retry(NoBackoff(), 0))
    async with ledger_house(urls) as house:
        await migrate.adopt_windows(house.app, house.own, ZoneInfo("Asia/Shanghai"), NOON)
        walk = Walk(house, folder, redis or away)
        await walk.speaks("ann", at("22 11:00"))
        try:
            yield walk
        finally:
            await away.aclose()
