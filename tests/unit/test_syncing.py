"""Asking for a page: what goes out, what comes back, and what is asked again."""

import json

import pytest

from consumer.facts import ServiceState
from consumer.wechat.calls import Calls
from consumer.wechat.port import Reply, TransportFailure
from consumer.wechat.states import States
from consumer.wechat.syncing import NotPulled, Request, Syncing
from schemas.decisions import RecipientKey
from schemas.kf_items import Page
from tests.unit.kf_fakes import Clock, FakeTransport, granted, process, said

EMPTY = said(0, next_cursor="c2", has_more=0, msg_list=[])


async def ask(transport: FakeTransport, request: Request) -> Page | NotPulled:
    """Ask once."""
    return await Syncing(Calls(transport, process(transport, Clock()))).page(request)


def bodies(transport: FakeTransport) -> list[dict[str, object]]:
    """What was posted."""
    return [json.loads(body) for _, _, body in transport.posted]


async def test_a_page() -> None:
    """Account, cursor, token and limit go out; the page comes back."""
    wechat = FakeTransport(answers=[EMPTY])
    assert await ask(wechat, Request("wk1", "c1", "T")) == Page(0, "c2")
    assert [(path, query) for path, query, _ in wechat.posted] == [
        ("/cgi-bin/kf/sync_msg", {"access_token": "T1"})
    ]
    assert bodies(wechat) == [{"open_kfid": "wk1", "limit": 1000, "cursor": "c1", "token": "T"}]


async def test_what_is_empty_is_left_out() -> None:
    """Without cursor and token their fields are missing, not empty."""
    wechat = FakeTransport(answers=[EMPTY])
    await ask(wechat, Request("wk1", limit=10))
    assert bodies(wechat) == [{"open_kfid": "wk1", "limit": 10}]


async def test_token_past_its_time() -> None:
    """95007 is about the callback's token: asked again without it, once."""
    wechat = FakeTransport(answers=[said(95007), EMPTY])
    assert await ask(wechat, Request("wk1", "c1", "T")) == Page(0, "c2")
    assert [body.get("token") for body in bodies(wechat)] == ["T", None]


async def test_token_never_right() -> None:
    """95007 without a token is an answer like any other: nothing is repeated."""
    wechat = FakeTransport(answers=[said(95007)])
    assert await ask(wechat, Request("wk1", "c1")) == NotPulled("refused", 95007)


@pytest.mark.parametrize("errcode", [40058, 99999])
async def test_cursor_that_is_not_taken(errcode: int) -> None:
    """A refusal that may mean the cursor: asked once more from the start of WeChat's three days."""
    wechat = FakeTransport(answers=[said(errcode), EMPTY])
    assert await ask(wechat, Request("wk1", "old")) == Page(0, "c2")
    assert [body.get("cursor") for body in bodies(wechat)] == ["old", None]


@pytest.mark.parametrize("errcode", [95004, 48007, 60020, 45009, -1, 40001])
async def test_refused(errcode: int) -> None:
    """A refusal of account, corp or moment is told, and the cursor kept."""
    wechat = FakeTransport(answers=[said(errcode)])
    assert await ask(wechat, Request("wk1", "c1")) == NotPulled("refused", errcode)


async def test_access_token_refused_once() -> None:
    """A dead access token is renewed, and the same asked again."""
    wechat = FakeTransport([granted("T1"), granted("T2")], [said(42001), EMPTY])
    assert await ask(wechat, Request("wk1")) == Page(0, "c2")
    assert [query["access_token"] for _, query, _ in wechat.posted] == ["T1", "T2"]


async def test_access_token_refused_twice() -> None:
    """A fresh one refused too is the end of it."""
    wechat = FakeTransport([granted("T1"), granted("T2")], [said(42001), said(42001)])
    assert await ask(wechat, Request("wk1")) == NotPulled("refused", 42001)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (TransportFailure("timed out"), "timed out"),
        (Reply(502, b"<html>"), "http 502"),
        (Reply(200, b"<html>"), "the answer is not a JSON object"),
    ],
)
async def test_no_answer(answer: Reply | Exception, cause: str) -> None:
    """What is no answer of WeChat's is never asked for again in here."""
    wechat = FakeTransport(answers=[answer])
    assert await ask(wechat, Request("wk1", "c1", "T")) == NotPulled(cause)


async def test_no_access_token() -> None:
    """Without an access token nothing is posted, and WeChat's reason is told."""
    wechat = FakeTransport([said(40001)])
    assert await ask(wechat, Request("wk1")) == NotPulled("no access token", 40001)
    assert wechat.posted == []


def test_the_token_is_in_no_repr() -> None:
    """A request that is logged by mistake shows no token."""
    assert "secret" not in repr(Request("wk1", token="secret"))


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (said(0, service_state=3, servicer_userid="s"), ServiceState.HUMAN),
        (said(0, service_state=0), ServiceState.NEW),
        (said(0, service_state=9), None),
        (said(0, service_state=True), None),
        (said(0), None),
        (said(95004), None),
        (TransportFailure("timed out"), None),
        (Reply(502, b""), None),
    ],
)
async def test_who_holds_a_conversation(answer: Reply | Exception, state: ServiceState | None) -> None:
    """WeChat's word, or none: a state nobody knows, a refusal and a lost answer say nothing."""
    wechat = FakeTransport(answers=[answer])
    states = States(Calls(wechat, process(wechat, Clock())))
    assert await states.of(RecipientKey("wk1", "wm1")) == state
    assert [path for path, _, _ in wechat.posted] == ["/cgi-bin/kf/service_state/get"]
    assert bodies(wechat) == [{"open_kfid": "wk1", "external_userid": "wm1"}]
