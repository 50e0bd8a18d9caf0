"""WeChat's two addresses here: the check of the URL, and "there is something to pull".

Both answer from memory, in the event loop: no database, no Redis, no WeChat.  A KF event cannot be answered
here; WeChat takes ``success``, or delivers three times more and then never again.  So what is refused is
refused for ever, and only a fault of our own is a 500.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from producer.callback.board import Board
from producer.callback.letter import AccountsChanged, Noticed, read_encrypted, read_event
from producer.callback.refusal import STATUS, Cause, Refused
from producer.callback.seal import Seal, Signed
from producer.callback.tally import Tally

PATHS: Final = ("/wework/callback", "/wechat/callback")
LARGEST: Final = 64 * 1024
"""Bytes of a body; WeChat's have less than one thousand."""

_DIGITS: Final = 9
"""A length of more digits is not even read: Python refuses to at some thousands."""

_UNREAD: Final = (Cause.TOO_LARGE, Cause.TOO_SLOW)

BODY_WITHIN: Final = 5.0
"""Seconds; WeChat itself hangs up then."""


class Callback:
    """Answers WeChat."""

    def __init__(self, seal: Seal, board: Board, tally: Tally) -> None:
        self._seal = seal
        self.board = board
        self.tally = tally

    def routes(self) -> list[Route]:
        """Both addresses; the second is an older host's."""
        return [Route(path, self.answer, methods=["GET", "POST"]) for path in PATHS]

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        try:
            if request.method == "POST":
                return await self._posted(request)
            return self._checked(request)
        except Refused as refused:
            self.tally.refused(refused.cause)
            # Whose body was not read to its end keeps no connection.
            headers = {"connection": "close"} if refused.cause in _UNREAD else None
            return PlainTextResponse(f"{refused.cause}\n", STATUS[refused.cause], headers)

    def _checked(self, request: Request) -> Response:
        """Answer WeChat's check of the URL: the bare plaintext, and nothing else."""
        # A plus sign that came bare was read as a space, of which base64 has none.
        message = self._seal.open(_signed(request), _only(request, "echostr").replace(" ", "+"))
        self.tally.count("checks")
        return Response(message, media_type="text/plain", headers={"x-content-type-options": "nosniff"})

    async def _posted(self, request: Request) -> Response:
        signed = _signed(request)
        event = read_event(self._seal.open(signed, read_encrypted(await _body(request))))
        if isinstance(event, Noticed):
            self.tally.count("notices")
            self.board.notice(event)
        elif isinstance(event, AccountsChanged):
            self.tally.count("accounts")
            self.board.change(event)
        else:
            self.tally.count("foreign")
        return PlainTextResponse("success")


def _signed(request: Request) -> Signed:
    return Signed(_only(request, "msg_signature"), _only(request, "timestamp"), _only(request, "nonce"))


def _only(request: Request, name: str) -> str:
    found = request.query_params.getlist(name)
    if len(found) != 1:
        raise Refused(Cause.QUERY)
    return found[0]


async def _body(request: Request) -> bytes:
    """Read the body, but no more of it than any callback has, and not for longer than WeChat would wait."""
    told = request.headers.get("content-length", "0")
    if told.isdecimal() and (len(told) > _DIGITS or int(told) > LARGEST):
        raise Refused(Cause.TOO_LARGE)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST:
                    raise Refused(Cause.TOO_LARGE)
    except (TimeoutError, ClientDisconnect):
        raise Refused(Cause.TOO_SLOW) from None
    return bytes(body)
