"""sync_msg over HTTP: every kind of item in WeChat's shape, and messages that fail after all."""

from collections.abc import Iterator
from typing import Any

import pytest

from ops.sandbox.items import SAMPLES
from ops.sandbox.process import SandboxControl, SandboxProcess
from tests.flow.wechat_caller import Caller


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """One running sandbox."""
    with SandboxProcess() as running:
        yield running


@pytest.fixture
def control(sandbox: SandboxProcess) -> SandboxControl:
    """A sandbox that has just begun anew, in 2036."""
    sandbox.control.reset()
    sandbox.control.clock(now="2036-05-01T00:00:00Z")
    return sandbox.control


@pytest.fixture
def caller(sandbox: SandboxProcess, control: SandboxControl) -> Caller:
    """A caller with a token."""
    caller = Caller(sandbox.base_url)
    caller.gettoken()
    return caller


def sync(caller: Caller, **more: object) -> dict[str, Any]:
    """Pull wkA."""
    told: dict[str, Any] = caller.api("sync_msg", {"open_kfid": "wkA", **more})
    return told


def events(caller: Caller) -> list[dict[str, Any]]:
    """The events at wkA, bare."""
    return [item["event"] for item in sync(caller)["msg_list"] if item["msgtype"] == "event"]


def test_a_word_and_a_click(caller: Caller, control: SandboxControl) -> None:
    """A user's text has its own msgid, origin 3 and whole seconds; a click has its menu_id besides."""
    word = control.speak("wkA", "wmA", "在吗")
    click = control.click("wkA", "wmA", "101", "查看1")
    told = sync(caller)
    assert (told["errcode"], told["errmsg"], told["has_more"]) == (0, "ok", 0)
    assert told["msg_list"] == [
        {
            "msgid": word["msgid"],
            "open_kfid": "wkA",
            "external_userid": "wmA",
            "send_time": word["send_time"],
            "origin": 3,
            "msgtype": "text",
            "text": {"content": "在吗"},
        },
        {
            "msgid": click["msgid"],
            "open_kfid": "wkA",
            "external_userid": "wmA",
            "send_time": click["send_time"],
            "origin": 3,
            "msgtype": "text",
            "text": {"content": "查看1", "menu_id": "101"},
        },
    ]
    assert 2_093_212_800 <= word["send_time"] <= 2_093_212_860
    assert sync(caller, cursor=told["next_cursor"])["msg_list"] == []


@pytest.mark.parametrize("msgtype", sorted(SAMPLES))
def test_whatever_a_user_sends_opens_the_window(
    caller: Caller, control: SandboxControl, msgtype: str
) -> None:
    """An image, a place, a card ...: an item under its own name, and a message of the user's own."""
    control.send("wkA", "wmA", msgtype)
    [item] = sync(caller)["msg_list"]
    assert (item["msgtype"], item["origin"], item[msgtype]) == (msgtype, 3, SAMPLES[msgtype])
    assert caller.code("a") == 0


def test_entering_is_an_event_with_a_welcome_code(caller: Caller, control: SandboxControl) -> None:
    """Ids are inside the event and nowhere else; the code is there for somebody new only."""
    code = control.enter("wkA", "wmA")
    control.speak("wkA", "wmA")
    control.enter("wkA", "wmA")
    first, _, last = sync(caller)["msg_list"]
    names = {"event_type": "enter_session", "open_kfid": "wkA", "external_userid": "wmA", "scene": ""}
    assert first["event"] == {**names, "welcome_code": code}
    assert last["event"] == names
    assert set(first) == {"msgid", "send_time", "origin", "msgtype", "event"}
    assert (first["origin"], first["msgtype"]) == (4, "event")


def test_a_servicer_takes_over_writes_and_ends(caller: Caller, control: SandboxControl) -> None:
    """What servicers do is told: taken, handed on, ended, taken again; their words have origin 5."""
    control.speak("wkA", "wmA")
    control.enter_state("wkA", "wmA", 2)
    control.enter_state("wkA", "wmA", 3, "zhangsan")
    control.do("serve", open_kfid="wkA", external_userid="wmA", servicer_userid="zhangsan", text="您好")
    control.enter_state("wkA", "wmA", 3, "lisi")
    control.enter_state("wkA", "wmA", 4)
    control.enter_state("wkA", "wmA", 3, "lisi")
    told = events(caller)
    assert [event["change_type"] for event in told] == [1, 2, 3, 4]
    assert [event.get("old_servicer_userid") for event in told] == [None, "zhangsan", "lisi", "lisi"]
    assert [event.get("new_servicer_userid") for event in told] == ["zhangsan", "lisi", None, "lisi"]
    assert ["msg_code" in event for event in told] == [True, False, True, False]
    [words] = [item for item in sync(caller)["msg_list"] if item["origin"] == 5]
    assert (words["servicer_userid"], words["text"]) == ("zhangsan", {"content": "您好"})


def test_what_is_taken_back(caller: Caller, control: SandboxControl) -> None:
    """Users and servicers take back what they wrote; nobody takes back what the company sent."""
    word = control.speak("wkA", "wmA", "oops")
    served = control.do("serve", open_kfid="wkA", external_userid="wmA", servicer_userid="zhangsan")
    control.do("recall", open_kfid="wkA", msgid=word["msgid"])
    control.do("recall", open_kfid="wkA", msgid=served["msgid"], servicer_userid="zhangsan")
    names = {"open_kfid": "wkA", "external_userid": "wmA"}
    assert events(caller) == [
        {"event_type": "user_recall_msg", **names, "recall_msgid": word["msgid"]},
        {
            "event_type": "servicer_recall_msg",
            **names,
            "recall_msgid": served["msgid"],
            "servicer_userid": "zhangsan",
        },
    ]
    [talk] = control.phone("wmA")["conversations"]
    assert [message["fate"] for message in talk["messages"]] == ["recalled", "recalled"]
    caller.send("push")
    with pytest.raises(ValueError, match="no user and no servicer"):
        control.do("recall", open_kfid="wkA", msgid="push")


def test_other_events(caller: Caller, control: SandboxControl) -> None:
    """A servicer blocks a user, and goes off duty."""
    names = {"open_kfid": "wkA", "servicer_userid": "zhangsan"}
    control.do("block", **names, external_userid="wmA")
    control.do("servicer_status", **names, status=2, stop_type=1)
    control.introduce(open_kfid="wkA")
    assert events(caller) == [
        {
            "event_type": "reject_customer_msg_switch_change",
            **names,
            "external_userid": "wmA",
            "reject_switch": 1,
        },
        {"event_type": "servicer_status_change", **names, "status": 2, "stop_type": 1},
    ]


def test_a_message_fails_on_demand(caller: Caller, control: SandboxControl) -> None:
    """It goes from the phone, its place among the five is free again, and it is told once."""
    control.speak("wkA", "wmA")
    assert caller.code("a") == 0
    assert control.do("fail", open_kfid="wkA", msgid="a", fail_type=11) == {"failed": True}
    assert control.do("fail", open_kfid="wkA", msgid="a", fail_type=11) == {"failed": False}
    assert control.pushes("wmA") == []
    assert control.phone("wmA")["conversations"][0]["window"]["left"] == 5
    assert events(caller) == [
        {
            "event_type": "msg_send_fail",
            "open_kfid": "wkA",
            "external_userid": "wmA",
            "fail_msgid": "a",
            "fail_type": 11,
        }
    ]
    with pytest.raises(ValueError, match="no such message"):
        control.do("fail", open_kfid="wkA", msgid="b")
    with pytest.raises(ValueError, match="fail_type must be"):
        control.do("fail", open_kfid="wkA", msgid="a", fail_type=3)


def test_a_message_fails_by_order(caller: Caller, control: SandboxControl) -> None:
    """The call is answered with 0; the failure is told, and only for as many messages as ordered."""
    control.speak("wkA", "wmA")
    control.switches(tokenless_per_minute=10_000)
    control.fault(fail_type=5, fail_after=0.05)
    assert [caller.code("a"), caller.code("b")] == [0, 0]
    assert [push["msgid"] for push in control.pushes("wmA")] == ["b"]
    while not (told := events(caller)):
        pass
    assert [(event["fail_msgid"], event["fail_type"]) for event in told] == [("a", 5)]


def test_a_reset_forgets_what_was_still_to_fail(caller: Caller, control: SandboxControl) -> None:
    """A failure that was ordered before is not told to those who come after."""
    for msgid, after in (("before", 0.05), ("after", 0.1)):
        control.reset()
        control.switches(tokenless_per_minute=10_000)
        control.speak("wkA", "wmA")
        caller.gettoken()
        control.fault(fail_type=5, fail_after=after)
        assert caller.code(msgid) == 0
    while not (told := events(caller)):
        pass
    assert [event["fail_msgid"] for event in told] == ["after"]


def test_a_user_who_refuses(caller: Caller, control: SandboxControl) -> None:
    """WeChat takes every message for them and shows none, until they take messages again."""
    control.speak("wkA", "wmA")
    control.do("reject", open_kfid="wkA", external_userid="wmA")
    assert caller.code("a") == 0
    control.do("reject", open_kfid="wkA", external_userid="wmA", rejects=False)
    assert caller.code("b") == 0
    assert [(event["fail_msgid"], event["fail_type"]) for event in events(caller)] == [("a", 10)]
    assert [push["msgid"] for push in control.pushes("wmA")] == ["b"]


def test_limits_may_be_told_later(caller: Caller, control: SandboxControl) -> None:
    """The sixth fails with 6, one in an ended session with 5, one after 48 hours with 4; all get 0 first."""
    control.switches(limits_told="later")
    control.speak("wkA", "wmA")
    assert [caller.code(msgid) for msgid in "abcdef"] == [0] * 6
    control.speak("wkA", "wmA")
    control.enter_state("wkA", "wmA", 4)
    assert caller.code("g") == 0
    control.clock(advance=49 * 3600)
    caller.gettoken()
    assert caller.code("h") == 0
    failed = [(event["fail_msgid"], event["fail_type"]) for event in events(caller)]
    assert failed == [("f", 6), ("g", 5), ("h", 4)]
    assert len(control.pushes("wmA")) == 5


@pytest.mark.parametrize(("counts", "left"), [(False, 5), (True, 4)])
def test_every_message_may_fail(
    caller: Caller,
    control: SandboxControl,
    counts: bool,  # noqa: FBT001 - a case
    left: int,
) -> None:
    """Nobody of the company is logged in: errcode 0, nothing on the phone; whether it counts is a switch."""
    control.switches(send_fails=11, late_failures_count=counts)
    control.speak("wkA", "wmA")
    assert caller.code("a") == 0
    assert [event["fail_type"] for event in events(caller)] == [11]
    assert control.pushes("wmA", at_least=0) == []
    assert control.phone("wmA")["conversations"][0]["window"]["left"] == left


def test_an_item_as_it_is(caller: Caller, control: SandboxControl) -> None:
    """Whatever a test puts into an account's history is told word for word."""
    odd = {"msgtype": "from_the_future", "from_the_future": {"a": [1, None]}, "send_time": "yesterday"}
    control.do("items", open_kfid="wkA", item=odd)
    assert sync(caller)["msg_list"] == [odd]


def test_pages_and_history(caller: Caller, control: SandboxControl) -> None:
    """A limit cuts pages, and after three days there is nothing left."""
    said = [control.speak("wkA", "wmA", text)["msgid"] for text in "abc"]
    first = sync(caller, limit=2)
    second = sync(caller, limit=2, cursor=first["next_cursor"])
    assert [item["msgid"] for item in first["msg_list"] + second["msg_list"]] == said
    assert (first["has_more"], second["has_more"]) == (1, 0)
    control.clock(advance=3 * 86400)
    caller.gettoken()
    assert sync(caller)["msg_list"] == []


def test_a_cursor_outlives_a_reset(caller: Caller, control: SandboxControl) -> None:
    """A reader that goes on with an old cursor meets what is new and nothing twice."""
    control.speak("wkA", "wmA", "before")
    cursor = sync(caller)["next_cursor"]
    control.reset()
    caller.gettoken()
    control.speak("wkA", "wmA", "after")
    [item] = sync(caller, cursor=cursor)["msg_list"]
    assert item["text"] == {"content": "after"}


def test_what_is_refused(caller: Caller, control: SandboxControl) -> None:
    """No such account, a token nobody gave, and too many calls without one."""
    assert sync(caller)["errcode"] == 95000
    control.introduce(open_kfid="wkA")
    assert sync(caller, token="ENCnobody")["errcode"] == 95007
    control.switches(tokenless_per_minute=2)
    control.clock(advance=61)
    assert [sync(caller)["errcode"] for _ in range(3)] == [0, 0, 45009]


def test_trouble_comes_to_sync_msg_too(caller: Caller, control: SandboxControl) -> None:
    """A busy WeChat, once."""
    control.speak("wkA", "wmA")
    control.fault(errcode=-1, match={"api": "sync_msg", "open_kfid": "wkA"})
    assert [sync(caller)["errcode"] for _ in range(2)] == [-1, 0]
    assert control.counts()["sync_msg"] == 2
