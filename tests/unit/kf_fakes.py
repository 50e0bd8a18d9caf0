"""WeChat as a list of answers: a transport that needs no network."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from consumer.wechat.port import Reply


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
