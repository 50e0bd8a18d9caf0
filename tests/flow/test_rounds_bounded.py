"""A round does no more than it may, and one person's broken data stops nobody else."""

from datetime import datetime

import pytest
from structlog.testing import capture_logs

from consumer.ledger import deliveries
from consumer.plan import MOST_ROWS
from consumer.releasing import RELEASE_AFTER
from consumer.rounds import Due
from schemas.database import Row, Transaction
from schemas.receipts import NotSent, NotSentCause, Unknown
from tests.engines import Engine
from tests.flow.ledger_house import LedgerHouse, at, match

TIMEOUT = Unknown("timeout")


async def break_event(house: LedgerHouse, match_id: str) -> None:
    """Make a row that no code can read."""
    await house.own.exclusive(
        lambda tx: tx.execute("UPDATE push_deliveries SET event = 'nonsense' WHERE match_id = ?", (match_id,))
    )


async def test_one_person_who_cannot_be_planned(house: LedgerHouse) -> None:
    """That person waits an hour, loudly; everybody else's messages leave."""
    await house.session("u1", "wm1")
    await house.session("u2", "wm2")
    await house.arrive(match("broken", "u1"), match("whole", "u1"), match("other", "u2"))
    await break_event(house, "broken")

    with capture_logs() as logs:
        outcome = await house.plan()

    assert [each.letter.matches for each in outcome.attempts] == [(("other", 1),)]
    assert await house.standing("broken", "whole") == [("waiting", "planning_failed")] * 2
    assert [await house.due("broken"), await house.due("whole")] == [at("22 13:00")] * 2
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert not await house.find_due()


REFUSING = {
    "sqlite": (
        "CREATE TRIGGER picky BEFORE UPDATE ON push_deliveries"
        " WHEN new.user_id = 'u2' AND new.status = 'sending' BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    ),
    "postgresql": (
        "ALTER TABLE push_deliveries ADD CONSTRAINT picky CHECK (NOT (user_id = 'u2' AND status = 'sending'))"
    ),
}


async def test_one_person_whose_letter_the_database_refuses(house: LedgerHouse, engine: Engine) -> None:
    """What was done for the others with it is done again without it; nothing leaves that is not written."""
    for user in ("u1", "u2", "u3"):
        await house.session(user, f"wm{user}")
    await house.arrive(match("m1", "u1"), match("m2", "u2"), match("m3", "u3"))
    await house.own.exclusive(lambda tx: tx.execute(REFUSING[engine.name]))
    house.places = 3

    with capture_logs() as logs:
        outcome = await house.plan()

    assert [each.letter.user_id for each in outcome.attempts] == ["u1", "u3"]
    assert await house.pushes("id, user_id") == [
        (each.push_id, each.letter.user_id) for each in outcome.attempts
    ]
    assert await house.standing() == [("sending", None), ("waiting", "planning_failed"), ("sending", None)]
    assert [entry["event"] for entry in logs] == ["plan.person_broke"]


async def test_a_push_that_cannot_be_judged(house: LedgerHouse) -> None:
    """Its letter stays frozen for an hour, and the next one is tried."""
    await house.session("u1", "wm1")
    await house.session("u2", "wm2")
    await house.sent(TIMEOUT, match("broken", "u1"), match("other", "u2"))
    await break_event(house, "broken")
    house.later(seconds=1)

    with capture_logs() as logs:
        outcome = await house.plan()

    assert [each.letter.matches for each in outcome.attempts] == [(("other", 1),)]
    assert await house.pushes("status, reason, lease_until") == [
        ("unknown", "planning_failed", "2026-11-22T05:00:01.000Z"),
        ("unknown", "outcome_unknown", "2026-11-22T04:00:21.000Z"),
    ]
    assert [entry["log_level"] for entry in logs] == ["error"]


async def test_retries_come_first_and_take_places(house: LedgerHouse) -> None:
    """What is open may be on the phone already: it goes before anything new, as far as there is room."""
    for number in (1, 2, 3):
        await house.session(f"u{number}", f"wm{number}")
    await house.sent(TIMEOUT, match("m1", "u1"), match("m2", "u2"))
    await house.arrive(match("m3", "u3"))
    house.later(seconds=1)
    due = await house.find_due()
    house.places = 1

    rounds = [(await house.plan(due)).attempts for _ in range(4)]

    assert [[(each.letter.matches[0][0], each.number) for each in attempts] for attempts in rounds] == [
        [("m1", 2)],
        [("m2", 2)],
        [("m3", 1)],
        [],
    ]


async def test_a_paused_corp_is_probed_once_however_much_is_due(house: LedgerHouse) -> None:
    """Two pushes and two people are due: one attempt leaves."""
    for number in (1, 2, 3):
        await house.session(f"u{number}", f"wm{number}")
    await house.sent(TIMEOUT, match("m1", "u1"), match("m2", "u2"))
    await house.sent(NotSent(NotSentCause.NO_TOKEN), match("m3", "u3"))
    house.later(seconds=1)

    assert len((await house.find_due()).pushes) == 1
    assert len((await house.plan()).attempts) == 1
    assert (await house.plan()).attempts == []


async def test_a_word_wakes_only_whose_it_is(house: LedgerHouse) -> None:
    """Everybody else's dates stay as they are; theirs is a moment later, for what else they say."""
    await house.session("u1", "wm1", said=None)
    await house.session("u2", "wm2", said=None)
    await house.arrive(match("m1", "u1"), match("m2", "u2"))
    await house.plan()
    await house.session("u1", "wm1")

    await house.watch()

    released = house.now + RELEASE_AFTER
    assert [await house.due("m1"), await house.due("m2")] == [released, at("29 12:00")]
    assert (await house.find_due()).user_ids == ()
    house.later(seconds=RELEASE_AFTER.total_seconds())
    assert (await house.find_due()).user_ids == ("u1",)


async def test_a_round_ends_before_others_wait_long(house: LedgerHouse) -> None:
    """Hundreds of rows at a time; what is left is still due and comes next."""
    people = [f"u{number}" for number in range(4)]
    for user_id in people:
        await house.arrive(*(match(f"{user_id}-{number:03}", user_id) for number in range(250)))

    first = await house.plan(Due(tuple(people), ()))

    assert first.decided == 750
    rounds = 1
    while await house.find_due():
        await house.plan()
        rounds += 1
        assert rounds < 20
    assert set(await house.standing()) == {("parked", "no_session")}


async def test_a_round_reads_no_more_than_it_judges(
    house: LedgerHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many people are due and however much waits for each: nobody else may write meanwhile."""
    people = [f"u{number:02}" for number in range(30)]
    for user_id in people:
        await house.arrive(*(match(f"{user_id}-{number:02}", user_id) for number in range(50)))
    read: list[str] = []
    one_user = deliveries._pending_rows  # noqa: SLF001 - what a round reads, nobody else could count

    def counting(tx: Transaction, user_id: str, now: datetime) -> list[Row]:
        read.append(user_id)
        return one_user(tx, user_id, now)

    monkeypatch.setattr(deliveries, "_pending_rows", counting)

    outcome = await house.plan(Due(tuple(people), ()))

    assert outcome.decided == MOST_ROWS
    assert read == people[: MOST_ROWS // 50]


@pytest.mark.parametrize("seconds", [3599, 3600])
async def test_set_aside_for_an_hour(house: LedgerHouse, seconds: int) -> None:
    """Mended meanwhile, it goes when its hour has come."""
    await house.session()
    await house.arrive("m1")
    [event] = await house.rows("SELECT event FROM push_deliveries")
    await break_event(house, "m1")
    with capture_logs():
        await house.plan()
    await house.own.exclusive(
        lambda tx: tx.execute("UPDATE push_deliveries SET event = ?", (event["event"],))
    )
    house.later(seconds=seconds)

    assert len((await house.plan()).attempts) == (1 if seconds == 3600 else 0)
