"""The outbox: an event lives and dies with the transaction that stores the match."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops import migrate
from producer.outbox import Added, AlreadyThere, Outbox
from schemas.errors import InvalidEvent, NoTransaction, StorageError
from schemas.events import MatchCreated, match_from

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def match(match_id: str = "m1", **more: object) -> MatchCreated:
    """A match."""
    return match_from({"match_id": match_id, "user_id": "u1", "profile_name": "张三", "score": 0.85} | more)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A migrated application database with a table of the application's own."""
    path = tmp_path / "app.db"
    migrate.migrate(f"sqlite:///{path}", migrate.APP, NOW)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE intent_matches (id TEXT)")
    connection.close()
    return path


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., sqlite3.Connection]]:
    """Open connections to it, closed afterwards."""
    connections: list[sqlite3.Connection] = []

    def connect(**how: Any) -> sqlite3.Connection:  # noqa: ANN401 - whatever sqlite3 takes
        connections.append(sqlite3.connect(path, **how))
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()


def stored(path: Path) -> tuple[list[str], list[str]]:
    """The committed matches and the committed events, seen by somebody else."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT id FROM intent_matches ORDER BY id").fetchall()
        keys = connection.execute("SELECT event_key FROM push_outbox ORDER BY event_key").fetchall()
    connection.close()
    return [row[0] for row in rows], [key[0] for key in keys]


CLASSIC = ["", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"]
NEW = pytest.mark.skipif(sys.version_info < (3, 12), reason="sqlite3 has autocommit since Python 3.12")
JOINING: list[Any] = [
    *(pytest.param({"isolation_level": level}, "", id=f"isolation {level!r}") for level in CLASSIC),
    *(
        pytest.param({"isolation_level": level}, "BEGIN", id=f"isolation {level!r}, BEGIN")
        for level in CLASSIC
    ),
    pytest.param({"isolation_level": None}, "BEGIN", id="isolation None, BEGIN"),
    pytest.param({"isolation_level": None}, "BEGIN IMMEDIATE", id="isolation None, BEGIN IMMEDIATE"),
    pytest.param({"isolation_level": None}, "SAVEPOINT mine", id="isolation None, SAVEPOINT"),
    pytest.param({"autocommit": False}, "", id="autocommit False", marks=NEW),
    pytest.param({"autocommit": True}, "BEGIN", id="autocommit True, BEGIN", marks=NEW),
]


def finish(connection: sqlite3.Connection, word: str) -> None:
    """COMMIT or ROLLBACK, the way that works in every mode."""
    if getattr(connection, "autocommit", None) is False:
        (connection.commit if word == "COMMIT" else connection.rollback)()
    else:
        connection.execute(word)


@pytest.mark.parametrize("match_first", [True, False])
@pytest.mark.parametrize(("how", "begin"), JOINING)
def test_it_joins_the_callers_transaction(
    path: Path,
    opened: Callable[..., sqlite3.Connection],
    how: dict[str, Any],
    begin: str,
    match_first: bool,  # noqa: FBT001
) -> None:
    """In every mode the match and its event become visible in one commit, and not before."""
    connection = opened(**how)
    if begin:
        connection.execute(begin)
    if match_first:
        connection.execute("INSERT INTO intent_matches VALUES ('m1')")
    assert Outbox().add(connection, match(), now=NOW) == Added("m1:1")
    if not match_first:
        connection.execute("INSERT INTO intent_matches VALUES ('m1')")
    if begin != "BEGIN IMMEDIATE" and how.get("isolation_level") != "EXCLUSIVE":
        assert stored(path) == ([], [])

    finish(connection, "COMMIT")

    assert stored(path) == (["m1"], ["m1:1"])


@pytest.mark.parametrize(("how", "begin"), JOINING)
def test_it_is_rolled_back_with_the_caller(
    path: Path,
    opened: Callable[..., sqlite3.Connection],
    how: dict[str, Any],
    begin: str,
) -> None:
    """A match that is taken back takes its event along."""
    connection = opened(**how)
    if begin:
        connection.execute(begin)
    connection.execute("INSERT INTO intent_matches VALUES ('m1')")
    Outbox().add(connection, match())

    finish(connection, "ROLLBACK")

    assert stored(path) == ([], [])


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"isolation_level": None}, id="isolation None"),
        pytest.param({"autocommit": True}, id="autocommit True", marks=NEW),
    ],
)
def test_it_refuses_to_commit_by_itself(
    path: Path, opened: Callable[..., sqlite3.Connection], how: dict[str, Any]
) -> None:
    """With no transaction to join it says what to do, and writes nothing."""
    connection = opened(**how)

    with pytest.raises(NoTransaction, match="Execute BEGIN"):
        Outbox().add(connection, match())

    assert stored(path) == ([], [])
    assert not connection.in_transaction


def test_a_savepoint_takes_back_the_event_alone(
    path: Path, opened: Callable[..., sqlite3.Connection]
) -> None:
    """Part of a transaction may be undone; the rest is committed."""
    connection = opened(isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO intent_matches VALUES ('m1')")
    connection.execute("SAVEPOINT mine")
    Outbox().add(connection, match())
    connection.execute("ROLLBACK TO mine")
    connection.execute("COMMIT")

    assert stored(path) == (["m1"], [])


@pytest.mark.parametrize("same_transaction", [True, False])
def test_a_second_event_of_the_same_key(
    path: Path,
    opened: Callable[..., sqlite3.Connection],
    same_transaction: bool,  # noqa: FBT001
) -> None:
    """It is already there: the first one stays as it is."""
    connection = opened()
    assert Outbox().add(connection, match(profile_name="first")) == Added("m1:1")
    if not same_transaction:
        connection.commit()
    assert Outbox().add(connection, match(profile_name="second")) == AlreadyThere("m1:1")
    assert Outbox().add(connection, match(revision=2)) == Added("m1:2")
    connection.commit()

    payloads = connection.execute("SELECT payload FROM push_outbox ORDER BY id").fetchall()
    assert ["first" in payload for (payload,) in payloads] == [True, False]
    assert stored(path)[1] == ["m1:1", "m1:2"]


@pytest.mark.parametrize(
    "bad", [match(note=object()), match(note="x" * 70_000)], ids=["cannot be written", "too large"]
)
def test_what_is_refused_writes_nothing(
    path: Path, opened: Callable[..., sqlite3.Connection], bad: MatchCreated
) -> None:
    """The caller's transaction goes on as if nothing had been asked."""
    connection = opened()
    connection.execute("INSERT INTO intent_matches VALUES ('m1')")

    with pytest.raises(InvalidEvent):
        Outbox().add(connection, bad)
    connection.commit()

    assert stored(path) == (["m1"], [])


def test_a_database_without_an_outbox(tmp_path: Path) -> None:
    """It says which command helps, and the caller's transaction stays open."""
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE intent_matches (id TEXT)")
    connection.execute("INSERT INTO intent_matches VALUES ('m1')")

    with pytest.raises(StorageError, match="kfpush migrate"):
        Outbox().add(connection, match())
    connection.commit()

    assert connection.execute("SELECT count(*) FROM intent_matches").fetchone() == (1,)
    connection.close()


def test_the_row(opened: Callable[..., sqlite3.Connection]) -> None:
    """Everything that the mirror needs, and nothing mirrored yet."""
    connection = opened()
    Outbox().add(connection, match(), traceparent="00-ab-cd-01", now=NOW)
    connection.row_factory = sqlite3.Row

    row = dict(connection.execute("SELECT * FROM push_outbox").fetchone())

    payload = row.pop("payload")
    assert row == {
        "id": 1,
        "event_key": "m1:1",
        "event_type": "kfpush.match.created.v1",
        "user_id": "u1",
        "traceparent": "00-ab-cd-01",
        "created_at": "2026-11-22T06:00:00.000Z",
        "mirrored_at": None,
        "stream_id": None,
        "carried_at": None,
    }
    assert match_from({**match().model_dump()}) == MatchCreated.model_validate_json(payload)


def test_rows_factories_of_the_caller_do_not_matter(opened: Callable[..., sqlite3.Connection]) -> None:
    """The caller's own row and text factories are the caller's business."""
    connection = opened()
    connection.row_factory = lambda _cursor, row: {"row": row}
    connection.text_factory = bytes

    assert Outbox().add(connection, match()) == Added("m1:1")
    assert Outbox().add(connection, match()) == AlreadyThere("m1:1")
