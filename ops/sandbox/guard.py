"""Keeps other web sites out: a page somewhere must not be able to speak in a user's name on this machine."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """Refuses requests sent by a foreign page or to a foreign name, and dresses every answer safely."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or say why not."""
        if scope["type"] != "http" or scope["path"].startswith("/cgi-bin/"):
            await self._app(scope, receive, send)
            return
        app = self._app if is_ours(Headers(scope=scope)) else _refusal
        await app(scope, receive, _dressed(send))


_refusal = PlainTextResponse("The sandbox answers only to itself and to programs on this machine.\n", 403)


def is_ours(headers: Headers) -> bool:
    """Whether it names an address or a local name, as no web site in the world can, and no site sent it."""
    host, origin = headers.get("host", ""), headers.get("origin")
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return (_is_address(name) or "." not in name) and origin in (None, f"http://{host}")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _dressed(send: Send) -> Send:
    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *HEADERS]
        await send(message)

    return dressed
