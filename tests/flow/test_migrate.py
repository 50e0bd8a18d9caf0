"""Migrating: what is missing is added, what is there is left alone, whoever else does the same meanwhile."""

import sqlite3
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ops import migrate
from schemas.database import Database
from schemas.errors import SchemaTooNew, SchemaTooOld, StorageError
from schemas.receipts import Accepted
from schemas.tables import APP_SCHEMA_VERSION, OWN_SCHEMA_VERSION
from tests.flow import friendai
from tests.flow.commands import KFPUSH, environment
from tests.flow.ledger_house import NOON, LedgerHouse, match, recipients

SHANGHAI = ZoneInfo("Asia/Shanghai")
VERSIONS = {migrate.APP: APP_SCHEMA_VERSION, migrate.OWN: OWN_SCHEMA_VERSION}
APP_TABLES = {
    "push_outbox",
    "push_projected",
    "push_outcomes",
    "push_installation",
    "push_schema",
    "user_push_preferences",
    "wechat_kf_sessions",
    "push_templates",
    "push_history",
}
OWN_TABLES = {
    "push_deliveries",
    "push_messages",
    "push_timeline",
    "kf_windows",
    "kf_notices",
    "kf_cursors",
    "kf_inbound",
    "kf_media",
    "push_template_versions",
    "push_experiments",
    "push_opens",
    "push_conversions",
    "push_settings",
    "push_summaries",
    "push_dead_letters",
    "push_pauses",
    "push_forwards",
    "push_audit",
    "push_installation",
    "push_schema",
}


def url(path: Path) -> str:
    """A path as a database URL."""
    return f"sqlite:///{path}"


def ask(path: Path, sql: str) -> list[tuple[object, ...]]:
    """Ask a database directly."""
    connection = sqlite3.connect(path)
    rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


def tell(path: Path, sql: str) -> None:
    """Change a database directly."""
    connection = sqlite3.connect(path)
    connection.executescript(sql)
    connection.close()


def tables(path: Path) -> set[object]:
    """The names of all tables but SQLite's own."""
    rows = ask(path, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    return {row[0] for row in rows}


def dump(path: Path) -> list[str]:
    """Everything that is in a database."""
    connection = sqlite3.connect(path)
    lines = list(connection.iterdump())
    connection.close()
    return lines


@pytest.mark.parametrize(
    ("part", "expected"), [(migrate.APP, APP_TABLES), (migrate.OWN, OWN_TABLES)], ids=["app", "own"]
)
def test_a_fresh_file(tmp_path: Path, part: str, expected: set[str]) -> None:
    """Each database gets its own tables and no others; looking first changes nothing."""
    path = tmp_path / "a folder" / "new.db"
    planned = migrate.plan(url(path), part)
    assert not path.parent.exists()

    done = migrate.migrate(url(path), part, NOON)

    assert done == planned
    assert tables(path) == expected
    assert ask(path, "SELECT part, version FROM push_schema") == [(part, VERSIONS[part])]


def test_a_second_time(tmp_path: Path) -> None:
    """Nothing is left to do, and nothing is done: the installation stays the one it is."""
    path = tmp_path / "kfpush.db"
    for part in (migrate.OWN, migrate.APP):
        migrate.migrate(url(path), part, NOON)
    before = dump(path)

    steps = [
        migrate.migrate(url(path), part, NOON + timedelta(days=1)) for part in (migrate.OWN, migrate.APP)
    ]

    assert steps == [[], []]
    assert [migrate.plan(url(path), part) for part in (migrate.OWN, migrate.APP)] == [[], []]
    assert dump(path) == before
    assert tables(path) == OWN_TABLES | APP_TABLES


def test_a_ledger_of_version_1_is_completed(tmp_path: Path) -> None:
    """What a person has decided about a letter had no columns then; the letters stay."""
    path = tmp_path / "own.db"
    migrate.migrate(url(path), migrate.OWN, NOON)
    tell(
        path,
        "DROP INDEX push_dead_letters_open;"
        + "".join(
            f"ALTER TABLE push_dead_letters DROP COLUMN {name};"
            for name in ("redriven_at", "dropped_at", "closed_by", "closed_why")
        )
        + "ALTER TABLE push_audit DROP COLUMN why; ALTER TABLE push_audit DROP COLUMN done;"
        "INSERT INTO push_dead_letters (entry_id, reason, error, buried_at) VALUES ('1-0', 'poison', '', '');"
        "UPDATE push_schema SET version = 1",
    )

    migrate.migrate(url(path), migrate.OWN, NOON)

    assert ask(path, "SELECT entry_id, redriven_at, dropped_at FROM push_dead_letters") == [
        ("1-0", None, None)
    ]
    assert ask(path, "SELECT why, done FROM push_audit") == []
    assert ask(path, "SELECT version FROM push_schema") == [(OWN_SCHEMA_VERSION,)]
    assert migrate.plan(url(path), migrate.OWN) == []


def test_a_key_that_has_changed(tmp_path: Path) -> None:
    """The pauses of version 1 come along, and a person's may lie beside kfpush's own."""
    path = tmp_path / "own.db"
    migrate.migrate(url(path), migrate.OWN, NOON)
    tell(
        path,
        "DROP TABLE push_pauses;"
        "CREATE TABLE push_pauses (scope TEXT NOT NULL, target TEXT NOT NULL DEFAULT '',"
        " reason TEXT NOT NULL, errcode INTEGER, author TEXT NOT NULL, paused_at TEXT NOT NULL, until TEXT,"
        " probes INTEGER NOT NULL DEFAULT 0, probe_at TEXT, PRIMARY KEY (scope, target));"
        "INSERT INTO push_pauses VALUES ('corp', '', 'paused', 40001, 'kfpush', 'then', NULL, 3, 'soon');"
        "UPDATE push_schema SET version = 1",
    )
    planned = migrate.plan(url(path), migrate.OWN)

    assert migrate.migrate(url(path), migrate.OWN, NOON) == planned

    tell(
        path,
        "INSERT INTO push_pauses (scope, reason, author, note, paused_at)"
        " VALUES ('corp', 'paused', 'anna', 'x', '')",
    )
    assert ask(path, "SELECT author, errcode, probes, probe_at, note FROM push_pauses ORDER BY author") == [
        ("anna", None, 0, None, "x"),
        ("kfpush", 40001, 3, "soon", None),
    ]
    assert migrate.plan(url(path), migrate.OWN) == []


def test_a_lost_index_and_column_come_back(tmp_path: Path) -> None:
    """Whatever is missing, and only that."""
    path = tmp_path / "own.db"
    migrate.migrate(url(path), migrate.OWN, NOON)
    tell(path, "DROP INDEX push_deliveries_due; ALTER TABLE push_timeline DROP COLUMN author")

    done = migrate.migrate(url(path), migrate.OWN, NOON)

    assert sorted(step.what for step in done) == [
        "add column push_timeline.author",
        "create index push_deliveries_due",
    ]


def test_four_at_once(tmp_path: Path) -> None:
    """One makes the tables, the others find them made; there is one installation."""
    started = [
        subprocess.Popen(
            [KFPUSH, "migrate", "--json"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]

    ended = [process.communicate(timeout=50) for process in started]

    assert [process.returncode for process in started] == [0] * 4, ended
    path = tmp_path / ".kfpush" / "kfpush.db"
    created = sum(said.count('"create table push_deliveries"') for said, _ in ended)
    assert created == 1
    assert tables(path) == OWN_TABLES | APP_TABLES
    assert ask(path, "SELECT count(*) FROM push_installation WHERE name = 'id'") == [(1,)]
    assert ask(path, "SELECT count(*) FROM push_templates") == [(2,)]


def test_a_hosts_database(tmp_path: Path) -> None:
    """Its rows, its other tables, its journal mode stay as they are; missing columns are there afterwards."""
    path = tmp_path / "friendai.db"
    friendai.make(path)
    before = friendai.contents(path)
    others = (
        "SELECT name, sql FROM sqlite_master WHERE tbl_name IN ('users', 'user_intents', 'intent_matches')"
        " AND name <> 'user_intents_user'"
    )
    declared = ask(path, others)

    migrate.migrate(url(path), migrate.APP, NOON)

    after = friendai.contents(path)
    new_template = (3, "match_notification_simple", "text")
    assert [row[:3] for row in after["push_templates"]] == [
        *(row[:3] for row in before["push_templates"]),
        new_template,
    ]
    assert after["push_templates"][:2] == before["push_templates"]
    assert {name: rows for name, rows in after.items() if name != "push_templates"} == {
        name: rows for name, rows in before.items() if name != "push_templates"
    }
    assert ask(path, others) == declared
    assert ask(path, "PRAGMA journal_mode") == [("delete",)]
    assert ask(path, "SELECT push_channel FROM push_history") == [("wechat_kf",)] * 2
    assert ask(path, "SELECT open_kfid, external_userid FROM push_history") == [(None, None)] * 2
    assert ask(path, "SELECT push_count_48h FROM user_push_preferences") == [(0,)] * 3


def test_a_hosts_own_inserts_go_on(tmp_path: Path) -> None:
    """Code that knows nothing of the new columns writes as it did."""
    path = tmp_path / "friendai.db"
    friendai.make(path)
    migrate.migrate(url(path), migrate.APP, NOON)

    tell(path, friendai.DATA.replace("(1, 42,", "(1, 43,").split("INSERT INTO user_push_preferences")[0])
    tell(
        path,
        "INSERT OR REPLACE INTO user_push_preferences (user_id, quiet_hours) VALUES ('oABC', '23:00-07:00')",
    )

    assert ask(path, "SELECT count(*) FROM push_history") == [(4,)]
    assert ask(path, "SELECT quiet_hours FROM user_push_preferences WHERE user_id = 'oABC'") == [
        ("23:00-07:00",)
    ]


def test_a_template_table_without_its_unique_names(tmp_path: Path) -> None:
    """A host that declared its table otherwise gets the two texts as well, once."""
    path = tmp_path / "app.db"
    tell(
        path,
        "CREATE TABLE push_templates (id INTEGER PRIMARY KEY, template_name TEXT, content_template TEXT)",
    )

    for _ in range(2):
        migrate.migrate(url(path), migrate.APP, NOON)

    assert ask(path, "SELECT template_name, template_type, is_active FROM push_templates") == [
        ("match_notification_text", "text", 1),
        ("match_notification_simple", "text", 1),
    ]


@pytest.mark.parametrize("part", [migrate.APP, migrate.OWN])
async def test_a_newer_kfpush_was_here(tmp_path: Path, part: str) -> None:
    """Neither migrating nor starting touches what it does not know."""
    path = tmp_path / "kfpush.db"
    migrate.migrate(url(path), part, NOON)
    tell(
        path,
        "UPDATE push_schema SET version = 99;"
        "DROP TABLE IF EXISTS push_outbox; DROP TABLE IF EXISTS push_audit",
    )
    before = dump(path)

    with pytest.raises(SchemaTooNew, match="upgrade this one"):
        migrate.migrate(url(path), part, NOON)
    database = Database(url(path), part, wal=False)
    with pytest.raises(SchemaTooNew, match="upgrade this one"):
        await migrate.require_current(database, part)
    await database.close()

    assert dump(path) == before


@pytest.mark.parametrize("there", ["nothing", "an empty file", "a host's tables", "the other part's"])
async def test_starting_before_migrating(tmp_path: Path, there: str) -> None:
    """It says which command helps, and makes no file."""
    path = tmp_path / "kfpush.db"
    if there == "an empty file":
        path.touch()
    elif there == "a host's tables":
        friendai.make(path)
    elif there == "the other part's":
        migrate.migrate(url(path), migrate.APP, NOON)
    database = Database(url(path), migrate.OWN, wal=False)

    with pytest.raises(SchemaTooOld, match="kfpush migrate"):
        await migrate.require_current(database, migrate.OWN)

    await database.close()
    assert path.exists() is (there != "nothing")


def test_a_step_that_fails_takes_the_others_back(tmp_path: Path) -> None:
    """A name that the host uses for something else stops migrating, and nothing is half done."""
    path = tmp_path / "friendai.db"
    friendai.make(path)
    tell(path, "CREATE VIEW push_outbox AS SELECT 1")
    before = dump(path)

    with pytest.raises(StorageError, match="push_outbox"):
        migrate.migrate(url(path), migrate.APP, NOON)

    assert dump(path) == before


@pytest.mark.parametrize("obstacle", ["the folder is a file", "the lock is a folder", "the file is a folder"])
def test_where_nothing_can_be_made(tmp_path: Path, obstacle: str) -> None:
    """It names the place, in a sentence and not in a traceback."""
    path = tmp_path / "data" / "kfpush.db"
    if obstacle == "the folder is a file":
        path.parent.touch()
    elif obstacle == "the lock is a folder":
        (path.parent / ".kfpush.db.migrating").mkdir(parents=True)
    else:
        path.mkdir(parents=True)

    with pytest.raises(StorageError, match="data"):
        migrate.migrate(url(path), migrate.OWN, NOON)


@pytest.fixture
async def beside_a_host(tmp_path: Path) -> AsyncIterator[LedgerHouse]:
    """A ledger of our own beside a host's database that has been in use."""
    friendai.make(tmp_path / "app.db")
    for part in (migrate.APP, migrate.OWN):
        migrate.migrate(url(tmp_path / f"{part}.db"), part, NOON)
    app = Database(url(tmp_path / "app.db"), migrate.APP, wal=False)
    own = Database(url(tmp_path / "own.db"), migrate.OWN, wal=True)
    yield LedgerHouse(app, own)
    await app.close()
    await own.close()


async def test_windows_open_before_count_as_full(beside_a_host: LedgerHouse) -> None:
    """Nobody knows what was sent in them; the next word opens five new ones."""
    house = beside_a_host

    assert await migrate.adopt_windows(house.app, house.own, SHANGHAI, NOON) == 2

    await house.arrive(match("m1", "oABC"), match("m2", "oDEF"), match("m3", "oGHI"), match("m4", "oJKL"))
    assert (await house.plan()).attempts == []
    assert await house.standing("m1", "m2", "m3", "m4") == [
        ("parked", "no_slot"),
        ("parked", "no_slot"),
        ("parked", "window_closed"),
        ("parked", "no_session"),
    ]
    await house.host(
        "UPDATE wechat_kf_sessions SET last_message_time = '2026-11-22T11:30:00' WHERE user_id = 'oABC'"
    )
    assert await house.watch() == 1
    house.later(seconds=2)
    assert recipients((await house.plan()).attempts) == [("wk1", "wm1")]


async def test_windows_are_adopted_once(beside_a_host: LedgerHouse) -> None:
    """A later migrate takes nothing from windows that kfpush has seen open."""
    house = beside_a_host
    await migrate.adopt_windows(house.app, house.own, SHANGHAI, NOON)
    await house.host(
        "UPDATE wechat_kf_sessions SET last_message_time = '2026-11-22T11:30:00' WHERE user_id = 'oABC'"
    )
    await house.sent(Accepted(), match("m1", "oABC"))

    assert await migrate.adopt_windows(house.app, house.own, SHANGHAI, NOON) == 0

    await house.arrive(*(match(f"n{number}", "oABC") for number in range(6)))
    assert len((await house.plan()).attempts) == 4
