"""A kill -9 at one numbered step, and the recovery; shared by the quick tests and the long ones."""

from tests.faults.host import BELOW_MIN_SCORE, NO_SESSION, QUIET
from tests.faults.processes import Daemon, Fate, until
from tests.faults.steps import BY_NUMBER, Step
from tests.faults.world import World

ACKED = BY_NUMBER[13]


def populate(world: World, step: Step, each: int = 1) -> None:
    """Store matches of people who may be sent to, and of people who may not, for every kind of reason.

    Only the former for one step, at which the first ack must be a settled push's.
    """
    for name in ("Ann", "Bo"):
        world.commit(world.person(name), count=each)
    if step is ACKED:
        return
    world.commit(world.person("Silent", has_spoken=False), NO_SESSION, count=each)
    world.commit(world.person("Picky", min_score=0.9), BELOW_MIN_SCORE, count=each)
    world.commit(world.person("Sleeper", quiet_hours=world.quiet_now()), QUIET, count=each)


def kill_at(world: World, fate: Fate, each: int = 1) -> Daemon:
    """Bring a daemon to the step at which its fate awaits it, and wait for its death."""
    step = fate.step
    other = "consume" if step.daemon == "mirror" else "mirror"
    if step.number == 15:
        return _kill_in_second_sweep(world, fate, each)
    if step.number == 16:
        world.wechat.fault(drop="after")
    if step.number == 17:
        populate(world, step, each)
        frozen = world.start_doomed(Fate(BY_NUMBER[4], signal="STOP"))
        world.start(other)
        frozen.froze()
        victim = world.start_doomed(fate).killed_itself()
        frozen.kill()
        return victim
    populate(world, step, each)
    world.start(other)
    return world.start_doomed(fate).killed_itself()


def _kill_in_second_sweep(world: World, fate: Fate, each: int) -> Daemon:
    populate(world, fate.step, each)
    mirror = world.start("mirror")
    until(lambda: not world.host("SELECT id FROM push_outbox WHERE mirrored_at IS NULL"), tell=world.told)
    mirror.kill()
    world.flush_redis()
    return world.start_doomed(fate).killed_itself()


def recover(world: World, victim: Daemon) -> None:
    """Start what died again, plain, and let it drain without an operator."""
    assert not victim.is_alive
    for name in ("mirror", "consume"):
        if not world.alive(name):
            world.start(name)
    world.drained()


def kill_under_load(world: World, fate: Fate) -> Daemon:
    """Have the host commit, person after person, until the fate is met; two matches each."""
    world.start("consume" if fate.step.daemon == "mirror" else "mirror")
    victim = world.start_doomed(fate)
    number = 0

    def is_dead_after_another() -> bool:
        nonlocal number
        number += 1
        world.commit(world.person(f"Nth{number}"), count=2)
        return not victim.is_alive

    until(is_dead_after_another, tell=victim.told)
    return victim.killed_itself()
