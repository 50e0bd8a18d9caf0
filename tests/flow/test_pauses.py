"""Pauses: what is wrong for everybody stops everybody, one push at a time asks whether it still is."""

from datetime import timedelta

import pytest

from consumer import pauses
from consumer.rounds import Due
from schemas.decisions import Reason
from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown
from schemas.states import PauseScope
from tests.flow.ledger_house import LedgerHouse, at, match, recipients

WRONG_SECRET = Refused(40001, RefusalKind.CORP_CONFIG)
NO_API = Refused(95000, RefusalKind.ACCOUNT_CONFIG)
TOO_FAST = Refused(45009, RefusalKind.THROTTLED)
STRANGE = Refused(77777, RefusalKind.UNCLASSIFIED)
NO_TOKEN = NotSent(NotSentCause.NO_TOKEN)
TIMEOUT = Unknown("timeout")


async def paused(house: LedgerHouse) -> list[tuple[object, ...]]:
    """The pauses in force."""
    rows = await house.rows(
        "SELECT scope, target, reason, errcode FROM push_pauses WHERE until IS NULL ORDER BY scope, target"
    )
    return [tuple(row.values()) for row in rows]


async def three_people(house: LedgerHouse) -> None:
    """u1 and u2 on one KF account, u3 on another."""
    await house.session("u1", "wm1", "wk1")
    await house.session("u2", "wm2", "wk1")
    await house.session("u3", "wm3", "wk2")


@pytest.mark.parametrize(
    ("receipt", "row"),
    [
        (WRONG_SECRET, ("corp", "", "paused", 40001)),
        (NO_TOKEN, ("corp", "", "outage", None)),
        (NotSent(NotSentCause.NO_TOKEN, 40013), ("corp", "", "paused", 40013)),
    ],
)
async def test_the_corp_is_probed_by_one_push_at_a_time(
    house: LedgerHouse, receipt: Receipt, row: tuple[object, ...]
) -> None:
    """After 1, 2, 4 ... 60 seconds one attempt leaves; the first good answer lets everything go."""
    await three_people(house)
    await house.sent(receipt, match("m1", "u1"))
    assert await paused(house) == [row]
    await house.arrive(match("m2", "u2"), match("m3", "u3"))

    for seconds in (1, 2, 4, 8, 16, 32, 60, 60):
        house.later(seconds=seconds - 0.001)
        assert not await house.find_due()
        assert (await house.plan(Due(("u1", "u2", "u3"), ()))).attempts == []
        house.later(seconds=0.001)
        probe = await house.plan_one()
        assert (await house.plan()).attempts == []
        await house.settle((probe, receipt))
    house.later(seconds=60)
    await house.settle((await house.plan_one(), Accepted()))

    assert await paused(house) == []
    assert len((await house.plan()).attempts) == 2


async def test_a_probe_without_an_answer_keeps_the_pause(house: LedgerHouse) -> None:
    """Its lease over, the same push asks again, as the next probe and no sooner."""
    await three_people(house)
    await house.sent(WRONG_SECRET, match("m1", "u1"))
    house.later(seconds=1)
    probe = await house.plan_one()
    house.later(seconds=20)

    again = await house.plan_one()

    assert (again.push_id, again.number) == (probe.push_id, 2)
    assert (await house.plan()).attempts == []


async def test_an_account_is_paused_and_the_others_go_on(house: LedgerHouse) -> None:
    """What belongs to it waits for the next look, and goes then if the pause is over."""
    await three_people(house)
    await house.sent(NO_API, match("m1", "u1"))
    await house.arrive(match("m2", "u2"), match("m3", "u3"))

    assert await paused(house) == [("account", "wk1", "paused", 95000)]
    assert recipients((await house.plan()).attempts) == [("wk2", "wm3")]
    assert await house.standing("m1", "m2") == [("waiting", "paused")] * 2
    assert [await house.due("m1"), await house.due("m2")] == [at("22 12:00:01")] * 2

    house.later(seconds=1)
    probe = await house.plan_one()
    [other] = {"m1", "m2"} - {probe.letter.matches[0][0]}
    assert await house.standing(other) == [("waiting", "paused")]
    assert await house.due(other) == at("22 12:00:03")
    await house.settle((probe, Accepted()))
    assert await paused(house) == []
    house.later(seconds=2)
    assert len((await house.plan()).attempts) == 1


async def test_a_push_of_unknown_outcome_waits_for_its_account(house: LedgerHouse) -> None:
    """While one of them probes the other is frozen, until the next look."""
    await three_people(house)
    await house.sent(TIMEOUT, match("m1", "u1"))
    await house.sent(TIMEOUT, match("m2", "u2"))
    await house.session("u4", "wm4", "wk1")
    await house.sent(NO_API, match("m4", "u4"))
    house.later(seconds=1)
    probe = await house.plan_one()
    assert ("unknown", "paused", "2026-11-22T04:00:03.000Z") in await house.pushes(
        "status, reason, lease_until"
    )

    await house.settle((probe, Accepted(repeated=True)))
    house.later(seconds=2)

    assert sorted(each.letter.user_id for each in (await house.plan()).attempts) == ["u2", "u4"]


async def test_an_answer_to_an_attempt_that_left_before(house: LedgerHouse) -> None:
    """It says nothing about a pause that has begun since."""
    await three_people(house)
    await house.arrive(match("m1", "u1"), match("m3", "u3"))
    [one, three] = (await house.plan()).attempts
    house.later(seconds=1)
    await house.settle((one, WRONG_SECRET))

    await house.settle((three, Accepted()))

    assert await paused(house) == [("corp", "", "paused", 40001)]


async def test_throttled_rests_a_minute(house: LedgerHouse) -> None:
    """Trying sooner prolongs it; the match waits, nothing is lost."""
    await three_people(house)
    await house.sent(TOO_FAST, match("m1", "u1"))
    await house.arrive(match("m3", "u3"))

    assert await paused(house) == [("corp", "", "throttled", 45009)]
    assert await house.standing("m1") == [("waiting", "throttled")]
    for _ in range(3):
        house.later(seconds=59.999)
        assert not await house.find_due()
        house.later(seconds=0.001)
        await house.settle((await house.plan_one(), TOO_FAST))
    house.later(seconds=60)
    await house.settle((await house.plan_one(), Accepted()))
    assert len((await house.plan()).attempts) == 1


async def test_five_silences_in_a_row_are_an_outage(house: LedgerHouse) -> None:
    """Over whatever pushes and people; attempts that never left say nothing either way."""
    for number in range(6):
        await house.session(f"u{number}", f"wm{number}", f"wk{number % 2}")
    await house.arrive(*(match(f"m{number}", f"u{number}") for number in range(6)))
    [*four, late, fifth] = (await house.plan()).attempts
    await house.settle(*((attempt, TIMEOUT) for attempt in four))
    await house.settle((late, NotSent(NotSentCause.LATE)))
    assert await paused(house) == []

    await house.settle((fifth, TIMEOUT))

    assert await paused(house) == [("corp", "", "outage", None)]
    house.later(seconds=1)
    probe = await house.plan_one()
    assert (await house.plan()).attempts == []
    await house.settle((probe, Refused(40201, RefusalKind.CONTENT)))
    assert await paused(house) == []


async def test_an_answer_ends_the_row_of_silences(house: LedgerHouse) -> None:
    """Four silences, a refusal, four silences: WeChat is there."""
    for number in range(9):
        await house.session(f"u{number}", f"wm{number}")
    receipts = [TIMEOUT] * 4 + [Refused(40201, RefusalKind.CONTENT)] + [TIMEOUT] * 4
    for number, receipt in enumerate(receipts):
        await house.sent(receipt, match(f"m{number}", f"u{number}"))

    assert await paused(house) == []


async def test_an_outage_turns_into_what_the_answer_says(house: LedgerHouse) -> None:
    """The operator reads of a wrong secret, not of an outage, and a throttled corp gets its minute."""
    await three_people(house)
    await house.sent(NO_TOKEN, match("m1", "u1"))
    house.later(seconds=1)

    await house.settle((await house.plan_one(), TOO_FAST))

    assert await paused(house) == [("corp", "", "throttled", 45009)]
    house.later(seconds=59)
    assert not await house.find_due()


async def test_five_unclassified_refusals_in_a_row_pause_their_account(house: LedgerHouse) -> None:
    """Each is a dead letter; the fifth says that it is not the letters."""
    await three_people(house)
    for number in range(4):
        await house.sent(STRANGE, match(f"m{number}", "u1"))
    await house.sent(Accepted(), match("other", "u3"))
    assert await paused(house) == []

    await house.sent(STRANGE, match("m4", "u2"))

    assert await paused(house) == [("account", "wk1", "unclassified", 77777)]
    assert set(await house.standing("m0", "m1", "m2", "m3", "m4")) == {("dead", "unclassified")}
    await house.arrive(match("n1", "u1"), match("n3", "u3"))
    assert recipients((await house.plan()).attempts) == [("wk2", "wm3")]


async def test_a_pause_that_is_there_stays(house: LedgerHouse) -> None:
    """Beginning it again neither shortens its rest nor takes it from the person who made it."""

    async def begin(errcode: int) -> bool:
        return await house.own.exclusive(
            lambda tx: pauses.begin(tx, PauseScope.CORP, "", Reason.PAUSED, errcode, house.now)
        )

    assert await begin(40001)
    house.later(seconds=1)
    assert not await begin(48002)
    [pause] = await house.own.read(lambda tx: pauses.active(tx, house.now))
    assert (pause.errcode, pause.paused_at, pause.probe_at) == (40001, at("22 12:00"), at("22 12:00:01"))
    assert pause.looks_again_at(house.now) - house.now == timedelta(0)
