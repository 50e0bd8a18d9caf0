"""The outbox on an application's psycopg connection: an event lives and dies with the match."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from producer.outbox import Added, AlreadyThere, Outbox
from schemas.errors import NoTransaction, StorageError
from tests.engines import Engine, ask
from tests.flow.ledger_house import match

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)

Connect = Callable[..., psycopg.Connection[Any]]


@pytest.fixture
def url(engine: Engine) -> str:
    """A migrated application database with a table of the application's own."""
    made = engine.migrated()["app"]
    ask(made, "CREATE TABLE intent_matches (id TEXT)")
    return made


@pytest.fixture
def connect(url: str) -> Iterator[Connect]:
    """Open connections to it, closed afterwards."""
    with ExitStack() as stack:

        def opened(**how: Any) -> psycopg.Connection[Any]:  # noqa: ANN401 - whatever psycopg takes
            connection = psycopg.connect(url, **how)
            stack.callback(connection.close)
            return connection

        yield opened


def stored(url: str) -> tuple[list[object], list[object]]:
    """The committed matches and the committed events, seen by somebody else."""
    matches = ask(url, "SELECT id FROM intent_matches ORDER BY id")
    keys = ask(url, "SELECT event_key FROM push_outbox ORDER BY event_key")
    return [row[0] for row in matches], [row[0] for row in keys]


@pytest.mark.parametrize("ending", ["commit", "rollback"])
@pytest.mark.parametrize("match_first", [True, False])
@pytest.mark.parametrize(
    ("autocommit", "begin"), [(False, None), (False, "block"), (True, "block"), (True, "BEGIN")]
)
def test_it_joins_the_callers_transaction(
    url: str,
    connect: Connect,
    autocommit: bool,  # noqa: FBT001
    begin: str | None,
    match_first: bool,  # noqa: FBT001
    ending: str,
) -> None:
    """In every mode the match and its event become visible in one commit, or neither ever does."""
    connection = connect(autocommit=autocommit)

    def work() -> None:
        if match_first:
            connection.execute("INSERT INTO intent_matches VALUES ('m1')")
        assert Outbox().add(connection, match("m1")) == Added("m1:1")
        if not match_first:
            connection.execute("INSERT INTO intent_matches VALUES ('m1')")
        assert stored(url) == ([], [])

    if begin == "block":
        with connection.transaction() as block:
            work()
            if ending == "rollback":
                raise psycopg.Rollback(block)
        connection.commit()
    else:
        if begin:
            connection.execute("BEGIN")
        work()
        connection.execute(ending.upper())

    assert stored(url) == ((["m1"], ["m1:1"]) if ending == "commit" else ([], []))


def test_it_refuses_to_commit_by_itself(url: str, connect: Connect) -> None:
    """In autocommit, with no transaction to join, it says what to do and writes nothing."""
    connection = connect(autocommit=True)

    with pytest.raises(NoTransaction, match="Execute BEGIN"):
        Outbox().add(connection, match("m1"))

    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert stored(url) == ([], [])


def test_a_cursors_connection(url: str, connect: Connect) -> None:
    """Code that holds a cursor has the connection at hand."""
    with connect().cursor() as cursor:
        cursor.execute("INSERT INTO intent_matches VALUES ('m1')")
        Outbox().add(cursor.connection, match("m1"))
        cursor.connection.commit()

    assert stored(url) == (["m1"], ["m1:1"])


@pytest.mark.parametrize("cursor_factory", [psycopg.Cursor, psycopg.ClientCursor, psycopg.RawCursor])
def test_cursors_and_rows_of_the_callers_own(
    url: str, connect: Connect, cursor_factory: type[psycopg.Cursor[Any]]
) -> None:
    """How the application writes its marks and likes its rows is its own business."""
    connection = connect(cursor_factory=cursor_factory, row_factory=dict_row)

    assert Outbox().add(connection, match("m1", profile_name="100% {张三} $1 ?")) == Added("m1:1")
    assert Outbox().add(connection, match("m1")) == AlreadyThere("m1:1")
    connection.commit()

    assert "100% {张三} $1 ?" in ask(url, "SELECT payload FROM push_outbox")[0][0]


def test_a_savepoint_takes_back_the_event_alone(url: str, connect: Connect) -> None:
    """Part of a transaction may be undone; the rest is committed."""
    connection = connect()
    connection.execute("INSERT INTO intent_matches VALUES ('m1')")
    with connection.transaction(force_rollback=True):
        Outbox().add(connection, match("m1"))
    connection.commit()

    assert stored(url) == (["m1"], [])


def test_in_a_pipeline(url: str, connect: Connect) -> None:
    """An application that sends ahead of the answers is told the truth all the same."""
    connection = connect()
    with connection.pipeline():
        connection.execute("INSERT INTO intent_matches VALUES ('m1')")
        told = Outbox().add_many(connection, [match("m1"), match("m1")])
        assert told == [Added("m1:1"), AlreadyThere("m1:1")]
        connection.commit()

    assert stored(url) == (["m1"], ["m1:1"])


def test_another_transaction_adds_the_same(url: str, connect: Connect) -> None:
    """The key is in it or it is not; who comes second is told so after the first has committed."""
    first, second = connect(), connect()
    Outbox().add(first, match("m1", profile_name="first"))
    first.commit()

    assert Outbox().add(second, match("m1", profile_name="second")) == AlreadyThere("m1:1")
    second.commit()

    assert stored(url)[1] == ["m1:1"]


def test_a_database_without_an_outbox(engine: Engine) -> None:
    """It says which command helps."""
    with psycopg.connect(engine.empty()) as connection, pytest.raises(StorageError, match="kfpush migrate"):
        Outbox().add(connection, match("m1"))


def test_what_is_no_connection(engine: Engine) -> None:
    """A cursor, or another driver's connection, is named with what to pass instead."""
    cursor: Any = sqlite3.connect(":memory:").cursor()

    with pytest.raises(TypeError, match=r"sqlite3\.Cursor; of a cursor, pass its \.connection"):
        Outbox().add(cursor, match("m1"))
    cursor.connection.close()
