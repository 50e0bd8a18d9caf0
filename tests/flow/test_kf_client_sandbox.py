"""The KF client against the sandbox: the story of one recipient, with trouble on the line."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from consumer.wechat.client import KfClient
from consumer.wechat.shelf import TokenShelf
from consumer.wechat.token import AccessTokens, Credentials
from consumer.wechat.transport import HttpTransport
from ops.sandbox.process import SandboxControl, SandboxProcess
from schemas.keys import Keys
from schemas.kf import text_body
from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown

Send = Callable[[str], Awaitable[Receipt]]


@pytest.fixture(scope="module", name="sandbox")
def _sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as running:
        yield running


@pytest.fixture(name="wechat")
def _wechat(sandbox: SandboxProcess) -> SandboxControl:
    """WeChat, as new, where one user has just written."""
    sandbox.control.reset()
    sandbox.control.speak("wkA", "wmA")
    return sandbox.control


@asynccontextmanager
async def sender(wechat: SandboxControl, patience: float) -> AsyncIterator[Send]:
    """Sends a text to that user under a msgid, listening for the answer for so many seconds."""
    async with HttpTransport(wechat.base_url, total_timeout=timedelta(seconds=patience)) as transport:
        shelf = TokenShelf(None, Keys(), "f")
        tokens = AccessTokens(transport, Credentials("sandbox", "sandbox"), shelf, clock=time.monotonic)
        client = KfClient(transport, tokens)

        def send(msgid: str) -> Awaitable[Receipt]:
            body = text_body(touser="wmA", open_kfid="wkA", msgid=msgid, content=f"匹配 {msgid}")
            return client.send(body, lambda: True)

        yield send


@pytest.fixture(name="send")
async def _send(wechat: SandboxControl) -> AsyncIterator[Send]:
    """Sends, with all the patience a busy machine may need."""
    async with sender(wechat, 20) as send:
        yield send


def shown(wechat: SandboxControl) -> int:
    """How many messages are on the user's phone."""
    return len(wechat.pushes("wmA"))


async def test_five_messages_and_no_sixth(wechat: SandboxControl, send: Send) -> None:
    """The window ends with WeChat's own word, and a word of the user opens it again."""
    assert [await send(f"m{n}") for n in range(5)] == [Accepted()] * 5
    assert await send("m5") == Refused(95001, RefusalKind.WINDOW)

    wechat.speak("wkA", "wmA")
    assert await send("m6") == Accepted()
    assert shown(wechat) == 6


async def test_a_lost_answer_is_found_again(wechat: SandboxControl, send: Send) -> None:
    """WeChat had taken the letter: the retry hears so, and the user sees one message."""
    wechat.fault(drop="after")

    assert isinstance(await send("m1"), Unknown)
    assert await send("m1") == Accepted(repeated=True)
    assert shown(wechat) == 1


async def test_a_letter_lost_on_the_way_is_sent_again(wechat: SandboxControl, send: Send) -> None:
    """The same ending for us, the other truth at WeChat: one message all the same."""
    wechat.fault(drop="before")

    assert isinstance(await send("m1"), Unknown)
    assert await send("m1") == Accepted()
    assert shown(wechat) == 1


async def test_an_answer_that_comes_too_late_is_none(wechat: SandboxControl, send: Send) -> None:
    """After the total timeout nobody listens; the message is there."""
    wechat.fault(delay_after=2)

    async with sender(wechat, 1) as impatient:
        assert await impatient("m1") == Unknown("timed out")
    assert await send("m1") == Accepted(repeated=True)


@pytest.mark.parametrize("code", [40014, 42001])
async def test_a_revoked_token_costs_no_attempt(wechat: SandboxControl, send: Send, code: int) -> None:
    """WeChat may end a token at any time: it is renewed inside the attempt."""
    await send("m1")
    wechat.revoke_token(code)

    assert await send("m2") == Accepted()
    assert shown(wechat) == 2


async def test_a_token_outlived_by_the_clock_is_renewed(wechat: SandboxControl, send: Send) -> None:
    """Three hours pass at WeChat, none here."""
    await send("m1")
    wechat.clock(advance=3 * 3600)

    assert await send("m2") == Accepted()


async def test_sixteen_sends_share_one_renewal(wechat: SandboxControl, send: Send) -> None:
    """All hear that the token is dead; one fetches another, all go on."""
    await send("m0")
    wechat.revoke_token()

    receipts = await asyncio.gather(*(send(f"m{n}") for n in range(1, 17)))
    assert sorted(map(str, receipts)) == sorted(
        map(str, [Accepted()] * 4 + [Refused(95001, RefusalKind.WINDOW)] * 12)
    )
    assert len([call for call in wechat.calls() if call["api"] == "gettoken"]) == 2


@pytest.mark.parametrize(
    ("trouble", "receipt"),
    [
        ({"errcode": -1}, Unknown("busy")),
        ({"errcode": 45009}, Refused(45009, RefusalKind.THROTTLED)),
        ({"status": 502}, Unknown("http 502")),
        ({"body": "<html>"}, Unknown("the answer is not a JSON object")),
    ],
)
async def test_trouble_is_told_as_it_is(
    wechat: SandboxControl, send: Send, trouble: dict[str, object], receipt: Receipt
) -> None:
    """Each kind of trouble has its receipt."""
    wechat.fault(**trouble)

    assert await send("m1") == receipt


async def test_no_token_no_letter(wechat: SandboxControl, send: Send) -> None:
    """When gettoken refuses, nothing is posted, and the refusal is in the receipt."""
    wechat.fault(match={"api": "gettoken"}, errcode=40001)

    assert await send("m1") == NotSent(NotSentCause.NO_TOKEN, 40001)
    assert shown(wechat) == 0
