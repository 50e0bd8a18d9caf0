"""Windows and slots, counted from rows: never a sixth message, and a word that always opens the next five."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from consumer import windows
from consumer.facts import Session
from consumer.ledger import arrivals, deliveries, pushes, usage, waking
from consumer.ledger.arrivals import Incoming
from schemas.database import Transaction
from schemas.decisions import RecipientKey
from schemas.receipts import Accepted, RefusalKind, Refused, Unknown
from tests.flow.ledger_house import LedgerHouse, at, match

KF = RecipientKey("wk1", "wm1")
FIVE = [f"m{number}" for number in range(5)]


async def opened(house: LedgerHouse) -> list[tuple[object, ...]]:
    """What kf_windows says."""
    rows = await house.rows("SELECT open_kfid, external_userid, opened_at FROM kf_windows ORDER BY 1, 2")
    return [tuple(row.values()) for row in rows]


async def test_never_a_sixth_message(house: LedgerHouse) -> None:
    """Sent, unknown or on its way: five fill the window, until the user's next word."""
    await house.session()
    await house.sent(Accepted(), "m1", "m2")
    await house.sent(Unknown("timeout"), "m3", "m4")
    await house.arrive("m5", "m6", "m7")

    assert [each.letter.matches for each in (await house.plan()).attempts] == [(("m5", 1),)]
    assert await house.standing("m6", "m7") == [("parked", "no_slot")] * 2

    house.later(minutes=1)
    await house.session(said="2026-11-22T12:00:30")
    await house.look_again()
    # three are still open and may yet be accepted in this window; what waited for the word is one message
    going = [each for each in (await house.plan()).attempts if each.number == 1]
    assert [each.letter.matches for each in going] == [(("m6", 1), ("m7", 1))]
    await house.arrive("m8", "m9")
    await house.plan()
    assert await house.standing("m8", "m9") == [("sending", None), ("parked", "no_slot")]


async def test_slots_kept_for_the_host(house: LedgerHouse) -> None:
    """What the host sends itself is left to it."""
    house.rules = replace(house.rules, slots_kept_back=2)
    await house.session()
    await house.arrive(*FIVE)

    assert len((await house.plan()).attempts) == 3


@pytest.mark.parametrize(
    ("said", "left"),
    [
        # accepted at noon, in the window of eleven o'clock
        ("2026-11-22T12:00:00", 4),
        ("2026-11-22T12:00:00.001", 5),
        ("2026-11-22T11:59:59", 4),
    ],
)
async def test_a_message_counts_in_the_window_it_was_accepted_in(
    house: LedgerHouse, said: str, left: int
) -> None:
    """Who answers a second after a message has all five again."""
    await house.session()
    await house.sent(Accepted(), "m0")
    house.later(seconds=30)
    await house.session(said=said)
    await house.arrive(*(f"n{number}" for number in range(6)))

    assert len((await house.plan()).attempts) == left


async def test_a_clock_behind_wechats_counts_all_the_same(house: LedgerHouse) -> None:
    """The word's time is ahead of our clock, so acceptances lie before it; they began with that window."""
    await house.session(said="2026-11-22T12:00:03")
    attempts = await house.sent(Accepted(), "m0", "m1")
    assert len(attempts) == 2
    house.later(seconds=30)
    await house.arrive(*(f"n{number}" for number in range(6)))

    assert len((await house.plan()).attempts) == 3


async def test_a_raised_window_wakes_what_is_parked(house: LedgerHouse) -> None:
    """The rows, whatever their date, and the pushes of unknown outcome, are due at once."""
    await house.session()
    await house.sent(Unknown("timeout"), "m0")
    house.later(hours=48)
    await house.arrive("m1")
    await house.plan()
    await house.plan()
    assert await house.standing("m0", "m1") == [("sending", None), ("parked", "window_closed")]
    assert await house.pushes("lease_until") == [("2026-11-25T04:00:00.000Z",)]

    await house.session(said="2026-11-24T12:00:00")
    await house.arrive("m2")
    going = [*(await house.plan()).attempts, *(await house.plan()).attempts]

    assert sorted(each.letter.matches for each in going) == [(("m0", 1),), (("m1", 1),), (("m2", 1),)]


async def test_a_window_only_moves_forward(house: LedgerHouse) -> None:
    """A host that forgets, deletes or rewrites its rows takes nothing back."""
    await house.session(said="2026-11-22T11:00:00")
    await house.arrive("m1")
    await house.plan()
    expected = [("wk1", "wm1", "2026-11-22T03:00:00.000Z")]
    assert await opened(house) == expected

    for number, text in enumerate(("2026-11-22T10:00:00", None, "", "2026-11-21 00:00:00")):
        await house.session(said=text)
        await house.arrive(match(f"low{number}", score=0.1))
        assert (await house.plan()).decided == 1
        assert await opened(house) == expected
    await house.host("DELETE FROM wechat_kf_sessions")
    await house.arrive(match("alone", score=0.1))
    assert (await house.plan()).decided == 1
    assert await opened(house) == expected

    await house.session(said="2026-11-22T11:30:00")
    await house.arrive("m2")
    await house.plan()
    assert await opened(house) == [("wk1", "wm1", "2026-11-22T03:30:00.000Z")]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2026-11-22 03:30:00", "2026-11-22T03:30:00.000Z"),
        ("2026-11-22T11:30:00.123456", "2026-11-22T03:30:00.123Z"),
        ("2026-11-22T03:30:00Z", "2026-11-22T03:30:00.000Z"),
    ],
)
async def test_each_format_of_the_host(house: LedgerHouse, said: str, expected: str) -> None:
    """SQL's CURRENT_TIMESTAMP is UTC, Python's isoformat the host's own clock."""
    await house.session(said=said)
    await house.arrive("m1")
    await house.plan()

    assert await opened(house) == [("wk1", "wm1", expected)]


@pytest.mark.parametrize(
    "said",
    ["just now", "0001-01-01T00:00:00", "0001-01-01 00:00:00", "9999-12-31T23:59:59-10:00"],
)
async def test_a_time_that_is_none(house: LedgerHouse, said: str) -> None:
    """The window stays closed, the operator is told once, and everybody else goes on."""
    await house.session("u1", said=said)
    await house.session("u2", "wm2")
    await house.arrive(match("m1", "u1"), match("m2", "u2"))

    outcome = await house.plan()

    assert [each.letter.user_id for each in outcome.attempts] == ["u2"]
    assert ["last_message_time" in complaint for complaint in outcome.complaints] == [True]
    assert await house.standing("m1") == [("parked", "no_session")]
    await house.look_again()
    assert (await house.plan()).complaints == []


async def test_two_rows_of_one_phone(house: LedgerHouse) -> None:
    """The later word counts, also beside one that cannot be believed."""
    await house.session("u1", said="2026-11-22T09:00:00")
    await house.session("u2", said="2026-11-22T10:00:00")
    await house.session("u3", said="soon")
    await house.arrive(match("m1", "u1"))

    outcome = await house.plan()

    assert await opened(house) == [("wk1", "wm1", "2026-11-22T02:00:00.000Z")]
    assert (len(outcome.attempts), len(outcome.complaints)) == (1, 1)


async def test_a_match_goes_to_its_own_users_phones(house: LedgerHouse) -> None:
    """u2 shares wm1 with u1, and u1 has wm2 as well, which spoke last: that is none of u2's phones."""
    await house.session("u1", "wm1", "wk1")
    await house.session("u1", "wm2", "wk2", "2026-11-22T11:59:00")
    await house.session("u2", "wm1", "wk1")
    await house.arrive(match("m1", "u1"), match("m2", "u2"))

    attempts = (await house.plan()).attempts

    assert [(each.letter.user_id, each.letter.recipient.external_userid) for each in attempts] == [
        ("u1", "wm2"),
        ("u2", "wm1"),
    ]


async def test_exhausted_means_until_the_next_word(house: LedgerHouse) -> None:
    """WeChat's word about one window says nothing about an older or a newer one."""

    def exhausted(tx: Transaction, *moments: datetime) -> str | None:
        for moment in moments:
            windows.exhaust(tx, KF, moment, house.now)
        [window] = windows.load(tx, ["wm1"])["wm1"]
        return None if window.exhausted is None else window.exhausted.isoformat()

    await house.own.exclusive(lambda tx: windows.open_at(tx, KF, at("22 11:00"), house.now))

    assert await house.own.exclusive(lambda tx: exhausted(tx, at("22 11:00"), at("22 10:00"))) == (
        "2026-11-22T03:00:00+00:00"
    )
    await house.own.exclusive(lambda tx: windows.open_at(tx, KF, at("22 11:30"), house.now))
    [window] = (await house.own.read(lambda tx: windows.load(tx, ["wm1"])))["wm1"]
    assert (window.is_exhausted, window.slots_left(0)) == (False, 5)


@pytest.mark.parametrize("said", [None, "2026-11-22T10:00:00", "2026-11-22 03:00:00", "soon"])
async def test_rewriting_a_session_opens_no_exhausted_window(house: LedgerHouse, said: str | None) -> None:
    """Only a later word does, not another text for the same one."""
    await house.session()
    await house.sent(Refused(95001, RefusalKind.WINDOW), "m1")
    await house.session(said=said)
    await house.arrive("m2")

    assert (await house.plan()).attempts == []
    assert await house.standing("m2") == [("parked", "no_slot")]


async def test_a_word_from_elsewhere_keeps_what_the_host_said(house: LedgerHouse) -> None:
    """So that the host's unchanged text is not taken for another word."""

    def words(tx: Transaction) -> tuple[dict[RecipientKey, str | None], bool]:
        windows.open_at(tx, KF, at("22 11:00"), house.now, host_seen="the host's text")
        windows.open_at(tx, KF, at("22 11:30"), house.now)
        [window] = windows.load(tx, ["wm1"])["wm1"]
        return windows.seen(tx, ["wm1"]), window.opened_at == at("22 11:30")

    assert await house.own.exclusive(words) == ({KF: "the host's text"}, True)


@pytest.mark.parametrize(
    ("spoken", "moved", "expected"),
    [
        (None, False, "2026-11-22T03:00:00+00:00"),
        (at("22 10:59"), False, "2026-11-22T03:00:00+00:00"),
        (at("22 11:00"), False, "2026-11-22T03:00:00+00:00"),
        (at("22 11:00:00.001"), True, "2026-11-22T03:00:00.001000+00:00"),
    ],
)
async def test_what_moves_a_window(
    house: LedgerHouse,
    spoken: datetime | None,
    moved: bool,  # noqa: FBT001
    expected: str,
) -> None:
    """Only a later word, and the first one of all; the same one said again is no news."""

    def words(tx: Transaction) -> tuple[bool, bool, datetime | None]:
        first = windows.open_at(tx, KF, at("22 11:00"), house.now)
        return first, windows.open_at(tx, KF, spoken, house.now), windows.opened_at(tx, KF)

    first, second, opened_at = await house.own.exclusive(words)

    assert (first, second) == (True, moved)
    assert opened_at == datetime.fromisoformat(expected)


async def test_the_host_texts_of_one_phone_in_any_order() -> None:
    """Rows that come in another order are not news."""
    rows = [Session("u1", KF, "a"), Session("u2", KF, "b"), Session("u3", KF, "a")]

    assert windows.host_texts(rows) == windows.host_texts(rows[::-1]) == {KF: "a|b"}


async def test_what_counts_for_a_day(house: LedgerHouse) -> None:
    """Match messages accepted since the user's own midnight, and those still open whenever reserved."""
    await house.session(said="2026-11-21T20:00:00")
    await house.prefers(daily_limit=3)
    house.now = house.wall = at("21 23:59:59.999")
    await house.sent(Accepted(), "yesterday")
    await house.sent(Unknown("timeout"), "unknown")
    house.now = house.wall = at("22 00:00")
    await house.sent(Accepted(), "midnight")
    house.now = house.wall = at("22 00:00:01")
    await house.arrive("m1", "m2")

    going = (await house.plan()).attempts

    # the retry comes first; it was counted, and with it and midnight's one message is left for today
    assert [each.letter.matches for each in going] == [(("unknown", 1),), (("m1", 1),)]
    assert await house.standing("m2") == [("waiting", "daily_limit")]
    assert await house.due("m2") == at("23 00:00")


async def test_empty_questions_have_empty_answers(house: LedgerHouse) -> None:
    """Asking about nobody and nothing asks no database anything it cannot answer."""

    def ask(tx: Transaction) -> list[object]:
        arrivals.insert_fresh(tx, list[Incoming](), house.now)
        arrivals.look_again(tx, [], house.now)
        waking.wake(tx, (), (), house.now)
        pushes.wake(tx, (), house.wall)
        return [
            arrivals.known(tx, []),
            deliveries.pending_of(tx, [], house.now),
            deliveries.entries_of(tx, []),
            pushes.load(tx, []),
            pushes.still_due(tx, [], house.wall),
            usage.read(tx, [], [], house.now - timedelta(days=2)),
            windows.load(tx, []),
            windows.seen(tx, []),
            windows.own_people(tx, []),
        ]

    answers = await house.own.exclusive(ask)

    assert [len(answer) for answer in answers] == [0] * len(answers)  # type: ignore[arg-type]
