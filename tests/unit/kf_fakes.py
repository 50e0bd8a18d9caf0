"""WeChat as a list of answers, and time that passes when told: no network, no waiting."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from consumer.wechat.port import Reply
from consumer.wechat.shelf import TokenShelf
from consumer.wechat.token import AccessTokens, Credentials, fingerprint
from schemas.errors import TokenUnavailable
from schemas.keys import Keys

SECRET = "corp-s3cret"
KEYS = Keys()
PRINT = fingerprint("ww1", SECRET)


def said(errcode: object, **more: object) -> Reply:
    """What WeChat answers with: always HTTP 200."""
    return Reply(200, json.dumps({"errcode": errcode, "errmsg": "...", **more}).encode())


def granted(token: str, expires_in: object = 7200) -> Reply:
    """A gettoken answer."""
    return said(0, access_token=token, expires_in=expires_in)


@dataclass
class FakeTransport:
    """Answers GETs and POSTs from two lists; an exception in a list is raised."""

    tokens: list[Reply | Exception] = field(default_factory=lambda: [granted("T1")])
    answers: list[Reply | Exception] = field(default_factory=list)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    posted: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    async def get(self, path: str, query: Mapping[str, str]) -> Reply:
        """Answer from ``tokens``."""
        self.asked.append((path, query))
        return _next(self.tokens)

    async def post(self, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        """Answer from ``answers``."""
        self.posted.append((path, query, body))
        return _next(self.answers)


def _next(line: list[Reply | Exception]) -> Reply:
    first = line.pop(0)
    if isinstance(first, Exception):
        raise first
    return first


@dataclass
class Clock:
    """Seconds that pass when told; sleeping is one way of telling."""

    now: float = 1000.0
    slept: float = 0.0
    has_slept: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass, and the other tasks run."""
        self.now += seconds
        self.slept += seconds
        self.has_slept.set()
        await asyncio.sleep(0)


class GatedTransport(FakeTransport):
    """Answers only once the gate is open."""

    def __init__(self, *tokens: Reply | Exception) -> None:
        super().__init__(list(tokens))
        self.gate = asyncio.Event()
        self.was_asked = asyncio.Event()

    async def get(self, path: str, query: Mapping[str, str]) -> Reply:
        """Wait at the gate."""
        self.was_asked.set()
        await self.gate.wait()
        return await super().get(path, query)


def process(transport: FakeTransport, clock: Clock, redis: Redis | None = None) -> AccessTokens:
    """What one process has of tokens."""
    shelf = TokenShelf(redis, KEYS, PRINT, patience_seconds=0.05)
    return AccessTokens(transport, Credentials("ww1", SECRET), shelf, clock=clock, sleep=clock.sleep)


async def refusal(tokens: AccessTokens) -> TokenUnavailable:
    """The error of a ``get`` that must fail."""
    with pytest.raises(TokenUnavailable) as caught:
        await tokens.get()
    return caught.value


async def let_others_run() -> None:
    """Give every waiting task its turns."""
    for _ in range(20):
        await asyncio.sleep(0)
