"""Daemons killed at every step of the walk, with much in flight, whatever WeChat's unknown rules are."""

from itertools import cycle, product
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults.host import SENT
from tests.faults.judge import judge
from tests.faults.kills import kill_at, kill_under_load, recover
from tests.faults.processes import Fate, until
from tests.faults.steps import BY_NUMBER, EVERY_MATCH, STEPS, Step
from tests.faults.world import World, open_world

SWITCHES: Final[list[dict[str, Any]]] = [
    {"check_order": order, "refused_burns_msgid": burns, "failed_calls_count": count}
    for order, burns, count in product(("msgid_first", "limits_first"), (False, True), (False, True))
]
AT_ONCE: Final = list(product(STEPS, SWITCHES[::3]))
LATER: Final = list(zip(product(EVERY_MATCH, (2, 5)), cycle(SWITCHES), strict=False))


def _named(value: object) -> str:
    """Name switches by their values, a passage by its step and number."""
    if isinstance(value, dict | tuple):
        return "-".join(str(word) for word in (value.values() if isinstance(value, dict) else value))
    return str(value)


@pytest.mark.faults
@pytest.mark.parametrize(("step", "switches"), AT_ONCE, ids=_named)
def test_kill_at_the_first_passage(tmp_path: Path, step: Step, switches: dict[str, Any]) -> None:
    """Killed with a whole batch in hand and restarted, nothing is lost, doubled or sent to who may not."""
    with open_world(tmp_path, apart=switches["refused_burns_msgid"], switches=switches) as world:
        victim = kill_at(world, Fate(step), each=3)
        recover(world, victim)
        world.carried()
        judge(world)


@pytest.mark.faults
@pytest.mark.parametrize(("passage", "switches"), LATER, ids=_named)
def test_kill_under_load(tmp_path: Path, passage: tuple[Step, int], switches: dict[str, Any]) -> None:
    """Killed at a later passage, while the host goes on committing, and restarted, all comes out right."""
    with open_world(tmp_path, apart=switches["failed_calls_count"], switches=switches) as world:
        victim = kill_under_load(world, Fate(*passage))
        recover(world, victim)
        world.carried()
        judge(world)


@pytest.mark.faults
def test_deaths_after_acceptance_add_up_to_one_message(world: World) -> None:
    """Six consumers die one after the other, each just after WeChat took the message: it is shown once."""
    world.commit(world.person("Ann"), count=3)
    world.start("mirror")
    for _ in range(6):
        victim = world.start_doomed(Fate(BY_NUMBER[10])).killed_itself()
    recover(world, victim)
    judge(world)


@pytest.mark.faults
@pytest.mark.parametrize("idle", [1, 30])
def test_poison_is_given_up_alone(world: World, idle: int) -> None:
    """What five consumers died on is a dead letter, also if each restart comes at once; its batch is sent."""
    poison, *others = world.commit(world.person("Ann"), count=4)
    world.expected = {match_id: frozenset({SENT}) for match_id in others}
    world.start("mirror")
    until(lambda: not world.host("SELECT id FROM push_outbox WHERE mirrored_at IS NULL"))
    for _ in range(5):
        victim = world.start_doomed(Fate(BY_NUMBER[4]), reclaim_idle=idle).killed_itself()
    world.start("consume", reclaim_idle=idle)
    world.drained()
    world.carried()
    judge(world)
    assert [(f"{poison}:1", "poison")] == [
        (row["event_key"], row["reason"]) for row in world.ledger("SELECT * FROM push_dead_letters")
    ]
    assert victim.lines("intake.poison") == []
