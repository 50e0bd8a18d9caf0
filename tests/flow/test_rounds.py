"""A round of planning on a real ledger: what is reserved, deferred, parked and dropped."""

from datetime import timedelta

import pytest

from schemas.receipts import Accepted
from tests.flow.ledger_house import LedgerHouse, at, match, recipients


async def test_a_match_becomes_a_letter(house: LedgerHouse) -> None:
    """The push is written whole before anything leaves: slot, bytes, lease and send_by."""
    await house.session()
    await house.arrive(match("17", intent_name="寻找技术合伙人", explanation="张三完美匹配"))

    attempt = await house.plan_one()

    [row] = await house.rows("SELECT * FROM push_messages")
    assert (row["status"], row["attempts"], row["holder"]) == ("sending", 1, "c-1")
    assert (row["open_kfid"], row["external_userid"], row["user_id"], row["person"]) == (
        "wk1",
        "wm1",
        "u1",
        "wm1",
    )
    assert (row["kind"], row["matches"], row["template"], row["version"]) == (
        "match",
        '[["17", 1]]',
        "match_notification_text",
        1,
    )
    assert (row["lease_until"], row["send_by"]) == ("2026-11-22T04:00:20.000Z", "2026-11-24T02:58:52.000Z")
    assert (row["reserved_at"], row["tried_at"]) == ("2026-11-22T04:00:00.000Z", "2026-11-22T04:00:00.000Z")
    assert (row["window_opened_at"], row["accepted_at"]) == ("2026-11-22T03:00:00.000Z", None)
    assert (attempt.number, attempt.send_by, attempt.letter.msgid) == (1, at("24 10:58:52"), row["msgid"])
    assert "【张三】符合您的意图【寻找技术合伙人】" in str(attempt.letter.body["text"])
    assert await house.standing("17") == [("sending", None)]


async def test_what_waits_says_until_when(house: LedgerHouse) -> None:
    """A date for each clock, the expiry at the latest for a condition, none for what is dropped."""
    await house.session(said="2026-11-22T11:00:00")
    await house.prefers(quiet_hours="11:30-13:00")
    await house.arrive(match("quiet"), match("low", score=0.1), match("alone", "u2"))

    outcome = await house.plan()

    assert (outcome.attempts, outcome.decided) == ([], 3)
    assert await house.standing("quiet", "low", "alone") == [
        ("waiting", "quiet_hours"),
        ("dropped", "below_min_score"),
        ("parked", "no_session"),
    ]
    assert [await house.due(each) for each in ("quiet", "low", "alone")] == [
        at("22 13:00"),
        None,
        at("29 12:00"),
    ]
    assert sorted(await house.timeline("entry, match_id, reason")) == [
        ("deferred", "quiet", "quiet_hours"),
        ("dropped", "low", "below_min_score"),
        ("parked", "alone", "no_session"),
    ]


async def test_entries_are_acked_by_whoever_ends_the_walk(house: LedgerHouse) -> None:
    """Plan acks what it defers, parks or drops, once; what it reserves is left to settle."""
    await house.session()
    await house.arrive(match("goes"), match("low", score=0.1), match("alone", "u2"))

    first = await house.plan()
    await house.look_again()
    second = await house.plan()
    settled = await house.settle((first.attempts[0], Accepted()))

    assert sorted(first.entries) == ["e2", "e3"]
    assert (second.entries, second.decided) == ([], 1)
    assert settled.entries == ["e1"]


async def test_the_same_verdict_is_told_once(house: LedgerHouse) -> None:
    """However often a parked match is looked at, its timeline says it once."""
    await house.arrive("m1")
    for _ in range(3):
        await house.plan()
        await house.look_again()

    assert await house.timeline() == [("parked", None, "no_session")]


async def test_five_go_in_the_order_of_their_expiry(house: LedgerHouse) -> None:
    """The soonest to expire take the slots; the others park and lose nothing."""
    await house.session()
    await house.arrive(
        *(match(f"m{day}", expires_at=at(f"{day} 12:00").isoformat()) for day in range(29, 22, -1))
    )

    attempts = (await house.plan()).attempts

    assert [attempt.letter.matches for attempt in attempts] == [((f"m{day}", 1),) for day in range(23, 28)]
    assert await house.standing("m28", "m29") == [("parked", "no_slot")] * 2


async def test_places_bound_a_round(house: LedgerHouse) -> None:
    """No more is reserved than the sender can take; the rest stays due and goes next."""
    await house.session()
    await house.arrive("m1", "m2", "m3")
    house.places = 2

    assert len((await house.plan()).attempts) == 2
    assert await house.standing("m3") == [("waiting", "fresh")]
    assert len((await house.plan()).attempts) == 1


async def test_two_daemons_reserve_a_match_once(house: LedgerHouse) -> None:
    """What was due when it was looked for is looked at again inside the transaction."""
    await house.session()
    await house.arrive("m1")
    seen_by_both = await house.find_due()

    first = await house.plan(seen_by_both, "c-1")
    second = await house.plan(seen_by_both, "c-2")

    assert (len(first.attempts), len(second.attempts)) == (1, 0)
    assert await house.pushes("holder") == [("c-1",)]


async def test_one_person_with_two_user_ids(house: LedgerHouse) -> None:
    """They share the phone's five messages; each push carries matches of one of them."""
    await house.session("u1")
    await house.session("u2")
    await house.prefers("u2", daily_limit=1)
    await house.arrive(*(match(f"a{n}", "u1") for n in range(3)), *(match(f"b{n}", "u2") for n in range(4)))

    attempts = (await house.plan()).attempts

    assert [attempt.letter.user_id for attempt in attempts] == ["u1", "u1", "u1", "u2"]
    assert await house.standing("b1", "b2") == [("waiting", "daily_limit")] * 2
    assert {row["person"] for row in await house.rows("SELECT person FROM push_deliveries")} == {"wm1"}


async def test_one_person_with_two_phones(house: LedgerHouse) -> None:
    """The phone that was written from last is chosen, until its slots are gone."""
    await house.session("u1", "wm1", "wk1", "2026-11-22T10:00:00")
    await house.session("u1", "wm2", "wk2", "2026-11-22T11:00:00")
    await house.arrive(*(f"m{n}" for n in range(8)))

    attempts = (await house.plan()).attempts

    assert recipients(attempts) == [("wk2", "wm2")] * 5 + [("wk1", "wm1")] * 3


async def test_a_user_who_is_a_phone(house: LedgerHouse) -> None:
    """A user_id that kf_windows knows as an external_userid needs no session row."""
    await house.session("somebody", "wm7")
    await house.arrive(match("m0", "somebody"))
    await house.plan()
    await house.host("DELETE FROM wechat_kf_sessions")
    await house.arrive(match("m1", "wm7"))

    assert recipients((await house.plan()).attempts) == [("wk1", "wm7")]


@pytest.mark.parametrize("changed", ["quiet_hours", "timezone"])
async def test_unreadable_preferences_close_the_gate(house: LedgerHouse, changed: str) -> None:
    """Nothing is sent on a guess; it is reported, and looked at again in an hour."""
    await house.session()
    if changed == "quiet_hours":
        await house.prefers(quiet_hours="at night")
    else:
        await house.own.exclusive(
            lambda tx: tx.execute(
                "INSERT INTO push_settings (user_id, timezone, updated_at) VALUES ('u1', 'Moon', '')"
            )
        )
    await house.arrive("m1")

    outcome = await house.plan()

    assert outcome.attempts == []
    assert [changed in complaint for complaint in outcome.complaints] == [True]
    assert await house.standing("m1") == [("waiting", "unreadable_preferences")]
    assert await house.due("m1") == at("22 13:00")
    await house.prefers(quiet_hours="")
    await house.own.exclusive(lambda tx: tx.execute("DELETE FROM push_settings"))
    house.later(hours=1)
    assert len((await house.plan()).attempts) == 1


async def test_a_broken_template_falls_back_and_complains(house: LedgerHouse) -> None:
    """Pushes go on with the built-in text; the complaint names the template."""
    await house.session()
    await house.template("{nme}")
    await house.arrive("m1")

    outcome = await house.plan()

    assert [attempt.letter.template for attempt in outcome.attempts] == ["match_notification_text"]
    assert "【张三】" in str(outcome.attempts[0].letter.body)
    assert ["'mine'" in complaint for complaint in outcome.complaints] == [True]


async def test_a_new_text_is_a_new_version(house: LedgerHouse) -> None:
    """Each text that planning meets is kept once, so that a push can say what it was written with."""
    await house.session()
    texts = ["{profile_name} A", "{profile_name} B", "{profile_name} A"]
    for number, text in enumerate(texts):
        await house.template(text)
        await house.arrive(f"m{number}")
        await house.plan()

    assert await house.pushes("template, version") == [("mine", 1), ("mine", 2), ("mine", 1)]
    versions = await house.rows("SELECT version, body FROM push_template_versions ORDER BY version")
    assert versions == [
        {"version": 1, "body": "{profile_name} A"},
        {"version": 2, "body": "{profile_name} B"},
    ]


async def test_nothing_is_due(house: LedgerHouse) -> None:
    """An empty ledger, or one whose dates lie ahead, gives plan nothing to do."""
    assert not await house.find_due()
    await house.arrive("m1")
    assert (await house.find_due()).user_ids == ("u1",)
    await house.plan()
    assert not await house.find_due()
    house.now += timedelta(days=7)
    assert await house.find_due()
    await house.plan()
    assert await house.standing("m1") == [("dropped", "expired")]


async def test_somebody_with_more_rows_than_are_planned_at_once(house: LedgerHouse) -> None:
    """Everything due is decided in turn, and the round after that finds nothing left."""
    await house.arrive(*(f"m{number:03}" for number in range(1100)))

    decided = [(await house.plan()).decided for _ in range(3)]

    assert not await house.find_due()
    assert sum(decided) >= 1100
    assert set(await house.standing()) == {("parked", "no_session")}
