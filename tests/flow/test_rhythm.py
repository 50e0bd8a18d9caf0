"""What is heard of a user, whoever tells us, is learnt from, in the transaction that notes it."""

import json
from datetime import timedelta

import pytest

from consumer import windows
from consumer.gather import gather, read_host
from consumer.rhythm import Rhythm
from schemas.database import Transaction
from schemas.decisions import RecipientKey
from schemas.times import to_text
from tests.flow.inbound_house import InboundHouse, tap, word
from tests.flow.ledger_house import NOON, LedgerHouse, at, match


@pytest.fixture
def hearing(house: LedgerHouse) -> InboundHouse:
    """The house with a KF server beside it."""
    return InboundHouse(house)


async def learnt(house: LedgerHouse, kf: str = "wk1") -> object:
    """What kf_windows keeps of the hours."""
    [row] = await house.rows(f"SELECT hours FROM kf_windows WHERE open_kfid = '{kf}'")
    return json.loads(str(row["hours"])) if row["hours"] else None


async def test_words_are_learnt_from(hearing: InboundHouse) -> None:
    """Three words of one hour count once; that of the next hour counts again."""
    said = [word(at("22 10:01")), word(at("22 10:02")), word(at("22 10:59")), word(at("22 11:00"))]
    await hearing.hears(*said)
    assert await learnt(hearing.house) == {
        "at": "2026-11-22T03:00:00.000Z",
        "days": pytest.approx(1, abs=0.01),
        "hours": {"2": pytest.approx(1, abs=0.01), "3": 1.0},
    }
    before = await learnt(hearing.house)
    await hearing.hears(word(at("22 11:20")))
    assert await learnt(hearing.house) == before


async def test_a_tap_is_learnt_from(hearing: InboundHouse) -> None:
    """It opens no window, but whoever taps has the phone in hand."""
    await hearing.hears(tap(NOON))
    assert await learnt(hearing.house) == {"at": "2026-11-22T04:00:00.000Z", "days": 1.0, "hours": {"4": 1.0}}
    assert (await hearing.window())["opened_at"] is None


async def test_what_the_host_heard_is_learnt_from(house: LedgerHouse) -> None:
    """A text of the host's that moves is a word, however it is found; one that goes back is none."""
    await house.session(said="2026-11-21T20:30:00")
    await house.arrive("m1")
    await house.plan()
    assert await learnt(house) == {"at": "2026-11-21T12:30:00.000Z", "days": 1.0, "hours": {"12": 1.0}}
    before = await learnt(house)
    await house.session(said="2026-11-21T18:30:00")
    await house.look_again()
    await house.plan()
    assert await learnt(house) == before


async def test_a_word_that_both_tell_of_counts_once(hearing: InboundHouse) -> None:
    """The host writes the time of the very word that is pulled from WeChat."""
    house = hearing.house
    await hearing.hears(word(at("22 11:58")))
    before = await learnt(house)
    await house.session("wm1", said="2026-11-22T11:58:07")
    await house.arrive("m1")
    await house.plan()
    assert await learnt(house) == before


async def test_planning_is_told_the_rhythm(house: LedgerHouse) -> None:
    """Whoever gathers a person finds what all their conversations taught."""
    await house.session(said="2026-11-21T20:30:00")
    await house.session(kf="wk2", said="2026-11-22T11:30:00")
    inputs = await house.app.read(lambda tx: read_host(tx, ["u1"], []))

    def look(tx: Transaction) -> Rhythm | None:
        windows.raise_from_host(tx, inputs.sessions, house.rules.host_zone, house.now)
        [known] = gather(tx, inputs, ["u1"], house.rules, house.now)
        return known.facts.rhythm

    rhythm = await house.own.exclusive(look)
    assert rhythm is not None
    assert [hour for hour, count in enumerate(rhythm.hours) if count] == [3, 12]
    assert rhythm.at == at("22 11:30")


async def test_news_of_a_window_keeps_its_hours(hearing: InboundHouse) -> None:
    """Exhausted, opened again by an older text: what was learnt stays."""
    house = hearing.house
    await hearing.hears(word(at("22 11:00")))
    before = await learnt(house)
    recipient = RecipientKey("wk1", "wm1")
    await house.own.exclusive(lambda tx: windows.exhaust(tx, recipient, at("22 11:00"), house.now))
    await house.own.exclusive(lambda tx: windows.open_at(tx, recipient, NOON - timedelta(hours=3), house.now))
    assert await learnt(house) == before


async def test_a_daily_message_comes_at_the_hour_that_suits(house: LedgerHouse) -> None:
    """Who named no hour gets it when they speak; who named one, then; of whom little is known, at nine."""
    await house.prefers(batch_mode="daily")
    await house.prefers("u2", batch_mode="daily", preferred_time="07:30")
    await house.prefers("u3", batch_mode="daily")
    for day in (18, 19, 20, 21):
        for number in (1, 2):
            recipient = RecipientKey("wk1", f"wm{number}")
            spoken = at(f"{day} 20:10")
            await house.own.exclusive(
                lambda tx, recipient=recipient, spoken=spoken: windows.open_at(  # type: ignore[misc]
                    tx, recipient, spoken, house.now
                )
            )
    for number in (1, 2, 3):
        await house.session(f"u{number}", f"wm{number}", said="2026-11-22T11:00:00")
        await house.arrive(match(f"m{number}", f"u{number}"))
    await house.plan()
    rows = await house.rows("SELECT due_at FROM push_deliveries ORDER BY match_id")
    assert [row["due_at"] for row in rows] == [
        to_text(at("22 20:00")),
        to_text(at("23 07:30")),
        to_text(at("23 09:00")),
    ]
