"""msg_send_fail and recalls: push, slot, matches, pauses and screens are put right, once, in any order."""

import pytest

from consumer import letters
from consumer.ledger import deliveries
from consumer.ledger.pushes import Attempt
from consumer.projection import Projection
from consumer.redrive import Fate, judge
from consumer.world import World
from schemas.receipts import Accepted, Unknown
from schemas.times import to_text
from tests.flow.inbound_house import InboundHouse, event, tap, word
from tests.flow.ledger_house import LedgerHouse, at, match

AFTER_A_WORD = [(4, "no_slot"), (5, "session_ended"), (6, "no_slot"), (10, "muted")]


@pytest.fixture
async def hearing(house: LedgerHouse) -> InboundHouse:
    """A user spoke at eleven; it is noon, and everything was read."""
    made = InboundHouse(house)
    await made.hears(word(at("22 11:00")))
    return made


async def sent(hearing: InboundHouse, *names: str) -> list[Attempt]:
    """Matches of the user's, accepted by WeChat."""
    return await hearing.house.sent(Accepted(), *(match(name, "wm1") for name in names or ("m1",)))


async def fails(hearing: InboundHouse, attempt: Attempt, fail_type: int | None, scene: str = "") -> None:
    """WeChat reports that a message did not arrive; a second after it took it."""
    hearing.house.later(seconds=1)
    msgid, now = attempt.letter.msgid, hearing.house.now
    await hearing.hears(event(now, "msg_send_fail", fail_msgid=msgid, fail_type=fail_type, scene=scene))


async def speaks(hearing: InboundHouse) -> None:
    """The user writes again, and the moment passes after which what waited is decided."""
    hearing.house.later(minutes=1)
    await hearing.hears(word(hearing.house.now))
    hearing.house.later(seconds=2)


@pytest.mark.parametrize(("fail_type", "reason"), AFTER_A_WORD)
async def test_what_a_word_helps_waits_for_it(hearing: InboundHouse, fail_type: int, reason: str) -> None:
    """The match is parked, nothing else goes there, and after the next word it goes as a new message."""
    house = hearing.house
    [first] = await sent(hearing)
    await fails(hearing, first, fail_type)

    assert await house.pushes("status, reason") == [("failed", reason)]
    assert await house.standing("m1") == [("parked", reason)]
    assert await house.timeline("entry, push_id, reason, detail") == [
        ("failed", first.push_id, reason, str(fail_type))
    ]
    await house.arrive(match("m2", "wm1"))
    await house.plan()
    assert await house.standing("m2") == [("parked", reason)]

    await speaks(hearing)
    again = await house.plan_one()
    assert again.letter.matches == (("m1", 1), ("m2", 1))
    assert again.letter.msgid != first.letter.msgid
    await house.settle((again, Accepted()))
    assert await house.standing("m1", "m2") == [("sent", None)] * 2


async def test_who_taps_takes_messages_again(hearing: InboundHouse) -> None:
    """A tap opens no window, but whoever taps does not refuse: what was parked for that goes."""
    house = hearing.house
    [first] = await sent(hearing)
    await fails(hearing, first, 10)
    house.later(minutes=1)
    await hearing.hears(tap(house.now))
    house.later(seconds=2)
    again = await house.plan_one()
    assert again.letter.matches == (("m1", 1),)
    assert (await hearing.window())["opened_at"] == to_text(at("22 11:00"))


@pytest.mark.parametrize("fail_type", [0, 12, 3, 99, None])
async def test_what_nothing_helps_is_dead(hearing: InboundHouse, fail_type: int | None) -> None:
    """For a person to look at; the conversation goes on."""
    [first] = await sent(hearing)
    await fails(hearing, first, fail_type)
    assert await hearing.house.standing("m1") == [("dead", "undelivered")]
    assert len(await sent(hearing, "m2")) == 1


@pytest.mark.parametrize(("fail_type", "scope", "target"), [(11, "corp", ""), (1, "account", "wk1")])
async def test_trouble_of_the_corp_or_the_account(
    hearing: InboundHouse, fail_type: int, scope: str, target: str
) -> None:
    """It pauses; its match waits; one message in ten minutes probes, and that it is taken ends nothing."""
    house = hearing.house
    [first] = await sent(hearing)
    await fails(hearing, first, fail_type)

    assert await house.rows("SELECT scope, target, reason, until FROM push_pauses") == [
        {"scope": scope, "target": target, "reason": "undelivered", "until": None}
    ]
    assert (await house.plan()).attempts == []
    assert (await house.standing("m1"))[0][0] == "waiting"
    house.later(minutes=10)
    again = await house.plan_one()
    await house.settle((again, Accepted()))
    await hearing.hears()
    assert await house.rows("SELECT 1 FROM push_pauses WHERE until IS NOT NULL") == []

    house.later(minutes=2)
    await hearing.hears()
    assert len(await house.rows("SELECT 1 FROM push_pauses WHERE until IS NOT NULL")) == 1


async def test_trouble_that_stays(hearing: InboundHouse) -> None:
    """A probe that fails too keeps the pause; after five messages the match needs a person."""
    house = hearing.house
    [attempt] = await sent(hearing)
    for _ in range(4):
        await fails(hearing, attempt, 11)
        house.later(minutes=10)
        await speaks(hearing)
        attempt = await house.plan_one()
        await house.settle((attempt, Accepted()))
    await fails(hearing, attempt, 11)
    assert await house.standing("m1") == [("dead", "undelivered")]
    house.later(minutes=5)
    await hearing.hears()
    assert await house.rows("SELECT until FROM push_pauses") == [{"until": None}]


async def test_taken_up_again_by_a_person(hearing: InboundHouse) -> None:
    """A dead letter that nobody got needs no --resend: it goes as a new message."""
    house = hearing.house
    [first] = await sent(hearing)
    await fails(hearing, first, 0)
    [letter] = await house.own.read(lambda tx: letters.page(tx, letters.Wanted(), None, 10))
    assert judge(letter, house.now, resend=False).fate is Fate.WAITING
    await house.own.exclusive(lambda tx: deliveries.redriven(tx, [("m1", 1)], house.now))
    again = await house.plan_one()
    assert (again.letter.matches, again.letter.msgid == first.letter.msgid) == ((("m1", 1),), False)


async def test_old_trouble_pauses_nothing(hearing: InboundHouse) -> None:
    """What failed for the corp's sake an hour ago may have been put right since: it is tried."""
    [first] = await sent(hearing)
    hearing.house.later(hours=1)
    old = event(hearing.ago(minutes=59), "msg_send_fail", fail_msgid=first.letter.msgid, fail_type=11)
    await hearing.hears(old)
    assert await hearing.house.rows("SELECT 1 FROM push_pauses") == []
    assert (await hearing.house.plan_one()).letter.matches == (("m1", 1),)


@pytest.mark.parametrize("receipt", [Accepted(), Unknown("timeout")])
async def test_before_our_own_settle(hearing: InboundHouse, receipt: Accepted | Unknown) -> None:
    """Told that it failed before we noted that it was taken: it stays failed, the match parked."""
    house = hearing.house
    await house.arrive(match("m1", "wm1"))
    attempt = await house.plan_one()
    await fails(hearing, attempt, 6)
    await house.settle((attempt, receipt))

    assert await house.pushes() == [("failed",)]
    assert await house.standing("m1") == [("parked", "no_slot")]
    await speaks(hearing)
    assert (await house.plan_one()).letter.matches == (("m1", 1),)


async def test_of_unknown_outcome(hearing: InboundHouse) -> None:
    """A failure proves that WeChat took it: it is not offered again, and its slot stays used."""
    house = hearing.house
    [attempt] = await house.sent(Unknown("timeout"), match("m1", "wm1"))
    await fails(hearing, attempt, 0)
    house.later(seconds=61)
    assert (await house.plan()).attempts == []
    assert await house.pushes("status, accepted_at") == [("failed", to_text(at("22 12:00:01")))]


async def test_after_it_was_given_up(hearing: InboundHouse) -> None:
    """A dead letter of unknown outcome that a failure settles is alive again."""
    house = hearing.house
    [attempt] = await house.sent(Unknown("timeout"), match("m1", "wm1"))
    house.later(hours=72, seconds=2)
    await house.plan()
    assert await house.standing("m1") == [("dead", "outcome_unknown")]
    await fails(hearing, attempt, 4)
    assert await house.standing("m1") == [("parked", "no_slot")]


async def test_a_word_came_in_between(hearing: InboundHouse) -> None:
    """News of the window before the last word parks nothing: the match goes in a moment."""
    house = hearing.house
    [attempt] = await sent(hearing)
    await speaks(hearing)
    await fails(hearing, attempt, 6)
    assert await house.standing("m1") == [("waiting", "released")]
    house.later(seconds=2)
    assert len((await house.plan()).attempts) == 1


async def test_once(hearing: InboundHouse) -> None:
    """The same failure under another name, as events have none, changes nothing more."""
    house = hearing.house
    [attempt] = await sent(hearing)
    await fails(hearing, attempt, 6)
    await speaks(hearing)
    again = await house.plan_one()
    await fails(hearing, attempt, 6, scene="again")
    assert await house.pushes() == [("failed",), ("sending",)]
    assert await house.standing("m1") == [("sending", None)]
    assert len(await house.timeline()) == 1
    assert again.letter.matches == (("m1", 1),)


@pytest.mark.parametrize(("fail_type", "reason"), [(6, "no_slot"), (10, "muted")])
async def test_of_somebody_elses_message(hearing: InboundHouse, fail_type: int, reason: str) -> None:
    """The host's own message failed: what it says of the conversation holds for ours."""
    hearing.house.later(seconds=1)
    await hearing.hears(event(hearing.house.now, "msg_send_fail", fail_msgid="theirs", fail_type=fail_type))
    await hearing.house.arrive(match("m1", "wm1"))
    await hearing.house.plan()
    assert await hearing.house.standing("m1") == [("parked", reason)]
    assert await hearing.house.timeline() == [("parked", None, reason)]


async def test_the_day_does_not_count_what_nobody_got(hearing: InboundHouse) -> None:
    """A limit of one a day leaves room for the message that replaces one which did not arrive."""
    house = hearing.house
    await house.prefers("wm1", daily_limit=1)
    [attempt] = await sent(hearing)
    await fails(hearing, attempt, 6)
    await speaks(hearing)
    assert len((await house.plan()).attempts) == 1


async def test_the_slot_stays_used(hearing: InboundHouse) -> None:
    """WeChat took it: of five, four are left."""
    [attempt] = await sent(hearing)
    await fails(hearing, attempt, 0)
    await hearing.house.arrive(*(match(f"n{n}", "wm1") for n in range(5)))
    assert len((await hearing.house.plan()).attempts) == 4


async def test_a_newer_revision_takes_its_place(hearing: InboundHouse) -> None:
    """What was scored again meanwhile is not sent in its old form."""
    house = hearing.house
    [attempt] = await sent(hearing)
    await house.arrive(match("m1", "wm1", revision=2, score=0.95))
    await fails(hearing, attempt, 6)
    rows = await house.rows("SELECT revision, status, reason FROM push_deliveries ORDER BY revision")
    assert tuple(rows[0].values()) == (1, "dropped", "superseded")
    await speaks(hearing)
    assert (await house.plan_one()).letter.matches == (("m1", 2),)


async def test_the_screens_follow(hearing: InboundHouse) -> None:
    """The application's history says failed, and of the next message that it was sent."""
    house = hearing.house
    projection = Projection(
        house.app, house.own, world=World(lambda: house.now, lambda: house.wall, lambda: 0.5)
    )
    [attempt] = await sent(hearing)
    await projection.project()
    await fails(hearing, attempt, 6)
    await projection.project()
    assert await house.host("SELECT status FROM push_history") == [("failed",)]
    await speaks(hearing)
    again = await house.plan_one()
    await house.settle((again, Accepted()))
    await projection.project()
    assert await house.host("SELECT status FROM push_history ORDER BY id") == [("failed",), ("sent",)]


async def test_recalled_by_a_servicer(hearing: InboundHouse) -> None:
    """The message is recalled, its match stays sent and its slot used; a user's own recall is noted."""
    house = hearing.house
    [attempt] = await sent(hearing)
    await hearing.hears(
        event(house.now, "servicer_recall_msg", recall_msgid=attempt.letter.msgid, servicer_userid="s"),
        event(house.now, "user_recall_msg", recall_msgid="in1"),
    )
    assert await house.pushes() == [("recalled",)]
    assert await house.standing("m1") == [("sent", None)]
    recalls = {row[1] for row in await hearing.inbound("effect, push_id") if row[0] == "recalled"}
    assert recalls == {attempt.push_id, None}
    await house.arrive(*(match(f"n{n}", "wm1") for n in range(5)))
    assert len((await house.plan()).attempts) == 4
