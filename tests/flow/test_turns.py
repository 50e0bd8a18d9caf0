"""A SQLite file of ours whose work runs on the event loop: what may wait leaves it, all else is as ever."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from schemas.database import Database, Transaction
from schemas.errors import DatabaseBusy, StorageError

Open = Callable[..., Database]
WITHIN = 20


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """Open handles on one file, closed afterwards."""
    (tmp_path / "a.db").touch()
    async with AsyncExitStack() as stack:

        def handle(*, busy_timeout: float = 10) -> Database:
            database = Database(
                f"sqlite:///{tmp_path}/a.db", "own", wal=True, on_loop=True, busy_timeout=busy_timeout
            )
            stack.push_async_callback(database.close)
            return database

        yield handle


@pytest.fixture
async def database(opened: Open) -> Database:
    """A handle on it, with one table."""
    database = opened()
    await database.exclusive(lambda tx: tx.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)"))
    return database


@pytest.fixture
def holder(database: Database, tmp_path: Path) -> sqlite3.Connection:
    """Somebody else's connection, to write with."""
    return sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)


def insert(tx: Transaction, *numbers: int) -> None:
    """Add rows."""
    tx.many("INSERT INTO t (n) VALUES (?)", [(number,) for number in numbers])


def numbers(tx: Transaction) -> list[int]:
    """Read all rows."""
    return [row["n"] for row in tx.rows("SELECT n FROM t ORDER BY n")]


async def test_the_work_runs_on_the_loop(database: Database) -> None:
    """Writing and reading run in the thread that asked; reading does not even give up its turn."""
    threads = []

    def work(tx: Transaction) -> list[int]:
        threads.append(threading.current_thread())
        return numbers(tx)

    assert await database.exclusive(work) == []
    reading = database.read(work)
    with pytest.raises(StopIteration) as ended:
        reading.send(None)

    assert ended.value.value == []
    assert threads == [threading.current_thread()] * 2


async def test_all_or_nothing(database: Database) -> None:
    """An error of ours takes back what the transaction did; the handle works on."""

    def break_off(tx: Transaction) -> None:
        insert(tx, 1, 2)
        raise LookupError("in the middle")

    with pytest.raises(LookupError, match="in the middle"):
        await database.exclusive(break_off)
    with pytest.raises(LookupError, match="in the middle"):
        await database.read(break_off)
    with pytest.raises(StorageError, match="run `kfpush migrate`"):
        await database.read(lambda tx: tx.rows("SELECT * FROM other"))
    await database.exclusive(lambda tx: insert(tx, 3))

    assert await database.read(numbers) == [3]


async def test_one_writer_at_a_time(opened: Open, database: Database) -> None:
    """Two handles of one process that read and add one lose no step, and neither waits for ever."""
    other = opened()
    await database.exclusive(lambda tx: insert(tx, 0))

    def count_up(tx: Transaction) -> None:
        row = tx.one("SELECT text FROM t")
        tx.execute("UPDATE t SET text = ?", (int((row and row["text"]) or 0) + 1,))

    await asyncio.gather(*((database, other)[turn % 2].exclusive(count_up) for turn in range(40)))

    assert await database.read(lambda tx: [row["text"] for row in tx.rows("SELECT text FROM t")]) == ["40"]


async def test_somebody_elses_lock_is_not_waited_for_on_the_loop(
    database: Database, holder: sqlite3.Connection
) -> None:
    """Whoever wants to write meanwhile waits aside; the loop goes on, and the write follows the lock."""
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("INSERT INTO t (n) VALUES (1)")
    writing = asyncio.create_task(database.exclusive(lambda tx: insert(tx, 2)))
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert not writing.done()

    holder.execute("COMMIT")
    async with asyncio.timeout(WITHIN):
        await writing

    assert await database.read(numbers) == [1, 2]
    holder.close()


async def test_a_lock_for_too_long(opened: Open, database: Database, holder: sqlite3.Connection) -> None:
    """It waits as long as it was told, writes nothing, and goes on when the lock is gone."""
    impatient = opened(busy_timeout=0.05)
    holder.execute("BEGIN IMMEDIATE")

    with pytest.raises(DatabaseBusy, match=r"own: .*lock.*find .* and end it"):
        await impatient.exclusive(lambda tx: insert(tx, 1))
    assert await impatient.read(numbers) == []

    holder.execute("COMMIT")
    await impatient.exclusive(lambda tx: insert(tx, 2))
    assert await database.read(numbers) == [2]
    holder.close()


async def test_reading_while_a_write_waits(database: Database, holder: sqlite3.Connection) -> None:
    """The connection is one: a read that comes later sees what the write before it did."""
    holder.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(database.exclusive(lambda tx: insert(tx, 2)))
    await asyncio.sleep(0.01)
    reading = asyncio.create_task(database.read(numbers))
    await asyncio.sleep(0.01)
    holder.execute("COMMIT")

    async with asyncio.timeout(WITHIN):
        assert await reading == [2]
        await writing
    holder.close()


async def test_a_caller_that_is_cancelled_meanwhile(database: Database, holder: sqlite3.Connection) -> None:
    """Its transaction ends first, and is committed: nobody may think otherwise."""
    told: list[str] = []

    def work(tx: Transaction) -> str:
        insert(tx, 1)
        return "done"

    async def caller() -> None:
        told.append(await database.exclusive(work))
        await asyncio.sleep(0)
        told.append("went on")

    holder.execute("BEGIN IMMEDIATE")
    task = asyncio.create_task(caller())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    holder.execute("COMMIT")
    async with asyncio.timeout(WITHIN):
        with pytest.raises(asyncio.CancelledError):
            await task

    assert told == ["done"]
    assert await database.read(numbers) == [1]
    holder.close()


async def test_who_waits_for_a_turn_and_is_cancelled(database: Database, holder: sqlite3.Connection) -> None:
    """It learns what became of its work like any other, and the next has its turn."""
    holder.execute("BEGIN IMMEDIATE")
    first = asyncio.create_task(database.exclusive(lambda tx: insert(tx, 1)))
    second = asyncio.create_task(database.exclusive(lambda tx: insert(tx, 2)))
    await asyncio.sleep(0.01)
    second.cancel()
    third = asyncio.create_task(database.exclusive(lambda tx: insert(tx, 3)))
    await asyncio.sleep(0.01)
    holder.execute("COMMIT")

    async with asyncio.timeout(WITHIN):
        await asyncio.gather(first, third)
        await asyncio.gather(second, return_exceptions=True)

    assert await database.read(numbers) == [1, 2, 3]
    holder.close()


async def test_closing_waits_for_the_work_at_hand(database: Database, holder: sqlite3.Connection) -> None:
    """Nobody closes a connection under a transaction; what was begun is committed."""
    holder.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(database.exclusive(lambda tx: insert(tx, 1)))
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    holder.execute("COMMIT")

    async with asyncio.timeout(WITHIN):
        await asyncio.gather(writing, closing)

    assert holder.execute("SELECT n FROM t").fetchall() == [(1,)]
    holder.close()
