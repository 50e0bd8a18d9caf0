"""A push is a frozen letter: whatever changes between two of its attempts, its bytes are the same."""

from collections.abc import Callable

import pytest

from tests.faults.host import SENT
from tests.faults.judge import gather, judge
from tests.faults.world import World

pytestmark = pytest.mark.faults

EDITED = "改过的模板：{profile_name}"


def edit_template(world: World) -> None:
    """The operator puts another template in force."""
    world.edit_template(EDITED)


def add_match(world: World) -> None:
    """The host finds another match of the same person."""
    world.commit(world.people["user-Ann"])


def change_preference(world: World) -> None:
    """The person sets another limit, and another least score which this match still reaches."""
    world.prefer(world.people["user-Ann"], daily_limit=3, min_score=0.8, batch_mode="immediate")


def rename_profile(world: World) -> None:
    """The host writes the match anew under a higher revision of nothing: its own row changes."""
    with world.as_host() as connection:
        connection.execute("UPDATE intent_matches SET match_score = 0.99")


def edit_outbox(world: World) -> None:
    """Somebody tampers with what the outbox holds of the event."""
    with world.as_host() as connection:
        connection.execute("UPDATE push_outbox SET payload = replace(payload, '张三', '李四')")


@pytest.mark.parametrize(
    "change",
    [edit_template, add_match, change_preference, rename_profile, edit_outbox],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_retry_sends_the_same_bytes(world: World, change: Callable[[World], None], lost: str) -> None:
    """An answer is lost, something changes, the push is retried: one msgid, one body, one message."""
    world.wechat.fault(drop=lost)
    world.commit(world.person("Ann"))
    world.start("mirror")
    first = world.start("consume")
    first.says("push.attempted")
    first.kill()
    change(world)
    world.start("consume")
    world.drained()
    judge(world)
    calls = gather(world).calls
    retried = [call for call in calls if call["msgid"] == calls[0]["msgid"]]
    assert len(retried) == 2
    assert len({call["body_sha256"] for call in retried}) == 1


def test_a_new_template_is_for_new_pushes(world: World) -> None:
    """The text that is edited between two attempts is the next push's, and both are kept as versions."""
    world.wechat.fault(drop="before")
    ann = world.person("Ann")
    world.commit(ann)
    world.start("mirror")
    first = world.start("consume")
    first.says("push.attempted")
    first.kill()
    world.edit_template(EDITED)
    world.commit(ann)
    world.start("consume")
    world.drained()
    judge(world)
    contents = {bubble["content"] for bubble in gather(world).bubbles}
    assert [content for content in contents if content.startswith("改过")] == ["改过的模板：张三2"]
    assert len(contents) == 2
    assert len(world.ledger("SELECT * FROM push_template_versions")) == 2


def test_a_stop_between_two_attempts(world: World) -> None:
    """Who says stop is not tried again; the ledger says that the outcome of the first attempt is unknown."""
    world.wechat.fault(drop="before")
    ann = world.person("Ann")
    [match_id] = world.commit(ann, SENT, ("dropped", "push_disabled"))
    world.start("mirror")
    first = world.start("consume")
    first.says("push.attempted")
    first.kill()
    world.prefer(ann, enable_push=0)
    world.start("consume")
    world.expected[match_id] = frozenset({("dropped", "push_disabled")})
    world.drained()
    judge(world)
    assert world.wechat.counts()["send_msg"] == 1
    assert [row["status"] for row in world.ledger("SELECT status FROM push_messages")] == ["given_up"]
