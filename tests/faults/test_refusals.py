"""Refusals, alone and after a lost answer: what each code means for its match, and for the others."""

from typing import Any, Final

import pytest

from tests.faults.host import SENDING, SENT, Ending
from tests.faults.judge import gather, judge
from tests.faults.processes import until
from tests.faults.world import World

pytestmark = pytest.mark.faults

PASSING: Final = (40001, 48002, 60020, 48007, 95004, 95017)
"""Somebody has to mend the corp or the account; until then kfpush asks now and then."""

FINAL: Final[dict[int, Ending]] = {
    40201: ("dead", "content_refused"),
    45002: ("dead", "content_refused"),
    40096: ("dead", "recipient_refused"),
    99999: ("dead", "unclassified"),
}
BEYOND_A_MINUTE: Final = 61


@pytest.mark.parametrize("errcode", PASSING)
@pytest.mark.parametrize("lost", [None, "before", "after"])
def test_a_refusal_that_passes(world: World, errcode: int, lost: str | None) -> None:
    """Refused twice for a reason that is mended then, also after a lost answer, a match is shown once."""
    if lost is not None:
        world.wechat.fault(drop=lost)
    world.wechat.fault(errcode=errcode, times=2)
    world.commit(world.person("Ann"))
    world.start_both()
    until(lambda: world.wechat.faults() == [], tell=world.told)
    world.commit(world.person("Bo"), count=2)
    world.drained()
    judge(world)
    assert world.ledger("SELECT * FROM push_pauses WHERE until IS NULL") == []


@pytest.mark.parametrize("errcode", FINAL)
def test_a_refusal_that_stays(world: World, errcode: int) -> None:
    """What will never be accepted is a dead letter at once, and holds up nobody else."""
    world.wechat.fault(errcode=errcode, match={"external_userid": "wmPhoneAnn"})
    world.commit(world.person("Ann"), FINAL[errcode])
    world.commit(world.person("Bo"), count=3)
    world.start_both()
    world.drained()
    judge(world)
    assert len(gather(world).bubbles) == 3


@pytest.mark.parametrize("errcode", [45009, 45033])
@pytest.mark.parametrize("lost", [None, "after"])
def test_too_fast(world: World, errcode: int, lost: str | None) -> None:
    """Told that it is too fast, kfpush leaves WeChat alone for a minute, and then goes on."""
    if lost is not None:
        world.wechat.fault(drop=lost)
    world.wechat.fault(errcode=errcode)
    ids = world.commit(world.person("Ann"), SENT, SENDING, ("waiting", "throttled"))
    mirror, consumer = world.start_both()
    consumer.says("push.paused")
    calls = world.wechat.counts()["send_msg"]
    ids += world.commit(world.person("Bo"), ("waiting", "fresh"), count=2)
    until(lambda: len(world.ledger("SELECT 1 FROM push_deliveries")) == 3, tell=mirror.told)
    assert world.wechat.counts()["send_msg"] == calls
    world.wechat.clock(advance=BEYOND_A_MINUTE)
    world.expected.update(dict.fromkeys(ids, frozenset({SENT})))
    world.drained()
    judge(world)


@pytest.mark.parametrize("errcode", [40014, 42001])
def test_a_token_revoked(world: World, errcode: int) -> None:
    """A token that ends early is renewed within the attempt, once for everybody who meets it."""
    for name in ("Ann", "Bo"):
        world.commit(world.person(name), count=2)
    world.start_both()
    world.drained()
    world.wechat.revoke_token(errcode)
    for name in ("Cy", "Di"):
        world.commit(world.person(name), count=4)
    world.drained()
    judge(world)
    assert world.wechat.counts()["gettoken"] == 2
    assert world.ledger("SELECT id FROM push_messages WHERE attempts > 1") == []


def test_scripted_refusals_are_known() -> None:
    """Every code above has its meaning in the table; a code that has none is what 99999 stands for."""
    from consumer.wechat.errcodes import receipt_for

    kinds: list[Any] = [receipt_for(code) for code in (*PASSING, *FINAL)]
    assert [kind.code for kind in kinds] == [*PASSING, *FINAL]
