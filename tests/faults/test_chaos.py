"""Everything at once: both daemons killed at random moments, under a stream of matches and lost answers."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.faults.host import NO_SESSION, NO_SLOT, SENDING, SENT, Person
from tests.faults.judge import judge
from tests.faults.processes import Fate
from tests.faults.steps import EVERY_MATCH
from tests.faults.world import World, open_world

pytestmark = pytest.mark.faults

ROUNDS = 20
LONGEST_LIFE = 3.0
"""Seconds; a daemon needs almost one to start."""
BREATH = 0.05


DRAIN_SECONDS = 120
A_MINUTE = 60


def frozen(world: World) -> list[Person]:
    """Those who have a push of unknown outcome."""
    rows = world.ledger("SELECT DISTINCT user_id FROM push_messages WHERE status = 'unknown'")
    return [world.people[row["user_id"]] for row in rows]


@contextmanager
def busy_host(world: World, dice: random.Random) -> Iterator[None]:
    """A host that commits matches, and people who write, until the end of the block."""
    stop = threading.Event()
    broke: list[BaseException] = []
    talkative: list[Person] = []

    def live() -> None:
        try:
            for nth in count():
                if stop.wait(BREATH):
                    return
                if nth % 10 == 0:
                    world.commit(world.person(f"Silent{nth}", has_spoken=False), NO_SESSION)
                talkative.append(world.person(f"Nth{nth}"))
                world.commit(talkative[-1], SENT, NO_SLOT, SENDING, count=dice.randint(1, 7))
                if nth % 3 == 0:
                    world.speak(dice.choice(talkative))
        except BaseException as error:  # noqa: BLE001 - told where it is joined
            broke.append(error)

    host = threading.Thread(target=live)
    host.start()
    try:
        yield
    finally:
        stop.set()
        host.join()
        assert broke == []


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("order", ["msgid_first", "limits_first"])
def test_killed_at_random_moments(tmp_path: Path, seed: int, order: str) -> None:
    """Twenty lives of a mirror and a consumer, each ended by the clock or at some step; Redis suffers too."""
    dice = random.Random(f"{order} {seed}")
    with open_world(tmp_path, apart=bool(seed % 2), switches={"check_order": order}) as world:
        world.wechat.fault(drop=dice.choice(["before", "after"]), times=3)
        with busy_host(world, dice):
            for _ in range(ROUNDS):
                step = dice.choice(EVERY_MATCH)
                doomed = world.start_doomed(Fate(step, nth=dice.randint(1, 8)))
                other = world.start("consume" if step.daemon == "mirror" else "mirror")
                doomed.kill_within(dice.uniform(0.8, LONGEST_LIFE))
                other.kill_within(dice.uniform(0, 0.3))
                match dice.randint(1, 6):
                    case 1:
                        world.flush_redis()
                    case 2:
                        world.restart_valkey(keep_data=dice.choice([True, False]))
                    case _:
                        pass
        world.start_both()
        world.drained(DRAIN_SECONDS, but_frozen=order == "limits_first")
        judge(world)
        # Accepted, its answer lost with the process, and its window full: there a word has to settle it.
        world.wechat.clock(advance=A_MINUTE)
        for person in frozen(world):
            world.speak(person)
        world.drained(DRAIN_SECONDS)
        world.carried()
        judge(world)
