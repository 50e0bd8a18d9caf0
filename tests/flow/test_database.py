"""The adapter: transactions that are whole or nothing, and errors that say what to do."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from schemas.database import Database, Transaction, engine_of, marks
from schemas.engines.sqlite import path_of
from schemas.errors import ConfigurationError, DatabaseBusy, DatabaseFull, StorageError

Open = Callable[..., Database]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """Open handles on one file, closed afterwards."""
    async with AsyncExitStack() as stack:

        def handle(path: Path | None = None, **how: bool | float) -> Database:
            database = Database(f"sqlite:///{path or tmp_path / 'a.db'}", "own", **how)  # type: ignore[arg-type]
            stack.push_async_callback(database.close)
            return database

        yield handle


@pytest.fixture
async def database(opened: Open) -> Database:
    """A handle on a file with one table."""
    database = opened(wal=True)
    await database.exclusive(lambda tx: tx.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)"))
    return database


def insert(tx: Transaction, *numbers: int) -> None:
    """Add rows."""
    tx.many("INSERT INTO t (n) VALUES (?)", [(number,) for number in numbers])


def numbers(tx: Transaction) -> list[int]:
    """Read all rows."""
    return [row["n"] for row in tx.rows("SELECT n FROM t ORDER BY n")]


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


async def test_locked_by_somebody_else(opened: Open, database: Database, tmp_path: Path) -> None:
    """It waits as long as it was told, writes nothing, and goes on when the lock is gone."""
    impatient = opened(wal=True, busy_timeout=0.05)
    holder = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    with pytest.raises(DatabaseBusy, match=r"own: .*find the long transaction"):
        await impatient.exclusive(lambda tx: insert(tx, 1))
    assert await impatient.read(numbers) == []

    holder.execute("ROLLBACK")
    holder.close()
    await impatient.exclusive(lambda tx: insert(tx, 2))
    assert await database.read(numbers) == [2]


async def test_a_reader_that_delays_a_commit(opened: Open, tmp_path: Path) -> None:
    """In a host's rollback journal a reader stops the commit itself: nothing is written then either."""
    path = tmp_path / "host.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.executescript("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT); INSERT INTO t (n) VALUES (1)")
    impatient = opened(path, wal=False, busy_timeout=0.05)
    holder.execute("BEGIN")
    holder.execute("SELECT * FROM t").fetchall()

    with pytest.raises(DatabaseBusy):
        await impatient.exclusive(lambda tx: insert(tx, 2))

    holder.execute("COMMIT")
    assert holder.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    holder.close()
    await impatient.exclusive(lambda tx: insert(tx, 3))
    assert await impatient.read(numbers) == [1, 3]


async def test_no_room_left(database: Database) -> None:
    """Full is said to be full; what the transaction did before is taken back; later it goes on."""

    def fill(tx: Transaction) -> None:
        [pages] = tx.rows("PRAGMA page_count")
        tx.rows(f"PRAGMA max_page_count = {pages[0] + 2}")
        insert(tx, 1)
        tx.execute("INSERT INTO t VALUES (2, ?)", ("x" * 100_000,))

    with pytest.raises(DatabaseFull, match="free some room"):
        await database.exclusive(fill)
    assert await database.read(numbers) == []

    await database.read(lambda tx: tx.rows("PRAGMA max_page_count = 1000000"))
    await database.exclusive(lambda tx: insert(tx, 3))
    assert await database.read(numbers) == [3]


async def test_not_a_database(opened: Open, tmp_path: Path) -> None:
    """Somebody else's file is named as such, and stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be looked at " * 20, encoding="utf-8")
    before = path.read_bytes()

    with pytest.raises(StorageError, match="this file is not a SQLite database"):
        await opened(path, wal=True).read(numbers)

    assert path.read_bytes() == before


@pytest.mark.parametrize("obstacle", ["no folder", "a folder"])
async def test_nothing_to_open(opened: Open, tmp_path: Path, obstacle: str) -> None:
    """A folder that is not there, or one where the file should be."""
    path = tmp_path / "gone" / "a.db" if obstacle == "no folder" else tmp_path

    with pytest.raises(StorageError, match=r"kfpush migrate|its folder exists"):
        await opened(path, wal=True).read(numbers)

    assert not (tmp_path / "gone").exists()


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Path]:
    """A database that may be read and not written, in a folder likewise."""
    path = tmp_path / "closed" / "a.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    connection.close()
    path.chmod(0o400)
    path.parent.chmod(0o500)
    yield path
    path.parent.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_may_not_be_written(opened: Open, unwritable: Path) -> None:
    """It says what to look at."""
    with pytest.raises(StorageError, match="permissions"):
        await opened(unwritable, wal=False).exclusive(lambda tx: insert(tx, 1))


async def test_switching_to_wal_waits_for_others(opened: Open, tmp_path: Path) -> None:
    """Several processes that start on a fresh file at once do not fail each other."""
    path = tmp_path / "fresh.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    holder.execute("BEGIN")
    holder.execute("SELECT * FROM t").fetchall()

    with pytest.raises(DatabaseBusy):
        await opened(path, wal=True, busy_timeout=0.05).read(numbers)
    waiting = asyncio.create_task(opened(path, wal=True).read(numbers))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    holder.execute("COMMIT")
    holder.close()

    assert await asyncio.wait_for(waiting, 20) == []


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
    with pytest.raises(StorageError, match="no such table: other; run `kfpush migrate`"):
        await database.read(lambda tx: tx.rows("SELECT * FROM other"))


async def test_columns(database: Database) -> None:
    """The columns of a table; none of one that is not there."""
    assert await database.read(lambda tx: tx.columns("t")) == {"n", "text"}
    assert await database.read(lambda tx: tx.columns("other")) == frozenset()


async def test_text_that_is_no_utf8(database: Database) -> None:
    """One broken cell of a host must not stop everybody: it is read as far as it goes."""
    await database.exclusive(lambda tx: tx.execute("INSERT INTO t VALUES (1, CAST(x'22ff30' AS TEXT))"))

    assert await database.read(lambda tx: [row["text"] for row in tx.rows("SELECT text FROM t")]) == [
        '"\ufffd0'
    ]


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


async def test_watching_sees_the_commits_of_others(opened: Open, database: Database, tmp_path: Path) -> None:
    """Whoever commits, by whatever means, wakes who watches; reading wakes nobody."""
    loop, seen = asyncio.get_running_loop(), asyncio.Queue[None]()
    stop = database.watch(lambda: loop.call_soon_threadsafe(seen.put_nowait, None))
    await asyncio.wait_for(seen.get(), 20)  # the first look

    stranger = sqlite3.connect(tmp_path / "a.db")
    for number in range(3):
        stranger.execute("INSERT INTO t (n) VALUES (?)", (number,))
        assert seen.empty()
        stranger.commit()
        await asyncio.wait_for(seen.get(), 20)
    stranger.close()
    await database.read(numbers)
    await asyncio.to_thread(stop)

    assert seen.empty()


async def test_watching_a_file_that_comes_later(opened: Open, tmp_path: Path) -> None:
    """While there is none it is looked for again."""
    loop, seen = asyncio.get_running_loop(), asyncio.Event()
    later = tmp_path / "later" / "a.db"
    stop = opened(later, wal=False).watch(lambda: loop.call_soon_threadsafe(seen.set))
    later.parent.mkdir()

    await asyncio.wait_for(seen.wait(), 20)

    await asyncio.to_thread(stop)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///kfpush.db", "kfpush.db"),
        ("sqlite:////var/lib/a b.db", "/var/lib/a b.db"),
        ("sqlite:///a%20b.db?x=1", "a%20b.db?x=1"),
    ],
)
def test_path_of(url: str, expected: str) -> None:
    """The path is literal, spaces, percent and question marks included."""
    assert str(path_of(url)) == expected


@pytest.mark.parametrize("url", ["", "sqlite:///", "sqlite://a.db", "a.db", "mysql://u:s3cret@host/db"])
def test_a_url_of_another_kind(url: str) -> None:
    """It says what to write, and repeats no password."""
    with pytest.raises(ConfigurationError, match="sqlite:///") as refused:
        engine_of(url)

    assert "s3cret" not in str(refused.value)


def test_marks() -> None:
    """As many as there are values; of none, one that nothing is equal to."""
    assert [marks(values) for values in ((), (1,), (1, 2, 3))] == ["NULL", "?", "?,?,?"]
