"""The host's own intents: switched off, over, or done for today.  Without a row, nothing is limited."""

from typing import Any

import pytest

from consumer.ledger import deliveries
from consumer.ledger.pushes import Attempt
from schemas.events import MatchCreated
from schemas.receipts import Accepted
from tests.flow.ledger_house import LedgerHouse, at, match

TABLE = (
    "CREATE TABLE user_intents (id INTEGER PRIMARY KEY, user_id TEXT, name TEXT,"
    " max_push_per_day INT DEFAULT 5, status TEXT DEFAULT 'active', expire_at TEXT)"
)


def of(match_id: str, intent_id: int = 3) -> MatchCreated:
    """A match of an intent."""
    return match(match_id, intent_id=intent_id)


def carried(attempts: list[Attempt]) -> list[str]:
    """The matches that go."""
    return [match_id for attempt in attempts for match_id, _ in attempt.letter.matches]


async def intent(house: LedgerHouse, intent_id: int = 3, user_id: str = "u1", **more: object) -> None:
    """The host writes an intent."""
    await house.host(TABLE.replace("TABLE user", "TABLE IF NOT EXISTS user"))
    values = {"id": intent_id, "user_id": user_id} | more
    await house.host("DELETE FROM user_intents WHERE id = ?", intent_id)
    await house.host(
        f"INSERT INTO user_intents ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
        *values.values(),
    )


async def test_as_many_as_the_intent_allows(house: LedgerHouse) -> None:
    """In flight and accepted alike, counted since local midnight; another intent's are its own."""
    await house.session()
    await intent(house, max_push_per_day=2)
    await intent(house, 4)
    await house.sent(Accepted(), of("m1"))
    await house.arrive(of("m2"), of("m3"), of("other", 4))

    assert carried((await house.plan()).attempts) == ["m2", "other"]
    assert await house.standing("m3") == [("waiting", "intent_limit")]
    assert await house.due("m3") == at("23 00:00")


async def test_a_match_that_a_person_sent_again(house: LedgerHouse) -> None:
    """Two messages about one match are two of the intent's day."""
    await house.session()
    await intent(house, max_push_per_day=2)
    await house.sent(Accepted(), of("m1"))
    await house.own.exclusive(lambda tx: deliveries.redriven(tx, [("m1", 1)], house.now))
    assert carried((await house.plan()).attempts) == ["m1"]

    await house.arrive(of("m2"))
    await house.plan()

    assert await house.standing("m2") == [("waiting", "intent_limit")]


async def test_a_new_day(house: LedgerHouse) -> None:
    """At midnight the count begins anew."""
    await house.session()
    await intent(house, max_push_per_day=1)
    await house.sent(Accepted(), of("m1"), of("m2"))
    assert await house.standing("m2") == [("waiting", "intent_limit")]

    house.now = house.wall = at("23 00:00")

    assert carried((await house.plan()).attempts) == ["m2"]


async def test_raised_in_the_afternoon(house: LedgerHouse) -> None:
    """The host's UPDATE counts from the next time it is looked at."""
    await house.session()
    await intent(house, max_push_per_day=1)
    await house.sent(Accepted(), of("m1"), of("m2"))
    await intent(house, max_push_per_day=2)
    await house.look_again()

    assert carried((await house.plan()).attempts) == ["m2"]


@pytest.mark.parametrize(
    "over",
    [{"status": "deleted"}, {"status": "PAUSED"}, {"expire_at": "2026-11-22T11:59:59"}],
    ids=["deleted", "paused", "expired"],
)
async def test_an_intent_that_is_over(house: LedgerHouse, over: dict[str, Any]) -> None:
    """Its matches are withdrawn with it."""
    await house.session()
    await intent(house, **over)
    await house.arrive(of("m1"))

    await house.plan()

    assert await house.standing("m1") == [("dropped", "withdrawn")]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # PostgreSQL takes no such value
async def test_a_limit_nobody_understands(house: LedgerHouse) -> None:
    """Nothing is sent on a guess; it is told, and looked at again in an hour."""
    await house.session()
    await intent(house, max_push_per_day="plenty")
    await house.arrive(of("m1"))

    outcome = await house.plan()

    assert await house.standing("m1") == [("waiting", "unreadable_preferences")]
    assert [complaint.partition(" of intent ")[0] for complaint in outcome.complaints] == [
        "user_intents.max_push_per_day"
    ]


@pytest.mark.parametrize("table", ["none", "other columns", "another user's row"])
async def test_a_missing_row_says_nothing(house: LedgerHouse, table: str) -> None:
    """No row, no limits: hosts delete intents, and some keep none."""
    await house.session()
    if table == "other columns":
        await house.host("CREATE TABLE user_intents (id INTEGER PRIMARY KEY, user_id TEXT)")
        await house.host("INSERT INTO user_intents VALUES (4, 'u1')")
    if table == "another user's row":
        await intent(house, user_id="u2", status="deleted")
    await house.arrive(of("m1"), of("m2"))

    assert len((await house.plan()).attempts) == 2
