"""Notifications as kfpush's callback gets them: signed, encrypted, tried four times, shared, lost."""

import asyncio
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest
from defusedxml.ElementTree import fromstring

from ops.sandbox.process import SandboxControl, SandboxProcess
from ops.sandbox.switches import Switches
from ops.sandbox.world import Credentials, World
from producer.callback.crypto import decode_aes_key, decrypt, signature
from schemas.settings import SANDBOX_AES_KEY, SANDBOX_TOKEN
from tests.flow.wechat_caller import Caller

FAST = {"callback_retry_ms": 20, "callback_timeout_ms": 2000}
Fields = list[tuple[str, str]]


@dataclass
class Listener:
    """A callback: what it gets is in ``got``, and ``statuses`` are its next answers (then 200)."""

    got: "queue.Queue[Fields]" = field(default_factory=queue.Queue)
    statuses: "queue.Queue[int]" = field(default_factory=queue.Queue)
    stalls: threading.Event = field(default_factory=threading.Event)
    token: str = SANDBOX_TOKEN
    url: str = ""

    def next(self) -> dict[str, str]:
        """The next event, as tag and text."""
        return dict(self.got.get(timeout=20))

    def opened(self, query: str, encrypted: str) -> bytes:
        """Check the signature and decrypt; a wrong one is an AssertionError."""
        said = dict(parse_qsl(query))
        expected = signature(self.token, said["timestamp"], said["nonce"], encrypted)
        assert said["msg_signature"] == expected
        message, receiveid = decrypt(decode_aes_key(SANDBOX_AES_KEY), encrypted)
        assert receiveid == "sandbox"
        return message


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A callback on a port of its own."""
    listening = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = urlsplit(self.path).query
            self._answer(200, listening.opened(query, dict(parse_qsl(query))["echostr"]))

        def do_POST(self) -> None:
            body = fromstring(self.rfile.read(int(self.headers["Content-Length"])))
            xml = fromstring(listening.opened(urlsplit(self.path).query, body.findtext("Encrypt") or ""))
            listening.got.put([(each.tag, each.text or "") for each in xml])
            if listening.stalls.is_set():
                return
            status = 200 if listening.statuses.empty() else listening.statuses.get()
            self._answer(status, b"success")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's word
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.url = f"http://127.0.0.1:{server.server_port}/wework/callback?app=1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield listening
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """One running sandbox."""
    with SandboxProcess() as running:
        yield running


@pytest.fixture
def control(sandbox: SandboxProcess, listener: Listener) -> Iterator[SandboxControl]:
    """A sandbox that posts to the listener."""
    sandbox.control.reset()
    sandbox.control.switches(**FAST)
    sandbox.control.callback(url=listener.url, token=SANDBOX_TOKEN)
    yield sandbox.control
    sandbox.control.callback(url="")


def settled(control: SandboxControl) -> dict[str, object]:
    """How it went, once nothing is under way."""
    until = time.monotonic() + 20
    while (told := control.callback())["under_way"]:
        assert time.monotonic() < until
    return {name: told[name] for name in ("posts", "delivered", "gone", "lost")}


def test_a_word_is_notified(sandbox: SandboxProcess, control: SandboxControl, listener: Listener) -> None:
    """The event names the account and brings a token that sync_msg takes; nobody else is in it."""
    word = control.speak("wkA", "wmA", "在吗")
    event = listener.next()
    assert set(event) == {"ToUserName", "CreateTime", "MsgType", "Event", "Token", "OpenKfId"}
    assert (event["ToUserName"], event["MsgType"], event["Event"]) == ("sandbox", "event", "kf_msg_or_event")
    assert event["OpenKfId"] == "wkA"
    assert 0 <= int(event["CreateTime"]) - word["send_time"] <= 2
    caller = Caller(sandbox.base_url)
    caller.gettoken()
    told = caller.api("sync_msg", {"open_kfid": "wkA", "token": event["Token"]})
    assert [item["msgid"] for item in told["msg_list"]] == [word["msgid"]]
    control.clock(advance=600)
    assert caller.api("sync_msg", {"open_kfid": "wkA", "token": event["Token"]})["errcode"] == 95007
    assert settled(control) == {"posts": 1, "delivered": 1, "gone": 0, "lost": 0}


async def test_what_happens_together_shares_a_notification(listener: Listener) -> None:
    """Three words at once are told by one post for each account; a word after that by another."""
    world = World(Credentials(), Switches())
    world.callbacks.aim(listener.url, world.callbacks.seal)
    for account in ("wkA", "wkA", "wkB"):
        world.happen("enter_session", account, "wmA")
    told = [await asyncio.to_thread(listener.next) for _ in range(2)]
    assert sorted(event["OpenKfId"] for event in told) == ["wkA", "wkB"]
    world.happen("enter_session", "wkA", "wmA")
    assert (await asyncio.to_thread(listener.next))["OpenKfId"] == "wkA"
    assert world.callbacks.told()["posts"] == 3


def test_anything_but_200_is_tried_again(control: SandboxControl, listener: Listener) -> None:
    """The same words come again until they are answered with 200."""
    for status in (503, 302, 404):
        listener.statuses.put(status)
    control.speak("wkA", "wmA")
    first, *others = [listener.next() for _ in range(4)]
    assert others == [first] * 3
    assert settled(control) == {"posts": 4, "delivered": 1, "gone": 0, "lost": 0}


def test_after_three_retries_it_is_gone(control: SandboxControl, listener: Listener) -> None:
    """One post and three more; then WeChat gives it up, and the next word is notified afresh."""
    for _ in range(4):
        listener.statuses.put(500)
    control.speak("wkA", "wmA")
    assert settled(control) == {"posts": 4, "delivered": 0, "gone": 1, "lost": 0}
    control.speak("wkA", "wmA")
    assert settled(control) == {"posts": 5, "delivered": 1, "gone": 1, "lost": 0}


def test_a_silent_callback_is_hung_up_on(control: SandboxControl, listener: Listener) -> None:
    """Who takes the body and says nothing has failed as well."""
    control.switches(callback_timeout_ms=50, callback_retries=1)
    listener.stalls.set()
    control.speak("wkA", "wmA")
    assert settled(control) == {"posts": 2, "delivered": 0, "gone": 1, "lost": 0}


def test_nobody_listens(control: SandboxControl) -> None:
    """A closed port is a failure like any other, and speaking goes on."""
    control.callback(url="http://127.0.0.1:9/wework/callback")
    control.speak("wkA", "wmA")
    assert settled(control)["gone"] == 1


@pytest.mark.parametrize(("wish", "posts", "lost"), [("lost", 0, 1), ("doubled", 2, 0)])
def test_notifications_are_lost_or_doubled(control: SandboxControl, wish: str, posts: int, lost: int) -> None:
    """By a switch none leaves at all, or each comes twice."""
    control.switches(callbacks=wish)
    control.speak("wkA", "wmA")
    assert settled(control) == {"posts": posts, "delivered": posts, "gone": 0, "lost": lost}


def test_changes_of_authorised_accounts(control: SandboxControl, listener: Listener) -> None:
    """kf_account_auth_change repeats its elements and has neither Token nor OpenKfId."""
    control.notify(given=["wkA", "wkB"], taken=["wkC"])
    event = listener.got.get(timeout=20)
    accounts = [(tag, text) for tag, text in event if tag.startswith("Auth")]
    assert accounts == [("AuthAddOpenKfId", "wkA"), ("AuthAddOpenKfId", "wkB"), ("AuthDelOpenKfId", "wkC")]
    assert dict(event)["Event"] == "kf_account_auth_change"
    assert not {"Token", "OpenKfId"} & set(dict(event))


def test_any_other_event(control: SandboxControl, listener: Listener) -> None:
    """A test may post what it likes, properly signed; or a notification that no word caused."""
    control.notify(xml="<xml><Event>enter_agent</Event></xml>")
    assert listener.next() == {"Event": "enter_agent"}
    control.notify(open_kfid="wk]]>A")
    assert listener.next()["OpenKfId"] == "wk]]>A"


def test_the_url_check(control: SandboxControl, listener: Listener) -> None:
    """A right answer passes; with another token the callback cannot answer."""
    assert control.check_callback()["ok"]
    listener.token = "rotated"
    assert not control.check_callback()["ok"]
    control.callback(url=listener.url, token="rotated")
    assert control.check_callback()["ok"]


@pytest.mark.parametrize("url", ["https://example.com/", "ftp://127.0.0.1/", "http://", "/wework/callback"])
def test_what_cannot_be_a_callback(control: SandboxControl, url: str) -> None:
    """Only plain http to a named host."""
    with pytest.raises(ValueError, match="url must be"):
        control.callback(url=url)


def test_wrong_keys_are_refused(control: SandboxControl, listener: Listener) -> None:
    """As WeChat's console refuses them."""
    with pytest.raises(ValueError, match="43 letters"):
        control.callback(url=listener.url, aes_key="short")
    with pytest.raises(ValueError, match="1 to 32"):
        control.callback(url=listener.url, token="no spaces")
