"""The sandbox as a caller sees it over HTTP: a real process, and nothing of it known but its addresses."""

import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from ops.sandbox.process import SandboxControl, SandboxProcess
from tests.flow.wechat_caller import Caller


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """One running sandbox for all tests that do not end it."""
    with SandboxProcess() as running:
        yield running


@pytest.fixture
def control(sandbox: SandboxProcess) -> SandboxControl:
    """A sandbox that knows only that wmA has just written to wkA."""
    sandbox.control.reset()
    sandbox.control.speak("wkA", "wmA")
    return sandbox.control


@pytest.fixture
def caller(sandbox: SandboxProcess, control: SandboxControl) -> Caller:
    """A caller with a token."""
    caller = Caller(sandbox.base_url)
    caller.gettoken()
    return caller


def test_a_message_reaches_the_phone(caller: Caller, control: SandboxControl) -> None:
    """What was sent is on the phone with its msgid and the time at which it was taken."""
    control.clock(now="2036-05-01T00:00:00Z")
    control.speak("wkA", "wmA")
    caller.gettoken()
    assert caller.send("m1") == {"errcode": 0, "errmsg": "ok", "msgid": "m1"}
    [push] = control.pushes("wmA")
    assert (push["msgid"], push["content"], push["open_kfid"]) == ("m1", "hello m1", "wkA")
    assert push["accepted_at"].startswith("2036-05-01T00:00:")


def test_five_then_95001_until_the_user_writes(caller: Caller, control: SandboxControl) -> None:
    """The sixth message is refused, and the next word lets five more through."""
    assert [caller.code(msgid) for msgid in "abcdef"] == [0, 0, 0, 0, 0, 95001]
    assert control.phone("wmA")["conversations"][0]["window"]["left"] == 0
    control.speak("wkA", "wmA", "go on")
    assert [caller.code(msgid) for msgid in "ghijkl"] == [0, 0, 0, 0, 0, 95001]


def test_a_msgid_repeats_within_its_account_only(caller: Caller, control: SandboxControl) -> None:
    """The same msgid is 95033 at one account and new at another."""
    control.speak("wkB", "wmA")
    assert [caller.code("a"), caller.code("a"), caller.code("a", account="wkB")] == [0, 95033, 0]
    assert len(control.pushes("wmA")) == 2


@pytest.mark.parametrize(("order", "expected"), [("msgid_first", 95033), ("limits_first", 95001)])
def test_switches_turn_while_it_runs(
    caller: Caller, control: SandboxControl, order: str, expected: int
) -> None:
    """Both orders of checking can be had, and a reset brings the first settings back."""
    assert control.switches(check_order=order)["check_order"] == order
    assert [caller.code(msgid) for msgid in "abcdea"] == [0, 0, 0, 0, 0, expected]
    control.reset()
    assert control.switches()["check_order"] == "msgid_first"


def test_the_virtual_clock_closes_the_window(caller: Caller, control: SandboxControl) -> None:
    """Two days ahead the token and the window are over, and a word at that time opens the window."""
    control.clock(advance=48 * 3600)
    assert caller.code("a") == 42001
    caller.gettoken()
    assert caller.code("a") == 95002
    word = control.speak("wkA", "wmA", "back")
    assert caller.code("a") == 0
    assert word["send_time"] * 1000 <= int(word["seq"]) + 48 * 3600 * 1000 + 60_000


def test_the_virtual_clock_goes_back_as_far_as_nobody_noted_it(
    caller: Caller, control: SandboxControl
) -> None:
    """Time in which nothing happened can be taken back; where a user wrote or kfpush called, it stays."""
    control.clock(advance=3600)
    assert control.clock(offset=0)["offset"] == 0
    control.clock(advance=3600)
    assert caller.code("a") == 0
    for back in ({"offset": 0}, {"advance": -3600}, {"now": "2020-01-01T00:00:00Z"}):
        with pytest.raises(ValueError, match="cannot go back"):
            control.clock(**back)
    assert control.clock()["offset"] == 3600
    control.reset()
    assert control.clock()["offset"] == 0


def test_too_many_calls(caller: Caller, control: SandboxControl) -> None:
    """Over the ceiling an API is blocked for a minute of the sandbox's, and its other calls are not."""
    control.switches(calls_per_minute=2)
    assert [caller.code(msgid) for msgid in "abc"] == [0, 0, 45009]
    assert caller.gettoken()["errcode"] == 0
    control.clock(advance=59)
    assert caller.code("c") == 45009
    control.clock(advance=2)
    assert caller.code("c") == 0


def test_a_session_is_handed_to_a_human(caller: Caller, control: SandboxControl) -> None:
    """The API moves it on, tells where it is, is mute meanwhile, and may say one thing for each code."""
    control.introduce(servicer_userid="zhangsan")
    asked = {"open_kfid": "wkA", "external_userid": "wmA"}
    moved = caller.api("service_state/trans", {**asked, "service_state": 3, "servicer_userid": "zhangsan"})
    state = caller.api("service_state/get", asked)
    assert (state["service_state"], state["servicer_userid"]) == (3, "zhangsan")
    assert caller.code("a") == 95018
    hint = {"code": moved["msg_code"], "msgtype": "text", "text": {"content": "请稍候"}}
    assert [caller.api("send_msg_on_event", hint)["errcode"] for _ in range(2)] == [0, 40058]
    assert caller.api("service_state/trans", {**asked, "service_state": 1})["errcode"] == 95016
    assert [push["content"] for push in control.pushes("wmA")] == ["请稍候"]
    assert control.counts()["send_msg"] == 1


def test_who_comes_in_is_welcomed(caller: Caller, control: SandboxControl) -> None:
    """A user who opens the chat without a word brings a code for one welcome, a menu too."""
    code = control.enter("wkA", "wmNew")
    menu = {"head_content": "你好", "list": [{"type": "click", "click": {"id": "1", "content": "开始"}}]}
    welcome = {"code": code, "msgid": "hello1", "msgtype": "msgmenu", "msgmenu": menu}
    assert caller.api("send_msg_on_event", welcome)["msgid"] == "hello1"
    assert control.enter("wkA", "wmNew") is None
    control.click("wkA", "wmNew", "1", "开始")
    assert (control.words()[-1]["text"], control.words()[-1]["menu_id"]) == ("开始", "1")
    assert caller.send("a", user="wmNew")["errcode"] == 95002


def test_token_life(caller: Caller, control: SandboxControl) -> None:
    """A token is repeated, can be short-lived and can be revoked."""
    first = caller.token
    assert caller.gettoken()["access_token"] == first
    control.revoke_token()
    assert caller.code("a") == 40014
    control.switches(token_seconds=60)
    assert caller.gettoken()["expires_in"] == 60
    assert caller.code("a") == 0
    caller.token = ""
    assert caller.code("b") == 41001


def test_a_wrong_secret_is_counted(caller: Caller, sandbox: SandboxProcess) -> None:
    """A hot loop on a wrong secret would be seen."""
    assert [caller.gettoken(secret="no")["errcode"] for _ in range(3)] == [40001] * 3
    assert caller.gettoken(corpid="no")["errcode"] == 40013
    assert json.loads(caller.ask("GET", "/sandbox/calls")[1])["wrong_secrets"] == 3


@pytest.mark.parametrize(("moment", "again"), [("before", 0), ("after", 95033)])
def test_a_cut_line(caller: Caller, control: SandboxControl, moment: str, again: int) -> None:
    """The caller sees a transport error; whether the message was taken shows in the repetition."""
    control.fault(drop=moment)
    with pytest.raises(ConnectionError):
        caller.send("a")
    assert caller.code("a") == again
    counts = control.counts()
    assert (counts["send_msg"], counts[f"dropped_{moment}"], counts["accepted"]) == (2, 1, 1)
    assert [call["dropped"] for call in control.calls("a")] == [moment, None]
    assert len(control.pushes("wmA")) == 1


def test_a_cut_line_carries_not_one_byte(
    caller: Caller, control: SandboxControl, sandbox: SandboxProcess
) -> None:
    """On the bare socket there is nothing but the end."""
    control.fault(drop="after")
    where = urlsplit(sandbox.base_url)
    letter = json.dumps({"touser": "wmA", "open_kfid": "wkA", "msgtype": "text", "text": {"content": "x"}})
    head = f"POST /cgi-bin/kf/send_msg?access_token={caller.token} HTTP/1.1\r\nHost: {where.netloc}\r\n"
    with socket.create_connection((where.hostname, where.port), timeout=20) as line:
        line.sendall(f"{head}Content-Length: {len(letter)}\r\n\r\n{letter}".encode())
        assert line.recv(1) == b""
    assert len(control.pushes("wmA")) == 1


@pytest.mark.parametrize(
    ("order", "expected", "shown"),
    [
        ({"status": 502, "body": "<html>"}, (502, "<html>"), 0),
        ({"body": "not json"}, (200, "not json"), 0),
        ({"body": "not json", "when": "after"}, (200, "not json"), 1),
        ({"status": 503}, (503, ""), 0),
    ],
    ids=str,
)
def test_a_broken_answer(
    caller: Caller, control: SandboxControl, order: dict[str, Any], expected: tuple[int, str], shown: int
) -> None:
    """An answer can be unreadable whether or not the message was taken."""
    control.fault(**order)
    assert caller.send_raw("a") == expected
    assert len(control.pushes("wmA")) == shown


def test_a_scripted_code(caller: Caller, control: SandboxControl) -> None:
    """A code on order is answered as often as it was ordered, and only to whom it was ordered for."""
    control.fault(errcode=45009, times=2, match={"external_userid": "wmA"})
    control.fault(errcode=-1, match={"api": "gettoken"})
    assert [caller.code("a") for _ in range(3)] == [45009, 45009, 0]
    assert caller.gettoken()["errcode"] == -1
    assert control.faults() == []


def test_a_slow_answer_leaves_others_alone(caller: Caller, control: SandboxControl) -> None:
    """A message whose answer is late is taken at once, and other calls pass it by."""
    control.fault(delay_after=30, match={"external_userid": "wmA"})
    control.speak("wkA", "wmB")
    line = HTTPConnection(urlsplit(control.base_url).netloc)
    path = f"/cgi-bin/kf/send_msg?access_token={caller.token}"
    letter = {
        "touser": "wmA",
        "open_kfid": "wkA",
        "msgid": "slow",
        "msgtype": "text",
        "text": {"content": "x"},
    }
    line.request("POST", path, json.dumps(letter))
    assert [push["msgid"] for push in control.pushes("wmA", at_least=1, wait=10)] == ["slow"]
    assert caller.send("quick", user="wmB")["errcode"] == 0
    line.close()


def test_words_wake_whoever_waits(control: SandboxControl) -> None:
    """A long poll ends with the word it waited for, and the place it gives outlives a reset."""
    last = control.words()[-1]["seq"]
    heard: list[dict[str, Any]] = []
    listener = threading.Thread(target=lambda: heard.extend(control.words(after=last, wait=30)))
    listener.start()
    control.speak("wkA", "wmC", "在吗")
    listener.join(30)
    assert [(word["external_userid"], word["text"]) for word in heard] == [("wmC", "在吗")]
    control.reset()
    control.speak("wkA", "wmC", "again")
    assert [word["text"] for word in control.words(after=heard[0]["seq"])] == ["again"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/sandbox/speak", {"open_kfid": "wkA"}, 400),
        ("POST", "/sandbox/speak", [], 400),
        ("POST", "/sandbox/clock", {"now": "yesterday"}, 400),
        ("POST", "/sandbox/clock", {"advance": 1e15}, 400),
        ("POST", "/sandbox/faults", {"drop": "maybe"}, 400),
        ("POST", "/sandbox/switches", {"check_order": "?"}, 400),
        ("GET", "/sandbox/words?after=x", None, 400),
        ("GET", "/sandbox/nothing", None, 404),
    ],
    ids=str,
)
def test_a_wrong_order_is_explained(
    caller: Caller, method: str, path: str, body: object, status: int
) -> None:
    """A control call that makes no sense is a 4xx, never a 500 and never silence."""
    assert caller.ask(method, path, body)[0] == status


def test_addresses_that_are_not_there_yet(caller: Caller) -> None:
    """WeChat answers even a wrong address with 200 and a code."""
    status, body = caller.ask("POST", "/cgi-bin/kf/nothing", {})
    assert (status, json.loads(body)["errcode"]) == (200, 40066)


def test_another_site_cannot_speak(caller: Caller) -> None:
    """A page from elsewhere that posts here is refused."""
    speech = {"open_kfid": "wkA", "external_userid": "wmA"}
    assert caller.ask("POST", "/sandbox/speak", speech, Origin="https://evil.example")[0] == 403
