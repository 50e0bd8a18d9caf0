"""Nothing is read whole: the first so many of each, in an order that leaves nobody out."""

from collections.abc import Awaitable
from datetime import timedelta

import pytest

from consumer.ledger import arrivals, deliveries, pushes
from schemas.receipts import Unknown
from tests.flow.ledger_house import NOON, LedgerHouse, at, match


async def test_the_soonest_to_expire_are_planned_first(
    house: LedgerHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of somebody with more than are planned at once; and what is due comes before what is not."""
    monkeypatch.setattr(deliveries, "MOST_PER_USER", 2)
    await house.arrive(
        *(match(f"m{day}", expires_at=at(f"{day} 12:00").isoformat()) for day in (26, 24, 27, 25))
    )

    async def loaded() -> list[str]:
        rows = await house.own.read(lambda tx: deliveries.pending_of(tx, ["u1"], house.now))
        return [row.candidate.match_id for row in rows]

    assert await loaded() == ["m24", "m25"]
    await house.own.exclusive(
        lambda tx: tx.execute(
            "UPDATE push_deliveries SET due_at = '2026-11-23' WHERE match_id IN ('m24', 'm25', 'm26')"
        )
    )
    assert await loaded() == ["m24", "m27"]


async def test_matches_of_one_moment_keep_their_order(house: LedgerHouse) -> None:
    """By expiry, then by when they came, then by name: whichever of them happens to be due."""
    await house.arrive("b", "a")
    house.now += timedelta(milliseconds=1)
    await house.arrive(
        match("early", expires_at=at("23 12:00").isoformat()), match("0", expires_at="2026-11-29T04:00:00Z")
    )
    await house.own.exclusive(
        lambda tx: tx.execute("UPDATE push_deliveries SET due_at = '2026-11-25' WHERE match_id = 'a'")
    )

    rows = await house.own.read(lambda tx: deliveries.pending_of(tx, ["u1"], house.now))

    assert [row.candidate.match_id for row in rows] == ["early", "a", "b", "0"]


async def test_who_has_been_due_longest(house: LedgerHouse) -> None:
    """By rows looked at, each user once."""
    for user_id in ("u3", "u1", "u1", "u2"):
        house.now += timedelta(seconds=1)
        await house.arrive(match(f"{user_id}-{house.entries}", user_id))

    def due(rows: int) -> Awaitable[object]:
        return house.own.read(lambda tx: deliveries.due_users(tx, house.now, rows))

    assert await due(1) == ("u3",)
    assert await due(3) == ("u3", "u1")
    assert await due(9) == ("u3", "u1", "u2")
    assert await house.own.read(lambda tx: deliveries.due_users(tx, NOON, 9)) == ()


async def test_counting_stops_where_it_is_enough(house: LedgerHouse) -> None:
    """Back pressure need not count a million."""
    await house.arrive("m1", "m2", "m3")

    counts = await house.own.read(
        lambda tx: [deliveries.count_due(tx, house.now, most) for most in (2, 3, 9)]
    )

    assert counts == [2, 3, 3]


async def test_those_who_wait_page_by_page(house: LedgerHouse) -> None:
    """Users with something pending, and phones with something unknown: all of them, each once."""
    for number in range(5):
        await house.session(f"u{number}", f"wm{number}")
    await house.sent(Unknown("timeout"), *(match(f"m{number}", f"u{number}") for number in range(3)))
    await house.arrive(*(match(f"n{number}", f"u{number}") for number in range(5)), match("again", "u1"))

    def users(after: str) -> Awaitable[object]:
        return house.own.read(lambda tx: deliveries.waiting_users(tx, after, 2))

    def phones(after: str) -> Awaitable[object]:
        return house.own.read(lambda tx: pushes.unknown_recipients(tx, after, 2))

    assert [await users(after) for after in ("", "u1", "u3", "u4")] == [
        ("u0", "u1"),
        ("u2", "u3"),
        ("u4",),
        (),
    ]
    assert [await phones(after) for after in ("", "wm1", "wm2")] == [("wm0", "wm1"), ("wm2",), ()]


async def test_rows_for_newer_code_page_by_page(house: LedgerHouse) -> None:
    """Those that stay unreadable keep none behind them from being decoded."""

    def pages(after: tuple[str, int]) -> Awaitable[object]:
        return house.own.read(
            lambda tx: [(row["match_id"], row["revision"]) for row in arrivals.needing_upgrade(tx, after, 2)]
        )

    for key in (("a", 1), ("a", 2), ("b", 1)):
        await house.own.exclusive(lambda tx: arrivals.insert_needing_upgrade(tx, key, {}, "e", house.now))  # noqa: B023

    assert await pages(("", 0)) == [("a", 1), ("a", 2)]
    assert await pages(("a", 2)) == [("b", 1)]
    assert await pages(("b", 1)) == []
