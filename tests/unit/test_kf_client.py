"""One attempt to send, and every receipt it can end in."""

import asyncio
from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from consumer.wechat.attempt import DropToken, KeepToken, NeedToken, Post, attempt
from consumer.wechat.client import KfClient
from consumer.wechat.port import Reply, TransportFailure
from consumer.wechat.shelf import TokenShelf
from consumer.wechat.token import AccessTokens, Credentials
from schemas.keys import Keys
from schemas.kf import text_body
from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown
from tests.unit.kf_fakes import FakeTransport, granted, said

BODY = text_body(touser="wmUser", open_kfid="wkAccount", msgid="m-1", content="李白 符合您的意图（85%）🎉")


def client_of(transport: FakeTransport) -> KfClient:
    """A client with a token cache of its own, at an hour that never moves."""
    shelf = TokenShelf(None, Keys(), "f")
    return KfClient(
        transport, AccessTokens(transport, Credentials("ww1", "s3cret"), shelf, clock=lambda: 1000.0)
    )


async def send(transport: FakeTransport) -> Receipt:
    """Send the one body at a time when it may leave."""
    return await client_of(transport).send(BODY, lambda: True)


async def test_a_letter_is_posted_as_utf8_json_with_the_token_in_the_query() -> None:
    """WeChat reads the token from the URL and counts bytes: Chinese goes out as itself."""
    transport = FakeTransport(answers=[said(0, msgid="m-1")])

    assert await send(transport) == Accepted()

    assert transport.posted == [
        (
            "/cgi-bin/kf/send_msg",
            {"access_token": "T1"},
            '{"touser":"wmUser","open_kfid":"wkAccount","msgid":"m-1","msgtype":"text",'
            '"text":{"content":"李白 符合您的意图（85%）🎉"}}'.encode(),
        ),
    ]


@pytest.mark.parametrize(
    ("reply", "receipt"),
    [
        (said(95033), Accepted(repeated=True)),
        (said(-1), Unknown("busy")),
        (said(95001), Refused(95001, RefusalKind.WINDOW)),
        (said(45009), Refused(45009, RefusalKind.THROTTLED)),
        (said(48007), Refused(48007, RefusalKind.ACCOUNT_CONFIG)),
        (said(40096), Refused(40096, RefusalKind.RECIPIENT)),
        (said(123456), Refused(123456, RefusalKind.UNCLASSIFIED)),
        (Reply(502, b'{"errcode":0}'), Unknown("http 502")),
        (Reply(302, b""), Unknown("http 302")),
        (Reply(204, b""), Unknown("http 204")),
        (Reply(200, b""), Unknown("the answer is not a JSON object")),
        (Reply(200, b"<html>login</html>"), Unknown("the answer is not a JSON object")),
        (Reply(200, b"[0]"), Unknown("the answer is not a JSON object")),
        (Reply(200, b"\xff\xfe"), Unknown("the answer is not a JSON object")),
        (Reply(200, b"[" * 100_000), Unknown("the answer is not a JSON object")),
        (Reply(200, b'{"errcode":' + b"9" * 5000 + b"}"), Unknown("the answer is not a JSON object")),
        (Reply(200, b'{"errmsg":"ok","msgid":"m-1"}'), Unknown("no errcode in the answer")),
        (said("0"), Unknown("no errcode in the answer")),
        (said(errcode=False), Unknown("no errcode in the answer")),
        (said(0.0), Unknown("no errcode in the answer")),
        (said(None), Unknown("no errcode in the answer")),
        (TransportFailure("timed out"), Unknown("timed out")),
    ],
)
async def test_one_answer_makes_one_receipt(reply: Reply | Exception, receipt: Receipt) -> None:
    """Only an integer errcode in an HTTP 200 says anything; all else is Unknown.  There is no second POST."""
    transport = FakeTransport(answers=[reply])

    assert await send(transport) == receipt
    assert len(transport.posted) == 1


@pytest.mark.parametrize("code", [40014, 42001, 42007, 42009, 42011])
async def test_a_refused_token_is_renewed_once_inside_the_attempt(code: int) -> None:
    """The first POST was turned away, so the second is still the attempt's only acceptable one."""
    transport = FakeTransport(tokens=[granted("T1"), granted("T2")], answers=[said(code), said(0)])

    assert await send(transport) == Accepted()
    assert [query["access_token"] for _, query, _ in transport.posted] == ["T1", "T2"]
    assert transport.posted[0][2] == transport.posted[1][2]


async def test_a_second_token_refusal_ends_the_attempt() -> None:
    """Renewing is bounded to once; that the token was refused is certain, so it is NotSent."""
    transport = FakeTransport(tokens=[granted("T1"), granted("T2")], answers=[said(42001), said(40014)])

    assert await send(transport) == NotSent(NotSentCause.NO_TOKEN, 40014)
    assert len(transport.posted) == 2
    assert len(transport.asked) == 2


async def test_a_lost_answer_after_the_renewal_is_unknown() -> None:
    """That the first POST was turned away says nothing about the second."""
    transport = FakeTransport(
        tokens=[granted("T1"), granted("T2")], answers=[said(42001), TransportFailure("connection reset")]
    )

    assert await send(transport) == Unknown("connection reset")


async def test_without_a_token_nothing_is_posted() -> None:
    """A wrong secret is WeChat's word about us, kept in the receipt."""
    transport = FakeTransport(tokens=[said(40001)])

    assert await send(transport) == NotSent(NotSentCause.NO_TOKEN, 40001)
    assert transport.posted == []


async def test_a_renewal_that_fails_is_not_sent() -> None:
    """The token was refused and there is no other: nothing was accepted; the refusal's code is kept."""
    transport = FakeTransport(
        tokens=[granted("T1"), TransportFailure("connection refused")], answers=[said(42001)]
    )

    assert await send(transport) == NotSent(NotSentCause.NO_TOKEN, 42001)


async def test_a_letter_that_may_not_leave_any_more_is_late() -> None:
    """The deadline is asked after the token was fetched: fetching may have taken the time."""
    transport = FakeTransport()

    assert await client_of(transport).send(BODY, lambda: False) == NotSent(NotSentCause.LATE)
    assert len(transport.asked) == 1
    assert transport.posted == []


async def test_the_deadline_is_asked_again_after_a_renewal() -> None:
    """A letter that was in time for the refused token may be late for the next one."""
    transport = FakeTransport(tokens=[granted("T1"), granted("T2")], answers=[said(42001)])
    may_leave = iter([True, False])

    assert await client_of(transport).send(BODY, lambda: next(may_leave)) == NotSent(NotSentCause.LATE)
    assert len(transport.posted) == 1


async def test_a_refused_secret_makes_the_next_attempt_fetch() -> None:
    """40001 is a refusal, not renewed in place; but the operator's new secret must not wait for two hours."""
    transport = FakeTransport(tokens=[granted("T1"), granted("T2")], answers=[said(40001), said(0)])
    client = client_of(transport)

    assert await client.send(BODY, lambda: True) == Refused(40001, RefusalKind.CORP_CONFIG)
    assert await client.send(BODY, lambda: True) == Accepted()
    assert [query["access_token"] for _, query, _ in transport.posted] == ["T1", "T2"]


async def test_tokens_that_die_often_but_work_in_between_are_renewed_each_time() -> None:
    """A sandbox whose clock leaps kills every token; each was let in once, so none is held against WeChat."""
    days = 5
    transport = FakeTransport(
        tokens=[granted(f"T{day}") for day in range(days + 1)],
        answers=[said(0), *[said(code) for _ in range(days) for code in (42001, 0)]],
    )
    client = client_of(transport)

    assert [await client.send(BODY, lambda: True) for _ in range(days + 1)] == [Accepted()] * (days + 1)


async def test_tokens_that_never_work_are_not_fetched_for_ever() -> None:
    """A secret of the wrong app buys tokens that are refused: two are fetched, then fetching pauses."""
    transport = FakeTransport(tokens=[granted("T1"), granted("T2")], answers=[said(40014), said(40014)])
    client = client_of(transport)

    receipts = [await client.send(BODY, lambda: True) for _ in range(3)]
    assert receipts == [
        NotSent(NotSentCause.NO_TOKEN, 40014),
        NotSent(NotSentCause.NO_TOKEN),
        NotSent(NotSentCause.NO_TOKEN),
    ]
    assert (len(transport.asked), len(transport.posted)) == (2, 2)


async def test_cancellation_is_not_a_receipt() -> None:
    """Whoever stops the pool must see the cancellation, not a receipt that claims to know something."""
    started = asyncio.Event()

    class Hanging(FakeTransport):
        async def post(self, path: str, query: Mapping[str, str], body: bytes) -> Reply:
            started.set()
            await asyncio.Event().wait()
            return await super().post(path, query, body)

    task = asyncio.create_task(send(Hanging()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_the_flow_can_be_walked_without_a_network() -> None:
    """The decisions are a generator: wishes come out, what came of them goes in."""
    flow = attempt()

    assert next(flow) == NeedToken()
    assert flow.send("T1") == Post("T1")
    assert flow.send(said(42001)) == DropToken("T1")
    assert flow.send(None) == NeedToken()
    assert flow.send("T2") == Post("T2")
    assert flow.send(said(0)) == KeepToken("T2")
    with pytest.raises(StopIteration) as ended:
        flow.send(None)
    assert ended.value.value == Accepted()


def test_wishes_do_not_show_their_token() -> None:
    """A repr may end in a log."""
    assert "T1" not in repr([Post("T1"), DropToken("T1"), KeepToken("T1")])


async def test_the_address_that_is_not_trusted_is_logged() -> None:
    """60020 is every installation's first refusal, and only WeChat knows the address it sees."""
    answer = Reply(
        200, b'{"errcode":60020,"errmsg":"not allowed, hint: [17], from ip: 203.0.113.9, more info"}'
    )

    with capture_logs() as logs:
        receipt = await send(FakeTransport(answers=[answer]))

    assert receipt == Refused(60020, RefusalKind.CORP_CONFIG)
    assert logs == [
        {"event": "wechat.address_not_trusted", "address": "203.0.113.9", "log_level": "warning"},
    ]
