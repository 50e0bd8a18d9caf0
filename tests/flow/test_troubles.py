"""What a tired operator gets wrong, and what servers do at night: said clearly, waited for, nothing lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.keys import Keys
from tests.faults.judge import judge
from tests.faults.processes import until
from tests.faults.world import World, open_world

SECRET = "the-secret-nobody-may-read"
CREDENTIALS = {"WEWORK_CORP_ID": "sandbox", "WEWORK_SECRET": SECRET}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An installation whose WeChat expects a secret of its own."""
    with open_world(tmp_path, switches={"secret": SECRET}) as made:
        made.environment.update(CREDENTIALS)
        yield made


def test_a_wrong_secret_pauses_and_the_right_one_resumes(world: World) -> None:
    """A wrong secret is one pause row with WeChat's code and few calls; mended, everything goes out."""
    person = world.person("a")
    matches = world.commit(person, count=3)
    world.start("mirror")
    world.environment["WEWORK_SECRET"] = "wrong"
    consumer = world.start("consume")

    [paused] = consumer.says("push.paused")
    assert (paused["scope"], paused["errcode"]) == ("corp", 40001)
    [row] = world.ledger("SELECT reason, errcode, author FROM push_pauses")
    assert row == {"reason": "paused", "errcode": 40001, "author": "kfpush"}
    until(lambda: world.ledger("SELECT 1 FROM push_pauses WHERE probes >= 2"), tell=consumer.told)
    assert world.wechat.counts()["gettoken"] <= 5
    assert world.wechat.counts()["send_msg"] == 0

    world.environment["WEWORK_SECRET"] = SECRET
    consumer.ask_to_stop().ended()
    world.start("consume")
    world.drained()
    judge(world)
    assert world.ledger("SELECT * FROM push_pauses WHERE until IS NULL") == []
    texts = [push["content"] for push in world.wechat.pushes(person.phone)]
    assert all(sum(f"张三{match_id}" in text for text in texts) == 1 for match_id in matches)


def test_a_redis_that_takes_no_writes_is_waited_for(world: World) -> None:
    """A full Redis is named as refusing, tried again without a busy loop, and drained when it has room."""
    with world.redis() as redis:
        redis.config_set("maxmemory", "1")
    mirror, _ = world.start_both()
    world.commit(world.person("a"), count=3)

    complaints = mirror.says("mirror.waiting", times=2)
    assert "refuses" in complaints[0]["error"]
    assert complaints[-1]["failures"] <= 10

    with world.redis() as redis:
        redis.config_set("maxmemory", "0")
    world.drained()
    judge(world)


def test_no_log_holds_a_secret_a_token_or_a_person(world: World) -> None:
    """At debug level, through lost answers, refusals and a dead token, no line names what it must not."""
    world.environment["KFPUSH_LOG_LEVEL"] = "debug"
    person = world.person("SecretPhone1")
    world.wechat.fault(times=1, drop="after")
    world.wechat.fault(times=1, status=502, body="bad gateway")
    world.wechat.fault(times=1, errcode=42001)
    mirror, consumer = world.start_both()
    world.commit(person, count=3)
    world.drained()
    with world.redis() as redis:
        tokens = [redis.get(key) or b"" for key in redis.scan_iter("{kfpush}:token:*")]
    consumer.ask_to_stop().ended()
    mirror.ask_to_stop().ended()

    assert tokens
    said = "".join(path.read_text() for path in world.folder.glob("*.log"))
    assert "push.attempted" in said
    for text in (SECRET, person.phone, person.user_id, "张三", *(token.decode() for token in tokens)):
        assert text not in said


def test_an_unreadable_preference_waits_and_is_named(world: World) -> None:
    """Unreadable quiet hours are never guessed: the match waits, and the log names the column."""
    nobody_knows = world.person("a", quiet_hours="whenever I sleep")
    _, consumer = world.start_both()
    world.commit(nobody_knows, ("waiting", "unreadable_preferences"))
    world.drained()

    assert "quiet_hours" in consumer.says("plan.unreadable")[0]["error"]
    assert world.wechat.pushes(nobody_knows.phone) == []


def test_a_broken_template_is_told_and_the_built_in_text_goes_out(world: World) -> None:
    """A template that names what does not exist stops nothing; mended, the next message uses it at once."""
    person = world.person("a")
    world.edit_template("{profile_name.__class__} {phone}")
    _, consumer = world.start_both()
    world.commit(person)
    world.drained()
    assert "match_notification_text" in consumer.says("plan.unreadable")[0]["error"]

    world.edit_template("新的：{profile_name}")
    world.commit(person)
    world.drained()

    texts = [push["content"] for push in world.wechat.pushes(person.phone)]
    assert texts[0].startswith("🎯 找到匹配的联系人")
    assert texts[1].startswith("新的：张三")


def test_keys_have_an_end_or_a_reason_to_stay(world: World) -> None:
    """Every key in Redis expires by itself but the stream: nothing piles up."""
    world.start_both()
    world.commit(world.person("a"))
    world.drained()

    with world.redis() as redis:
        lasting = {key.decode() for key in redis.scan_iter() if redis.ttl(key) == -1}
    assert {Keys().matches} == lasting
