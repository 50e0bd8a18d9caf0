"""The puller's room: whose turn it is, who waits, and that nobody keeps the others from theirs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from consumer.inbound.puller import Puller
from consumer.wechat.syncing import NotPulled, Request
from consumer.world import World
from schemas.kf_items import Page
from tests.flow.inbound_house import InboundHouse, word
from tests.flow.ledger_house import LedgerHouse
from tests.flow.stream_house import ended, eventually


@pytest.fixture
def hearing(house: LedgerHouse) -> InboundHouse:
    """The house with a KF server beside it."""
    return InboundHouse(house)


class Slow:
    """A KF server that answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let = asyncio.Event()

    async def page(self, request: Request) -> Page:
        """Answer with nothing, in the end."""
        self.asked.append(request.open_kfid)
        await self.let.wait()
        return Page(0, "1")


def room(hearing: InboundHouse, holder: str = "here") -> Puller:
    """Construct the room."""
    house = hearing.house
    return Puller(
        house.app,
        house.own,
        hearing.pull(),
        holder=holder,
        lease=timedelta(seconds=30),
        world=World(lambda: house.now, lambda: house.wall, lambda: 0.5),
        on_woken=lambda: None,
    )


async def looks(puller: Puller) -> None:
    """Have it look once, and wait for whatever it began."""
    await puller.look()
    await puller.idle()


@asynccontextmanager
async def running(puller: Puller) -> AsyncIterator[asyncio.Task[None]]:
    """Run the room."""
    task = asyncio.create_task(puller.run())
    try:
        yield task
    finally:
        await ended(task)


def accounts(hearing: InboundHouse) -> list[str]:
    """Which accounts were asked for, in order."""
    return [request.open_kfid for request in hearing.kf.asked]


async def test_a_notice_is_followed_once(hearing: InboundHouse) -> None:
    """One pull for a notice, none without news, one for the next."""
    puller = room(hearing)
    await hearing.notice("wk1")
    await looks(puller)
    await looks(puller)
    assert accounts(hearing) == ["wk1"]
    hearing.house.later(seconds=1)
    await hearing.notice("wk1")
    await looks(puller)
    assert accounts(hearing) == ["wk1", "wk1"]


async def test_every_account_every_minute(hearing: InboundHouse) -> None:
    """Known from anywhere: a window, a cursor, a notice, the host's rows; one taken away is left alone."""
    house = hearing.house
    await house.session("u1", "wm1", "wkHost")
    await house.session("u2", "wm2", "")
    await hearing.hears(word(house.now, kf="wkWindow"), kf="wkWindow")
    await hearing.notice("wkGone")
    await house.own.exclusive(
        lambda tx: tx.execute("UPDATE kf_notices SET revoked_at = notified_at WHERE open_kfid = 'wkGone'")
    )
    puller = room(hearing)
    await looks(puller)
    assert accounts(hearing) == ["wkWindow", "wkHost"]
    house.later(seconds=59)
    await looks(puller)
    assert accounts(hearing) == ["wkWindow", "wkHost"]
    house.later(seconds=11)
    await looks(puller)
    assert sorted(accounts(hearing)[2:]) == ["wkHost", "wkWindow"]


async def test_two_rooms_poll_once(hearing: InboundHouse) -> None:
    """What one has read a moment ago the other need not read."""
    await hearing.house.session("u1", "wm1", "wk1")
    await looks(room(hearing, "a"))
    await looks(room(hearing, "b"))
    assert accounts(hearing) == ["wk1"]


async def test_a_failure_waits_and_asks_for_less(hearing: InboundHouse) -> None:
    """Told, waited for, tried with a smaller page; the notice stays until it was read."""
    puller = room(hearing)
    await hearing.notice("wk1")
    hearing.kf.scripted = [NotPulled("timed out"), NotPulled("timed out")]
    with capture_logs() as logs:
        await looks(puller)
        await looks(puller)
        assert [request.limit for request in hearing.kf.asked] == [1000]
        hearing.house.wall += timedelta(seconds=1)
        await looks(puller)
        hearing.house.wall += timedelta(seconds=2)
        await looks(puller)
        await looks(puller)
    assert [request.limit for request in hearing.kf.asked] == [1000, 100, 10]
    failed = [entry for entry in logs if entry["event"] == "pull.failed"]
    assert [(entry["cause"], entry["failures"]) for entry in failed] == [("timed out", 1), ("timed out", 2)]
    [row] = await hearing.house.rows("SELECT holder, pulled_at FROM kf_cursors")
    assert row["holder"] is None
    assert row["pulled_at"] is not None


async def test_one_refused_account_holds_up_no_other(hearing: InboundHouse) -> None:
    """WeChat knows nothing of one account; the others are read."""
    puller = room(hearing)
    await hearing.notice("wk1")
    hearing.kf.scripted = [NotPulled("refused", 95004)]
    await looks(puller)
    hearing.kf.happens(word(hearing.house.now, kf="wk2"), kf="wk2")
    await hearing.notice("wk2")
    await looks(puller)
    assert len(await hearing.inbound()) == 1


async def test_a_slow_account_holds_up_no_other(hearing: InboundHouse) -> None:
    """Eight are read side by side; the ninth has its turn when one has ended."""
    slow = Slow()
    hearing.kf = slow  # type: ignore[assignment]
    for number in range(9):
        await hearing.notice(f"wk{number}")
    async with running(room(hearing)):
        await eventually(_async(lambda: len(slow.asked) == 8))
        slow.let.set()
        await eventually(_async(lambda: len(slow.asked) == 9))
    assert len(set(slow.asked)) == 9


async def test_a_nudge_is_heard_at_once(hearing: InboundHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever receives the callbacks in the same process need not wait for the next look."""
    monkeypatch.setattr("consumer.inbound.puller.LOOK_EVERY", 3600)
    puller = room(hearing)
    async with running(puller):
        await eventually(_async(lambda: puller._poll_at is not None))  # noqa: SLF001 - it has looked once
        await hearing.notice("wk1")
        puller.nudge()
        await eventually(_async(lambda: accounts(hearing) == ["wk1"]))


async def test_a_fault_of_ours_ends_nothing(hearing: InboundHouse) -> None:
    """A page on which taking in breaks is told, and comes again; the room goes on."""
    puller = room(hearing)
    await hearing.notice("wk1")
    hearing.kf.scripted = ["no page at all"]  # type: ignore[list-item]
    with capture_logs() as logs:
        await looks(puller)
    assert [entry["event"] for entry in logs] == ["pull.broke"]
    hearing.kf.happens(word(hearing.house.now))
    hearing.house.wall += timedelta(seconds=2)
    await looks(puller)
    assert await hearing.inbound() == [("word",)]


async def test_leaving_in_the_midst(hearing: InboundHouse) -> None:
    """A room that is cancelled while it waits for a page ends at once; the next one reads it."""
    slow = Slow()
    hearing.kf, fast = slow, hearing.kf  # type: ignore[assignment]
    await hearing.notice("wk1")
    async with running(room(hearing)):
        await eventually(_async(lambda: slow.asked == ["wk1"]))
    hearing.kf = fast
    fast.happens(word(hearing.house.now))
    hearing.house.later(seconds=31)
    await looks(room(hearing, "next"))
    assert await hearing.inbound() == [("word",)]


def _async(is_so: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    async def ask() -> object:
        return is_so()

    return ask
