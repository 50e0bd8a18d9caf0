"""One call that needs the access token: made once, and once more only where WeChat refused the token itself.

Never repeated otherwise: whoever calls knows whether asking again is harmless, and when.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from consumer.wechat.errcodes import TOKEN_REFUSED, TOKEN_SUSPECT
from consumer.wechat.port import HTTP_OK, Reply, Transport, TransportFailure
from consumer.wechat.token import AccessTokens
from schemas.errors import TokenUnavailable
from schemas.kf import UnreadableAnswer


class Answered(Protocol):
    """Whatever an answer is read into."""

    @property
    def errcode(self) -> int | None:
        """WeChat's code; None or 0 where there was none to complain of."""
        ...


T = TypeVar("T", bound=Answered)


class NoAnswer(Exception):
    """WeChat gave no answer that says anything.  The text is a few fixed words, without URL or token.

    ``errcode`` is its word on the token, if that was it.  What was asked for may have been done all the same.
    """

    def __init__(self, cause: str, errcode: int | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.errcode = errcode


class Calls:
    """POSTs to WeChat with the token that all share."""

    def __init__(self, transport: Transport, tokens: AccessTokens) -> None:
        self._transport = transport
        self._tokens = tokens

    async def post(self, path: str, body: bytes, read: Callable[[bytes], T]) -> T:
        """POST a JSON body and read the answer, a refusal of WeChat's included.

        Raises:
            NoAnswer: no token, no HTTP answer, or one that ``read`` finds to be none of WeChat's.

        """
        return await self.made(lambda token: self._transport.post(path, {"access_token": token}, body), read)

    async def made(self, make: Callable[[str], Awaitable[Reply]], read: Callable[[bytes], T]) -> T:
        """Make any call with the token, and read its answer.

        Raises:
            NoAnswer: as ``post``.

        """
        try:
            token = await self._tokens.get()
            answer = _read(await make(token), read)
            if answer.errcode in TOKEN_REFUSED:
                self._tokens.invalidate(token)
                token = await self._tokens.get()
                answer = _read(await make(token), read)
        except TokenUnavailable as error:
            raise NoAnswer("no access token", error.errcode) from None
        except TransportFailure as failure:
            raise NoAnswer(failure.cause) from None
        if answer.errcode in TOKEN_REFUSED | TOKEN_SUSPECT:
            self._tokens.invalidate(token)
        else:
            self._tokens.keep(token)
        return answer


def _read(reply: Reply, read: Callable[[bytes], T]) -> T:
    if reply.status != HTTP_OK:
        raise NoAnswer(f"http {reply.status}")
    try:
        return read(reply.body)
    except UnreadableAnswer as error:
        raise NoAnswer(str(error)) from None
