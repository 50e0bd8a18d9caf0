"""Receipts become rows: each ending, on a real ledger, and what may follow from it."""

from datetime import timedelta

import pytest

from consumer.ledger.pushes import Attempt
from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown
from tests.flow.ledger_house import LedgerHouse, at, match

TIMEOUT = Unknown("timeout")
NO_WINDOW = Refused(95001, RefusalKind.WINDOW)
BAD_CONTENT = Refused(40201, RefusalKind.CONTENT)
LATE = NotSent(NotSentCause.LATE)


async def test_accepted(house: LedgerHouse) -> None:
    """The push and its match are sent, as of now; its stream entry may be acked."""
    await house.session()
    await house.arrive("m1")
    attempt = await house.plan_one()
    house.later(seconds=3)

    settled = await house.settle((attempt, Accepted()))

    columns = "status, errcode, accepted_at, settled_at, holder, lease_until, reason"
    noon = "2026-11-22T04:00:03.000Z"
    assert await house.pushes(columns) == [("sent", 0, noon, noon, None, None, None)]
    assert await house.standing("m1") == [("sent", None)]
    assert settled.entries == ["e1"]
    assert await house.timeline() == []


async def test_accepted_before(house: LedgerHouse) -> None:
    """95033: WeChat had it already, at the latest when the last attempt's time was over."""
    await house.session()
    await house.arrive("m1")
    attempt = await house.plan_one()
    house.later(seconds=3)

    await house.settle((attempt, Accepted(repeated=True)))

    assert await house.pushes("status, errcode, accepted_at") == [("sent", 95033, "2026-11-22T04:00:08.000Z")]


@pytest.mark.parametrize(
    ("receipt", "reason"),
    [
        (BAD_CONTENT, "content_refused"),
        (Refused(40096, RefusalKind.RECIPIENT), "recipient_refused"),
        (Refused(77777, RefusalKind.UNCLASSIFIED), "unclassified"),
    ],
)
async def test_dead_letters(house: LedgerHouse, receipt: Refused, reason: str) -> None:
    """What no waiting helps is buried with WeChat's code, and takes no slot."""
    await house.session()

    await house.sent(receipt, "m1")

    assert await house.pushes("status, reason, errcode") == [("refused", reason, receipt.code)]
    assert await house.standing("m1") == [("dead", reason)]
    assert await house.timeline("entry, attempt, reason, detail") == [
        ("refused", 1, receipt.kind, str(receipt.code))
    ]
    await house.arrive(*(f"n{number}" for number in range(6)))
    assert len((await house.plan()).attempts) == 5


async def test_the_window_is_refused(house: LedgerHouse) -> None:
    """WeChat overrides our count: nothing goes before the next word, then all in one new letter."""
    await house.session()
    [attempt] = await house.sent(NO_WINDOW, "m1")
    await house.arrive("m2")

    assert (await house.plan()).attempts == []
    assert await house.pushes("status, reason, errcode") == [("refused", "no_slot", 95001)]
    assert await house.standing("m1", "m2") == [("parked", "no_slot")] * 2

    await house.session(said="2026-11-22T12:00:00")
    await house.look_again()
    again = (await house.plan()).attempts
    assert [each.letter.matches for each in again] == [(("m1", 1), ("m2", 1))]
    assert attempt.letter.msgid not in [each.letter.msgid for each in again]


async def test_a_word_spoken_meanwhile_is_not_exhausted(house: LedgerHouse) -> None:
    """The refusal judges the window that the attempt began with, not the one opened since."""
    await house.session()
    await house.arrive("m1")
    attempt = await house.plan_one()
    await house.session(said="2026-11-22T12:00:00")
    await house.arrive("m2")
    [second] = (await house.plan()).attempts

    await house.settle((attempt, NO_WINDOW))

    assert [each.letter.matches for each in (await house.plan()).attempts] == [(("m1", 1),)]
    assert second.letter.matches == (("m2", 1),)


async def test_unknown_is_tried_again_with_the_same_bytes(house: LedgerHouse) -> None:
    """Whatever changes meanwhile, the letter does not; its waits double."""
    await house.session()
    [first] = await house.sent(TIMEOUT, "m1")
    frozen = await house.pushes("body, msgid, matches, template, version")
    await house.template("another {profile_name}")
    await house.prefers(min_score=0.2, daily_limit=1)

    assert await house.pushes("status, attempts, reason") == [("unknown", 1, "outcome_unknown")]
    assert (await house.plan()).attempts == []
    waits = []
    for seconds in (1, 2, 4):
        house.later(seconds=seconds - 0.001)
        assert (await house.plan()).attempts == []
        house.later(seconds=0.001)
        attempt = await house.plan_one()
        assert attempt.letter == first.letter
        await house.settle((attempt, TIMEOUT))
        waits.append(attempt.number)

    assert waits == [2, 3, 4]
    assert await house.pushes("body, msgid, matches, template, version") == frozen
    assert await house.standing("m1") == [("sending", None)]
    house.later(seconds=8)
    await house.settle((await house.plan_one(), Accepted(repeated=True)))
    assert await house.standing("m1") == [("sent", None)]


async def test_its_own_slot_and_count_do_not_stop_a_retry(house: LedgerHouse) -> None:
    """The fifth message of the window, and the last of the day, may be tried again."""
    await house.session()
    await house.prefers(daily_limit=5)
    await house.sent(Accepted(), "m1", "m2", "m3", "m4")
    await house.sent(TIMEOUT, "m5")
    await house.arrive("m6")
    await house.plan()
    house.later(seconds=1)

    assert [each.letter.matches for each in (await house.plan()).attempts] == [(("m5", 1),)]
    assert (await house.standing("m6"))[0][0] in {"parked", "waiting"}


async def test_a_refused_window_proves_nothing_about_an_earlier_attempt(house: LedgerHouse) -> None:
    """The push stays unknown, its slot kept, until the user's next word lets it be asked again."""
    await house.session()
    await house.sent(TIMEOUT, "m1")
    house.later(seconds=1)
    second = await house.plan_one()

    await house.settle((second, NO_WINDOW))

    assert await house.pushes("status, attempts, lease_until") == [("unknown", 2, "2026-11-25T04:00:00.000Z")]
    assert await house.standing("m1") == [("sending", None)]
    house.later(hours=1)
    await house.arrive("m2")
    assert (await house.plan()).attempts == []

    await house.session(said="2026-11-22T13:00:00")
    await house.look_again()
    going = [(await house.plan()).attempts, (await house.plan()).attempts]
    letters = [each.letter for attempts in going for each in attempts]
    assert sorted(letter.matches for letter in letters) == [(("m1", 1),), (("m2", 1),)]
    assert second.letter in letters
    [third] = [each for attempts in going for each in attempts if each.number == 3]
    await house.settle((third, Accepted(repeated=True)))
    assert await house.standing("m1") == [("sent", None)]


async def test_every_attempt_refused_ends_it(house: LedgerHouse) -> None:
    """When the last open question is answered, the moment's refusal counts and the match is free."""
    await house.session()
    await house.arrive("m1")
    first = await house.plan_one()
    house.later(seconds=20)
    second = await house.plan_one()
    await house.settle((second, NO_WINDOW))
    assert await house.pushes() == [("unknown",)]

    await house.settle((first, LATE))

    assert await house.pushes() == [("not_sent",)]
    assert await house.timeline("entry, attempt") == [("refused", 2), ("not_sent", 1)]
    await house.plan()
    assert await house.standing("m1") == [("parked", "no_slot")]


async def test_what_never_left_is_planned_again_at_once(house: LedgerHouse) -> None:
    """Too late by a moment: the same match goes in another letter, whose msgid WeChat has not seen."""
    await house.session()
    [first] = await house.sent(LATE, "m1")

    second = await house.plan_one()

    assert await house.pushes() == [("not_sent",), ("sending",)]
    assert (second.number, second.letter.matches) == (1, (("m1", 1),))
    assert second.letter.msgid != first.letter.msgid
    [row] = await house.rows("SELECT generation, push_id FROM push_deliveries")
    assert (row["generation"], row["push_id"]) == (2, second.push_id)


async def test_a_crash_before_any_receipt(house: LedgerHouse) -> None:
    """A push that nobody settled is due when its lease is over, to anybody, and keeps its bytes."""
    await house.session()
    await house.arrive("m1")
    first = await house.plan_one()
    house.later(seconds=19.999)
    assert (await house.plan(holder="c-2")).attempts == []
    house.later(seconds=0.001)

    [second] = (await house.plan(holder="c-2")).attempts

    assert (second.number, second.letter) == (2, first.letter)
    assert await house.pushes("status, attempts, holder") == [("unknown", 2, "c-2")]


async def test_two_daemons_retry_a_push_once(house: LedgerHouse) -> None:
    """Nobody but the holder touches a push before its lease is over, also who found it due before."""
    await house.session()
    await house.sent(TIMEOUT, "m1")
    house.later(seconds=1)
    seen_by_both = await house.find_due()

    first = await house.plan(seen_by_both, "c-1")
    second = await house.plan(seen_by_both, "c-2")

    assert (len(first.attempts), len(second.attempts)) == (1, 0)
    assert await house.pushes("attempts, holder") == [(2, "c-1")]


async def test_closed_gates_freeze_a_retry(house: LedgerHouse) -> None:
    """Before a retry the same gates run as before a first send; the letter waits for them."""
    await house.session()
    await house.sent(TIMEOUT, "m1")
    await house.prefers(quiet_hours="12:00-13:30")
    house.later(seconds=1)

    assert (await house.plan()).attempts == []

    assert await house.pushes("status, lease_until, reason") == [
        ("unknown", "2026-11-22T05:30:00.000Z", "quiet_hours")
    ]
    house.now = house.wall = at("22 13:30")
    assert (await house.plan_one()).number == 2


async def test_given_up_after_72_hours_and_good_news_after_that(house: LedgerHouse) -> None:
    """Nobody can tell any more: dead, its slot counted as used; an acceptance still wins."""
    await house.session()
    [first] = await house.sent(TIMEOUT, match("m1", expires_at="2027-01-01T00:00:00Z"))
    house.later(hours=72)

    assert (await house.plan()).attempts == []

    assert await house.pushes("status, reason, accepted_at") == [
        ("given_up", "outcome_unknown", "2026-11-22T04:00:08.000Z")
    ]
    assert await house.standing("m1") == [("dead", "outcome_unknown")]
    assert ("given_up", None, "outcome_unknown") in await house.timeline()
    await house.settle((first, TIMEOUT))
    await house.settle((first, BAD_CONTENT))
    assert await house.pushes() == [("given_up",)]

    await house.settle((first, Accepted(repeated=True)))

    assert await house.pushes("status, errcode") == [("sent", 95033)]
    assert await house.standing("m1") == [("sent", None)]


async def test_a_drop_gives_up_a_push_of_unknown_outcome(house: LedgerHouse) -> None:
    """The user said stop: no retry, the match dropped for that reason, unless WeChat had it after all."""
    await house.session()
    [first] = await house.sent(TIMEOUT, "m1")
    await house.prefers(enable_push=0)
    house.later(seconds=1)

    assert (await house.plan()).attempts == []

    assert await house.pushes("status, reason") == [("given_up", "push_disabled")]
    assert await house.standing("m1") == [("dropped", "push_disabled")]
    await house.settle((first, Accepted()))
    assert await house.pushes() == [("sent",)]
    assert await house.standing("m1") == [("sent", None)]


async def test_a_settled_push_stays_settled(house: LedgerHouse) -> None:
    """The same group of receipts once more changes no row, and frees nothing twice."""
    await house.session()
    await house.arrive("m1", "m2", "m3")
    [one, two, three] = (await house.plan()).attempts
    group: list[tuple[Attempt, Receipt]] = [(one, Accepted()), (two, BAD_CONTENT), (three, LATE)]
    await house.settle(*group)
    before = [
        await house.rows(f"SELECT * FROM {table}")
        for table in ("push_messages", "push_deliveries", "push_timeline")
    ]
    house.later(seconds=5)

    await house.settle(*group)
    await house.settle(*reversed(group))

    after = [
        await house.rows(f"SELECT * FROM {table}")
        for table in ("push_messages", "push_deliveries", "push_timeline")
    ]
    assert after == before


async def test_two_receipts_of_one_push_in_one_group(house: LedgerHouse) -> None:
    """An acceptance and a late silence, settled together in either order, are an acceptance."""
    await house.session()
    for number, backwards in enumerate((False, True)):
        await house.arrive(f"m{number}")
        first = await house.plan_one()
        house.later(seconds=20)
        second = await house.plan_one()
        group: list[tuple[Attempt, Receipt]] = [(first, Accepted()), (second, TIMEOUT)]
        await house.settle(*(reversed(group) if backwards else group))
        house.later(seconds=60)
        assert (await house.plan()).attempts == []

    assert await house.pushes() == [("sent",), ("sent",)]
    assert house.now == at("22 12:00") + timedelta(seconds=160)


@pytest.mark.parametrize("kind", [RefusalKind.CONTENT, RefusalKind.UNCLASSIFIED])
async def test_one_bad_match_does_not_bury_those_beside_it(house: LedgerHouse, kind: RefusalKind) -> None:
    """WeChat does not say which of them it minds: each goes by itself, and only one is dead."""
    refused = Refused(40201 if kind is RefusalKind.CONTENT else 49999, kind)
    await house.session(said="2026-11-20T11:00:00")
    await house.arrive("m1", "bad", "m3")
    await house.plan()
    await house.session(said="2026-11-22T12:00:00")
    await house.watch()
    house.later(seconds=2)
    together = await house.plan_one()
    assert len(together.letter.matches) == 3

    await house.settle((together, refused))
    assert await house.standing("bad", "m1", "m3") == [("waiting", "alone")] * 3
    apart = (await house.plan()).attempts
    await house.settle(
        *((one, refused if one.letter.matches[0][0] == "bad" else Accepted()) for one in apart)
    )

    assert [len(one.letter.matches) for one in apart] == [1, 1, 1]
    reason = "content_refused" if kind is RefusalKind.CONTENT else "unclassified"
    assert await house.standing("bad", "m1", "m3") == [("dead", reason), ("sent", None), ("sent", None)]


async def test_a_recipient_that_never_works_buries_all(house: LedgerHouse) -> None:
    """It would refuse each of them."""
    await house.session(said="2026-11-20T11:00:00")
    await house.arrive("m1", "m2")
    await house.plan()
    await house.session(said="2026-11-22T12:00:00")
    await house.watch()
    house.later(seconds=2)

    await house.settle((await house.plan_one(), Refused(40096, RefusalKind.RECIPIENT)))

    assert await house.standing("m1", "m2") == [("dead", "recipient_refused")] * 2
