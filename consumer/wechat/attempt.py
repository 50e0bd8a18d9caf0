"""One attempt to send, as a flow: what to do next, and which receipt it ends in.  Pure.

The flow yields what it wants done and is sent what came of it; what cannot be done is thrown into it.
Whoever drives it (``client``) decides nothing, and a test drives it with a list.

    token -> post -> receipt
               +--- token refused: another token -> post -> receipt        (once)
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from consumer.wechat.errcodes import TEXT, TOKEN_REFUSED, TOKEN_SUSPECT, receipt_for
from consumer.wechat.port import HTTP_OK, Reply, TransportFailure
from schemas.errors import TokenUnavailable
from schemas.kf import UnreadableAnswer, read_answer
from schemas.receipts import NotSent, NotSentCause, Receipt, Unknown


class TooLate(Exception):
    """``send_by`` or the lease was over when the bytes were about to leave."""


@dataclass(frozen=True, slots=True)
class NeedToken:
    """Send me a token.  Throw TokenUnavailable if there is none."""


@dataclass(frozen=True, slots=True)
class DropToken:
    """This token is dead: keep nobody using it."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeepToken:
    """WeChat let this token in."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """POST the letter with this token and send me the Reply.  Throw TransportFailure or TooLate."""

    token: str = field(repr=False)


Wish = NeedToken | DropToken | KeepToken | Post
Attempt = Generator[Wish, Any, Receipt]


def attempt(msgtype: str = TEXT) -> Attempt:
    """Send one letter of this msgtype; the receipt is the generator's return value."""
    refused: int | None = None
    try:
        token: str = yield NeedToken()
        said = _heard((yield Post(token)))
        if said in TOKEN_REFUSED:
            refused = said
            yield DropToken(token)
            token = yield NeedToken()
            said = _heard((yield Post(token)))
        dead = said in TOKEN_REFUSED | TOKEN_SUSPECT  # for the next attempt; this one has had its renewal
        yield DropToken(token) if dead else KeepToken(token)
    except TokenUnavailable as error:
        return NotSent(NotSentCause.NO_TOKEN, refused if error.errcode is None else error.errcode)
    except TooLate:
        return NotSent(NotSentCause.LATE)
    except TransportFailure as failure:
        return Unknown(failure.cause)
    except _Unheard as unheard:
        return Unknown(str(unheard))
    return receipt_for(said, msgtype)


class _Unheard(Exception):
    """A reply without an errcode: it may come from WeChat, or from anything on the way."""


def _heard(reply: Reply) -> int:
    """WeChat's errcode.  Nothing else in a reply says anything about the message."""
    if reply.status != HTTP_OK:
        raise _Unheard(f"http {reply.status}")
    try:
        errcode = read_answer(reply.body).errcode
    except UnreadableAnswer as unreadable:
        raise _Unheard(str(unreadable)) from None
    if errcode is None:
        raise _Unheard("no errcode in the answer")
    return errcode
