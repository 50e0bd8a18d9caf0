"""Accounts are read apart, and some of them late: the last word counts, and every account has its turn."""

from dataclasses import replace
from datetime import timedelta

import pytest

from consumer.inbound.puller import AT_ONCE, Puller
from consumer.world import World
from tests.flow.inbound_house import InboundHouse, event, word
from tests.flow.ledger_house import NOON, LedgerHouse

EARLIER = NOON - timedelta(minutes=2)


@pytest.fixture
async def hearing(house: LedgerHouse) -> InboundHouse:
    """Ann writes to two accounts; words are obeyed in earnest."""
    made = InboundHouse(house, answers=True)
    for kf in ("wk1", "wk2"):
        await house.session(kf=kf, said=None)
        await made.listening(kf)
    return made


@pytest.mark.parametrize("kf", ["wk1", "wk2"])
async def test_an_old_wish_to_hear_again(hearing: InboundHouse, kf: str) -> None:
    """From another account or late from the same, it comes after the wish to hear nothing: that stays."""
    house = hearing.house
    await house.prefers(enable_push=0)
    await hearing.hears(word(NOON, "退订"))
    [confirmation] = (await house.plan()).attempts

    await hearing.hears(word(EARLIER, "恢复", kf=kf), kf=kf)
    await house.arrive("m1")

    assert (await house.plan()).attempts == []
    assert await house.standing("m1") == [("dropped", "stopped")]
    assert await house.rows("SELECT stop FROM push_settings") == [{"stop": 1}]
    assert await house.host("SELECT enable_push FROM user_push_preferences") == [(0,)]
    assert await house.host("SELECT outcome FROM push_outcomes") == [("opted_out",)]
    assert await hearing.inbound() == [("too_late",), ("stopped",)]
    assert confirmation.letter.template == "answer.stop"


async def test_an_old_wish_to_hear_nothing(hearing: InboundHouse) -> None:
    """Who has asked to hear again since is not stopped by it."""
    house = hearing.house
    await hearing.hears(word(NOON, "恢复"))
    await hearing.hears(word(EARLIER, "退订", kf="wk2"), kf="wk2")
    await house.arrive("m1")
    house.later(seconds=2)

    assert [len(attempt.letter.matches) for attempt in (await house.plan()).attempts] == [0, 1]
    assert await house.rows("SELECT stop FROM push_settings WHERE stop = 1") == []


async def test_a_wish_from_before_kfpush_listened(hearing: InboundHouse) -> None:
    """An account read for the first time brings an old stop; they have asked to hear again since."""
    house = hearing.house
    await hearing.hears(word(EARLIER, "退订"))
    await hearing.hears(word(NOON, "恢复"))

    await hearing.hears(word(NOON - timedelta(days=2), "退订", kf="wk3"), kf="wk3")

    assert await house.rows("SELECT stop FROM push_settings") == [{"stop": 0}]
    assert await hearing.inbound() == [("too_late",), ("stopped",), ("resumed",)]


async def test_a_welcome_waits_for_nobody(hearing: InboundHouse) -> None:
    """Its code is good for twenty seconds: it is offered before WeChat is asked who holds a conversation."""
    house, welcomed = hearing.house, []
    await hearing.hears(word(EARLIER), event(EARLIER, "session_status_change", change_type=1))
    pull = hearing.pull()

    async def slow(_: object) -> None:
        welcomed.append(len(hearing.entered))

    pull._states = slow  # noqa: SLF001 - WeChat, when it takes its time
    pull._replies = replace(pull._replies, welcome=hearing.entered.append)  # noqa: SLF001
    hearing.kf.happens(event(house.now, "enter_session", phone="wm2", welcome_code="c"), word(house.now))
    turn = await hearing.turn()
    assert turn is not None
    await pull.read(turn, 0)

    assert welcomed == [1]


async def test_both_in_one_page(hearing: InboundHouse) -> None:
    """They are obeyed one after the other, in the order in which they were said."""
    await hearing.hears(word(NOON, "恢复"), word(EARLIER, "退订"))

    assert await hearing.inbound() == [("stopped",), ("resumed",)]
    assert await hearing.house.rows("SELECT stop FROM push_settings") == [{"stop": 0}]


async def test_the_other_account_was_read_meanwhile(hearing: InboundHouse) -> None:
    """The later wish is stored between the reading of the earlier one and its transaction."""
    house = hearing.house
    pull, wish = hearing.pull(), word(EARLIER, "恢复")
    page = pull._hosted  # noqa: SLF001 - the place between the two databases

    async def late(*args: object, **more: object) -> object:
        hosted = await page(*args, **more)  # type: ignore[arg-type]
        await hearing.hears(word(NOON, "退订", kf="wk2"), kf="wk2")
        return hosted

    pull._hosted = late  # type: ignore[assignment,method-assign] # noqa: SLF001 - the same
    hearing.kf.happens(wish)
    turn = await hearing.turn()
    assert turn is not None
    await pull.read(turn, 0)

    assert await house.rows("SELECT stop FROM push_settings") == [{"stop": 1}]


async def test_every_account_has_its_turn(house: LedgerHouse) -> None:
    """More accounts than places, and there is always news of each: none is left out for ever."""
    hearing = InboundHouse(house)
    world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
    puller = Puller(
        house.app,
        house.own,
        hearing.pull(),
        holder="here",
        lease=timedelta(seconds=30),
        world=world,
        on_woken=lambda: None,
    )
    accounts = [f"wk{nth:02}" for nth in range(AT_ONCE + 2)]
    for _ in range(3):
        house.later(seconds=1)
        for account in accounts:
            await hearing.notice(account)
        await puller.look()
        await puller.idle()

    assert {request.open_kfid for request in hearing.kf.asked} == set(accounts)
