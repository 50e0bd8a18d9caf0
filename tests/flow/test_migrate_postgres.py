"""Migrating on PostgreSQL: the same tables from the same declarations, whoever else does the same."""

import re
import subprocess

import pytest

from ops import migrate
from schemas.database import Database
from schemas.engines import postgres
from schemas.errors import SchemaTooNew, SchemaTooOld, StorageError
from tests.engines import NOON, Engine, ask, session
from tests.flow.commands import KFPUSH, environment
from tests.flow.test_migrate import APP_TABLES, OWN_TABLES, VERSIONS

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"

ADD_PAUSE = "INSERT INTO push_pauses (scope, reason, author, paused_at) VALUES ('corp', 'paused', ?, '')"


@pytest.fixture
def url(engine: Engine) -> str:
    """A database with nothing in it."""
    return engine.empty()


def tables(url: str) -> set[object]:
    """The names of all tables."""
    return {name for (name,) in ask(url, TABLES)}


@pytest.mark.parametrize(
    ("part", "expected"), [(migrate.APP, APP_TABLES), (migrate.OWN, OWN_TABLES)], ids=["app", "own"]
)
def test_an_empty_database(url: str, part: str, expected: set[str]) -> None:
    """Each gets its own tables and no others; looking changes nothing; a second time nothing is left."""
    planned = migrate.plan(url, part)
    assert tables(url) == set()

    done = migrate.migrate(url, part, NOON)

    assert done == planned
    assert tables(url) == expected
    assert ask(url, "SELECT part, version FROM push_schema") == [(part, VERSIONS[part])]
    assert (migrate.plan(url, part), migrate.migrate(url, part, NOON)) == ([], [])


def test_keys_count_by_themselves_and_texts_are_sorted_by_bytes(url: str) -> None:
    """As on SQLite; CURRENT_TIMESTAMP is written the same."""
    migrate.migrate(url, migrate.APP, NOON)
    ask(url, "INSERT INTO push_history (user_id) VALUES ('u1'), ('u2')")

    assert ask(url, "SELECT id FROM push_history ORDER BY id") == [(1,), (2,)]
    sent = ask(url, "SELECT sent_at FROM push_history")
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", at) for (at,) in sent)
    collations = (
        "SELECT DISTINCT data_type, collation_name FROM information_schema.columns"
        " WHERE table_name LIKE 'push_%' OR table_name LIKE '%kf_%' ORDER BY data_type"
    )
    assert ask(url, collations) == [("bigint", None), ("text", "C")]


def test_what_is_lost_comes_back(url: str) -> None:
    """An index, a column, the trigger and its function: whatever is missing, and only that."""
    for part in (migrate.APP, migrate.OWN):
        migrate.migrate(url, part, NOON)
    with session(url) as opened:
        opened.raw.execute(
            "DROP INDEX push_deliveries_due; ALTER TABLE push_timeline DROP COLUMN author;"
            "DROP FUNCTION kfpush_outbox_added CASCADE"
        )

    done = [step.what for part in (migrate.OWN, migrate.APP) for step in migrate.migrate(url, part, NOON)]

    assert done == [
        "create index push_deliveries_due",
        "add column push_timeline.author",
        "create function kfpush_outbox_added",
        "create trigger push_outbox_added",
    ]


def test_a_key_that_has_changed(url: str) -> None:
    """A table of ours is made anew under the key it has now, and its rows come along."""
    migrate.migrate(url, migrate.OWN, NOON)
    with session(url) as opened:
        opened.raw.execute(
            "ALTER TABLE push_pauses DROP CONSTRAINT push_pauses_pkey;"
            "ALTER TABLE push_pauses DROP COLUMN note;"
            "ALTER TABLE push_pauses ADD PRIMARY KEY (scope, target);"
        )
        opened.tx.execute(ADD_PAUSE, ("kfpush",))
    planned = migrate.plan(url, migrate.OWN)

    assert migrate.migrate(url, migrate.OWN, NOON) == planned

    ask(
        url,
        "INSERT INTO push_pauses (scope, reason, author, paused_at) VALUES ('corp', 'paused', 'anna', '')",
    )
    assert ask(url, "SELECT author, note FROM push_pauses ORDER BY author") == [
        ("anna", None),
        ("kfpush", None),
    ]
    assert migrate.plan(url, migrate.OWN) == []


def test_four_at_once(url: str, tmp_path: object) -> None:
    """One makes the tables, the others find them made; there is one installation."""
    started = [
        subprocess.Popen(
            [KFPUSH, "migrate", "--json"],
            cwd=str(tmp_path),
            env=environment(KFPUSH_DATABASE_URL=url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]

    ended = [process.communicate(timeout=50) for process in started]

    assert [process.returncode for process in started] == [0] * 4, ended
    assert tables(url) == APP_TABLES | OWN_TABLES
    assert ask(url, "SELECT count(*) FROM push_installation WHERE name = 'id'") == [(1,)]


@pytest.mark.parametrize("part", [migrate.APP, migrate.OWN])
async def test_a_newer_kfpush_was_here(url: str, part: str) -> None:
    """Neither migrating nor starting touches what it does not know."""
    migrate.migrate(url, part, NOON)
    ask(url, "UPDATE push_schema SET version = 99")
    ask(url, "ALTER TABLE push_schema ADD COLUMN newer TEXT")
    before = tables(url)

    with pytest.raises(SchemaTooNew, match="upgrade this one"):
        migrate.migrate(url, part, NOON)
    database = Database(url, part)
    with pytest.raises(SchemaTooNew, match="upgrade this one"):
        await migrate.require_current(database, part)
    await database.close()

    assert tables(url) == before


async def test_starting_before_migrating(url: str) -> None:
    """It says which command helps."""
    database = Database(url, migrate.OWN)

    with pytest.raises(SchemaTooOld, match=r"postgresql:///t.*kfpush migrate"):
        await migrate.require_current(database, migrate.OWN)

    await database.close()
    assert tables(url) == set()


def test_a_step_that_fails_takes_the_others_back(url: str) -> None:
    """A name that the host uses for something else stops migrating, and nothing is half done."""
    ask(url, "CREATE VIEW push_outbox AS SELECT 1 AS id")

    with pytest.raises(StorageError, match="push_outbox"):
        migrate.migrate(url, migrate.APP, NOON)

    assert tables(url) == set()


def test_in_a_schema_of_its_own(url: str) -> None:
    """What lies on the search path is looked at, and made; another schema's tables are another's."""
    migrate.migrate(url, migrate.OWN, NOON)
    ask(url, "CREATE SCHEMA apart")
    apart = f"{url}&options=-csearch_path%3Dapart"

    migrate.migrate(apart, migrate.OWN, NOON)

    assert migrate.plan(apart, migrate.OWN) == []
    schemas = "SELECT schemaname FROM pg_tables WHERE tablename = 'push_deliveries' ORDER BY schemaname"
    assert ask(url, schemas) == [("apart",), ("public",)]


def test_the_mirror_listens_to_what_the_trigger_says(url: str) -> None:
    """One statement of many rows is told once."""
    migrate.migrate(url, migrate.APP, NOON)
    with session(url) as listener:
        listener.raw.execute(f"LISTEN {postgres.CHANNEL}")
        ask(
            url,
            "INSERT INTO push_outbox (event_key, event_type, user_id, payload, created_at)"
            " SELECT 'm' || n, '', '', '', '' FROM generate_series(1, 1000) AS n",
        )
        told = list(listener.raw.notifies(timeout=20, stop_after=1))

        assert [each.channel for each in told] == ["kfpush_outbox"]
        assert list(listener.raw.notifies(timeout=0)) == []
