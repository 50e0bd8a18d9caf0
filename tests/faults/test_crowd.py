"""Several consumers at once: five messages a window however many ask, and nothing left open by who leaves."""

from functools import partial

import pytest

from tests.faults.host import MORE, NO_SLOT, SENT
from tests.faults.judge import gather, judge
from tests.faults.processes import until
from tests.faults.world import World

pytestmark = pytest.mark.faults

A_MINUTE = 60
MATCHES = 40


def test_two_consumers_on_one_persons_matches(world: World) -> None:
    """Of forty matches some go, and more with each word, whichever consumer asks; all of them once."""
    ann = world.person("Ann", daily_limit=100)
    world.start("mirror")
    world.start("consume")
    world.start("consume")
    world.commit(ann, SENT, NO_SLOT, MORE, count=MATCHES)
    before = 0
    while before < MATCHES:
        until(partial(_are_more_sent, world, before), tell=world.told)
        before = _sent(world)
        world.drained()
        judge(world)
        world.wechat.clock(advance=A_MINUTE)
        world.speak(ann)
    assert len(gather(world).bubbles) <= MATCHES


def _are_more_sent(world: World, before: int) -> bool:
    return _sent(world) > before


def _sent(world: World) -> int:
    return _count(world, "status = 'sent'")


def _count(world: World, condition: str) -> int:
    return int(world.ledger(f"SELECT count(*) AS n FROM push_deliveries WHERE {condition}")[0]["n"])


def test_four_consumers_on_many_people(world: World) -> None:
    """Forty people with seven matches each: five messages for each, two that wait, never a sixth asked."""
    world.start("mirror")
    for _ in range(4):
        world.start("consume", send_concurrency=2)
    for nth in range(40):
        world.commit(world.person(f"Nth{nth}"), SENT, NO_SLOT, count=7)
    world.drained()
    judge(world)
    assert len(gather(world).bubbles) == 200


def test_more_matches_than_one_round_looks_at(world: World) -> None:
    """Seven hundred matches of one person come to rest, and nobody goes round in circles over them."""
    ann = world.person("Ann", daily_limit=1000)
    world.start_both()
    world.commit(ann, SENT, NO_SLOT, count=700)
    world.drained()
    judge(world)
    assert len(gather(world).bubbles) == 5
