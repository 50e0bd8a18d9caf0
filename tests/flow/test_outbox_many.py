"""Many events in one call, on each engine: told one by one, and all part of the caller's transaction."""

from collections.abc import Iterator

import pytest

from producer import joining
from producer.outbox import Added, AlreadyThere, Outbox
from schemas.database import Session
from schemas.errors import InvalidEvent, NoTransaction
from schemas.events import MatchWithdrawn
from tests.engines import NOON, Engine, ask, session
from tests.flow.ledger_house import match

KEYS = "SELECT event_key FROM push_outbox ORDER BY id"


@pytest.fixture
def url(engine: Engine) -> str:
    """A migrated application database."""
    return engine.migrated()["app"]


@pytest.fixture
def host(url: str) -> Iterator[Session]:
    """The application's own connection."""
    with session(url) as opened:
        yield opened


def test_each_is_told_in_its_order(host: Session, url: str) -> None:
    """Of two with one key the first goes in, here as elsewhere; a withdrawal has a key of its own."""
    host.begin_exclusive()
    Outbox().add(host.raw, match("m2", profile_name="before"))
    told = Outbox().add_many(
        host.raw,
        [
            match("m3", profile_name="first"),
            match("m2"),
            match("m1"),
            match("m3", profile_name="second"),
            match("m3", revision=2),
            MatchWithdrawn(match_id="m1", user_id="u1"),
        ],
        traceparent="00-ab-cd-01",
        now=NOON,
    )
    assert ask_nobody(url) == []
    host.commit()

    assert told == [
        Added("m3:1"),
        AlreadyThere("m2:1"),
        Added("m1:1"),
        AlreadyThere("m3:1"),
        Added("m3:2"),
        Added("m1:1:withdrawn"),
    ]
    assert ask(url, KEYS) == [("m2:1",), ("m3:1",), ("m1:1",), ("m3:2",), ("m1:1:withdrawn",)]
    [(*told_of, payload)] = ask(
        url,
        "SELECT event_type, user_id, traceparent, created_at, mirrored_at, payload FROM push_outbox"
        " WHERE event_key = 'm3:1'",
    )
    assert told_of == ["kfpush.match.created.v1", "u1", "00-ab-cd-01", "2026-11-22T04:00:00.000Z", None]
    assert "first" in payload


def ask_nobody(url: str) -> list[tuple[object, ...]]:
    """What somebody else sees meanwhile."""
    with session(url) as other:
        return [tuple(row) for row in other.tx.rows(KEYS)]


@pytest.mark.parametrize("count", [0, 1, joining.AT_ONCE, joining.AT_ONCE + 1, 1000])
def test_as_many_as_there_are(host: Session, url: str, count: int) -> None:
    """None, one, a statement full, one more, and many; a second time all are there."""
    matches = [match(f"m{number}") for number in range(count)]
    told = []
    for _ in range(2):
        host.begin_exclusive()
        told.append(Outbox().add_many(host.raw, iter(matches)))
        host.commit()

    assert told[0] == [Added(f"m{number}:1") for number in range(count)]
    assert told[1] == [AlreadyThere(f"m{number}:1") for number in range(count)]
    assert ask(url, KEYS) == [(f"m{number}:1",) for number in range(count)]


def test_one_that_is_refused_adds_none(host: Session, url: str) -> None:
    """What cannot be written is found before anything is; the transaction goes on."""
    host.begin_exclusive()
    with pytest.raises(InvalidEvent):
        Outbox().add_many(host.raw, [match("m1"), match("m2", note="x" * 70_000)])
    Outbox().add(host.raw, match("m3"))
    host.commit()

    assert ask(url, KEYS) == [("m3:1",)]


def test_it_refuses_to_commit_by_itself(host: Session, url: str) -> None:
    """Also of many, and also of none."""
    for matches in ([match("m1"), match("m2")], []):
        with pytest.raises(NoTransaction, match="Execute BEGIN"):
            Outbox().add_many(host.raw, matches)

    assert ask(url, KEYS) == []
