"""Redis carries, the database remembers: flushed, rewound, killed, frozen, it comes back without anybody."""

import os
import shutil
import signal
from pathlib import Path
from typing import Final

import pytest

from tests.faults.host import NO_SESSION
from tests.faults.judge import judge
from tests.faults.processes import Fate, until
from tests.faults.steps import BY_NUMBER
from tests.faults.world import World, open_world

pytestmark = pytest.mark.faults

REDIS_ANSWERS_WITHIN: Final = 5
"""Seconds for which anybody waits for an answer."""
READ_NOT_STORED: Final = BY_NUMBER[4]


def commit_some(world: World, wave: int) -> None:
    """Matches of two who may be sent to and one who may not."""
    for name in ("Ann", "Bo"):
        world.commit(world.person(f"{name}{wave}"), count=3)
    world.commit(world.person(f"Silent{wave}", has_spoken=False), NO_SESSION, count=2)


def all_mirrored(world: World) -> None:
    """Wait until the stream has, or had, everything."""
    until(lambda: not world.host("SELECT id FROM push_outbox WHERE mirrored_at IS NULL"), tell=world.told)


def some_accepted(world: World, beyond: int) -> None:
    """Wait until more than so many messages were accepted: the work is under way, and not done."""
    until(lambda: world.wechat.counts()["accepted"] > beyond, tell=world.told)


def test_flushed_unread(world: World) -> None:
    """What nobody has read is added again, once somebody could have read it."""
    commit_some(world, 1)
    world.start("mirror")
    all_mirrored(world)
    world.flush_redis()
    world.start("consume")
    commit_some(world, 2)
    world.drained()
    world.carried()
    judge(world)


def test_flushed_while_pending(world: World) -> None:
    """What a frozen consumer has read, and nobody stored, is added again; its thaw doubles nothing."""
    commit_some(world, 1)
    world.start("mirror")
    frozen = world.start_doomed(Fate(READ_NOT_STORED, signal="STOP")).froze()
    world.flush_redis()
    world.start("consume")
    world.drained()
    frozen.thaw()
    commit_some(world, 2)
    world.drained()
    world.carried()
    judge(world)
    assert frozen.is_alive


def test_flushed_under_load(world: World) -> None:
    """Flushed ten times while matches stream through, everything arrives once."""
    world.start_both()
    for wave in range(10):
        commit_some(world, wave)
        some_accepted(world, 6 * wave)
        world.flush_redis()
    world.drained()
    world.carried()
    judge(world)


@pytest.mark.parametrize("keep_data", [True, False])
def test_killed_unread(world: World, keep_data: bool) -> None:  # noqa: FBT001 - a parameter
    """The server is killed with unread entries and comes back, with what it had written or with nothing."""
    commit_some(world, 1)
    world.start("mirror")
    all_mirrored(world)
    world.restart_valkey(keep_data=keep_data)
    world.start("consume")
    commit_some(world, 2)
    world.drained()
    world.carried()
    judge(world)


@pytest.mark.parametrize("keep_data", [True, False])
def test_killed_under_load(world: World, keep_data: bool) -> None:  # noqa: FBT001 - a parameter
    """The server is killed again and again under two consumers and two mirrors; they wait and go on."""
    daemons = [*world.start_both(), *world.start_both()]
    for wave in range(5):
        commit_some(world, wave)
        some_accepted(world, 6 * wave)
        world.restart_valkey(keep_data=keep_data)
    world.drained()
    world.carried()
    judge(world)
    assert all(daemon.is_alive for daemon in daemons)


def test_rewound(world: World, tmp_path: Path) -> None:
    """The server comes back as it was before the last matches: what it forgot is added again."""
    commit_some(world, 1)
    mirror, consumer = world.start_both()
    world.drained()
    world.valkey.stop()
    shutil.copytree(world.valkey.data_dir / "appendonlydir", tmp_path / "earlier")
    world.valkey.start()
    consumer.kill()
    commit_some(world, 2)
    all_mirrored(world)
    world.valkey.stop()
    shutil.rmtree(world.valkey.data_dir / "appendonlydir")
    shutil.copytree(tmp_path / "earlier", world.valkey.data_dir / "appendonlydir")
    world.valkey.start()
    world.start("consume")
    commit_some(world, 3)
    world.drained()
    world.carried()
    judge(world)
    assert mirror.is_alive


def test_frozen_server(world: World) -> None:
    """A server that accepts connections and answers nothing holds up no settling, and loses nothing."""
    commit_some(world, 1)
    frozen = world.start_doomed(Fate(BY_NUMBER[9], signal="STOP"))
    world.start("mirror")
    frozen.froze()
    pid = world.valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        frozen.thaw()
        until(lambda: _sent(world) == 6, REDIS_ANSWERS_WITHIN - 1, world.told)
    finally:
        os.kill(pid, signal.SIGCONT)
    world.drained()
    world.carried()
    judge(world)


def _sent(world: World) -> int:
    return int(world.ledger("SELECT count(*) AS n FROM push_messages WHERE status = 'sent'")[0]["n"])


def test_the_owner_of_the_embedded_server_dies(tmp_path: Path) -> None:
    """With its owner the embedded server ends; who is left starts it again, and who comes back adopts it."""
    with open_world(tmp_path, redis="embedded") as world:
        commit_some(world, 1)
        owner = world.start("mirror")
        owner.says("embedded.started")
        world.start("consume").says("consume.started")
        for wave in range(2, 5):
            owner.kill()
            commit_some(world, wave)
            owner = world.start("mirror")
            until(
                lambda: not world.host("SELECT id FROM push_outbox WHERE mirrored_at IS NULL"),
                tell=world.told,
            )
        world.drained()
        world.carried()
        judge(world)
