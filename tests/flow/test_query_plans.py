"""How SQLite finds the rows of the hot path's statements, as they are run, with a million rows in mind.

The statements are recorded while matches walk; of them only a beginning stands here, to name them.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from consumer import conversions, opens
from consumer.experiments import table
from consumer.ledger import pushes, reporting
from consumer.opens import Reported
from consumer.projection import Projection
from consumer.world import World
from ops.migrate import APP, OWN, migrate
from producer import outbox
from producer.outbox import Outbox
from schemas.database import Transaction, in_exclusive, path_of
from schemas.decisions import RecipientKey
from schemas.engines.sqlite import SqliteTransaction
from schemas.opens import Proxy
from schemas.receipts import Accepted, Receipt, RefusalKind, Refused, Unknown
from tests.engines import session
from tests.flow.ledger_house import NOON, LedgerHouse, ledger_house, match

MILLION, PENDING, OPEN = 1_000_000, 50_000, 100
GROWING = (
    *("push_outbox", "push_deliveries", "push_messages", "push_timeline", "kf_windows", "push_projected"),
    "push_outcomes",
    *("push_history", "wechat_kf_sessions", "user_push_preferences", "push_settings"),
)
SMALL = ("push_outbox_unmirrored", "push_outbox_uncarried", "push_messages_unprojected")
"""Partial indexes that hold what is on its way, in the order in which it is taken: read from their start."""

INTENDED = {
    "SELECT user_id FROM push_deliveries": {"push_deliveries_due"},
    "SELECT match_id, revision, entry_id FROM push_deliveries": {"sqlite_autoindex_push_deliveries_1"},
    "SELECT match_id, revision, user_id, intent_id": {"push_deliveries_user"},
    "SELECT entry_id FROM push_deliveries WHERE push_id": {"push_deliveries_push"},
    "UPDATE push_deliveries SET status = 'sending'": {"sqlite_autoindex_push_deliveries_1"},
    # push_messages by its own key, which has no name
    "UPDATE push_deliveries SET status = 'sent'": {"push_deliveries_push", ""},
    "UPDATE push_deliveries SET status = ?": {"sqlite_autoindex_push_deliveries_1"},
    "SELECT * FROM push_messages WHERE status IN": {"push_messages_due"},
    "SELECT * FROM push_messages WHERE settled_at": {"push_messages_unprojected"},
    "SELECT id, open_kfid, external_userid": {"push_messages_slots", "push_messages_day"},
    "UPDATE push_messages SET lease_until": {"push_messages_slots", "push_messages_due"},
    "SELECT * FROM kf_windows": {"kf_windows_person"},
    "SELECT open_kfid, external_userid, host_seen": {"kf_windows_person"},
    "SELECT user_id, external_userid, open_kfid": {
        "sqlite_autoindex_wechat_kf_sessions_1",
        "wechat_kf_sessions_external",
    },
    "SELECT user_id, enable_push": {"sqlite_autoindex_user_push_preferences_1"},
    "SELECT push_id, attempt FROM push_timeline": {"sqlite_autoindex_push_timeline_1", "push_timeline_push"},
}
"""The beginning of a statement, and the indexes that may find its rows."""


@dataclass
class Recorder:
    """Every statement that was run, with values of one of its runs."""

    statements: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def note(self, sql: str, values: Iterable[Any], *, many: bool) -> Any:  # noqa: ANN401 - whatever came is handed on
        """Keep a statement; hand its values on."""
        listed = list(values)
        if listed or not many:
            self.statements.setdefault(sql, tuple(listed[0] if many else listed))
        return listed


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Listens to every transaction from now on."""
    recorder = Recorder()

    def listen(name: str) -> None:
        run = getattr(SqliteTransaction, name)

        def listening(tx: SqliteTransaction, sql: str, values: Sequence[Any] = ()) -> Any:  # noqa: ANN401 - as above
            return run(tx, sql, recorder.note(sql, values, many=name == "many"))

        monkeypatch.setattr(SqliteTransaction, name, listening)

    for name in ("execute", "many", "rows", "one"):
        listen(name)
    return recorder


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[LedgerHouse]:
    """A ledger and a host in one SQLite file."""
    url = f"sqlite:///{tmp_path}/one.db"
    for part in (APP, OWN):
        migrate(url, part, NOON)
    async with ledger_house({APP: url, OWN: url}) as opened:
        yield opened


async def walk(house: LedgerHouse) -> None:
    """Let matches walk from the outbox to the host's screens: accepted, refused, unknown, deferred."""
    users = [f"u{n}" for n in range(4)]
    with session(house.app.url) as host, in_exclusive(host):
        for user in users:
            Outbox().add(host.raw, match(f"m-{user}", user), now=house.now)
    rows = await house.app.read(lambda tx: outbox.unmirrored(tx, 10))
    marked = [(row.id, f"1-{row.id}") for row in rows]
    await house.app.exclusive(lambda tx: outbox.mark_mirrored(tx, marked, house.now))
    await house.app.read(lambda tx: outbox.uncarried(tx, house.now + timedelta(minutes=2), 10))
    for user in users:
        await house.session(user, f"wm-{user}")
    await house.prefers("u3", quiet_hours="00:00-23:59")
    await house.arrive(*(match(f"m-{user}", user) for user in users))
    attempts = (await house.plan()).attempts
    receipts: tuple[Receipt, ...] = (Accepted(), Refused(45009, RefusalKind.WINDOW), Unknown("timed out"))
    await house.settle(*zip(attempts, receipts, strict=True))
    await house.own.exclusive(lambda tx: pushes.wake(tx, {"wm-u2"}, house.wall))
    world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
    await Projection(house.app, house.own, world=world).project()


@contextmanager
def _as_of_a_million(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as if ANALYZE had seen a million rows, five a person."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("ANALYZE")
        connection.execute("DELETE FROM sqlite_stat1")
        found = connection.execute(
            "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index'"
        ).fetchall()
        for name, table, sql in found:
            columns = len(connection.execute(f"PRAGMA index_info({name})").fetchall())
            partial = sql and " WHERE " in sql
            count = (OPEN if table in {"push_messages", "push_outbox"} else PENDING) if partial else MILLION
            stat = " ".join(
                [str(count), *["5"] * (columns - 1), "1" if name.startswith("sqlite_auto") else "3"]
            )
            connection.execute("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", (table, name, stat))
        connection.execute("ANALYZE sqlite_schema")
        yield connection


def _plans(connection: sqlite3.Connection, recorded: Recorder) -> dict[str, list[str]]:
    """Ask how each statement would be run."""
    return {
        sql: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        for sql, values in recorded.statements.items()
        if sql.startswith(("SELECT", "UPDATE", "DELETE"))
    }


@pytest.fixture
async def plans(house: LedgerHouse, recorded: Recorder) -> list[dict[str, list[str]]]:
    """How every statement of a walk is run: on a file nobody ever analysed, and as of a million rows."""
    await walk(house)
    path = path_of(house.own.url)
    with closing(sqlite3.connect(path)) as connection:
        never_analysed = _plans(connection, recorded)
    with _as_of_a_million(path) as connection:
        return [never_analysed, _plans(connection, recorded)]


async def test_no_statement_reads_a_whole_table(plans: list[dict[str, list[str]]]) -> None:
    """Whatever grows with the messages is searched by an index, or read from a small one's start."""
    for asked in plans:
        scans = {
            sql: step
            for sql, steps in asked.items()
            for step in steps
            if step.split()[0] == "SCAN" and step.split()[1] in GROWING and step.split()[-1] not in SMALL
        }
        assert scans == {}


@pytest.mark.parametrize("beginning", INTENDED)
async def test_the_intended_index_finds_the_rows(plans: list[dict[str, list[str]]], beginning: str) -> None:
    """Each hot statement uses its own index, with statistics and without."""
    for asked in plans:
        steps = [step for sql, steps in asked.items() if sql.startswith(beginning) for step in steps]
        assert steps != []
        used = {
            step.partition("INDEX ")[2].split(" ")[0] for step in steps if "push_" in step or "kf_" in step
        }
        assert used <= INTENDED[beginning]
        assert used != set()


async def test_open_pushes_are_not_searched_among_all(plans: list[dict[str, list[str]]]) -> None:
    """What somebody once got does not slow down finding what is on its way to them."""
    for asked in plans:
        steps = [steps for sql, steps in asked.items() if "accepted_at IS NULL AND status IN" in sql]
        assert steps != []
        assert all("AND accepted_at=?" in step for [step] in steps)


async def test_reports_are_read_by_index(house: LedgerHouse, recorded: Recorder) -> None:
    """A page of a report is found by id, by experiment or by its own messages; only arrivals are one pass."""
    await walk(house)
    recorded.statements.clear()
    wanted = reporting.Range(NOON - timedelta(days=1), NOON + timedelta(days=1))

    def work(tx: Transaction) -> None:
        reporting.bounds(tx, wanted)
        reporting.in_range(tx, wanted, 0, 99)
        reporting.of_experiment(tx, "spring", wanted, ("", 0))
        reporting.held_out(tx, wanted, ("", ""))
        list(reporting.stops(tx, wanted.since, wanted.until))
        opens.between(tx, 1, 99)
        opens.of_pushes(tx, [1, 2])
        conversions.of_matches(tx, ["m1", "m2"])
        opens.replied(tx, [(RecipientKey("wk1", "wm1"), NOON)], timedelta(minutes=30))
        opens.report(tx, [Reported(Proxy.MINIPROGRAM, NOON, None, "m1")])
        table.running(tx)

    await house.own.read(work)
    with _as_of_a_million(path_of(house.own.url)) as connection:
        asked = _plans(connection, recorded)

    used = {
        step for steps in asked.values() for step in steps if "TEMP B-TREE" in step or step.startswith("SCAN")
    }
    # What is tried out is a handful of rows; the newest message of a phone is sorted out of few.
    assert used <= {
        "SCAN CONSTANT ROW",
        "SCAN push_experiments",
        "SCAN push_experiments USING INDEX push_experiments_running",
        "USE TEMP B-TREE FOR ORDER BY",
    }
    indexes = {step.partition("INDEX ")[2].split(" ")[0] for steps in asked.values() for step in steps} - {""}
    assert {
        "push_messages_experiment",
        "push_deliveries_held_out",
        "kf_inbound_stops",
        "push_messages_slots",
    } <= indexes
