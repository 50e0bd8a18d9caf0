"""Bytes to WeChat and back over HTTP, exactly once per call.

The only module that knows httpx.  It never retries, never follows a redirect, asks no environment for a
proxy, decompresses nothing, logs nothing.  Whatever goes wrong becomes a ``TransportFailure`` that holds
no URL: access tokens and secrets travel in URLs.

httpx's request and response types are used on pyreqwest's transport, without ``httpx.AsyncClient``:
ops/docs/decisions/0001-http-transport.md has the figures, and what was found out about cancelling:

pyreqwest goes on with a request whose caller was cancelled.  So places are counted here and not there (what
waits for a place has not begun and never will), and each request carries what is left of the total timeout:
bytes leave before it is over, or not at all, whoever still listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Self
from urllib.parse import urlencode

import certifi
import httpx
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.compatibility.httpx import HttpxTransport
from pyreqwest.exceptions import BuilderError

from consumer.wechat.port import FilePart, Reply, TransportFailure

CONNECT_TIMEOUT = timedelta(seconds=3)
TOTAL_TIMEOUT = timedelta(seconds=8)
IDLE_TIMEOUT = timedelta(seconds=30)
"""An idle connection is closed before a firewall on the way forgets it."""
LEAST_SECONDS = 0.02
"""A call that found a place this late does not begin: no answer could be awaited."""
MAX_CONNECTIONS = 64
MAX_BODY = 1 << 24
"""Bytes of an answer that are read: a page of sync_msg has up to a thousand items of some kilobytes."""

_TOLD_BY_TEXT = (
    ("dns error", "name lookup failed"),
    ("invalid peer certificate", "certificate not trusted"),
    ("Connection refused", "connection refused"),
    ("operation timed out", "timed out"),
    ("(Connect)", "could not connect"),
    ("before message completed", "closed without an answer"),
    ("reset by peer", "connection reset"),
    ("before message length reached", "answer cut short"),
    ("invalid HTTP version", "not HTTP"),
)


class HttpTransport:
    """Calls to one server over a bounded pool of connections that are kept alive."""

    def __init__(
        self,
        base_url: str,
        *,
        connect_timeout: timedelta = CONNECT_TIMEOUT,
        total_timeout: timedelta = TOTAL_TIMEOUT,
        max_connections: int = MAX_CONNECTIONS,
        max_body: int = MAX_BODY,
    ) -> None:
        """Open nothing yet: connections are made by the first calls."""
        self._base_url = base_url.rstrip("/")
        self._total = total_timeout.total_seconds()
        self._max_body = max_body
        self._places = asyncio.Semaphore(max_connections)
        self._parsed: tuple[tuple[object, ...], httpx.URL] = ((), httpx.URL())
        self._transport = HttpxTransport(_build(connect_timeout))

    async def __aenter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def get(self, path: str, query: Mapping[str, str]) -> Reply:
        """GET ``path``; the answer, or TransportFailure."""
        return await self._call(httpx.Request("GET", self._url(path, query)))

    async def post(
        self, path: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """POST ``body``, a JSON text, with these headers too; the answer, or TransportFailure."""
        told = {"content-type": "application/json", **(headers or {})}
        return await self._call(httpx.Request("POST", self._url(path, query), content=body, headers=told))

    async def upload(self, path: str, query: Mapping[str, str], part: FilePart, within: timedelta) -> Reply:
        """POST a form with one file; the answer, or TransportFailure.  It may take so long."""
        files = {part.name: (part.filename, part.data, part.content_type)}
        request = httpx.Request("POST", self._url(path, query), files=files)
        return await self._call(request, within.total_seconds())

    def _url(self, path: str, query: Mapping[str, str]) -> httpx.URL:
        """Writing and parsing it is an eighth of a call's cost; until the token changes it is the same."""
        asked = (path, *query.items())
        if self._parsed[0] != asked:
            tail = f"?{urlencode(query)}" if query else ""
            self._parsed = (asked, httpx.URL(f"{self._base_url}{path}{tail}"))
        return self._parsed[1]

    async def _call(self, request: httpx.Request, within: float | None = None) -> Reply:
        ending = await self._attempt(request, self._total if within is None else within)
        if isinstance(ending, TransportFailure):
            raise ending  # here, where no exception is being handled: none is chained whose text has the URL
        return ending

    async def _attempt(self, request: httpx.Request, within: float) -> Reply | TransportFailure:
        until = asyncio.get_running_loop().time() + within
        try:
            async with asyncio.timeout_at(until), self._places:
                left = until - asyncio.get_running_loop().time()
                if left < LEAST_SECONDS:
                    return TransportFailure("timed out")
                request.extensions = {"timeout": {"total": left}}
                return await self._exchange(request)
        except TimeoutError:
            return TransportFailure("timed out")
        except Exception as error:  # noqa: BLE001 - the transport below maps its errors loosely
            return TransportFailure(_cause_of(error))

    async def _exchange(self, request: httpx.Request) -> Reply | TransportFailure:
        response = await self._transport.handle_async_request(request)
        try:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._max_body:
                    return TransportFailure("the answer is too long")
            return Reply(response.status_code, bytes(body))
        finally:
            with suppress(Exception):
                await response.aclose()


def _build(connect_timeout: timedelta) -> Client:
    def builder() -> ClientBuilder:
        return (
            ClientBuilder()
            .user_agent("kfpush")
            .no_proxy()
            .follow_redirects(enable=False)
            .referer(enable=False)
            .gzip(enable=False)
            .brotli(enable=False)
            .zstd(enable=False)
            .deflate(enable=False)
            .http1_only()
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
        )

    try:
        return builder().build()
    except BuilderError:  # a slim image without ca-certificates: bring the roots ourselves
        return builder().add_root_certificate_pem(certifi.contents().encode()).build()


def _cause_of(error: Exception) -> str:
    """Fixed words for what went wrong.  Diagnosis only: nothing may branch on them.

    pyreqwest tells a lost connection from a refused one by text alone (both are ConnectError), and that text
    has the URL in it; so it is searched for phrases and never passed on.
    """
    details = getattr(error.__cause__ or error, "details", None)
    told = str(details)
    for phrase, cause in _TOLD_BY_TEXT:
        if phrase in told:
            return cause
    return type(error).__name__
