"""The application's database locked for long, or away: what needs it waits, what does not goes on."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.faults.host import Person
from tests.faults.judge import judge
from tests.faults.processes import Daemon, until
from tests.faults.world import World, open_world

pytestmark = pytest.mark.faults

UNHURRIED: Final = {"KFPUSH_SEND_TIMEOUT": "6", "KFPUSH_PUSH_LEASE": "16"}


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[World]:
    """A world with two databases."""
    with open_world(tmp_path, apart=True) as made:
        made.environment |= UNHURRIED
        yield made


@contextmanager
def locked(world: World, how: str) -> Iterator[None]:
    """Somebody holds the application's database."""
    with closing(sqlite3.connect(world.app_path, timeout=30, isolation_level=None)) as connection:
        connection.execute(f"BEGIN {how}")
        yield
        connection.execute("ROLLBACK")


def one_in_the_air(world: World, person: Person) -> Daemon:
    """A message on its way, its answer three seconds off, and its consumer frozen meanwhile."""
    world.wechat.fault(delay_after=3, match={"external_userid": person.phone})
    world.commit(person)
    world.start("mirror")
    consumer = world.start("consume")
    until(lambda: world.wechat.counts()["send_msg"] == 1, tell=world.told)
    return consumer.freeze()


def mirrored(world: World) -> None:
    """Wait until every event is on the stream."""
    until(lambda: not world.host("SELECT id FROM push_outbox WHERE mirrored_at IS NULL"), tell=world.told)


def test_nobody_may_even_read(apart: World) -> None:
    """Nothing is planned while it cannot be read; intake and settling go on, and all goes later."""
    ann, bo = apart.person("Ann"), apart.person("Bo")
    consumer = one_in_the_air(apart, ann)
    apart.commit(bo, count=3)
    mirrored(apart)
    with locked(apart, "EXCLUSIVE"):
        consumer.thaw()
        until(lambda: _standing(apart) == {"sent": 1, "waiting": 3}, tell=apart.told)
        consumer.says("plan.waiting", times=2, seconds=60)
        assert _standing(apart) == {"sent": 1, "waiting": 3}
        assert apart.wechat.counts()["send_msg"] == 1
    apart.drained()
    judge(apart)
    assert consumer.is_alive


def test_no_retry_while_nobody_may_read(apart: World) -> None:
    """A message of unknown outcome is not tried again before its person's wishes can be read."""
    ann = apart.person("Ann")
    apart.wechat.fault(drop="before", times=None)
    apart.commit(ann)
    apart.start("mirror")
    consumer = apart.start("consume")
    consumer.says("push.attempted")
    with locked(apart, "EXCLUSIVE"):
        apart.wechat.clear_faults()
        consumer.says("plan.waiting", seconds=60)
        attempts = apart.ledger("SELECT attempts FROM push_messages")
        consumer.says("plan.waiting", times=2, seconds=60)
        assert apart.ledger("SELECT attempts FROM push_messages") == attempts
    apart.drained()
    judge(apart)


def test_another_writer(apart: World) -> None:
    """Who only reads is not disturbed by a long writer: what is known goes out, history comes later."""
    ann, bo = apart.person("Ann"), apart.person("Bo")
    consumer = one_in_the_air(apart, ann)
    apart.commit(bo, count=3)
    mirrored(apart)
    with locked(apart, "IMMEDIATE"):
        consumer.thaw()
        until(lambda: _standing(apart) == {"sent": 4}, tell=apart.told)
        consumer.says("projection.waiting", seconds=60)
        assert apart.host("SELECT id FROM push_history") == []
    apart.drained()
    judge(apart)


def test_moved_away_and_back(apart: World) -> None:
    """A file that is gone for a while loses and doubles nothing, whoever starts or dies meanwhile."""
    ann, bo = apart.person("Ann"), apart.person("Bo")
    consumer = one_in_the_air(apart, ann)
    apart.commit(bo, count=3)
    mirrored(apart)
    away = apart.app_path.with_suffix(".away")
    apart.app_path.rename(away)
    consumer.thaw()
    until(lambda: _standing(apart).get("sent", 0) >= 1, tell=apart.told)
    late = apart.start("consume")
    until(lambda: not late.is_alive, tell=late.told)
    assert "kfpush migrate" in late.told()
    away.rename(apart.app_path)
    apart.commit(ann)
    apart.drained()
    judge(apart)
    consumer.kill()
    apart.start("consume")
    apart.commit(bo)
    apart.drained()
    judge(apart)


def _standing(world: World) -> dict[str, int]:
    rows = world.ledger("SELECT status, count(*) AS n FROM push_deliveries GROUP BY status")
    return {row["status"]: row["n"] for row in rows}
