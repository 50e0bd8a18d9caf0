"""What the terminal tells: what one message carried, what the window then had left, and answers."""

from consumer.ledger import pushes, timeline
from consumer.ledger.timeline import Line
from consumer.news import News, Watcher, What
from schemas.database import Transaction
from schemas.decisions import Reason
from schemas.receipts import Accepted
from schemas.states import Entry
from tests.flow.ledger_house import LedgerHouse
from tests.flow.replies_house import Talk


async def test_one_message_takes_one_place(house: LedgerHouse) -> None:
    """Three matches that waited go as one message: each tells four left; an answer is told, of no match."""
    talk = Talk(house)
    watcher = Watcher(0)
    await house.own.read(watcher.begin)
    await house.session(said=None)
    await house.arrive("m1", "m2", "m3")
    await house.plan()
    assert await told(house, watcher) == [(What.PARKED, name, None) for name in ("m1", "m2", "m3")]

    await talk.says("你好")
    house.later(seconds=5)
    assert len(await talk.reads()) == 1
    assert await told(house, watcher) == [(What.SENT, name, 4) for name in ("m1", "m2", "m3")]

    await talk.hears("查看1")
    assert [what for what, _, _ in await told(house, watcher)] == [What.ANSWERED]


async def test_a_message_that_failed_afterwards(house: LedgerHouse) -> None:
    """It was told as sent, and then as failed, by the match that it carried."""
    watcher = Watcher(0)
    await house.own.read(watcher.begin)
    await house.session()
    await house.sent(Accepted(), "m1")
    assert await told(house, watcher) == [(What.SENT, "m1", 4)]

    def fail(tx: Transaction) -> None:
        [row] = tx.rows("SELECT id FROM push_messages")
        assert pushes.fail(tx, row["id"], Reason.MUTED, house.now, house.now)
        line = Line(Entry.FAILED, push_id=row["id"], reason=Reason.MUTED, detail="10")
        timeline.note(tx, [line], house.now)

    await house.own.exclusive(fail)
    assert await told(house, watcher) == [(What.FAILED, "m1", None)]


async def told(house: LedgerHouse, watcher: Watcher) -> list[tuple[What, str, int | None]]:
    """Look once."""
    news: list[News] = await house.own.read(watcher.look)
    return [(item.what, item.match_id, item.left) for item in news]
