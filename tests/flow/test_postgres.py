"""PostgreSQL behind the adapter: a server that goes away, what it refuses, and what may not be told."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest

from ops import migrate
from schemas.database import Database, Transaction, engine_of
from schemas.engines import postgres
from schemas.engines.postgres_errors import explained
from schemas.errors import (
    ConfigurationError,
    DatabaseBusy,
    DatabaseFull,
    KfpushError,
    StorageError,
    ValueRefused,
)
from tests.engines import NOON, Engine, ask, held, session
from tests.postgres import Postgres

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)

Open = Callable[..., Database]


@pytest.fixture
def url(engine: Engine) -> str:
    """A database with one table."""
    made = engine.empty()
    ask(made, "CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)")
    return made


@pytest.fixture
async def opened(url: str) -> AsyncIterator[Open]:
    """Open handles on it, closed afterwards."""
    async with AsyncExitStack() as stack:

        def handle(**how: Any) -> Database:  # noqa: ANN401 - whatever Database takes
            database = Database(how.pop("url", url), "own", **how)
            stack.push_async_callback(database.close)
            return database

        yield handle


def end_sessions(url: str, name: str) -> None:
    """The server ends the sessions of a name, as it does when it is restarted."""
    with session(url) as opened:
        gone = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = ?"
        assert [row[0] for row in opened.tx.rows(gone, (name,))] == [True]


def insert(tx: Transaction, *numbers: int) -> None:
    """Add rows."""
    tx.many("INSERT INTO t (n) VALUES (?)", [(number,) for number in numbers])


def numbers(tx: Transaction) -> list[int]:
    """Read all rows."""
    return [row["n"] for row in tx.rows("SELECT n FROM t ORDER BY n")]


async def test_a_connection_that_is_lost(opened: Open, url: str) -> None:
    """It is an error of the database's, nothing is written, and the next use connects again."""
    database = opened()

    def lose(tx: Transaction) -> None:
        insert(tx, 1)
        end_sessions(url, "kfpush own")
        insert(tx, 2)

    with pytest.raises(StorageError, match=r"connection to the server was lost.*connects again"):
        await database.exclusive(lose)
    await database.exclusive(lambda tx: insert(tx, 3))

    assert await database.read(numbers) == [3]


async def test_a_connection_that_is_lost_while_nobody_looks(opened: Open, url: str) -> None:
    """A server that was restarted meanwhile costs one error."""
    database = opened()
    await database.exclusive(lambda tx: insert(tx, 1))
    end_sessions(url, "kfpush own")

    with pytest.raises(StorageError, match="connects again"):
        await database.read(numbers)
    assert await database.read(numbers) == [1]


async def test_watching_connects_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever listens looks once whenever it is connected, and hears what comes after."""
    monkeypatch.setattr(postgres, "AWAY_POLL", 0.02)
    url = engine.migrated()["app"]
    database = Database(url, "app")
    loop, seen = asyncio.get_running_loop(), asyncio.Queue[None]()
    stop = database.watch(lambda: loop.call_soon_threadsafe(seen.put_nowait, None))
    await asyncio.wait_for(seen.get(), 20)

    end_sessions(url, "kfpush app")
    await asyncio.wait_for(seen.get(), 20)
    ask(
        url,
        "INSERT INTO push_outbox (event_key, event_type, user_id, payload, created_at)"
        " VALUES ('m1:1', '', '', '', '')",
    )
    await asyncio.wait_for(seen.get(), 20)

    await asyncio.to_thread(stop)
    await database.close()


async def test_the_hosts_own_writes_wait_for_nobody(opened: Open, url: str) -> None:
    """The one writer is the one among those who use kfpush; the application is not locked out."""
    with held(url), psycopg.connect(url) as host:
        host.execute("SET lock_timeout = '1s'")
        host.execute("INSERT INTO t (n) VALUES (1)")

    assert await opened().read(numbers) == [1]


async def test_a_row_that_the_host_holds(opened: Open, url: str) -> None:
    """Whoever wants it lets the others write soon: patience is for becoming the one writer."""
    database = opened(busy_timeout=3600)
    await database.exclusive(lambda tx: insert(tx, 1))

    with psycopg.connect(url) as host:
        host.execute("UPDATE t SET text = 'theirs'")
        async with asyncio.timeout(60):
            with pytest.raises(DatabaseBusy, match="another transaction holds a lock"):
                await database.exclusive(lambda tx: tx.execute("UPDATE t SET text = 'ours'"))
            await database.exclusive(lambda tx: insert(tx, 2))

    assert await database.read(numbers) == [1, 2]


async def test_a_server_with_a_stricter_default(opened: Open, url: str) -> None:
    """Whoever waited for the lock sees what was committed before it was had."""
    name = ask(url, "SELECT current_database()")[0][0]
    ask(url, f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    first, second = opened(), opened()
    await first.exclusive(lambda tx: insert(tx, 0))

    def count_up(tx: Transaction) -> None:
        tx.execute("UPDATE t SET text = ?", (int((tx.one("SELECT text FROM t") or [0])[0] or 0) + 1,))

    await asyncio.gather(*((first, second)[turn % 2].exclusive(count_up) for turn in range(40)))

    assert ask(url, "SELECT text FROM t") == [("40",)]


async def test_a_commit_is_durable(opened: Open) -> None:
    """A server that would forget commits in a power cut is asked not to forget ours."""
    setting = await opened().read(lambda tx: tx.rows("SELECT current_setting('synchronous_commit') AS asked"))

    assert setting[0]["asked"] == "local"


async def test_a_character_that_it_does_not_have(opened: Open, url: str) -> None:
    """NUL in what nobody can read becomes the mark for such characters, and stops nothing."""
    database = opened()
    await database.exclusive(lambda tx: tx.execute("INSERT INTO t VALUES (1, ?)", ("a\0b",)))

    assert await database.read(lambda tx: [row["text"] for row in tx.rows("SELECT text FROM t")]) == [
        "a\ufffdb"
    ]


async def test_a_table_that_gets_a_column(opened: Open, url: str) -> None:
    """A migrate beside a running process costs it one error, not all that follow."""
    database = opened()
    for _ in range(7):  # often enough to be prepared
        await database.read(lambda tx: tx.rows("SELECT * FROM t"))
    ask(url, "ALTER TABLE t ADD COLUMN more TEXT")

    with pytest.raises(StorageError, match="a table was changed meanwhile"):
        await database.read(lambda tx: tx.rows("SELECT * FROM t"))
    assert await database.read(lambda tx: tx.rows("SELECT * FROM t")) == []


async def test_what_a_value_looks_like_is_not_told(opened: Open) -> None:
    """Nor is the chain of errors behind it, which quotes it."""
    for sql in ("INSERT INTO t VALUES (?, 'secret')", "INSERT INTO t (n) VALUES (length(?) / 0)"):
        with pytest.raises(ValueRefused) as refused:
            await opened().exclusive(lambda tx: tx.execute(sql, ("secret",)))  # noqa: B023

        assert "secret" not in str(refused.value)
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            (":secret@/", ":secret@127.0.0.1:1/"),
            r"to postgresql://127\.0\.0\.1:1/.*nobody listens",
        ),
        (("/t", "/nowhere_t"), "does not exist there"),
        (("?host=", "?host=/nowhere"), "nobody listens there"),
        (("?host=", "?nonsense=1&host="), "cannot be read"),
        (("@/", "@[::1/"), "cannot be read"),
        (("?host=", "?connect_timeout=soon&host="), "."),
        (("?host=", "?sslmode=perhaps&host="), "a part of the URL is not understood"),
    ],
    ids=["no server", "no database", "no socket", "unknown word", "no URL", "no number", "no choice"],
)
async def test_no_connection(url: str, change: tuple[str, str], told: str) -> None:
    """It says where and why, in words that help, and neither user nor password."""
    user = url.split("://")[1].split("@", maxsplit=1)[0]
    wrong = url.replace("@/", ":secret@/").replace(*change, 1)
    if "127.0.0.1" in wrong:
        wrong = wrong.partition("?")[0]
    database = Database(wrong, "own")

    with pytest.raises(KfpushError, match=told) as refused:
        await database.read(numbers)
    await database.close()

    assert "secret" not in str(refused.value)
    assert f"{user}:" not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("url_of", "place"),
    [
        ("postgresql://kfpush:p%40ss@db.example:5433/kf?sslmode=require", "postgresql://db.example:5433/kf"),
        ("postgres://db.example/kf", "postgresql://db.example/kf"),
        ("postgresql:///kf?host=/run/postgresql&password=secret", "postgresql:///kf"),
        ("postgresql://u:se@cret@db.example/kf", "postgresql://db.example/kf"),
    ],
)
def test_where_it_is(engine: Engine, url_of: str, place: str) -> None:
    """Server and database, and nothing of who asks."""
    assert engine_of(url_of).place == place


def test_an_encoding_that_cannot_hold_messages(engine: Engine, postgres_server: Postgres) -> None:
    """It is named, with what to do."""
    name = "narrow"
    postgres_server.run(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'"
    )
    try:
        with pytest.raises(ConfigurationError, match=r"SQL_ASCII.*ENCODING 'UTF8'"):
            migrate.plan(postgres_server.url(name), migrate.OWN)
    finally:
        postgres_server.drop(name)


def test_a_role_that_owns_its_database(engine: Engine, postgres_server: Postgres) -> None:
    """That is enough: nothing needs a superuser."""
    postgres_server.run("CREATE ROLE modest LOGIN")
    postgres_server.run("CREATE DATABASE modest OWNER modest TEMPLATE template0")
    url = postgres_server.url("modest").replace("://postgres@", "://modest@", 1)
    try:
        for part in (migrate.APP, migrate.OWN):
            migrate.migrate(url, part, NOON)
        assert ask(url, "SELECT current_user") == [("modest",)]
    finally:
        postgres_server.drop("modest")
        postgres_server.run("DROP ROLE modest")


ERRORS: list[tuple[type[psycopg.Error], type[StorageError], str]] = [
    (psycopg.errors.LockNotAvailable, DatabaseBusy, "pg_stat_activity"),
    (psycopg.errors.DeadlockDetected, DatabaseBusy, "tries again by itself"),
    (psycopg.errors.SerializationFailure, DatabaseBusy, "tries again by itself"),
    (psycopg.errors.DiskFull, DatabaseFull, "free some"),
    (psycopg.errors.UniqueViolation, ValueRefused, "UniqueViolation"),
    (psycopg.errors.InvalidTextRepresentation, ValueRefused, "InvalidTextRepresentation"),
    (psycopg.errors.StringDataRightTruncation, ValueRefused, "StringDataRightTruncation"),
    (psycopg.errors.UndefinedTable, StorageError, "kfpush migrate"),
    (psycopg.errors.InsufficientPrivilege, StorageError, "lacks permissions"),
    (psycopg.errors.ReadOnlySqlTransaction, StorageError, "standby"),
    (psycopg.errors.TooManyConnections, StorageError, "no connection left"),
    (psycopg.errors.QueryCanceled, StorageError, "statement_timeout"),
    (psycopg.errors.AdminShutdown, StorageError, "connects again"),
    (psycopg.OperationalError, StorageError, "connects again"),
    (psycopg.errors.InternalError_, StorageError, "server's log"),
]


@pytest.mark.parametrize(("kind", "expected", "told"), ERRORS)
def test_errors_in_our_words(
    engine: Engine, kind: type[psycopg.Error], expected: type[StorageError], told: str
) -> None:
    """Each says what to do, and shows nothing of the server's text, which may quote a person's data."""
    found = explained(kind("DETAIL: Key (user_id)=(oABC) host=db password=secret"), "own")

    assert type(found) is expected
    assert told in str(found)
    assert str(found).startswith("own: ")
    assert not any(word in str(found) for word in ("oABC", "secret", "DETAIL"))


WITHOUT = """
import sys
sys.modules["psycopg"] = None
from ops.cli import main
sys.argv = ["kfpush", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--help"], 0, "publish"),
        (["migrate", "--help"], 0, "--plan"),
        (["status"], 2, "pip install 'psycopg[binary]"),
        (["migrate", "--plan"], 2, "pip install 'psycopg[binary]"),
    ],
    ids=["help", "help of one", "status", "migrate"],
)
def test_without_the_extra(engine: Engine, tmp_path: Any, words: list[str], code: int, told: str) -> None:  # noqa: ANN401
    """Everything starts without psycopg; only a URL that needs it says which package to install."""
    from tests.flow.commands import environment

    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT, *words],
        cwd=tmp_path,
        env=environment(KFPUSH_DATABASE_URL="postgresql://kfpush:secret@db.example/kf"),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert ended.returncode == code
    assert told in ended.stdout + ended.stderr
    assert "secret" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
