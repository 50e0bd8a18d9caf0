"""The watch: a changed text in the host's rows is a word, and is noticed without anybody's help."""

import pytest
from structlog.testing import capture_logs

from schemas.receipts import Unknown
from tests.flow.ledger_house import LedgerHouse, match


@pytest.mark.parametrize("said", ["2026-11-22T11:59:00", "2026-11-22 03:59:00"])
async def test_the_watch_opens_windows_for_those_who_wait(house: LedgerHouse, said: str) -> None:
    """A changed text of somebody parked, or of unknown outcome, wakes all that is theirs."""
    await house.session("u1", "wm1", said=None)
    await house.session("u2", "wm2")
    await house.arrive(match("m1", "u1"))
    await house.sent(Unknown("timeout"), match("m2", "u2"))
    house.later(seconds=0.5)
    assert await house.watch() == 0
    assert not await house.find_due()

    await house.session("u1", "wm1", said=said)
    await house.session("u2", "wm2", said=said)

    assert await house.watch() == 1
    house.later(seconds=1.5)
    assert sorted(each.letter.user_id for each in (await house.plan()).attempts) == ["u1", "u2"]
    assert await house.watch() == 0


async def test_the_watch_says_what_it_cannot_believe(house: LedgerHouse) -> None:
    """Once, and it goes on with everybody else."""
    await house.session("u1", "wm1", said=None)
    await house.session("u2", "wm2", said=None)
    await house.arrive(match("m1", "u1"), match("m2", "u2"))
    await house.plan()
    await house.session("u1", "wm1", said="0001-01-01T00:00:00")
    await house.session("u2", "wm2", said="2026-11-22T11:59:00")

    with capture_logs() as logs:
        await house.watch()
        await house.watch()

    assert [entry["event"] for entry in logs] == ["watch.unreadable_time"]
    house.later(seconds=1.5)
    assert [each.letter.user_id for each in (await house.plan()).attempts] == ["u2"]


@pytest.mark.parametrize("said", ["2026-11-22T12:05:01", "2026-11-22 04:05:01"])
async def test_a_time_that_is_still_to_come(house: LedgerHouse, said: str) -> None:
    """More than five minutes ahead is not believed, and is read again until it can be."""
    await house.session(said=said)
    await house.arrive("m1")

    outcome = await house.plan()

    assert outcome.attempts == []
    assert ["KFPUSH_HOST_TIMEZONE" in complaint for complaint in outcome.complaints] == [True]
    assert await house.watch() == 1
    assert (await house.plan()).attempts == []
    house.later(seconds=1)
    await house.watch()
    house.later(seconds=1.5)
    assert len((await house.plan()).attempts) == 1
