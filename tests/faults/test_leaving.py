"""Asked to stop at a bad moment, a daemon ends in bounded time, and leaves nothing that needs a person."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import pytest

from tests.faults.judge import judge
from tests.faults.processes import until
from tests.faults.world import World

pytestmark = pytest.mark.faults

Trouble = Callable[[World], AbstractContextManager[None]]

AT_MOST = 40.0
"""Seconds: a busy timeout, and a drain, and then some."""


def busy(world: World) -> None:
    """A consumer with much in its hands."""
    for person in range(20):
        world.commit(world.person(f"Nth{person}"), count=4)
    world.wechat.fault(delay=0.1, times=1000)


@contextmanager
def frozen_redis(world: World) -> Iterator[None]:
    """A Redis that answers nothing."""
    pid = world.valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def locked_database(world: World) -> Iterator[None]:
    """A writer that holds the database and does not let go."""
    with closing(sqlite3.connect(world.own_path, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


@contextmanager
def silent_wechat(world: World) -> Iterator[None]:
    """A WeChat that takes every message and does not answer."""
    world.wechat.clear_faults()
    world.wechat.fault(delay_after=30, times=1000)
    try:
        yield
    finally:
        world.wechat.clear_faults()


@contextmanager
def dead_redis(world: World) -> Iterator[None]:
    """No Redis at all."""
    world.valkey.stop()
    try:
        yield
    finally:
        world.valkey.start()


@pytest.mark.parametrize(
    "trouble",
    [frozen_redis, locked_database, silent_wechat, dead_redis],
    ids=lambda trouble: trouble.__name__,
)
@pytest.mark.parametrize("name", ["mirror", "consume"])
def test_asked_to_stop_in_trouble(world: World, name: str, trouble: Trouble) -> None:
    """Whatever does not answer, the daemon that is asked to stop ends; afterwards another drains."""
    busy(world)
    daemons = dict(zip(("mirror", "consume"), world.start_both(), strict=True))
    until(lambda: world.wechat.counts()["accepted"] > 3, tell=world.told)
    with trouble(world):
        daemons[name].ask_to_stop().ended(seconds=AT_MOST)
    world.wechat.clear_faults()
    world.start(name)
    world.drained()
    judge(world)


@pytest.mark.parametrize("nth", range(3))
def test_who_is_asked_to_stop_leaves_nothing_open(world: World, nth: int) -> None:
    """A consumer that leaves under load settles what has left, frees what has not, and another goes on."""
    world.start("mirror")
    busy(world)
    consumer = world.start("consume", send_concurrency=4)
    until(lambda: world.wechat.counts()["accepted"] > 10 * nth, tell=world.told)
    consumer.ask_to_stop().ended()
    assert world.ledger("SELECT id FROM push_messages WHERE status IN ('sending', 'unknown')") == []
    assert consumer.lines("consume.drain_cut") == []
    world.start("consume")
    world.drained()
    judge(world)
    assert world.ledger("SELECT id FROM push_messages WHERE attempts > 1") == []
