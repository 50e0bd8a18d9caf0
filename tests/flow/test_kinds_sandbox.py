"""Every kind of message as kfpush writes it, against the sandbox as WeChat documents it: one contract."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from consumer.bodies import Need, body_of, compiled, needs_of
from consumer.book import Wording
from consumer.wechat.calls import Calls
from consumer.wechat.client import KfClient
from consumer.wechat.media import MediaUploads
from consumer.wechat.shelf import TokenShelf
from consumer.wechat.token import AccessTokens, Credentials
from consumer.wechat.transport import HttpTransport
from ops.sandbox.process import SandboxControl, SandboxProcess
from schemas.keys import Keys
from schemas.kf_kinds import Envelope, Kind
from schemas.media import Uploaded
from schemas.receipts import Accepted, Receipt, RefusalKind, Refused
from tests.files import AMR, MP4, png
from tests.unit.test_kinds import CONFIGS, VALUES

FILES = {"image": png(), "voice": AMR, "video": MP4, "file": b"%PDF-1.7 ..."}


@pytest.fixture(scope="module", name="sandbox")
def _sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as running:
        yield running


@dataclass
class WeChat:
    """The sandbox, and the client that kfpush talks to it with."""

    control: SandboxControl
    client: KfClient
    uploads: MediaUploads

    async def send(self, kind: str, media: dict[Need, str], **values: str) -> Receipt:
        """Send wmA one match as this kind."""
        wording = Wording("mine", 1, compiled("{profile_name}：{explanation}"), kind, config=CONFIGS[kind])
        envelope = Envelope("wmA", "wkA", f"m{time.monotonic_ns()}")
        return await self.client.send(body_of(wording, envelope, VALUES | values, media), lambda: True)

    def shown(self) -> dict[str, Any]:
        """The newest message on wmA's phone."""
        newest: dict[str, Any] = self.control.phone("wmA")["conversations"][0]["messages"][-1]
        return newest


@pytest.fixture
async def wechat(sandbox: SandboxProcess) -> AsyncIterator[WeChat]:
    """WeChat, as new, where wmA has just written."""
    sandbox.control.reset()
    sandbox.control.speak("wkA", "wmA")
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(HttpTransport(sandbox.control.base_url))
        shelf = TokenShelf(None, Keys(), "f")
        tokens = AccessTokens(transport, Credentials("sandbox", "sandbox"), shelf, clock=time.monotonic)
        uploads = MediaUploads(Calls(transport, tokens), transport)
        yield WeChat(sandbox.control, KfClient(transport, tokens), uploads)


@pytest.mark.parametrize("kind", sorted(CONFIGS))
async def test_every_kind_arrives(wechat: WeChat, kind: str) -> None:
    """As it was written, with its file; and so it does with values of the worst sort."""
    media = {}
    for need in needs_of(kind, CONFIGS[kind]):
        answer = await wechat.uploads.upload(need.kind, "名片 1.png", FILES[need.kind])
        media[need] = answer.media_id
    assert await wechat.send(kind, media) == Accepted()
    told = wechat.shown()
    assert told["msgtype"] == kind
    if media:
        assert told["media"]["filename"] == "名片 1.png"
        assert told["media"]["size"] == len(FILES[next(iter(media)).kind])
    wechat.control.clock(advance=49 * 3600)
    wechat.control.speak("wkA", "wmA")
    long = dict.fromkeys(("profile_name", "explanation", "intent_name"), "名🎉\n" * 300)
    if kind not in {"link", "miniprogram", "ca_link"}:  # an address has room for so much
        assert await wechat.send(kind, media, **long) == Accepted()


async def test_a_long_title_is_shown_as_it_was_sent(wechat: WeChat) -> None:
    """WeChat cuts nothing of what was cut here."""
    answer = await wechat.uploads.upload("image", "a.png", png())
    media = dict.fromkeys(needs_of("miniprogram", CONFIGS["miniprogram"]), answer.media_id)
    assert await wechat.send("miniprogram", media, profile_name="名" * 90) == Accepted()
    assert wechat.shown()["content"]["title"] == "为您找到：名名名名名名名名名名名名…（85%）"


async def test_a_file_that_is_dead(wechat: WeChat) -> None:
    """After three days of WeChat's clock: a refusal of the kind, which judges no text."""
    answer = await wechat.uploads.upload("image", "a.png", png())
    media = dict.fromkeys(needs_of("link", CONFIGS["link"]), answer.media_id)
    assert await wechat.send("link", media) == Accepted()
    wechat.control.clock(advance=3 * 24 * 3600)
    wechat.control.speak("wkA", "wmA")
    assert await wechat.send("link", media) == Refused(40007, RefusalKind.KIND)
    assert await wechat.send("text", {}) == Accepted()


@pytest.mark.parametrize("kind", ["link", "miniprogram", "msgmenu", "location", "business_card", "ca_link"])
async def test_a_kind_that_is_refused(wechat: WeChat, kind: str) -> None:
    """Whatever WeChat's code for it, the receipt says that it is the kind; the text goes."""
    wechat.control.switches(refused_kind=kind)
    media = dict.fromkeys(needs_of(kind, CONFIGS[kind]), "M")
    receipt = await wechat.send(kind, media)
    assert isinstance(receipt, Refused)
    assert receipt.kind is RefusalKind.KIND
    assert await wechat.send("text", {}) == Accepted()


async def test_an_upload_that_is_refused(wechat: WeChat) -> None:
    """The code is told; a token that WeChat has revoked is renewed in between."""
    assert await wechat.uploads.upload("image", "a.gif", b"GIF89a" + bytes(20)) == Uploaded(40004, "")
    wechat.control.revoke_token()
    assert (await wechat.uploads.upload("image", "a.png", png())).errcode == 0


def test_all_kinds_are_here() -> None:
    """A new kind cannot be added without a word with WeChat."""
    assert set(CONFIGS) == {str(kind) for kind in Kind}
