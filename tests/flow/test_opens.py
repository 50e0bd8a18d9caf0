"""What stands for "opened", and what a match came to: each written down once, for the right message."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from consumer import conversions, opens
from consumer.conversions import Conversion
from consumer.intake import Sorted, sort, store
from consumer.opens import Reported
from consumer.stream import Delivered
from ops.wiring import _carried
from schemas.decisions import RecipientKey
from schemas.entries import Envelope
from schemas.events import MatchConverted, MatchWithdrawn, payload_of, type_of
from schemas.opens import Proxy
from schemas.receipts import Accepted, RefusalKind, Refused
from tests.flow.ledger_house import NOON, LedgerHouse, match
from tests.flow.replies_house import ANN, Talk

HALF_AN_HOUR = timedelta(minutes=30)


async def opened(house: LedgerHouse) -> list[tuple[object, ...]]:
    """What is written down."""
    rows = await house.rows(
        "SELECT push_id, match_id, proxy FROM push_opens ORDER BY push_id, match_id, proxy"
    )
    return [tuple(row.values()) for row in rows]


@pytest.fixture
async def talk(house: LedgerHouse) -> Talk:
    """Somebody who got two messages of a match each, numbers 1 and 2."""
    await house.session()
    for name in ("m1", "m2"):
        await house.sent(Accepted(), name)
        house.later(seconds=5)
    return Talk(house)


async def test_a_view_is_of_the_message_that_has_it(talk: Talk) -> None:
    """By number of the newest, by id of whichever brought it; asked twice, noted once."""
    await talk.hears("查看1")
    await talk.hears("查看 m2")
    await talk.hears("查看 m1")

    assert await opened(talk.house) == [(1, "m1", "viewed"), (2, "m2", "viewed")]


async def test_a_tap_is_told_apart(talk: Talk) -> None:
    """A tap and a typed word are two proxies."""
    asked = talk.asked("查看1")
    await talk.page(replace(asked, is_tap=True))
    await talk.says("查看1")

    assert await opened(talk.house) == [(2, "m2", "tapped"), (2, "m2", "viewed")]


async def test_nobody_opens_what_nobody_has(talk: Talk) -> None:
    """A number that the message has not, an id of nobody's, and a match that waits."""
    await talk.says("查看9", "查看 m77")
    await talk.house.prefers(quiet_hours="00:00-23:59")
    await talk.house.arrive("m3")
    await talk.house.plan()
    await talk.says("查看 m3")

    assert await opened(talk.house) == []


async def test_who_gets_no_answer_has_seen_it_all_the_same(talk: Talk) -> None:
    """All five are used; that they asked says that they read."""
    await talk.house.sent(Accepted(), "m3", "m4", "m5")

    await talk.says("查看 m1")

    assert (1, "m1", "viewed") in await opened(talk.house)


@pytest.mark.parametrize(("minutes", "push_id"), [(-1, None), (0.05, 1), (29, 2), (31, None)])
async def test_a_reply_is_to_the_newest_message_before_it(
    house: LedgerHouse, minutes: float, push_id: int | None
) -> None:
    """Within half an hour of it; a word before the first is to nothing."""
    await house.session()
    await house.sent(Accepted(), "m1")
    house.later(seconds=10)
    await house.sent(Accepted(), "m2")
    at = NOON + timedelta(seconds=10 if minutes > 1 else 0, minutes=minutes)

    await house.own.exclusive(lambda tx: opens.replied(tx, [(ANN, at)], HALF_AN_HOUR))

    assert await opened(house) == ([(push_id, "", "replied")] if push_id else [])


async def test_words_of_one_page_are_replies_to_different_messages(house: LedgerHouse) -> None:
    """What was said between two messages is to the first, though it is read together with what came after."""
    await house.session()
    await house.sent(Accepted(), "m1")
    house.later(seconds=10)
    await house.sent(Accepted(), "m2")
    said = [(ANN, NOON + timedelta(seconds=second)) for second in (5, 60)]

    await house.own.exclusive(lambda tx: opens.replied(tx, said, HALF_AN_HOUR))

    assert await opened(house) == [(1, "", "replied"), (2, "", "replied")]


async def test_a_reply_is_of_one_conversation(house: LedgerHouse) -> None:
    """Another account's message is not what they reply to, nor one that WeChat never took."""
    await house.session()
    await house.sent(Accepted(), "m1")
    await house.sent(Refused(95001, RefusalKind.WINDOW), "m2")
    at = NOON + timedelta(minutes=1)
    others = [RecipientKey("wk2", "wm1"), RecipientKey("wk1", "wm2")]

    await house.own.exclusive(lambda tx: opens.replied(tx, [(each, at) for each in others], HALF_AN_HOUR))
    assert await opened(house) == []
    await house.own.exclusive(lambda tx: opens.replied(tx, [(ANN, at), (ANN, at)], HALF_AN_HOUR))
    assert await opened(house) == [(1, "", "replied")]


async def test_a_report_from_outside(talk: Talk) -> None:
    """By number, by msgid, by match; once each; of what nobody sent it says so and writes nothing."""
    msgid, _ = (str(msgid) for (msgid,) in await talk.house.pushes("msgid"))
    reports = [
        Reported(Proxy.MINIPROGRAM, NOON, "1"),
        Reported(Proxy.MINIPROGRAM, NOON, msgid),
        Reported(Proxy.MINIPROGRAM, NOON, "2", "m2"),
        Reported(Proxy.MINIPROGRAM, NOON, None, "m2"),
        Reported(Proxy.MINIPROGRAM, NOON, "99"),
        Reported(Proxy.MINIPROGRAM, NOON, "f" * 32),
        Reported(Proxy.MINIPROGRAM, NOON, None, "m77"),
    ]

    told = await talk.house.own.exclusive(lambda tx: opens.report(tx, reports))

    assert told == [True, True, True, True, False, False, False]
    assert await opened(talk.house) == [(1, "", "miniprogram"), (2, "m2", "miniprogram")]


def entry(event: MatchConverted, name: str) -> Delivered:
    """The event as it comes off the stream."""
    fields = Envelope(event.key, type_of(event), "2026-11-22T04:00:00.000Z", payload_of(event)).fields()
    return Delivered(name, {key.encode(): value.encode() for key, value in fields.items()})


async def test_a_match_is_converted_once(house: LedgerHouse) -> None:
    """Whatever is said of it later; every entry is acked at once, and the mirror knows that it arrived."""
    first = MatchConverted(match_id="m1", user_id="u1", name="met", occurred_at=NOON - timedelta(hours=1))
    later = MatchConverted(match_id="m1", user_id="u1", name="signed")
    ahead = MatchConverted(match_id="m2", user_id="u1", occurred_at=NOON + timedelta(days=1))
    for number, event in enumerate((first, later, ahead), start=1):
        batch = sort([entry(event, f"{number}-0")])
        assert await house.own.exclusive(partial(store, batch=batch, now=house.now)) == [f"{number}-0"]

    rows = await house.rows("SELECT match_id, name, at FROM push_conversions ORDER BY match_id")
    assert [tuple(row.values()) for row in rows] == [
        ("m1", "met", "2026-11-22T03:00:00.000Z"),
        ("m2", "converted", "2026-11-22T04:00:00.000Z"),
    ]
    carried = await house.own.read(lambda tx: _carried(tx, ["m1:converted", "m1:1", "m3:converted"]))
    assert carried == {"m1:converted"}


async def test_a_conversion_goes_before_its_match_or_after_its_end(house: LedgerHouse) -> None:
    """It changes nothing about what is sent: the match still comes, and one taken back stays so."""
    await house.session()
    batch = Sorted(conversions=[(MatchConverted(match_id=name, user_id="u1"), f"e-{name}") for name in "ab"])
    await house.own.exclusive(lambda tx: store(tx, batch, house.now))
    await house.withdraw(MatchWithdrawn(match_id="b", user_id="u1"))

    await house.sent(Accepted(), match("a"), match("b"))

    assert await house.standing("a", "b") == [("sent", None), ("dropped", "withdrawn")]
    assert await house.own.read(lambda tx: conversions.known(tx, ["a", "b", "c"])) == {"a", "b"}
    await house.own.exclusive(lambda tx: conversions.note(tx, [Conversion("a", "again", NOON)]))
    [row] = await house.rows("SELECT name FROM push_conversions WHERE match_id = 'a'")
    assert row["name"] == "converted"
