"""The HTTP transport makes exactly one request per call, and its failures tell no secret.

An attempt that the client does not know of breaks the accounting of slots, so POSTs are counted where they
arrive: at a raw server that does what real ones do on bad days.
"""

import asyncio
import gzip
import socket
import struct
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from consumer.wechat.port import Reply, TransportFailure
from consumer.wechat.transport import HttpTransport

SECRET = "TOKEN-THAT-NOBODY-MAY-SEE"
LETTER = '{"text":{"content":"你好"}}'.encode()
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"

Behaviour = Callable[["Raw", asyncio.StreamWriter], Awaitable[None]]


class Raw:
    """A server on a socket: notes every whole request, then behaves as told."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.seen: list[bytes] = []
        self.url = ""
        self.arrived = asyncio.Event()
        self.gone = asyncio.Event()
        self.open = 0
        self.most_open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while not writer.is_closing():
                self.seen.append(await self._request(reader))
                self.arrived.set()
                await self.behaviour(self, writer)
                await writer.drain()
        self.open -= 1
        self.gone.set()
        writer.close()

    @staticmethod
    async def _request(reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return head + (await reader.readexactly(int(length[0].split(b":")[1])) if length else b"")


@asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[Raw]:
    """A raw server on a free port of the loopback."""
    raw = Raw(behaviour)
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield raw
    finally:
        server.close()


async def answers_ok(_: Raw, writer: asyncio.StreamWriter) -> None:
    """A good day."""
    writer.write(OK)


async def hangs_up(_: Raw, writer: asyncio.StreamWriter) -> None:
    """Read the request, then close without a word."""
    writer.close()


async def resets(_: Raw, writer: asyncio.StreamWriter) -> None:
    """Read the request, then reset the connection."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()


async def hangs(raw: Raw, _: asyncio.StreamWriter) -> None:
    """Read the request and fall silent until the connection ends."""
    await asyncio.Event().wait()


def says(text: bytes, *, close: bool = False) -> Behaviour:
    """Answer with these bytes."""

    async def behave(_: Raw, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        if close:
            writer.close()

    return behave


async def post(transport: HttpTransport) -> Reply | TransportFailure:
    """Post the letter and return how it ended."""
    try:
        return await transport.post("/cgi-bin/kf/send_msg", {"access_token": SECRET}, LETTER)
    except TransportFailure as failure:
        return failure


async def test_a_post_arrives_whole_and_once() -> None:
    """Method, path, token, type and bytes are what was asked for, and nothing is added that matters."""
    async with serving(answers_ok) as raw, HttpTransport(raw.url) as transport:
        assert await post(transport) == Reply(200, b"{}")

    head, _, body = raw.seen[0].partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert len(raw.seen) == 1
    assert lines[0] == f"post /cgi-bin/kf/send_msg?access_token={SECRET.lower()} http/1.1"
    assert "content-type: application/json" in lines
    assert "user-agent: kfpush" in lines
    assert not [line for line in lines if line.startswith(("accept-encoding", "cookie", "referer", "expect"))]
    assert body == LETTER


async def test_query_values_are_escaped() -> None:
    """A token is WeChat's text: nothing in it may change the request."""
    async with serving(answers_ok) as raw, HttpTransport(raw.url + "/") as transport:
        await transport.get("/cgi-bin/gettoken", {"corpid": "a&b=c", "corpsecret": "x y/\r\n#"})

    assert raw.seen[0].startswith(
        b"GET /cgi-bin/gettoken?corpid=a%26b%3Dc&corpsecret=x+y%2F%0D%0A%23 HTTP/1.1\r\n"
    )


@pytest.mark.parametrize("behaviour", [hangs_up, resets])
async def test_a_lost_answer_is_not_asked_for_again(behaviour: Behaviour) -> None:
    """The server has the letter and says nothing: the ledger resolves that, not the transport."""
    async with serving(behaviour) as raw, HttpTransport(raw.url) as transport:
        for _ in range(5):
            assert isinstance(await post(transport), TransportFailure)

    assert len(raw.seen) == 5


@pytest.mark.parametrize("bad_day", [hangs_up, resets])
async def test_nor_on_a_connection_that_was_used_before(bad_day: Behaviour) -> None:
    """Clients love to retry when a kept connection breaks; the server has read the request all the same."""

    async def turns(raw: Raw, writer: asyncio.StreamWriter) -> None:
        await (answers_ok if len(raw.seen) % 2 else bad_day)(raw, writer)

    async with serving(turns) as raw, HttpTransport(raw.url) as transport:
        endings = [await post(transport) for _ in range(10)]

    assert [isinstance(ending, Reply) for ending in endings] == [True, False] * 5
    assert len(raw.seen) == 10


async def test_a_connection_closed_while_idle_costs_no_second_post() -> None:
    """Each call is one POST or none, whether or not the transport noticed the hang-up in time."""
    async with serving(says(OK, close=True)) as raw, HttpTransport(raw.url) as transport:
        endings = [await post(transport) for _ in range(20)]

    replies = [ending for ending in endings if isinstance(ending, Reply)]
    assert len(replies) <= len(raw.seen) <= 20


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer(status: int) -> None:
    """Following one would send the letter, and the token, to wherever it points."""
    moved = f"HTTP/1.1 {status} Moved\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".encode()
    async with serving(says(moved)) as raw, HttpTransport(raw.url) as transport:
        assert await post(transport) == Reply(status, b"")

    assert len(raw.seen) == 1


async def test_silence_ends_after_the_total_timeout() -> None:
    """The clock runs from the call to the last byte of the answer."""
    async with (
        serving(hangs) as raw,
        HttpTransport(raw.url, total_timeout=timedelta(milliseconds=150)) as transport,
    ):
        assert str(await post(transport)) == "timed out"

    assert len(raw.seen) == 1


async def test_an_answer_that_dribbles_ends_after_the_total_timeout() -> None:
    """A byte now and then does not keep a call alive."""

    async def dribbles(_: Raw, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with (
        serving(dribbles) as raw,
        HttpTransport(raw.url, total_timeout=timedelta(milliseconds=150)) as transport,
    ):
        assert str(await post(transport)) == "timed out"

    assert len(raw.seen) == 1


async def test_connecting_has_a_timeout_of_its_own() -> None:
    """A server that accepts and never shakes hands (TLS) is given up long before the total timeout."""
    loop = asyncio.get_running_loop()
    async with serving(hangs) as raw:
        url = raw.url.replace("http:", "https:")
        started = loop.time()
        async with HttpTransport(url, connect_timeout=timedelta(milliseconds=150)) as transport:
            assert str(await post(transport)) == "timed out"

    assert loop.time() - started < 4
    assert raw.seen == []


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten proxy variable must not see tokens, nor stop the sending."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with serving(answers_ok) as raw, HttpTransport(raw.url) as transport:
        assert await post(transport) == Reply(200, b"{}")

    assert len(raw.seen) == 1


@pytest.mark.parametrize(
    "length", [b"content-length: 1000000\r\n\r\n", b"transfer-encoding: chunked\r\n\r\nf4240\r\n"]
)
async def test_a_long_answer_is_not_read_to_its_end(length: bytes) -> None:
    """What stands between us and WeChat may answer with anything, of any length."""
    async with (
        serving(says(b"HTTP/1.1 200 OK\r\n" + length + b"x" * 500_000)) as raw,
        HttpTransport(raw.url, max_body=10_000) as transport,
    ):
        assert str(await post(transport)) == "the answer is too long"


async def test_a_compressed_answer_is_left_as_it_is() -> None:
    """We did not ask for one, and a small body must not become a large one."""
    body = gzip.compress(b"{}")
    answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with serving(says(answer + body)) as raw, HttpTransport(raw.url) as transport:
        assert await post(transport) == Reply(200, body)


async def test_cookies_are_not_kept() -> None:
    """Two calls have nothing in common but the server."""
    answer = OK.replace(b"OK\r\n", b"OK\r\nset-cookie: a=b\r\n")
    async with serving(says(answer)) as raw, HttpTransport(raw.url) as transport:
        await post(transport)
        await post(transport)

    assert b"cookie" not in raw.seen[1].lower()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{}", "answer cut short"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
        (b"", "closed without an answer"),
    ],
)
async def test_half_an_answer_is_none(text: bytes, cause: str) -> None:
    """A body that ends early is a failure, not a shorter body."""
    async with serving(says(text, close=True)) as raw, HttpTransport(raw.url) as transport:
        assert str(await post(transport)) == cause


async def test_connections_are_bounded() -> None:
    """However many calls are made at once, the server sees no more connections than it was promised."""

    async def answers_after_a_turn(raw: Raw, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0)
        await answers_ok(raw, writer)

    async with serving(answers_after_a_turn) as raw, HttpTransport(raw.url, max_connections=3) as transport:
        endings = await asyncio.gather(*(post(transport) for _ in range(50)))

    assert endings == [Reply(200, b"{}")] * 50
    assert raw.most_open <= 3


async def test_waiting_for_a_place_counts_against_the_total_timeout() -> None:
    """A call that found no place in time never leaves, and its caller knows in time."""
    async with (
        serving(hangs) as raw,
        HttpTransport(raw.url, max_connections=1, total_timeout=timedelta(milliseconds=150)) as transport,
    ):
        endings = await asyncio.gather(post(transport), post(transport))

    assert list(map(str, endings)) == ["timed out", "timed out"]
    assert len(raw.seen) == 1


async def test_a_cancelled_call_is_over_for_us_at_once_and_for_the_server_in_time() -> None:
    """Cancelling frees the place; the request itself, already on its way, ends with the total timeout."""

    async def hangs_once(raw: Raw, writer: asyncio.StreamWriter) -> None:
        if len(raw.seen) > 1:
            await answers_ok(raw, writer)

    total = timedelta(seconds=1)
    async with (
        serving(hangs_once) as raw,
        HttpTransport(raw.url, max_connections=1, total_timeout=total) as transport,
    ):
        call = asyncio.create_task(post(transport))
        await raw.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await post(transport) == Reply(200, b"{}")
        await asyncio.wait_for(raw.gone.wait(), 5)

    assert len(raw.seen) == 2


async def test_a_call_cancelled_while_it_waits_for_a_place_never_leaves() -> None:
    """A letter given up by its sender must not go out when a place becomes free."""
    release = asyncio.Event()

    async def answers_when_told(raw: Raw, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        await answers_ok(raw, writer)

    async with serving(answers_when_told) as raw, HttpTransport(raw.url, max_connections=1) as transport:
        first = asyncio.create_task(post(transport))
        await raw.arrived.wait()
        second = asyncio.create_task(post(transport))
        await asyncio.sleep(0)
        second.cancel()
        release.set()
        assert await first == Reply(200, b"{}")
        assert await post(transport) == Reply(200, b"{}")

    assert second.cancelled()
    assert len(raw.seen) == 2


@pytest.mark.parametrize(
    ("url", "cause"),
    [("http://127.0.0.1:1", "connection refused"), ("http://kfpush.invalid", "name lookup failed")],
)
async def test_a_server_that_is_not_there(url: str, cause: str) -> None:
    """The cause is in words that an operator can act upon."""
    async with HttpTransport(url) as transport:
        assert str(await post(transport)) == cause


@pytest.mark.parametrize("behaviour", [hangs_up, resets, hangs, says(b"HTTP/9 what\r\n\r\n", close=True)])
async def test_a_failure_tells_no_secret(behaviour: Behaviour) -> None:
    """The library's own error texts hold the URL; ours, its causes and its traceback do not."""
    async with (
        serving(behaviour) as raw,
        HttpTransport(raw.url, total_timeout=timedelta(milliseconds=150)) as transport,
    ):
        failure = await post(transport)

    assert isinstance(failure, TransportFailure)
    assert failure.__cause__ is None
    assert failure.__context__ is None
    told = "".join(traceback.format_exception(failure)) + repr(failure) + repr(vars(failure))
    assert SECRET not in told
    assert "127.0.0.1" not in told


def test_a_machine_without_certificates_can_still_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A slim image has no system certificates; ours come along with httpx."""
    nothing = tmp_path_factory.mktemp("none")
    monkeypatch.setenv("SSL_CERT_FILE", str(nothing / "absent.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(nothing))

    assert HttpTransport("https://qyapi.weixin.qq.com") is not None
