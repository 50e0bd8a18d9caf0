"""Several consumers at once: five messages a window however many ask, and nothing left open by who leaves."""

import pytest

from tests.faults.host import NO_SLOT, SENT
from tests.faults.judge import gather, judge
from tests.faults.processes import until
from tests.faults.world import World

pytestmark = pytest.mark.faults

A_MINUTE = 60


def test_two_consumers_on_one_persons_matches(world: World) -> None:
    """Of forty matches five go, and five more with each word, whichever consumer asks."""
    ann = world.person("Ann", daily_limit=100)
    world.start("mirror")
    world.start("consume")
    world.start("consume")
    world.commit(ann, SENT, NO_SLOT, count=40)
    for words in range(1, 9):
        _all_sent(world, 5 * words)
        world.drained()
        judge(world)
        assert _parked(world) == 40 - 5 * words
        world.wechat.clock(advance=A_MINUTE)
        world.speak(ann)
    world.drained()
    judge(world)
    assert len(gather(world).bubbles) == 40


def _all_sent(world: World, number: int) -> None:
    until(lambda: _count(world, "status = 'sent'") == number, tell=world.told)


def _parked(world: World) -> int:
    return _count(world, "status = 'parked' AND reason = 'no_slot'")


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
