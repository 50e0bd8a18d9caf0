"""The consumer without its rooms: a real ledger and a host beside it, two clocks that tests turn by hand."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from consumer.bodies import Need
from consumer.gather import Rules, read_host
from consumer.intake import Sorted, store
from consumer.ledger import waking
from consumer.ledger.arrivals import Incoming
from consumer.ledger.pushes import Attempt
from consumer.media.shelf import Key
from consumer.plan import Round
from consumer.rounds import Clock, Due, Outcome, find_due
from consumer.send import Report
from consumer.settle import Moment, Runs, Settled, settle
from consumer.watch import HostWatch
from consumer.world import World
from ops import migrate
from schemas.database import Database, Transaction
from schemas.events import MatchCreated, MatchWithdrawn, match_from
from schemas.receipts import Receipt
from schemas.times import to_text

INSTALLATION = "0123456789abcdef0123456789abcdef"
EIGHT = timedelta(seconds=8)


def at(text: str) -> datetime:
    """An instant of November 2026 by Shanghai's clock: ``22 12:00``."""
    return datetime.fromisoformat(f"2026-11-{text}+08:00")


def match(match_id: str = "m1", user_id: str = "u1", **more: object) -> MatchCreated:
    """A match that expires in a week unless the test says otherwise."""
    values: dict[str, object] = {
        "match_id": match_id,
        "user_id": user_id,
        "profile_name": "张三",
        "score": 0.85,
    }
    return match_from(values | more)


NOON = at("22 12:00")
RULES = Rules(ZoneInfo("Asia/Shanghai"), "Asia/Shanghai", 0, EIGHT, timedelta(seconds=20))


@dataclass
class LedgerHouse:
    """One installation at noon in Shanghai; what a test does not turn stands still."""

    app: Database
    own: Database
    now: datetime = NOON
    wall: datetime = NOON
    places: int = 32
    rules: Rules = RULES
    runs: Runs = field(default_factory=Runs)
    entries: int = 0
    media: dict[Need, Key] = field(default_factory=dict)
    """Which bytes each file of a template is."""
    gathers: bool = False
    """Whether what arrives together shares a message; most tests count messages, one a match."""

    def later(self, **span: float) -> None:
        """Let time pass on both clocks."""
        self.now += timedelta(**span)
        self.wall += timedelta(**span)

    # what the host does

    async def host(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Run the host's SQL on its own tables."""
        return await self.app.exclusive(lambda tx: [tuple(row) for row in tx.rows(sql, values)])

    async def session(
        self,
        user_id: str = "u1",
        phone: str = "wm1",
        kf: str = "wk1",
        said: str | None = "2026-11-22T11:00:00",
    ) -> None:
        """The host notes a user's message, the way FriendAI does: eleven o'clock by its own clock."""
        await self.host(
            "INSERT INTO wechat_kf_sessions (user_id, external_userid, open_kfid, last_message_time)"
            " VALUES (?, ?, ?, ?) ON CONFLICT (user_id, open_kfid) DO UPDATE SET"
            " external_userid = excluded.external_userid, last_message_time = excluded.last_message_time",
            *(user_id, phone, kf, said),
        )

    async def prefers(self, user_id: str = "u1", **columns: object) -> None:
        """The host writes a user's preferences."""
        await self.host("DELETE FROM user_push_preferences WHERE user_id = ?", user_id)
        await self.host(
            f"INSERT INTO user_push_preferences (user_id, {', '.join(columns)})"
            f" VALUES (?{', ?' * len(columns)})",
            *(user_id, *columns.values()),
        )

    async def template(self, text: str, name: str = "mine") -> None:
        """The operator writes a template, the way the seed does."""
        await self.host(
            "INSERT INTO push_templates (template_name, template_type, content_template)"
            " VALUES (?, 'text', ?) ON CONFLICT (template_name)"
            " DO UPDATE SET content_template = excluded.content_template",
            *(name, text),
        )

    # what the rooms do

    async def look_again(self) -> None:
        """Make everything that waits or is parked due now."""
        users = [str(row["user_id"]) for row in await self.rows("SELECT user_id FROM push_deliveries")]
        await self.own.exclusive(lambda tx: waking.wake(tx, (), users, self.now))

    async def arrive(self, *matches: MatchCreated | str, again: bool = False) -> list[str]:
        """Matches come off the stream, as entries e1, e2 ...; tell which are acked at once."""
        batch = Sorted()
        for item in matches:
            self.entries += 1
            event = match(item) if isinstance(item, str) else item
            batch.rows.append(Incoming(event, f"e{self.entries}", again))
        return await self.own.exclusive(lambda tx: store(tx, batch, self.now))

    async def withdraw(self, *events: MatchWithdrawn) -> list[str]:
        """Withdrawals come off the stream; tell which entries are acked at once."""
        batch = Sorted()
        for event in events:
            self.entries += 1
            batch.withdrawals.append((event, f"e{self.entries}"))
        return await self.own.exclusive(lambda tx: store(tx, batch, self.now))

    async def find_due(self) -> Due:
        """Look for what is due."""
        return await self.own.read(lambda tx: find_due(tx, self.now, self.wall, self.places))

    async def plan(self, due: Due | None = None, holder: str = "c-1") -> Outcome:
        """Run one round of planning, as the planning room does."""
        found = await self.find_due() if due is None else due
        inputs = await self.app.read(lambda tx: read_host(tx, found.users, found.phones))
        clock = Clock(self.now, self.wall)

        def work(tx: Transaction) -> Outcome:
            if not self.gathers:
                tx.execute(
                    "UPDATE push_deliveries SET alone = 1 WHERE status IN ('waiting', 'parked')"
                    " AND due_at <= ? AND reason IN ('fresh', 'late') AND released = 0",
                    (to_text(self.now),),
                )
            planning = Round(tx, clock, self.rules, holder, self.places, self.media)
            return planning.run(found, inputs, INSTALLATION)

        return await self.own.exclusive(work)

    async def plan_one(self) -> Attempt:
        """Run one round that has to leave exactly one attempt."""
        [attempt] = (await self.plan()).attempts
        return attempt

    async def settle(self, *reports: tuple[Attempt, Receipt]) -> Settled:
        """Settle a group of receipts, without jitter."""
        group = [Report(attempt, receipt, 0.1) for attempt, receipt in reports]
        moment = Moment(self.now, self.wall, 0.5, EIGHT)
        return await self.own.exclusive(lambda tx: settle(tx, group, self.runs, moment))

    async def sent(self, receipt: Receipt, *matches: MatchCreated | str) -> list[Attempt]:
        """Matches arrive, are planned, and every attempt ends in this receipt."""
        await self.arrive(*matches)
        attempts = (await self.plan()).attempts
        await self.settle(*((attempt, receipt) for attempt in attempts))
        return attempts

    async def watch(self) -> int:
        """Look once through the host's sessions; tell how often planning was woken."""
        return await self.watcher()()

    def watcher(self) -> Callable[[], Awaitable[int]]:
        """Keep one watch; each call looks once and tells how often planning was woken so far."""
        woken: list[None] = []
        world = World(lambda: self.now, lambda: self.wall, lambda: 0.5)
        zone = self.rules.host_zone
        watch = HostWatch(self.app, self.own, zone=zone, world=world, on_woken=lambda: woken.append(None))

        async def look() -> int:
            await watch.look()
            return len(woken)

        return look

    # what the tables say

    async def rows(self, sql: str, *values: object) -> list[dict[str, object]]:
        """Read our own tables."""
        return await self.own.read(lambda tx: [dict(row) for row in tx.rows(sql, values)])

    async def standing(self, *match_ids: str) -> list[tuple[object, object]]:
        """Tell the status and the reason of deliveries, in the order asked for."""
        found = {
            row["match_id"]: (row["status"], row["reason"])
            for row in await self.rows("SELECT match_id, status, reason FROM push_deliveries")
        }
        return [found[match_id] for match_id in match_ids or sorted(map(str, found))]

    async def due(self, match_id: str) -> datetime | None:
        """Tell when a delivery is looked at again."""
        [row] = await self.rows("SELECT due_at FROM push_deliveries WHERE match_id = ?", match_id)
        return None if row["due_at"] is None else datetime.fromisoformat(str(row["due_at"]))

    async def pushes(self, columns: str = "status") -> list[tuple[object, ...]]:
        """Read columns of all pushes, oldest first."""
        return [
            tuple(row.values()) for row in await self.rows(f"SELECT {columns} FROM push_messages ORDER BY id")
        ]

    async def timeline(self, columns: str = "entry, attempt, reason") -> list[tuple[object, ...]]:
        """Read columns of the timeline, oldest first."""
        return [
            tuple(row.values()) for row in await self.rows(f"SELECT {columns} FROM push_timeline ORDER BY id")
        ]


@asynccontextmanager
async def ledger_house(urls: Mapping[str, str]) -> AsyncIterator[LedgerHouse]:
    """Open both databases, which are migrated."""
    app, own = (Database(urls[part], part, wal=True) for part in (migrate.APP, migrate.OWN))
    house = LedgerHouse(app, own)
    try:
        yield house
    finally:
        await house.app.close()
        await house.own.close()


def recipients(attempts: Sequence[Attempt]) -> list[tuple[str, str]]:
    """Tell whom attempts go to."""
    return [(each.letter.recipient.open_kfid, each.letter.recipient.external_userid) for each in attempts]
