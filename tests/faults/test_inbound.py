"""Pulls that are cut anywhere, bursts of news, two consumers: everything heard once, answered once."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from ops.clock import wall
from schemas.times import to_text
from tests.faults.host import ACCOUNT, BUSY_SECONDS, SENT
from tests.faults.judge import judge
from tests.faults.processes import Daemon, Fate, until
from tests.faults.steps import INBOUND, Step
from tests.faults.world import World, open_world

pytestmark = pytest.mark.faults


def notice(world: World) -> None:
    """A callback was noted, as whoever receives them does."""
    with closing(sqlite3.connect(world.own_path, timeout=BUSY_SECONDS)) as connection, connection:
        connection.execute(
            "INSERT INTO kf_notices (open_kfid, notified_at) VALUES (?, ?) ON CONFLICT (open_kfid)"
            " DO UPDATE SET notified_at = max(excluded.notified_at, kf_notices.notified_at || '1')",
            (ACCOUNT, to_text(wall())),
        )


def listening(world: World) -> Daemon:
    """A consumer that has read the account to its end once: nothing is history any more."""
    world.wechat.introduce(open_kfid=ACCOUNT)
    notice(world)
    consumer = world.start("consume")
    until(lambda: world.ledger("SELECT 1 FROM kf_cursors WHERE caught_up_at IS NOT NULL"), tell=world.told)
    return consumer


def is_quiet(world: World) -> bool:
    """Whether everything noted was pulled, and every answer is settled."""
    noted = world.ledger(
        "SELECT 1 FROM kf_notices AS n JOIN kf_cursors AS c USING (open_kfid)"
        " WHERE c.pulled_at IS NULL OR n.notified_at > c.pulled_at OR c.holder IS NOT NULL"
    )
    return not noted and not world.ledger("SELECT 1 FROM push_messages WHERE settled_at IS NULL")


@pytest.mark.parametrize("apart", [False, True], ids=["one", "two"])
@pytest.mark.parametrize("step", INBOUND, ids=str)
def test_killed_in_a_pull(tmp_path: Path, step: Step, *, apart: bool) -> None:
    """Cursor and effects agree whenever it dies: the word is heard, and its answer comes once."""
    with open_world(tmp_path, apart=apart) as world:
        listening(world).kill()
        world.wechat.speak(ACCOUNT, "wmStranger", "你好")
        world.wechat.speak(ACCOUNT, "wmStranger", "帮助")
        notice(world)
        world.start_doomed(Fate(step)).killed_itself()

        world.start("consume")
        until(lambda: is_quiet(world), 60, world.told)

        rows = world.ledger("SELECT effect FROM kf_inbound WHERE external_userid = 'wmStranger'")
        assert Counter(row["effect"] for row in rows) == {"word": 1, "asked": 1}
        assert len(world.wechat.pushes("wmStranger")) == 1
        [window] = world.ledger("SELECT opened_at FROM kf_windows WHERE external_userid = 'wmStranger'")
        assert window["opened_at"] is not None
        [session] = world.host("SELECT user_id, open_kfid FROM wechat_kf_sessions")
        assert (session["user_id"], session["open_kfid"]) == ("wmStranger", ACCOUNT)


def test_killed_again_and_again(world: World) -> None:
    """Five consumers die in one pull after the other; what was said is answered once, in the end."""
    listening(world).kill()
    for step in INBOUND:
        world.wechat.speak(ACCOUNT, "wmStranger", "帮助")
        notice(world)
        world.start_doomed(Fate(step)).killed_itself()
    world.start("consume")
    until(lambda: is_quiet(world), 60, world.told)
    assert len(world.ledger("SELECT 1 FROM kf_inbound")) == 5
    assert len(world.wechat.pushes("wmStranger")) == 5


def test_a_burst_and_two_consumers(world: World) -> None:
    """Twenty people ask three times each, under a hail of notices: sixty words, sixty answers, none twice."""
    consumers = [listening(world), world.start("consume")]
    for _ in range(3):
        for number in range(20):
            world.wechat.speak(ACCOUNT, f"wm{number}", "帮助")
            notice(world)
    until(lambda: len(world.ledger("SELECT 1 FROM kf_inbound")) == 60, 60, world.told)
    until(lambda: is_quiet(world), 60, world.told)

    assert Counter(len(world.wechat.pushes(f"wm{number}")) for number in range(20)) == {3: 20}
    assert all(consumer.is_alive for consumer in consumers)
    assert [line for consumer in consumers for line in consumer.lines("pull.broke")] == []


def test_the_host_speaks_for_wechat(world: World) -> None:
    """A session row of the host's own releases what is parked, also where no callback ever comes."""
    ann = world.person("Ann", has_spoken=False)
    world.commit(ann, ("parked", "no_session"), count=2)
    world.start_both()
    world.drained()
    world.speak(ann)
    world.expected.update(dict.fromkeys(world.expected, frozenset({SENT})))
    world.drained()
    judge(world)
    assert len(world.wechat.pushes(ann.phone)) == 1
