"""One person at two KF accounts: a letter keeps its recipient, and each account has its own five."""

from collections import Counter
from pathlib import Path

import pytest

from tests.faults.host import ACCOUNT, NO_SLOT, SENDING, SENT
from tests.faults.judge import gather, judge
from tests.faults.world import open_world

pytestmark = pytest.mark.faults

OTHER = "wkB"
A_MINUTE = 60


@pytest.mark.parametrize("order", ["msgid_first", "limits_first"])
@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_word_elsewhere_between_two_attempts(tmp_path: Path, lost: str, order: str) -> None:
    """The lost message is tried again where it was going; new ones go where the word was, then there too."""
    with open_world(tmp_path, switches={"check_order": order}) as world:
        world.wechat.fault(drop=lost)
        ann = world.person("Ann", daily_limit=100)
        [lost_one] = world.commit(ann, SENT, SENDING)
        world.start("mirror")
        first = world.start("consume")
        first.says("push.attempted")
        first.kill()

        world.wechat.clock(advance=A_MINUTE)
        world.speak(ann, OTHER)
        parked = world.commit(ann, SENT, NO_SLOT, count=10)
        world.start("consume")
        world.drained(but_frozen=order == "limits_first")
        judge(world)
        bubbles = gather(world).bubbles
        assert Counter(bubble["open_kfid"] for bubble in bubbles) == {ACCOUNT: 5, OTHER: 5}
        [push] = world.ledger("SELECT open_kfid, attempts FROM push_messages ORDER BY id LIMIT 1")
        assert (push["open_kfid"], push["attempts"]) == (ACCOUNT, 2)
        assert bubbles[0]["open_kfid"] == ACCOUNT

        world.wechat.clock(advance=A_MINUTE)
        world.speak(ann, ACCOUNT)
        world.expected.update(dict.fromkeys([lost_one, *parked], frozenset({SENT})))
        world.drained()
        judge(world)
        assert len(gather(world).bubbles) == 11
