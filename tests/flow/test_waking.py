"""The wake rule: when something about a person changes, what waits for it is due at once."""

from datetime import datetime, timedelta

import pytest

from consumer.holding import TOLD_WAIT
from consumer.ledger.pushes import Attempt
from consumer.rounds import Outcome
from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown
from tests.flow.ledger_house import NOON, LedgerHouse, at, match

EXPIRY = at("29 12:00")
TIMEOUT = Unknown("timeout")


async def full(house: LedgerHouse) -> list[Attempt]:
    """Five messages on their way, and a sixth match parked behind them."""
    await house.session()
    await house.arrive("m1", "m2", "m3", "m4", "m5", "m6")
    attempts = (await house.plan()).attempts
    assert len(attempts) == 5
    assert await house.standing("m6") == [("parked", "no_slot")]
    assert await house.due("m6") == EXPIRY
    return attempts


@pytest.mark.parametrize(
    ("receipt", "due"),
    [
        # a slot came free
        (Refused(40201, RefusalKind.CONTENT), at("22 12:00")),
        (Refused(40096, RefusalKind.RECIPIENT), at("22 12:00")),
        (Refused(77777, RefusalKind.UNCLASSIFIED), at("22 12:00")),
        (NotSent(NotSentCause.LATE), at("22 12:00")),
        # nothing that helps: the slot stays taken
        (Accepted(), EXPIRY),
        (Accepted(repeated=True), EXPIRY),
        (TIMEOUT, EXPIRY),
    ],
)
async def test_what_the_end_of_a_push_wakes(house: LedgerHouse, receipt: Receipt, due: datetime) -> None:
    """A freed slot is news for whoever waits for one; a used one is not."""
    [first, *_] = await full(house)

    await house.settle((first, receipt))

    assert await house.due("m6") == due


async def test_a_freed_slot_is_used(house: LedgerHouse) -> None:
    """By the match that waited for it, and there is still no sixth message."""
    [first, *_] = await full(house)
    await house.arrive("m7")
    await house.plan()

    await house.settle((first, Refused(40201, RefusalKind.CONTENT)))

    assert [each.letter.matches for each in (await house.plan()).attempts] == [(("m6", 1),)]
    assert await house.standing("m7") == [("parked", "no_slot")]


async def test_a_refused_window_frees_nothing(house: LedgerHouse) -> None:
    """It is looked at, and parked again: WeChat says that nothing is left."""
    [first, *_] = await full(house)

    await house.settle((first, Refused(95001, RefusalKind.WINDOW)))
    await house.plan()

    assert await house.standing("m1", "m6") == [("parked", "no_slot")] * 2


async def test_what_was_given_up_keeps_its_slot(house: LedgerHouse) -> None:
    """Nobody knows whether it is on the phone, so it counts as if it were."""
    await house.session()
    await house.sent(TIMEOUT, "m1")
    await house.prefers(enable_push=0)
    house.later(seconds=1)
    await house.plan()
    assert await house.pushes() == [("given_up",)]

    await house.prefers(enable_push=1)
    await house.arrive(*(f"n{number}" for number in range(6)))

    assert len((await house.plan()).attempts) == 4


async def test_what_was_given_up_counts_for_its_day(house: LedgerHouse) -> None:
    """The same for the daily limit."""
    await house.session()
    await house.prefers(daily_limit=2)
    await house.sent(TIMEOUT, match("m1", expires_at=at("22 12:01").isoformat()))
    house.later(minutes=2)
    await house.plan()
    assert await house.pushes("status, reason") == [("given_up", "expired")]
    await house.arrive("n1", "n2")

    assert len((await house.plan()).attempts) == 1


@pytest.mark.parametrize("noticed", ["meanwhile", "afterwards"])
async def test_a_word_while_an_attempt_is_on_its_way(house: LedgerHouse, noticed: str) -> None:
    """Its refusal concerns the window before; the push is asked about again at once, not after 72 hours."""
    await house.session()
    await house.sent(TIMEOUT, "m1")
    house.later(seconds=1)
    second = await house.plan_one()
    await house.session(said="2026-11-22T12:00:00")
    if noticed == "meanwhile":
        await house.arrive(match("low", score=0.1))
        await house.plan()

    await house.settle((second, Refused(95001, RefusalKind.WINDOW)))
    if noticed == "afterwards":
        await house.watch()

    assert (await house.plan_one()).number == 3


async def test_no_word_while_an_attempt_is_on_its_way(house: LedgerHouse) -> None:
    """Then nothing asks again before the next word."""
    await house.session()
    await house.sent(TIMEOUT, "m1")
    house.later(seconds=1)
    await house.settle((await house.plan_one(), Refused(95001, RefusalKind.WINDOW)))

    await house.watch()
    house.later(hours=71)

    assert (await house.plan()).attempts == []


async def test_a_parked_match_is_looked_at_when_it_expires(house: LedgerHouse) -> None:
    """Nothing is parked for ever."""
    await house.arrive("m1")
    await house.plan()
    assert await house.standing("m1") == [("parked", "no_session")]

    house.now = house.wall = EXPIRY
    await house.plan()

    assert await house.standing("m1") == [("dropped", "expired")]


async def test_throttled_matches_rest(house: LedgerHouse) -> None:
    """The end of a push that went too fast frees its match for a minute later, not for now."""
    await house.session()

    await house.sent(Refused(45009, RefusalKind.THROTTLED), "m1")

    assert await house.standing("m1") == [("waiting", "throttled")]
    assert await house.due("m1") == at("22 12:01")


async def test_what_waited_for_a_word_is_one_message(house: LedgerHouse) -> None:
    """Sixty of them in it, the last words saying how to get the others; the next word brings those."""
    names = [f"m{n:02}" for n in range(62)]
    await house.session(said="2026-11-20T11:00:00")
    await house.arrive(*names)
    await house.plan()
    assert await house.standing(*names) == [("parked", "window_closed")] * 62

    await house.session(said="2026-11-22T12:00:00")
    await house.watch()
    house.later(seconds=1.5)
    first = await house.plan_one()

    assert first.letter.matches == tuple((name, 1) for name in names[:60])
    assert str(first.letter.body["text"]).endswith("还有 2 个，回复「更多」'}")
    assert await house.standing("m60", "m61") == [("waiting", "more")] * 2
    assert await house.due("m60") == at("22 12:00:02") + TOLD_WAIT
    assert await house.plan() == Outcome()

    await house.settle((first, Accepted()))
    house.later(minutes=1)
    await house.session(said="2026-11-22T12:01:00")
    await house.watch()
    house.later(seconds=1.5)
    second = await house.plan_one()
    assert second.letter.matches == (("m60", 1), ("m61", 1))


async def test_what_was_told_of_is_not_sent_for_news_that_nobody_said(house: LedgerHouse) -> None:
    """A freed slot, a lost answer: what waits to be asked for waits on; after two hours it has a message."""
    names = [f"m{n:02}" for n in range(61)]
    await house.session(said="2026-11-20T11:00:00")
    await house.arrive(*names)
    await house.plan()
    await house.session(said="2026-11-22T12:00:00")
    await house.watch()
    house.later(seconds=1.5)
    await house.settle((await house.plan_one(), Accepted()))
    house.later(minutes=1)
    await house.look_again()

    assert (await house.plan()).attempts == []
    assert await house.standing("m60") == [("waiting", "more")]

    house.later(hours=2)
    assert (await house.plan_one()).letter.matches == (("m60", 1),)


async def test_a_night_or_a_lost_attempt_does_not_part_them(house: LedgerHouse) -> None:
    """Released into quiet hours, and again after an attempt that never left, they are one message."""
    await house.session(said="2026-11-20T11:00:00")
    await house.prefers(quiet_hours="11:00-13:00")
    await house.arrive("m1", "m2")
    await house.plan()
    await house.session(said="2026-11-22T12:00:00")
    await house.watch()
    house.later(seconds=1.5)
    assert (await house.plan()).attempts == []
    assert await house.standing("m1", "m2") == [("waiting", "quiet_hours")] * 2

    house.later(hours=1)
    first = await house.plan_one()
    await house.settle((first, NotSent(NotSentCause.LATE)))
    second = await house.plan_one()

    assert first.letter.matches == second.letter.matches == (("m1", 1), ("m2", 1))


async def test_a_word_is_answered_a_moment_later(house: LedgerHouse) -> None:
    """What was parked is due at one instant, 1.5 s after the word; a second word puts nothing off."""
    await house.session(said=None)
    await house.arrive("m1", "m2")
    await house.plan()
    await house.session(said="2026-11-22T12:00:00")
    await house.watch()
    assert await house.standing() == [("waiting", "released")] * 2
    house.later(seconds=1)
    await house.session(said="2026-11-22T12:00:01")
    await house.watch()

    assert await house.due("m1") == await house.due("m2") == NOON + timedelta(seconds=1.5)
    assert (await house.plan()).attempts == []
    house.later(seconds=0.5)
    assert (await house.plan_one()).letter.matches == (("m1", 1), ("m2", 1))


async def test_what_waits_for_an_hour_keeps_its_reason(house: LedgerHouse) -> None:
    """A word ends no quiet hours: what they hold is looked at, and not taken for released."""
    await house.session(said="2026-11-22T11:00:00")
    await house.prefers(quiet_hours="11:00-14:00")
    await house.arrive("m1")
    await house.plan()
    await house.session(said="2026-11-22T12:00:00")
    await house.watch()

    assert await house.standing() == [("waiting", "quiet_hours")]
    assert await house.due("m1") == NOON + timedelta(seconds=1.5)
