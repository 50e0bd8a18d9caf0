"""Urgent matches: they wait for no others, and the ledger says why."""

from tests.flow.ledger_house import LedgerHouse, at, match


async def test_an_urgent_match_goes_and_is_noted(house: LedgerHouse) -> None:
    """Not at the daily hour but now, with what it finds; the reason its producer gave is in the timeline."""
    house.gathers = True
    await house.session()
    await house.prefers(batch_mode="daily", preferred_time="20:00")
    await house.arrive("m1", match("m2", urgent_reason="客户今天离开"))

    attempt = await house.plan_one()

    assert attempt.letter.matches == (("m2", 1),)
    assert await house.standing("m1", "m2") == [("waiting", "batch_mode"), ("sending", None)]
    assert await house.timeline("entry, match_id, detail") == [
        ("deferred", "m1", None),
        ("urgent", "m2", "客户今天离开"),
    ]


async def test_an_urgent_match_waits_for_the_end_of_the_night(house: LedgerHouse) -> None:
    """It passes no quiet hours, and nothing says that it went."""
    await house.session()
    await house.prefers(quiet_hours="11:30-13:00")
    await house.arrive(match("m1", urgent_reason="now"))

    assert (await house.plan()).attempts == []
    assert await house.due("m1") == at("22 13:00")
    assert [entry for (entry,) in await house.timeline("entry")] == ["deferred"]
