"""The feed that the application reads: one line a message and a wish, in the order of commits."""

import asyncio
from functools import partial

import pytest

from consumer.outcomes import Outcome, Told, note
from consumer.projection import Projection
from consumer.world import World
from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown
from tests.flow.ledger_house import NOON, LedgerHouse, match
from tests.flow.replies_house import Talk

POLL = "SELECT outcome, user_id, match_ids, reason FROM push_outcomes WHERE id > ? ORDER BY id LIMIT 500"
"""As the documentation has it."""


async def project(house: LedgerHouse) -> None:
    """Let the room work until nothing is left."""
    world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
    while await Projection(house.app, house.own, world=world).project():
        pass


@pytest.mark.parametrize(
    ("receipt", "told"),
    [
        (Accepted(), [("sent", "u1", "[17]", None)]),
        (Refused(40201, RefusalKind.CONTENT), [("failed", "u1", "[17]", "content_refused")]),
        (Refused(95001, RefusalKind.WINDOW), []),
        (NotSent(NotSentCause.LATE), []),
        (Unknown("timeout"), []),
    ],
)
async def test_what_a_message_came_to(
    house: LedgerHouse, receipt: Receipt, told: list[tuple[object, ...]]
) -> None:
    """Sent, or refused for good; what is planned again came to nothing yet.  Ids are as the host has them."""
    await house.session()
    await house.sent(receipt, match("17"))

    await project(house)

    assert await house.host(POLL, 0) == told


async def test_matches_that_shared_a_refused_message_have_not_failed_yet(house: LedgerHouse) -> None:
    """Each goes by itself after it, and has an outcome of its own."""
    await house.session(said="2026-11-20T11:00:00")
    await house.arrive(match("17"), match("18"))
    await house.plan()
    await house.session(said="2026-11-22T12:00:00")
    await house.watch()
    house.later(seconds=2)
    refused = Refused(40201, RefusalKind.CONTENT)
    await house.settle((await house.plan_one(), refused))
    first, second = (await house.plan()).attempts
    await house.settle((first, refused), (second, Accepted()))

    await project(house)

    assert await house.host(POLL, 0) == [
        ("failed", "u1", "[17]", "content_refused"),
        ("sent", "u1", "[18]", None),
    ]


async def test_nobody_knows_whether_it_arrived(house: LedgerHouse) -> None:
    """Given up after three days; a later word of WeChat's makes a line of its own."""
    await house.session()
    [attempt] = await house.sent(Unknown("timeout"), match("17"))
    house.later(hours=73)
    await house.plan()
    await project(house)
    await house.settle((attempt, Accepted()))
    await project(house)

    assert await house.host(POLL, 0) == [
        ("unknown", "u1", "[17]", "outcome_unknown"),
        ("sent", "u1", "[17]", None),
    ]


async def test_shown_twice_it_is_told_once(house: LedgerHouse) -> None:
    """A crash between the two databases repeats a page."""
    await house.session()
    await house.sent(Accepted(), match("17"), match("18"))
    await project(house)
    await house.own.exclusive(lambda tx: tx.execute("UPDATE push_messages SET projected_at = NULL"))

    await project(house)

    assert await house.host(POLL, 0) == [("sent", "u1", "[17]", None), ("sent", "u1", "[18]", None)]


async def test_coming_and_going(house: LedgerHouse) -> None:
    """Of each user_id on the phone, once a word; an answer is an outcome only for what it carries."""
    await house.session("u1")
    await house.session("u2")
    talk = Talk(house, user_ids=("u1", "u2"))
    await house.prefers(quiet_hours="11:00-13:00")
    await house.arrive(match("17"))
    await talk.hears("更多")
    await talk.hears("帮助")
    await talk.hears("退订")
    await talk.page(talk.said[-1])
    await talk.hears("恢复")

    await project(house)

    found = await house.host("SELECT outcome, user_id, match_ids FROM push_outcomes ORDER BY id")
    assert found == [
        ("opted_out", "u1", "[]"),
        ("opted_out", "u2", "[]"),
        ("opted_in", "u1", "[]"),
        ("opted_in", "u2", "[]"),
        ("sent", "u1", "[17]"),
    ]


async def test_a_reader_who_remembers_its_place_misses_none(house: LedgerHouse) -> None:
    """Writers hold the database alone: an id that comes later is never smaller."""
    seen: list[object] = []
    last = 0

    async def write(name: str) -> None:
        for n in range(10):
            outcomes = [Outcome(f"{name}{n}", Told.SENT, name, NOON)]
            await house.app.exclusive(partial(note, outcomes=outcomes))

    writers = asyncio.gather(*(write(name) for name in "abc"))
    while not writers.done() or last < 30:
        for row_id, key in await house.host(
            "SELECT id, outcome_key FROM push_outcomes WHERE id > ? ORDER BY id", last
        ):
            last = int(str(row_id))
            seen.append(key)
        await asyncio.sleep(0)

    assert len(seen) == len(set(seen)) == 30


async def test_what_a_hosts_column_does_not_take_is_told_all_the_same(house: LedgerHouse) -> None:
    """The history is refused; the feed is ours."""
    await house.host("DROP TABLE push_history")
    await house.host(
        "CREATE TABLE push_history (id INTEGER PRIMARY KEY, user_id TEXT CHECK (user_id <> 'u1'))"
    )
    await house.session()
    await house.sent(Accepted(), match("17"))

    await project(house)

    assert await house.host(POLL, 0) == [("sent", "u1", "[17]", None)]
    assert await house.pushes("projected_at IS NULL") in ([(0,)], [(False,)])
