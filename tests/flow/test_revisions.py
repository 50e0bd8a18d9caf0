"""Matches that are scored again or taken back, from intake to the phone."""

import pytest

from consumer.ledger import arrivals
from ops.wiring import _carried
from schemas.events import MatchCreated, MatchWithdrawn
from schemas.receipts import Accepted, RefusalKind, Refused, Unknown
from tests.flow.ledger_house import LedgerHouse, match


def scored(revision: int, score: float = 0.85, match_id: str = "m1") -> MatchCreated:
    """A revision of a match."""
    return match(match_id, revision=revision, score=score)


def taken_back(revision: int = 1) -> MatchWithdrawn:
    """The application takes the match back."""
    return MatchWithdrawn(match_id="m1", revision=revision, user_id="u1")


async def standing(house: LedgerHouse) -> list[tuple[object, ...]]:
    """Every revision's status and reason."""
    rows = await house.rows("SELECT revision, status, reason FROM push_deliveries ORDER BY revision")
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("together", [True, False])
async def test_a_newer_revision_supersedes_what_waits(house: LedgerHouse, together: bool) -> None:  # noqa: FBT001 - a table's column
    """One message, with the newest score; the older one's entry is acked, its end is told."""
    await house.session()
    if together:
        assert await house.arrive(scored(1), scored(3), scored(2)) == ["e1", "e3"]
    else:
        await house.arrive(scored(1))
        assert await house.arrive(scored(2)) == ["e1"]
        assert await house.arrive(scored(3)) == ["e2"]

    [attempt] = (await house.plan()).attempts

    assert attempt.letter.matches == (("m1", 3),)
    assert (await standing(house))[:2] == [(1, "dropped", "superseded"), (2, "dropped", "superseded")]
    told = await house.timeline("entry, match_id, revision, reason")
    assert told == [("dropped", "m1", 1, "superseded"), ("dropped", "m1", 2, "superseded")]


async def test_an_older_revision_that_comes_late(house: LedgerHouse) -> None:
    """It finds the newer one there, in whatever state, and does not go out, replayed or not."""
    await house.session()
    await house.sent(Accepted(), scored(2))

    assert await house.arrive(scored(1)) == ["e2"]
    await house.arrive(scored(1), again=True)

    assert not (await house.plan()).attempts
    assert await standing(house) == [(1, "dropped", "superseded"), (2, "sent", None)]


@pytest.mark.parametrize(
    ("score", "ending"),
    [(0.9, ("dropped", "unchanged")), (0.8, ("dropped", "unchanged")), (0.9001, ("sending", None))],
)
async def test_a_rematch_after_the_message(
    house: LedgerHouse, score: float, ending: tuple[str, str | None]
) -> None:
    """The user hears again only if the score moved by more than 0.05, up or down, from the one they saw."""
    await house.session()
    await house.sent(Accepted(), scored(1, 0.7))
    await house.sent(Accepted(), scored(2, 0.85))

    await house.arrive(scored(3, score))
    await house.plan()

    assert (await standing(house))[-1] == (3, *ending)


async def test_a_rematch_behind_one_in_flight(house: LedgerHouse) -> None:
    """It waits for that one's end, whatever it is, and is decided at once then."""
    await house.session()
    await house.arrive(scored(1))
    attempt = await house.plan_one()
    await house.arrive(scored(2, 0.95))

    assert not (await house.plan()).attempts
    assert (await standing(house))[1] == (2, "parked", "older_in_flight")
    await house.settle((attempt, Unknown("timeout")))
    assert not (await house.find_due()).user_ids

    await house.settle((attempt, Accepted()))

    [second] = (await house.plan()).attempts
    assert second.letter.matches == (("m1", 2),)


@pytest.mark.parametrize("ends", ["refused", "given up"])
async def test_a_rematch_for_another_user(house: LedgerHouse, ends: str) -> None:
    """Whoever has the earlier revision, its end wakes the one behind it."""
    await house.session()
    await house.session("u2", "wm2")
    await house.arrive(match("m1", expires_at="2026-12-22T00:00:00Z"))
    attempt = await house.plan_one()
    await house.arrive(match("m1", "u2", revision=2, score=0.95, expires_at="2026-12-22T00:00:00Z"))
    await house.plan()
    assert (await standing(house))[1] == (2, "parked", "older_in_flight")

    if ends == "refused":
        await house.settle((attempt, Refused(40096, RefusalKind.RECIPIENT)))
    else:
        await house.settle((attempt, Unknown("timeout")))
        house.later(hours=73)
        await house.plan()
    assert "u2" in (await house.find_due()).user_ids


async def test_a_refused_one_gives_way(house: LedgerHouse) -> None:
    """What was freed finds the newer revision: one message goes."""
    await house.session()
    await house.arrive(scored(1))
    attempt = await house.plan_one()
    await house.arrive(scored(2, 0.86))
    await house.plan()

    await house.settle((attempt, Refused(45009, RefusalKind.THROTTLED)))
    house.later(minutes=2)
    await house.look_again()
    gone = (await house.plan()).attempts

    assert [each.letter.matches for each in gone] == [(("m1", 2),)]
    assert (await standing(house))[0] == (1, "dropped", "superseded")


async def test_withdrawn_while_it_waits(house: LedgerHouse) -> None:
    """It is dropped at once, with the older revisions; entries are done with; a replay changes nothing."""
    await house.arrive(scored(1))
    assert await house.withdraw(taken_back()) == ["e2", "e1"]
    assert await standing(house) == [(1, "dropped", "withdrawn")]

    await house.session()
    await house.arrive(scored(1), again=True)

    assert not (await house.plan()).attempts
    assert await standing(house) == [(1, "dropped", "withdrawn")]


async def test_withdrawn_before_it_came(house: LedgerHouse) -> None:
    """The withdrawal makes the row; the match finds it there, and an older revision too."""
    await house.session()
    await house.withdraw(taken_back(2))
    assert await house.arrive(scored(2), scored(1)) == ["e2", "e3"]

    assert not (await house.plan()).attempts
    assert await standing(house) == [(1, "dropped", "superseded"), (2, "dropped", "withdrawn")]

    await house.arrive(scored(3))
    assert len((await house.plan()).attempts) == 1


async def test_withdrawn_on_its_way(house: LedgerHouse) -> None:
    """An attempt that left cannot be called back; none follows it, and what is freed is not planned again."""
    await house.session()
    await house.arrive(scored(1), match("m2"))
    first, second = (await house.plan()).attempts
    await house.withdraw(taken_back(), MatchWithdrawn(match_id="m2", user_id="u1"))
    await house.settle((first, Unknown("timeout")), (second, Refused(45009, RefusalKind.THROTTLED)))
    house.later(minutes=2)
    await house.look_again()

    assert not (await house.plan()).attempts

    assert await house.standing("m1", "m2") == [("dropped", "withdrawn")] * 2
    assert await house.pushes() == [("given_up",), ("refused",)]


async def test_withdrawn_after_the_message(house: LedgerHouse) -> None:
    """What was sent stays sent."""
    await house.session()
    await house.sent(Accepted(), scored(1))

    await house.withdraw(taken_back())

    assert await standing(house) == [(1, "sent", None)]


async def test_what_the_mirror_is_told(house: LedgerHouse) -> None:
    """A withdrawal has arrived when its row says so; the match's own row says nothing about it."""
    keys = ["m1:1", "m1:1:withdrawn", "m2:1:withdrawn", "no key"]

    async def carried() -> set[str]:
        return set(await house.own.read(lambda tx: _carried(tx, keys)))

    await house.arrive(scored(1))
    assert await carried() == {"m1:1"}

    await house.withdraw(taken_back())
    assert await carried() == {"m1:1", "m1:1:withdrawn"}


async def test_newer_code_supersedes_too(house: LedgerHouse) -> None:
    """An event that waited for newer code stands above the revisions that came before it."""
    await house.arrive(scored(1))
    fields = {"type": "kfpush.match.created.v2", "subject": "m1:2"}
    await house.own.exclusive(
        lambda tx: arrivals.insert_needing_upgrade(tx, ("m1", 2), fields, "e9", house.now)
    )
    await house.own.exclusive(lambda tx: arrivals.supersede(tx, {"m1"}, house.now))
    assert await standing(house) == [(1, "waiting", "fresh"), (2, "parked", "needs_upgrade")]

    await house.own.exclusive(lambda tx: arrivals.upgraded(tx, scored(2), house.now))
    await house.own.exclusive(lambda tx: arrivals.supersede(tx, {"m1"}, house.now))
    assert await standing(house) == [(1, "dropped", "superseded"), (2, "waiting", "fresh")]
