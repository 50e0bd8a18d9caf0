"""Neither the secret nor the token leaves by a log, an error, a receipt or a traceback, whatever goes wrong.

Both travel in URLs, and every library on the way is fond of printing URLs.  So all logging is caught at its
most talkative, and real sockets fail in every way they can.
"""

import asyncio
import json
import logging
import time
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from consumer.wechat.client import KfClient
from consumer.wechat.port import TransportFailure
from consumer.wechat.shelf import TokenShelf
from consumer.wechat.token import AccessTokens, Credentials, fingerprint
from consumer.wechat.transport import HttpTransport
from schemas.errors import TokenUnavailable
from schemas.keys import Keys
from schemas.kf import text_body

SECRET = "corpsecretNOBODYmaySEE"
TOKEN = "accesstokenNOBODYmaySEE"
BODY = text_body(touser="wmUser", open_kfid="wkAccount", msgid="m-1", content="你好")

GRANT = json.dumps({"errcode": 0, "access_token": TOKEN, "expires_in": 7200}).encode()
DAYS: dict[str, tuple[bytes, bytes]] = {
    "all is well": (GRANT, b'{"errcode":0}'),
    "the secret is refused": (b'{"errcode":40001,"errmsg":"bad %s"}' % SECRET.encode(), b""),
    "the token is refused": (GRANT, b'{"errcode":42001,"errmsg":"bad %s"}' % TOKEN.encode()),
    "the address is refused": (GRANT, b'{"errcode":60020,"errmsg":"%s from ip: 1.2.3.4"}' % TOKEN.encode()),
    "no answer to the token's request": (b"CLOSE", b""),
    "no answer to the letter": (GRANT, b"CLOSE"),
    "silence for the token's request": (b"HANG", b""),
    "silence for the letter": (GRANT, b"HANG"),
    "no HTTP for the token's request": (b"RAW", b""),
    "no HTTP for the letter": (GRANT, b"RAW"),
    "a page that repeats the URL": (GRANT, b"<html>/cgi-bin?access_token=" + TOKEN.encode()),
    "a grant of a wrong shape": (GRANT.replace(b"7200", b'"soon"'), b""),
    "a proxy's refusal": (GRANT, b"STATUS 407"),
    "a redirect to another place": (GRANT, b"STATUS 302"),
}


@asynccontextmanager
async def wechat(grant: bytes, answer: bytes) -> AsyncIterator[str]:
    """A server that treats the token's request one way and letters another."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            told = grant if head.startswith(b"GET") else answer
            if told == b"HANG":
                await reader.read()
                await reader.read()
            elif told == b"RAW":
                writer.write(b"220 smtp ready " + head)
            elif told.startswith(b"STATUS"):
                moved = head.split(b" ")[1]
                status = told.split(b" ")[1]
                writer.write(
                    b"HTTP/1.1 %s x\r\nlocation: http://127.0.0.1:1%s\r\ncontent-length: 0\r\n\r\n"
                    % (status, moved)
                )
            elif told != b"CLOSE":
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(told) + told
                )
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.fixture(name="heard")
def _heard(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Everything that was logged or printed, by anybody, at any level."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "pyreqwest", "reqwest", "hyper", "hyper_util", "redis", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)

    def all_of_it() -> str:
        printed = capsys.readouterr()
        logged = "".join(f"{record.getMessage()}{vars(record)}" for record in caplog.records)
        return printed.out + printed.err + logged

    return all_of_it


def everything_about(error: BaseException | None) -> str:
    """An error with all its texts, its attributes, and the errors that it hangs on, shown or not."""
    if error is None:
        return ""
    own = f"{error!r}{error}{error.args}{vars(error)}" + "".join(traceback.format_exception(error))
    return own + everything_about(error.__cause__) + everything_about(error.__context__)


@pytest.mark.parametrize("day", DAYS)
async def test_nothing_tells_a_secret(day: str, heard: Callable[[], str]) -> None:
    """Two attempts on each kind of bad day, then the errors behind their receipts, by themselves."""
    gone = FakeServer()
    gone.connected = False
    told = ""
    async with (
        wechat(*DAYS[day]) as url,
        HttpTransport(url, total_timeout=timedelta(milliseconds=200)) as transport,
    ):
        shelf = TokenShelf(FakeAsyncRedis(server=gone), Keys(), fingerprint("ww1", SECRET))
        tokens = AccessTokens(transport, Credentials("ww1", SECRET), shelf, clock=time.monotonic)
        client = KfClient(transport, tokens)
        told += repr([await client.send(BODY, lambda: True), await client.send(BODY, lambda: True)])
        told += repr([vars(client), vars(tokens), vars(shelf)])
        try:
            await tokens.get()
        except TokenUnavailable as error:
            told += everything_about(error)
        try:
            await transport.post("/cgi-bin/kf/send_msg", {"access_token": TOKEN}, b"{}")
        except TransportFailure as error:
            told += everything_about(error)

    told += heard()
    assert "NOBODYmaySEE" not in told


async def test_the_net_would_catch_a_secret(heard: Callable[[], str]) -> None:
    """The fixture hears what a careless library would say; else the test above would prove nothing."""
    logging.getLogger("hyper_util").debug("connecting to %s", TOKEN)
    careless = TransportFailure("timed out")
    careless.__context__ = ValueError(SECRET)

    assert SECRET in everything_about(careless)
    assert TOKEN in heard()
