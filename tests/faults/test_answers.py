"""Answers lost on the way: whatever WeChat did with a message, it is shown once and told truly."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults.host import NO_SLOT, SENDING, SENT, Person
from tests.faults.judge import FIVE_SENT, gather, judge
from tests.faults.processes import until
from tests.faults.world import World, open_world
from tests.flow.wechat_caller import Caller

pytestmark = pytest.mark.faults

A_MINUTE: Final = 60

TROUBLES: Final[list[dict[str, Any]]] = [
    {"drop": "before"},
    {"drop": "after"},
    {"status": 502, "when": "before"},
    {"status": 502, "when": "after"},
    {"body": "<html>busy</html>", "when": "after"},
    {"body": "{}", "when": "after"},
    {"errcode": -1, "when": "before"},
    {"errcode": -1, "when": "after"},
    {"delay": 2},
    {"delay_after": 2},
]
"""Everything after which nobody knows whether WeChat took the message."""

COMBINATIONS: Final[list[dict[str, Any]]] = [
    {"check_order": order, "refused_burns_msgid": burns, "failed_calls_count": count}
    for order, burns, count in product(("msgid_first", "limits_first"), (False, True), (False, True))
]


def _named(value: object) -> str:
    return (
        "-".join(f"{name}={said}" for name, said in value.items()) if isinstance(value, dict) else str(value)
    )


@pytest.fixture(params=COMBINATIONS, ids=_named)
def any_world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """A world under each combination of what nobody knows about WeChat."""
    with open_world(tmp_path, switches=request.param) as made:
        yield made


@pytest.mark.parametrize("trouble", TROUBLES, ids=_named)
@pytest.mark.parametrize("times", [1, 3])
def test_an_answer_lost(world: World, trouble: dict[str, Any], times: int) -> None:
    """The same bytes are sent again under the same msgid, and the phone shows them once."""
    world.wechat.fault(times=times, **trouble)
    for name in ("Ann", "Bo"):
        world.commit(world.person(name), count=2)
    world.start_both()
    world.drained()
    judge(world)
    assert world.wechat.faults() == []


def test_an_outage_passes_by_itself(world: World) -> None:
    """Eight answers lost in a row are an outage: pushes pause, are probed, and go on without anybody."""
    world.wechat.fault(times=8, drop="before")
    for nth in range(4):
        world.commit(world.person(f"Nth{nth}"), count=3)
    world.start_both()
    world.drained()
    judge(world)
    assert world.ledger("SELECT * FROM push_pauses WHERE until IS NULL") == []


def test_no_token_passes_by_itself(world: World) -> None:
    """While WeChat gives no token nothing is sent or lost, and everything goes once it does."""
    world.wechat.fault(match={"api": "gettoken"}, times=3, status=502)
    world.commit(world.person("Ann"), count=3)
    world.start_both()
    world.drained()
    judge(world)


def four_sent(world: World, trouble: dict[str, Any]) -> Person:
    """Somebody with one message left in the window, on which trouble awaits the fifth."""
    ann = world.person("Ann")
    world.commit(ann, count=4)
    world.start_both()
    world.drained()
    world.wechat.fault(**trouble)
    return ann


def is_frozen(world: World) -> bool:
    """Whether a push of unknown outcome waits for a word, in nobody's hands."""
    return bool(
        world.ledger(
            "SELECT id FROM push_messages WHERE status = 'unknown' AND holder IS NULL AND reason = 'no_slot'"
        )
    )


@pytest.mark.parametrize("has_sixth", [False, True])
def test_fifth_accepted_and_lost(any_world: World, has_sixth: bool) -> None:  # noqa: FBT001 - a parameter
    """The fifth's answer is lost.  A retry is told so, or that five were sent: then a word settles it."""
    world = any_world
    ann = four_sent(world, {"drop": "after"})
    [fifth] = world.commit(ann, SENT, SENDING)
    sixth = world.commit(ann, NO_SLOT) if has_sixth else []
    if world.wechat.switches()["check_order"] == "msgid_first":
        world.drained()
    else:
        until(lambda: is_frozen(world), tell=world.told)
        until(lambda: len(world.wechat.calls()) >= 6, tell=world.told)
    judge(world)

    world.wechat.clock(advance=A_MINUTE)
    world.speak(ann)
    world.expected.update(dict.fromkeys([fifth, *sixth], frozenset({SENT})))
    world.drained()
    judge(world)


def test_fifth_lost_on_the_way(any_world: World) -> None:
    """The fifth never reached WeChat; the retry takes its slot, and the sixth waits for a word."""
    world = any_world
    ann = four_sent(world, {"drop": "before"})
    world.commit(ann)
    world.commit(ann, SENT, NO_SLOT)
    world.drained()
    judge(world)
    assert sum(bubble["external_userid"] == ann.phone for bubble in gather(world).bubbles) == 5


def test_a_word_while_the_retry_is_on_its_way(tmp_path: Path) -> None:
    """The word that would settle a push falls while its retry is being refused; no second word is needed."""
    with open_world(tmp_path, switches={"check_order": "limits_first"}) as world:
        world.environment |= {"KFPUSH_SEND_TIMEOUT": "6", "KFPUSH_PUSH_LEASE": "16"}
        ann = four_sent(world, {"drop": "after"})
        world.wechat.fault(delay_after=4)
        world.commit(ann, count=2)
        until(lambda: world.wechat.counts()["send_msg"] == 6, tell=world.told)
        # The sixth call, the retry, was judged by the old window; its answer is on its way for four seconds.
        world.wechat.clock(advance=A_MINUTE)
        world.speak(ann)
        until(lambda: _has_heard(world), tell=world.told)
        assert world.wechat.counts()["by_errcode"].get(str(FIVE_SENT)) is None
        world.drained(20)
        judge(world)


def _has_heard(world: World) -> bool:
    [window] = world.ledger("SELECT opened_at, host_seen FROM kf_windows")
    [session] = world.host("SELECT last_message_time FROM wechat_kf_sessions")
    return bool(window["host_seen"] == session["last_message_time"])


@pytest.mark.parametrize("burns", [False, True])
def test_a_refusal_lost(tmp_path: Path, burns: bool) -> None:  # noqa: FBT001 - a parameter
    """A refusal is lost.  If WeChat burns refused msgids, 95033 reads as sent: the one stated exception."""
    with open_world(tmp_path, switches={"refused_burns_msgid": burns}) as world:
        ann = world.person("Ann")
        _use_up(world, ann)
        world.wechat.fault(drop="after")
        [match_id] = world.commit(ann, SENT, SENDING)
        world.start_both()
        if burns:
            until(lambda: world.unsettled() == [], tell=world.told)
            assert world.wechat.counts()["by_errcode"] == {"0": 5, str(FIVE_SENT): 1, "95033": 1}
            return
        until(lambda: is_frozen(world), tell=world.told)
        world.wechat.clock(advance=A_MINUTE)
        world.speak(ann)
        world.expected[match_id] = frozenset({SENT})
        world.drained()
        shown = [bubble for bubble in gather(world).bubbles if bubble["msgid"] in gather(world).pushes]
        assert len(shown) == 1


def _use_up(world: World, person: Person) -> None:
    """Somebody else of the corp sends five messages of which kfpush knows nothing."""
    caller = Caller(world.sandbox.base_url)
    caller.gettoken()
    for nth in range(5):
        assert caller.send(f"not_ours_{nth}", user=person.phone)["errcode"] == 0
