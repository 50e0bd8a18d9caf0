"""The adapter: transactions that are whole or nothing, and errors that say what to do."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from producer import outbox
from schemas.database import Database, Transaction, engine_of, is_storage, marks
from schemas.errors import ConfigurationError, DatabaseBusy, StorageError, ValueRefused
from schemas.states import PushStatus
from tests.engines import Engine, held, session

Open = Callable[..., Database]
ADD_EVENT = (
    "INSERT INTO push_outbox (event_key, event_type, user_id, payload, created_at) VALUES (?, '', '', '', '')"
)


@pytest.fixture
def url(engine: Engine) -> str:
    """A database with nothing in it, on each engine."""
    return engine.empty()


@pytest.fixture
async def opened(url: str) -> AsyncIterator[Open]:
    """Open handles on it, closed afterwards."""
    async with AsyncExitStack() as stack:

        def handle(**how: bool | float) -> Database:
            database = Database(url, "own", **how)  # type: ignore[arg-type]
            stack.push_async_callback(database.close)
            return database

        yield handle


@pytest.fixture
async def database(opened: Open) -> Database:
    """A handle on it, with one table."""
    database = opened(wal=True)
    await database.exclusive(lambda tx: tx.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)"))
    return database


def insert(tx: Transaction, *numbers: int) -> None:
    """Add rows."""
    tx.many("INSERT INTO t (n) VALUES (?)", [(number,) for number in numbers])


def numbers(tx: Transaction) -> list[int]:
    """Read all rows."""
    return [row["n"] for row in tx.rows("SELECT n FROM t ORDER BY n")]


async def test_a_file_that_is_away(tmp_path: Path) -> None:
    """It is not made anew: an empty file in its place would be taken for it."""
    database = Database(f"sqlite:///{tmp_path}/app.db", "app")

    with pytest.raises(StorageError, match=r"app\.db is not there; run `kfpush migrate`, or put it back"):
        await database.read(lambda tx: tx.rows("SELECT 1"))

    assert not (tmp_path / "app.db").exists()
    await database.close()


async def test_all_or_nothing(database: Database) -> None:
    """An error of ours takes back what the transaction did; the handle works on."""

    def break_off(tx: Transaction) -> None:
        insert(tx, 1, 2)
        raise LookupError("in the middle")

    with pytest.raises(LookupError, match="in the middle"):
        await database.exclusive(break_off)
    await database.exclusive(lambda tx: insert(tx, 3))

    assert await database.read(numbers) == [3]


async def test_one_writer_at_a_time(opened: Open, database: Database) -> None:
    """Two handles that read and add one lose no step."""
    other = opened(wal=True)
    await database.exclusive(lambda tx: insert(tx, 0))

    def count_up(tx: Transaction) -> None:
        tx.execute("UPDATE t SET text = ?", (int((tx.one("SELECT text FROM t") or [0])[0] or 0) + 1,))

    await asyncio.gather(*((database, other)[turn % 2].exclusive(count_up) for turn in range(40)))

    assert await database.read(lambda tx: [tuple(row) for row in tx.rows("SELECT text FROM t")]) == [("40",)]


async def test_reading_sees_one_moment(opened: Open, database: Database) -> None:
    """What somebody commits in between is not seen by halves."""
    other = opened(wal=True)
    loop = asyncio.get_running_loop()

    def look_twice(tx: Transaction) -> tuple[list[int], list[int]]:
        before = numbers(tx)
        asyncio.run_coroutine_threadsafe(other.exclusive(lambda tx: insert(tx, 1)), loop).result(20)
        return before, numbers(tx)

    assert await database.read(look_twice) == ([], [])
    assert await database.read(numbers) == [1]


async def test_locked_by_somebody_else(opened: Open, database: Database, url: str) -> None:
    """It waits as long as it was told, writes nothing, and goes on when the lock is gone."""
    impatient = opened(wal=True, busy_timeout=0.05)

    with held(url):
        with pytest.raises(DatabaseBusy, match=r"own: .*lock.*find .* and end it"):
            await impatient.exclusive(lambda tx: insert(tx, 1))
        assert await impatient.read(numbers) == []

    await impatient.exclusive(lambda tx: insert(tx, 2))
    assert await database.read(numbers) == [2]


async def test_who_only_looks_changes_nothing(opened: Open, database: Database) -> None:
    """A write through a handle that was opened for reading is refused."""
    await database.exclusive(lambda tx: insert(tx, 1))
    looking = opened(read_only=True)

    assert await looking.read(numbers) == [1]
    with pytest.raises(StorageError, match="permissions"):
        await looking.read(lambda tx: insert(tx, 2))
    assert await database.read(numbers) == [1]


async def test_a_table_that_is_missing(database: Database) -> None:
    """A process in front of an older database says which command helps."""
    with pytest.raises(StorageError, match=r"other.*run `kfpush migrate`"):
        await database.read(lambda tx: tx.rows("SELECT * FROM other"))


async def test_columns(database: Database) -> None:
    """The columns of a table; none of one that is not there."""
    assert await database.read(lambda tx: tx.columns("t")) == {"n", "text"}
    assert await database.read(lambda tx: tx.columns("other")) == frozenset()


async def test_a_caller_that_is_cancelled_meanwhile(database: Database) -> None:
    """Its transaction ends first, and is committed: nobody may think otherwise."""
    entered, leave = threading.Event(), threading.Event()

    def slowly(tx: Transaction) -> str:
        insert(tx, 1)
        entered.set()
        leave.wait(20)
        return "done"

    async def caller(told: list[str]) -> None:
        told.append(await database.exclusive(slowly))
        await asyncio.sleep(0)
        told.append("went on")

    told: list[str] = []
    task = asyncio.create_task(caller(told))
    await asyncio.to_thread(entered.wait, 20)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    leave.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert told == ["done"]
    assert await database.read(numbers) == [1]


@pytest.mark.parametrize("url", ["", "sqlite:///", "sqlite://a.db", "a.db", "mysql://u:s3cret@host/db"])
def test_a_url_of_another_kind(url: str) -> None:
    """It says what to write, and repeats no password."""
    with pytest.raises(ConfigurationError, match="sqlite:///") as refused:
        engine_of(url)

    assert "s3cret" not in str(refused.value)


def test_marks() -> None:
    """As many as there are values; of none, one that nothing is equal to."""
    assert [marks(values) for values in ((), (1,), (1, 2, 3))] == ["NULL", "?", "?,?,?"]


async def test_rows(database: Database) -> None:
    """Values by name and by place, and what SQLite and PostgreSQL name differently comes out alike."""
    await database.exclusive(lambda tx: tx.execute("INSERT INTO t VALUES (?, ?)", (7, "张三")))

    row = await database.read(
        lambda tx: tx.one("SELECT n, text, count(*) AS many, sum(n) AS total FROM t GROUP BY n, text")
    )

    assert row is not None
    assert (row["n"], row[1], row[-1]) == (7, "张三", 7)
    assert dict(row) == {"n": 7, "text": "张三", "many": 1, "total": 7}
    assert (list(row), row.keys(), len(row)) == ([7, "张三", 1, 7], ["n", "text", "many", "total"], 4)
    assert [type(value) for value in row] == [int, str, int, int]


async def test_values_of_every_kind(database: Database) -> None:
    """Numbers and booleans fit whatever column they meet; a member of an enumeration is its text."""

    def write(tx: Transaction) -> list[tuple[object, ...]]:
        tx.execute("CREATE TABLE k (a INTEGER, b TEXT, c REAL)")
        tx.many("INSERT INTO k VALUES (?, ?, ?)", [(True, 7, 0.5), (None, PushStatus.SENT, 1)])
        return [tuple(row) for row in tx.rows("SELECT a, b, c FROM k ORDER BY c")]

    assert await database.exclusive(write) == [(1, "7", 0.5), (None, "sent", 1.0)]


async def test_what_a_statement_touched(database: Database) -> None:
    """As many rows as were written; a statement that asks for nothing has no rows."""

    def write(tx: Transaction) -> list[object]:
        insert(tx, 1, 2)
        once = "INSERT INTO t (n) VALUES (?) ON CONFLICT (n) DO NOTHING"
        return [
            tx.execute(once, (2,)),
            tx.execute(once, (3,)),
            tx.execute("UPDATE t SET text = 'x' WHERE n > 1"),
            tx.rows("DELETE FROM t WHERE n = 1"),
            tx.one("SELECT n FROM t WHERE n = 1"),
            tx.rows(f"SELECT n FROM t WHERE n IN ({marks(())})"),
        ]

    assert await database.exclusive(write) == [0, 1, 2, [], None, []]


async def test_a_part_that_is_taken_back(database: Database) -> None:
    """A value that is refused takes back its savepoint alone, and the transaction goes on."""

    def write(tx: Transaction) -> list[bool]:
        insert(tx, 1)
        refused = []
        for number in (2, 1):
            try:
                with tx.savepoint():
                    insert(tx, number + 10, number)
            except Exception as error:  # noqa: BLE001 - whatever the engine raises
                refused.append(is_storage(error))
        with tx.savepoint():
            insert(tx, 3)
            with suppress(LookupError), tx.savepoint():
                insert(tx, 4)
                raise LookupError
        return refused

    assert await database.exclusive(write) == [False]
    assert await database.read(numbers) == [1, 2, 3, 12]


async def test_a_value_that_is_refused(database: Database) -> None:
    """Outside of a savepoint all is taken back, and the error says so without showing the value."""
    with pytest.raises(ValueRefused) as refused:
        await database.exclusive(lambda tx: insert(tx, 41, 41))

    assert "41" not in str(refused.value)
    assert await database.read(numbers) == []


async def test_texts_are_sorted_by_their_bytes(engine: Engine) -> None:
    """Our keys are: with a language's rules a lower case letter would come before an upper case one."""
    urls = engine.migrated()
    keys = ["b:1", "B:1", "a-1:1", "a1:1", "a:1", "é:1", "号:1"]

    def write(tx: Transaction) -> None:
        tx.many(
            ADD_EVENT,
            [(key,) for key in keys],
        )

    database = Database(urls["app"], "app")
    await database.exclusive(write)
    found = await database.read(
        lambda tx: [
            row["event_key"] for row in tx.rows("SELECT event_key FROM push_outbox ORDER BY event_key")
        ]
    )
    of_a = await database.read(lambda tx: [row["event_key"] for row in outbox.of_match(tx, "a")])
    await database.close()

    assert found == ["B:1", "a-1:1", "a1:1", "a:1", "b:1", "é:1", "号:1"]
    assert of_a == ["a:1"]


async def test_watching_sees_the_commits_of_others(engine: Engine) -> None:
    """Whoever commits an event wakes who watches; what is taken back, and reading, do not."""
    url = engine.migrated()["app"]
    database = Database(url, "app", wal=True)
    loop, seen = asyncio.get_running_loop(), asyncio.Queue[None]()
    stop = database.watch(lambda: loop.call_soon_threadsafe(seen.put_nowait, None))
    await asyncio.wait_for(seen.get(), 20)  # the first look

    with session(url) as stranger:
        for number in range(3):
            stranger.begin_exclusive()
            stranger.tx.execute(ADD_EVENT, (f"m{number}:1",))
            assert seen.empty()
            stranger.commit()
            await asyncio.wait_for(seen.get(), 20)
        stranger.begin_exclusive()
        stranger.tx.execute(ADD_EVENT, ("m9:1",))
        stranger.rollback()
    await database.read(lambda tx: tx.rows("SELECT * FROM push_outbox"))
    await asyncio.to_thread(stop)
    await database.close()

    assert seen.empty()
