"""The KF client: one attempt to send one message, and its receipt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog

from consumer.wechat.attempt import DropToken, KeepToken, NeedToken, Post, TooLate, Wish, attempt
from consumer.wechat.errcodes import TEXT
from consumer.wechat.port import Reply, Transport, TransportFailure
from consumer.wechat.token import AccessTokens
from schemas.errors import TokenUnavailable
from schemas.kf import SEND_MSG, UnreadableAnswer, caller_address, encode, read_answer
from schemas.receipts import Receipt

LeaveOk = Callable[[], bool]

NOT_TRUSTED = 60020

log = structlog.get_logger(__name__)


class KfClient:
    """Sends frozen bodies to WeChat."""

    def __init__(self, transport: Transport, tokens: AccessTokens) -> None:
        self._transport = transport
        self._tokens = tokens

    async def send(self, body: Mapping[str, object], leave_ok: LeaveOk) -> Receipt:
        """Make one attempt: at most one POST that WeChat could accept.

        ``leave_ok`` is asked right before the bytes leave, each time; False ends the attempt as
        NotSent(late).  Whatever the network or WeChat does is a receipt; only cancellation propagates,
        and whoever cancels must treat the attempt as Unknown.
        """
        letter = encode(body)
        flow = attempt(str(body.get("msgtype", TEXT)))
        try:
            wish = next(flow)
            while True:
                try:
                    answer = await self._grant(wish, letter, leave_ok)
                except (TokenUnavailable, TransportFailure, TooLate) as failure:
                    wish = flow.throw(failure)
                else:
                    wish = flow.send(answer)
        except StopIteration as ended:
            receipt: Receipt = ended.value
            return receipt
        finally:
            flow.close()

    async def _grant(self, wish: Wish, letter: bytes, leave_ok: LeaveOk) -> str | Reply | None:
        match wish:
            case NeedToken():
                return await self._tokens.get()
            case DropToken(token):
                self._tokens.invalidate(token)
                return None
            case KeepToken(token):
                self._tokens.keep(token)
                return None
            case Post(token):
                if not leave_ok():
                    raise TooLate
                reply = await self._transport.post(SEND_MSG, {"access_token": token}, letter)
                _tell_address(reply)
                return reply


def _tell_address(reply: Reply) -> None:
    """Log the address that WeChat does not trust: only its free text knows it, and somebody has to add it."""
    if b"60020" in reply.body:
        with suppress(UnreadableAnswer):
            answer = read_answer(reply.body)
            if answer.errcode == NOT_TRUSTED:
                log.warning("wechat.address_not_trusted", address=caller_address(answer))
