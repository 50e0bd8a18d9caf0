"""Daemons that freeze past their leases and come back: late is harmless, nothing leaves twice or too late."""

from datetime import datetime, timedelta
from typing import Final

import pytest

from tests.faults.host import HOST_ZONE, QUIET, SENDING, SENT, Person
from tests.faults.judge import judge
from tests.faults.kills import populate
from tests.faults.processes import Daemon, Fate, until
from tests.faults.steps import BY_NUMBER, EVERY_MATCH, Step
from tests.faults.world import World

pytestmark = pytest.mark.faults

IN_HAND: Final = (6, 11, 14)
"""Steps inside a transaction that writes."""

RETRIES: Final[list[dict[str, object]]] = [{"check_order": "msgid_first"}, {"check_order": "limits_first"}]


def freeze_at(world: World, step: Step, **settings: object) -> Daemon:
    """A daemon that freezes at a step, its entries, leases or lock in its hands."""
    world.start("consume" if step.daemon == "mirror" else "mirror")
    return world.start_doomed(Fate(step, signal="STOP"), **settings).froze()


@pytest.mark.parametrize("switches", RETRIES, ids=lambda switches: str(switches["check_order"]))
@pytest.mark.parametrize("step", [step for step in EVERY_MATCH if step.number not in IN_HAND], ids=str)
def test_thawed_after_others_took_over(world: World, step: Step, switches: dict[str, object]) -> None:
    """Another daemon does the work of the frozen one; what that does when it thaws changes nothing."""
    world.wechat.switches(**switches)
    populate(world, step, each=3)
    frozen = freeze_at(world, step)
    world.start(step.daemon)
    world.drained()
    judge(world)
    frozen.thaw().ask_to_stop().ended()
    world.drained()
    judge(world)


@pytest.mark.parametrize("number", [9, 10, 19])
def test_a_late_settle_is_harmless(world: World, number: int) -> None:
    """Who thaws after its push was retried, settled and shown settles again; the ledger stays as it was."""
    world.commit(world.person("Ann"))
    frozen = freeze_at(world, BY_NUMBER[number])
    world.start("consume")
    world.drained()
    before = world.ledger("SELECT status, attempts, accepted_at, settled_at FROM push_messages")
    frozen.thaw().says("push.attempted")
    world.drained()
    assert before[0]["status"] == "sent"
    assert before[0]["attempts"] == 2
    [after] = world.ledger("SELECT status, attempts, accepted_at, settled_at FROM push_messages")
    assert (after["status"], after["attempts"]) == ("sent", 2)
    judge(world)


@pytest.mark.parametrize("number", IN_HAND)
def test_frozen_with_the_database_in_its_hands(world: World, number: int) -> None:
    """While a frozen daemon holds the write lock nobody can work; nobody breaks, and all goes on later."""
    populate(world, BY_NUMBER[number])
    frozen = freeze_at(world, BY_NUMBER[number])
    waiting = world.start("consume")
    waiting.says("consume.started")
    waiting.says("intake.waiting")
    frozen.thaw()
    world.drained()
    judge(world)
    assert frozen.is_alive
    assert waiting.is_alive


def test_a_retry_is_taken_by_one(world: World) -> None:
    """Two consumers find the same push due; the one that comes second leaves it alone."""
    world.wechat.fault(drop="before")
    world.commit(world.person("Ann"))
    world.start("mirror")
    first = world.start("consume")
    first.says("push.attempted")
    first.kill()
    late = world.start_doomed(Fate(BY_NUMBER[18], signal="STOP")).froze()
    world.wechat.fault(delay_after=0.8)
    world.start("consume", push_lease=10)
    until(lambda: world.wechat.counts()["send_msg"] == 2)
    late.thaw()
    world.drained()
    judge(world)
    assert [row["attempts"] for row in world.ledger("SELECT attempts FROM push_messages")] == [2]
    assert world.wechat.counts()["send_msg"] == 2


def soon_quiet(world: World, seconds: float) -> tuple[Person, datetime]:
    """Somebody whose quiet hours begin so soon, and when they do; they last for an hour."""
    now = business_time(world)
    begins = now.replace(second=0, microsecond=0) + timedelta(minutes=2)
    world.wechat.clock(advance=(begins - now).total_seconds() - seconds)
    ends = begins + timedelta(hours=1)
    return world.person("Ann", quiet_hours=f"{begins:%H:%M}-{ends:%H:%M}"), begins


def business_time(world: World) -> datetime:
    """The sandbox's clock, where everybody here lives."""
    return datetime.fromisoformat(world.wechat.clock()["now"]).astimezone(HOST_ZONE)


def test_frozen_into_quiet_hours(world: World) -> None:
    """An attempt that begins before the quiet hours and thaws in them does not leave."""
    ann, begins = soon_quiet(world, 6)
    world.commit(ann, QUIET)
    frozen = freeze_at(world, BY_NUMBER[19], push_lease=60)
    until(lambda: business_time(world) > begins)
    frozen.thaw()
    world.drained()
    judge(world)
    assert [attempt["receipt"] for attempt in frozen.lines("push.attempted")] == ["notsent"]
    assert world.wechat.counts()["send_msg"] == 0


def test_a_retry_that_falls_into_quiet_hours(world: World) -> None:
    """A push whose answer was lost before the quiet hours is not tried again in them."""
    ann, begins = soon_quiet(world, 8)
    [match_id] = world.commit(ann, SENDING)
    world.wechat.fault(drop="before")
    world.start("mirror")
    first = world.start("consume")
    first.says("push.attempted")
    first.kill()
    until(lambda: business_time(world) > begins)
    world.start("consume")
    frozen = "SELECT id FROM push_messages WHERE status = 'unknown' AND reason = 'quiet_hours'"
    until(lambda: world.ledger(frozen), tell=world.told)
    judge(world)
    assert world.wechat.counts()["send_msg"] == 1
    # Only a word wakes it here: the hour that passes is the sandbox's, and leases live by the wall's.
    world.wechat.clock(advance=timedelta(hours=1, minutes=1).total_seconds())
    world.speak(ann)
    world.expected[match_id] = frozenset({SENT})
    world.drained()
    judge(world)
