"""SQLite behind the adapter: files, journals, locks and what they say."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from schemas.database import Database, Transaction
from schemas.engines.sqlite import path_of
from schemas.errors import DatabaseBusy, DatabaseFull, StorageError

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
async def database(opened: Open, tmp_path: Path) -> Database:
    """A handle on a file with one table."""
    (tmp_path / "a.db").touch()
    database = opened(wal=True)
    await database.exclusive(lambda tx: tx.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)"))
    return database


def insert(tx: Transaction, *numbers: int) -> None:
    """Add rows."""
    tx.many("INSERT INTO t (n) VALUES (?)", [(number,) for number in numbers])


def numbers(tx: Transaction) -> list[int]:
    """Read all rows."""
    return [row["n"] for row in tx.rows("SELECT n FROM t ORDER BY n")]


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


async def test_text_that_is_no_utf8(database: Database) -> None:
    """One broken cell of a host must not stop everybody: it is read as far as it goes."""
    await database.exclusive(lambda tx: tx.execute("INSERT INTO t VALUES (1, CAST(x'22ff30' AS TEXT))"))

    assert await database.read(lambda tx: [row["text"] for row in tx.rows("SELECT text FROM t")]) == [
        '"\ufffd0'
    ]


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
    later.touch()

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
