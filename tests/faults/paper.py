"""A world on paper: a real ledger on any engine, WeChat's rules in memory, a clock that only a test moves.

What ``world`` does with processes, this does inside one, in milliseconds instead of seconds.  The same judge
holds the same promises against it.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final
from zoneinfo import ZoneInfo

from consumer.gather import Rules
from consumer.intake import Sorted, store
from consumer.ledger.arrivals import Incoming
from ops import migrate
from ops.sandbox import views
from ops.sandbox.calls import Call
from ops.sandbox.rules import Corp
from ops.sandbox.switches import Switches, changed
from ops.wiring import databases
from schemas.database import Database, Transaction, marks
from schemas.events import MatchCreated
from schemas.settings import Settings
from schemas.times import from_text
from tests.engines import Engine
from tests.faults.host import ACCOUNT, SENT, Ending, Person
from tests.faults.judge import Evidence, Row, complaints, talks_of

INSTALLATION: Final = "0123456789abcdef0123456789abcdef"
NOON: Final = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
DEFAULT: Final = Switches()
SEND_TIMEOUT: Final = timedelta(seconds=8)
RULES: Final = Rules(ZoneInfo("Asia/Shanghai"), "Asia/Shanghai", 0, SEND_TIMEOUT, timedelta(seconds=20))


@dataclass(frozen=True, slots=True)
class Site:
    """Two empty, migrated databases on some engine: the application's and kfpush's own."""

    app_url: str
    own_url: str

    def handles(self) -> tuple[Database, Database]:
        """Open one process's handles on them: the application's, and our own."""
        return databases(Settings(app_database_url=self.app_url, database_url=self.own_url))


def site_on(engine: Engine) -> Site:
    """Make two databases on an engine."""
    urls = engine.migrated()
    return Site(urls[migrate.APP], urls[migrate.OWN])


class PaperWeChat:
    """WeChat's rules without a server: every call is judged by ``ops.sandbox.rules`` and written down."""

    def __init__(self, switches: Switches) -> None:
        self.corp = Corp(count(1))
        self.turned = switches
        self.log: list[Row] = []
        self._serial = count(1)

    def send(self, body: Mapping[str, object], now: datetime) -> int:
        """One send_msg call that reaches WeChat; its errcode."""
        errcode = self.corp.send(dict(body), now, self.turned).errcode
        self._note(body, now, errcode)
        return errcode

    def turn_away(self, body: Mapping[str, object], now: datetime) -> None:
        """One call that is answered at the door: no rule is asked."""
        self._note(body, now, None)

    def _note(self, body: Mapping[str, object], now: datetime, errcode: int | None) -> None:
        sha256 = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        seq, names = next(self._serial), (body["open_kfid"], body["touser"], body["msgid"])
        self.log.append(asdict(Call(seq, now, "send_msg", *names, errcode, errcode, None, None, sha256)))


class Paper:
    """One round of the world; several may follow each other in one pair of databases, apart by ``name``."""

    def __init__(
        self,
        app: Database,
        own: Database,
        name: str,
        now: datetime = NOON,
        switches: Switches = DEFAULT,
    ) -> None:
        self.app = app
        self.own = own
        self.name = name
        self.now = now
        self.wechat = PaperWeChat(switches)
        self.people: list[Person] = []
        self.expected: dict[str, frozenset[Ending]] = {}
        self.forgiven: set[tuple[str, int]] = set()
        self.others: set[str] = set()
        """The msgids of what others of the corp wrote."""
        self._serial = count(1)

    def later(self, span: timedelta) -> None:
        """Let time pass, on both clocks."""
        self.now += span

    async def person(self, name: str, **preferences: object) -> Person:
        """Somebody new, who has not spoken yet."""
        quiet, limit = preferences.get("quiet_hours"), preferences.get("daily_limit", 1000)
        assert isinstance(limit, int)
        person = Person(
            f"u{self.name}{name}", f"wm{self.name}{name}", str(quiet) if quiet is not None else None, limit
        )
        self.people.append(person)
        columns = {"user_id": person.user_id, **preferences, "daily_limit": limit}
        await self._as_host(
            f"INSERT INTO user_push_preferences ({', '.join(columns)}) VALUES ({marks(tuple(columns))})",
            *columns.values(),
        )
        return person

    async def speak(self, person: Person, account: str = ACCOUNT, *, menu_id: str | None = None) -> None:
        """Somebody writes, or clicks on a menu, and the host stores when: it cannot tell the two apart."""
        opens = menu_id is None or self.wechat.turned.menu_click_resets
        self.wechat.corp.speak(account, person.phone, "你好", self.now, menu_id=menu_id, opens=opens)
        await self._as_host(
            "INSERT INTO wechat_kf_sessions (user_id, external_userid, open_kfid, last_message_time)"
            " VALUES (?, ?, ?, ?) ON CONFLICT (user_id, open_kfid)"
            " DO UPDATE SET last_message_time = excluded.last_message_time",
            *(person.user_id, person.phone, account, f"{self.now.astimezone(RULES.host_zone):%FT%T.%f}"),
        )

    async def _as_host(self, sql: str, *values: object) -> None:
        await self.app.exclusive(lambda tx: tx.execute(sql, values))

    async def arrive(
        self, person: Person, *ends: Ending, many: int = 1, score: float = 0.85, explanation: str = ""
    ) -> list[str]:
        """Matches come off the stream; say how they may end."""
        batch = Sorted()
        for _ in range(many):
            match = MatchCreated(
                match_id=f"{self.name}-{next(self._serial)}",
                user_id=person.user_id,
                intent_name="寻找技术合伙人",
                profile_name="张三",
                score=score,
                explanation=explanation,
            )
            batch.rows.append(Incoming(match, f"e-{match.match_id}", again=False))

        def work(tx: Transaction) -> None:
            store(tx, batch, self.now)
            # Each in a message of its own: what is told here is told of messages.
            keys = [(item.match.match_id, item.match.revision) for item in batch.rows]
            tx.many("UPDATE push_deliveries SET alone = 1 WHERE match_id = ? AND revision = ?", keys)

        await self.own.exclusive(work)
        ids = [item.match.match_id for item in batch.rows]
        self.expected.update(dict.fromkeys(ids, frozenset(ends or (SENT,))))
        return ids

    async def deliveries(self) -> dict[str, Row]:
        """What the ledger says of this round's matches."""
        return {row["match_id"]: row for row in await self._of_the_people("push_deliveries")}

    async def pushes(self) -> list[Row]:
        """What the ledger says of this round's pushes."""
        return await self._of_the_people("push_messages")

    async def _of_the_people(self, table: str) -> list[Row]:
        users = tuple(person.user_id for person in self.people)
        sql = f"SELECT * FROM {table} WHERE user_id IN ({marks(users)})"
        return await self.own.read(lambda tx: [_plain(row) for row in tx.rows(sql, users)])

    async def judged(self) -> list[str]:
        """Hold the promises against what is on paper; what is broken, in words."""
        talks = talks_of(views.phones(self.wechat.corp, self.now, None, None))
        for talk in talks:
            talk["messages"] = [said for said in talk["messages"] if said["msgid"] not in self.others]
        pushes = await self.pushes()
        evidence = Evidence(
            await self.deliveries(),
            {row["msgid"]: row for row in pushes},
            talks,
            self.wechat.log,
            vars(self.wechat.turned),
            self.people,
            self.expected,
            frozenset(self.forgiven),
        )
        early = _ended_too_soon(pushes, evidence.deliveries.values(), self.now)
        return [*complaints(evidence), *early]


def _plain(row: Any) -> Row:  # noqa: ANN401 - whatever the engine calls a row
    return dict(row)


def _ended_too_soon(pushes: Iterable[Row], deliveries: Iterable[Row], now: datetime) -> Iterator[str]:
    for push in pushes:
        if push["status"] == "given_up":
            waited = from_text(push["settled_at"]) - from_text(push["reserved_at"])
            if waited < timedelta(hours=72):
                yield f"push {push['id']} was given up after {waited}"
    for row in deliveries:
        if row["reason"] == "expired" and from_text(row["expires_at"]) > now:
            yield f"match {row['match_id']} was dropped as expired before {row['expires_at']}"


@asynccontextmanager
async def opened(site: Site) -> AsyncIterator[tuple[Database, Database]]:
    """One process's handles, closed afterwards."""
    app, own = site.handles()
    try:
        yield app, own
    finally:
        await app.close()
        await own.close()


def turned(**wishes: object) -> Switches:
    """The sandbox's switches with some of them turned."""
    return changed(Switches(), wishes)
