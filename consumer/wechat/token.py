"""WeChat's access token: kept in memory, shared over Redis, fetched as rarely as can be.

WeChat bans an address for an hour that asks too often with a wrong secret, so a failed fetch is remembered,
and nobody asks again before 1, 2, 4 ... 60 seconds are over.  While the old token still lives, renewing it
is one task's business and the others go on with the old one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from consumer.wechat.errcodes import explain
from consumer.wechat.port import HTTP_OK, Transport, TransportFailure
from consumer.wechat.shelf import TokenShelf
from schemas.errors import TokenUnavailable
from schemas.kf import (
    GET_TOKEN,
    Answer,
    TokenGrant,
    UnreadableAnswer,
    caller_address,
    read_answer,
    read_grant,
)

RENEW_AT_MOST_SECONDS = 300.0
"""A token is renewed when a tenth of its life, at most this, is left."""
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_UNANSWERED_SECONDS = 5.0
"""Nobody is banned for asking a server that does not answer."""
OTHERS_FETCH_SECONDS = 2.0
"""How long we wait for the process that holds the lock before we fetch for ourselves."""
LOOK_AGAIN_SECONDS = 0.1

THROTTLED = 45009


def fingerprint(corp_id: str, secret: str) -> str:
    """Names the (corp, secret) pair in a Redis key without telling either."""
    return hashlib.blake2b(f"{corp_id}\n{secret}".encode(), digest_size=6, person=b"kfpush-token").hexdigest()


def pause_after(failures: int, longest: float = LONGEST_PAUSE_SECONDS) -> float:
    """Seconds to leave WeChat alone after so many failures in a row: 1, 2, 4 ... ``longest``."""
    return min(2.0 ** min(failures - 1, 10), longest) if failures > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Held:
    token: str = field(repr=False)
    lifetime: float
    dies_at: float

    def is_fresh(self, now: float) -> bool:
        return self.dies_at - now > min(self.lifetime / 10, RENEW_AT_MOST_SECONDS)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to WeChat."""

    corp_id: str
    secret: str = field(repr=False)


class AccessTokens:
    """The access token of one (corp, secret)."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        shelf: TokenShelf,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """``clock`` is monotonic, in seconds."""
        self._transport = transport
        self._credentials = credentials
        self._shelf = shelf
        self._clock = clock
        self._sleep = sleep
        self._one_fetch = asyncio.Lock()
        self._held: _Held | None = None
        self._refused: _Held | None = None
        self._failures = 0
        """Fetches that failed in a row."""
        self._strikes = 0
        """Tokens refused since one was let in."""
        self._not_before = 0.0
        self._last_error: TokenUnavailable | None = None

    async def get(self) -> str:
        """A token to use now.

        Raises:
            TokenUnavailable: WeChat gives none; the text says what to do about it.

        """
        living = self._living()
        if living is not None and (living.is_fresh(self._clock()) or self._one_fetch.locked()):
            return living.token
        async with self._one_fetch:
            try:
                return await self._renewed()
            except TokenUnavailable:
                living = self._living()
                if living is None:
                    raise
                return living.token  # old, but alive: an early renewal that failed is no outage

    def invalidate(self, token: str) -> None:
        """WeChat refused ``token``.  If another one has taken its place since, that one stays.

        Tokens refused one after the other, none of which was ever let in, are as good as no token: from the
        second on, fetching pauses.
        """
        if self._held is None or self._held.token != token:
            return
        self._strikes += 1
        if self._strikes > 1:
            self._pause(_refused_at_birth(), pause_after(self._strikes - 1))
        self._refused, self._held = self._held, None

    def keep(self, token: str) -> None:
        """WeChat let ``token`` in."""
        if self._held is not None and self._held.token == token:
            self._strikes = 0

    def _living(self) -> _Held | None:
        held = self._held
        return held if held is not None and held.dies_at > self._clock() else None

    async def _renewed(self) -> str:
        if (fresh := self._fresh()) is not None:  # another task did it while we waited for our turn
            return fresh
        if self._last_error is not None and self._clock() < self._not_before:
            raise TokenUnavailable(str(self._last_error), self._last_error.errcode)
        if (fresh := await self._adopted()) is not None:
            return fresh
        async with self._shelf.fetching() as mine:
            if mine:
                return await self._adopted() or await self._fetched()
            if (living := self._living()) is not None:
                return living.token
            return await self._adopted_in_a_while() or await self._fetched()

    def _fresh(self) -> str | None:
        living = self._living()
        return living.token if living is not None and living.is_fresh(self._clock()) else None

    async def _adopted(self) -> str | None:
        """Take over the token that another process left; return it if it need not be renewed yet."""
        shared = await self._shelf.take()
        refused = self._refused.token if self._refused is not None else None
        if shared is not None and shared.grant.access_token != refused:
            lifetime, dies_at = shared.grant.expires_in, self._clock() + shared.remaining
            if self._held is None or dies_at > self._held.dies_at:
                self._held = _Held(shared.grant.access_token, lifetime, dies_at)
        return self._fresh()

    async def _adopted_in_a_while(self) -> str | None:
        for _ in range(round(OTHERS_FETCH_SECONDS / LOOK_AGAIN_SECONDS)):
            await self._sleep(LOOK_AGAIN_SECONDS)
            if (fresh := await self._adopted()) is not None:
                return fresh
        return None

    async def _fetched(self) -> str:
        try:
            grant = await self._ask()
        except TokenUnavailable as error:
            self._failures += 1
            longest = LONGEST_PAUSE_UNANSWERED_SECONDS if error.errcode is None else LONGEST_PAUSE_SECONDS
            throttled = error.errcode == THROTTLED
            self._pause(error, LONGEST_PAUSE_SECONDS if throttled else pause_after(self._failures, longest))
            raise
        self._failures = 0
        self._held = _Held(grant.access_token, grant.expires_in, self._clock() + grant.expires_in)
        await self._shelf.put(grant)
        return grant.access_token

    def _pause(self, error: TokenUnavailable, seconds: float) -> None:
        self._not_before = self._clock() + seconds
        self._last_error = error

    async def _ask(self) -> TokenGrant:
        query = {"corpid": self._credentials.corp_id, "corpsecret": self._credentials.secret}
        try:
            reply = await self._transport.get(GET_TOKEN, query)
            if reply.status != HTTP_OK:
                raise TokenUnavailable(_unanswered(f"HTTP status {reply.status}"))
            answer = read_answer(reply.body)
        except TransportFailure as failure:
            raise TokenUnavailable(_unanswered(failure.cause)) from None
        except UnreadableAnswer:
            raise TokenUnavailable(_unanswered("an answer that is not JSON")) from None
        grant = read_grant(answer)
        if grant is None:
            raise _refusal(answer)
        return grant


def _refused_at_birth() -> TokenUnavailable:
    return TokenUnavailable(
        "WeChat refuses the access tokens that it has just given. Check that WEWORK_SECRET belongs to an app "
        "that may use KF (微信客服 > 可调用接口的应用); kfpush goes on trying.",
    )


def _unanswered(cause: str) -> str:
    return (
        f"WeChat gave no access token: {cause}. "
        "Check the network and KFPUSH_WECHAT_BASE_URL; kfpush goes on trying."
    )


def _refusal(answer: Answer) -> TokenUnavailable:
    code, address = answer.errcode, caller_address(answer)
    if not code:
        return TokenUnavailable(_unanswered("an answer without a token"))
    row = explain(code)
    whence = f" WeChat sees this server as {address}." if address else ""
    return TokenUnavailable(
        f"WeChat gave no access token (errcode {code}: {row.means}). {row.advice}{whence}", code
    )
