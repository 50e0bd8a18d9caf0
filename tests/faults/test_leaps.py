"""The clock leaps while messages are on their way: over a window's end, into quiet hours, 72 hours, back."""

import random
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults.host import HOST_ZONE, NO_SLOT, QUIET, SENDING, SENT, WINDOW_CLOSED, Ending
from tests.faults.judge import gather, judge
from tests.faults.processes import until
from tests.faults.world import World, open_world

pytestmark = pytest.mark.faults

HOUR: Final = 3600
DEAD_UNKNOWN: Final[Ending] = ("dead", "outcome_unknown")

LOST: Final[list[dict[str, Any]]] = [
    {"drop": "before", "delay": 2},
    {"drop": "after", "delay_after": 2},
]
"""A call that is on its way for two seconds; what happens meanwhile happens in mid-air."""

UNHURRIED: Final = {"KFPUSH_SEND_TIMEOUT": "4", "KFPUSH_PUSH_LEASE": "12"}


def in_the_air(world: World, trouble: dict[str, Any], *ends: Ending, quiet_hours: str | None = None) -> str:
    """Somebody's match whose message is on its way, and will be in trouble."""
    world.environment |= UNHURRIED
    world.wechat.fault(**trouble)
    [match_id] = world.commit(world.person("Ann", quiet_hours=quiet_hours), *ends)
    world.start_both()
    until(lambda: world.wechat.counts()["send_msg"] == 1, tell=world.told)
    return match_id


def frozen_for(world: World, reason: str) -> None:
    """Wait until the message rests for this reason, its outcome unknown."""
    sql = "SELECT id FROM push_messages WHERE status = 'unknown' AND holder IS NULL AND reason = ?"
    until(lambda: world.ledger(sql, reason), tell=world.told)


def from_now(world: World, begins: int, ends: int) -> str:
    """Quiet hours that begin and end so many hours from now."""
    now = datetime.fromisoformat(world.wechat.clock()["now"]).astimezone(HOST_ZONE)
    return f"{now + timedelta(hours=begins):%H:%M}-{now + timedelta(hours=ends):%H:%M}"


@pytest.mark.parametrize("trouble", LOST, ids=lambda trouble: str(trouble["drop"]))
def test_over_the_end_of_the_window(world: World, trouble: dict[str, Any]) -> None:
    """A message whose window closed in mid-air is not tried again until its person writes."""
    match_id = in_the_air(world, trouble, SENDING)
    world.wechat.clock(advance=49 * HOUR)
    frozen_for(world, "window_closed")
    assert world.wechat.counts()["send_msg"] == 1
    judge(world)
    world.speak(world.people["user-Ann"])
    world.expected[match_id] = frozenset({SENT})
    world.drained()
    judge(world)


@pytest.mark.parametrize("trouble", LOST, ids=lambda trouble: str(trouble["drop"]))
def test_into_quiet_hours_and_out(world: World, trouble: dict[str, Any]) -> None:
    """A message that quiet hours overtook in mid-air rests in them, and goes on with the next leap."""
    match_id = in_the_air(world, trouble, SENDING, quiet_hours=from_now(world, 1, 3))
    world.wechat.clock(advance=2 * HOUR)
    frozen_for(world, "quiet_hours")
    assert world.wechat.counts()["send_msg"] == 1
    judge(world)
    world.wechat.clock(advance=2 * HOUR)
    world.expected[match_id] = frozenset({SENT})
    world.drained()
    judge(world)


@pytest.mark.parametrize("trouble", LOST, ids=lambda trouble: str(trouble["drop"]))
def test_past_the_last_try(world: World, trouble: dict[str, Any]) -> None:
    """After three days nobody can learn what became of it: dead, never tried again, and its slot is free."""
    in_the_air(world, trouble, DEAD_UNKNOWN)
    world.wechat.clock(advance=73 * HOUR)
    world.drained()
    judge(world)
    world.speak(world.people["user-Ann"])
    world.commit(world.people["user-Ann"], SENT, count=5)
    world.drained()
    judge(world)
    [given_up] = world.ledger("SELECT msgid, attempts FROM push_messages WHERE status = 'given_up'")
    assert given_up["attempts"] == len(world.wechat.calls(given_up["msgid"])) == 1
    assert len(gather(world).bubbles) == 5 + (trouble["drop"] == "after")


def test_an_answer_from_before_the_leap(world: World) -> None:
    """An answer that was on its way while days passed is an acceptance, and the next window is whole."""
    in_the_air(world, {"delay_after": 2}, SENT)
    world.wechat.clock(advance=49 * HOUR)
    world.drained()
    world.wechat.clock(advance=60)
    world.speak(world.people["user-Ann"])
    world.commit(world.people["user-Ann"], SENT, count=5)
    world.commit(world.people["user-Ann"], SENT, NO_SLOT)
    world.drained()
    judge(world)
    assert len(gather(world).bubbles) == 6


def test_back_before_a_date(world: World) -> None:
    """What was put off while the clock was ahead is decided again when it comes back, as far as it can."""
    ann = world.person("Ann", quiet_hours=from_now(world, 2, 4))
    world.start_both()
    world.wechat.clock(advance=3 * HOUR)
    [match_id] = world.commit(ann, QUIET)
    world.drained()
    assert world.wechat.counts()["send_msg"] == 0
    world.wechat.clock(advance=-3 * HOUR)
    world.expected[match_id] = frozenset({SENT})
    world.drained()
    judge(world)
    with pytest.raises(ValueError, match="cannot go back"):
        world.wechat.clock(advance=-HOUR)


def test_closed_and_open_again(world: World) -> None:
    """A window that a leap closed is open again after the way back, and what was parked goes."""
    ann = world.person("Ann")
    world.start_both()
    world.wechat.clock(advance=49 * HOUR)
    [match_id] = world.commit(ann, WINDOW_CLOSED)
    world.drained()
    world.wechat.clock(offset=0)
    world.expected[match_id] = frozenset({SENT})
    world.drained()
    judge(world)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("order", ["msgid_first", "limits_first"])
def test_leap_after_leap(tmp_path: Path, seed: int, order: str) -> None:
    """Hours pass again and again while messages leave, are lost and are tried; everybody's words end it.

    Nobody here has quiet hours: what is in mid-air when the clock leaps into them cannot be called back.
    """
    dice = random.Random(f"{order} {seed}")
    with open_world(tmp_path, apart=bool(seed % 2), switches={"check_order": order}) as world:
        people = [world.person("Ann"), world.person("Bo")]
        world.start("mirror")
        world.start("consume")
        world.start("consume")
        for _ in range(10):
            person = dice.choice(people)
            world.wechat.fault(drop=dice.choice(["before", "after"]), delay=dice.uniform(0, 0.5))
            calls = world.wechat.counts()["send_msg"]
            world.commit(person, SENT, count=dice.randint(1, 3))
            world.speak(person)
            world.wechat.counts(sent=calls + 1, wait=2)
            world.wechat.clock(advance=dice.choice([30, HOUR, 2 * HOUR, 3 * HOUR]))
        world.wechat.clear_faults()
        for _ in range(9):  # with the leaps before, less than the 72 hours after which a push is given up
            world.wechat.clock(advance=2 * HOUR)
            for person in people:
                world.speak(person)
            with suppress(AssertionError):
                world.drained(4)
                break
        world.drained()
        judge(world)
