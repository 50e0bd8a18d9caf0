"""The application's door for what only it can know: ``POST /api/pushes/{id}/opened`` and its like.

    /api/pushes/{id}/opened        a page was opened from the message; id is its number or its msgid
    /api/matches/{id}/opened       the same, of the message that brought this match last
    /api/matches/{id}/converted    the match came to what it was for

Each takes a bearer token and a small JSON object, or nothing; each may be repeated and counts once.  It is
open only where a token is set.  Answers look like the application's own: success, message, data.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from producer.reports.board import Ending, Report, ReportBoard, What
from schemas.events import DEFAULT_CONVERSION, ConversionName, Id, Instant

LARGEST: Final = 4 * 1024
BODY_WITHIN: Final = 5.0

_BEARER: Final = "bearer "
_TOLD: Final = {
    Ending.WRITTEN: (200, "noted"),
    Ending.WAITING: (202, "kept in memory, to be written; repeat it to be sure: it counts once"),
    Ending.UNKNOWN: (404, "no such message was ever sent"),
    Ending.FULL: (503, "too much waits for the database; repeat it later"),
}


class _Opened(BaseModel):
    model_config = ConfigDict(extra="ignore")

    match_id: Id | None = None
    at: Instant | None = None


class _Converted(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: ConversionName = DEFAULT_CONVERSION
    at: Instant | None = None


class _Named(BaseModel):
    id: Id


class _Unfit(Exception):
    """A request that changes nothing."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Reports:
    """Answers the application."""

    def __init__(self, board: ReportBoard, tokens: Sequence[str]) -> None:
        self.board = board
        self._tokens = [token.encode() for token in tokens]

    def routes(self) -> list[Route]:
        """What is served; nothing without a token."""
        if not self._tokens:
            return []
        return [
            Route("/api/pushes/{id}/opened", self._push_opened, methods=["POST"]),
            Route("/api/matches/{id}/opened", self._match_opened, methods=["POST"]),
            Route("/api/matches/{id}/converted", self._match_converted, methods=["POST"]),
        ]

    async def _push_opened(self, request: Request) -> Response:
        return await self._answer(request, What.OPENED, is_push=True)

    async def _match_opened(self, request: Request) -> Response:
        return await self._answer(request, What.OPENED)

    async def _match_converted(self, request: Request) -> Response:
        return await self._answer(request, What.CONVERTED)

    async def _answer(self, request: Request, what: What, *, is_push: bool = False) -> Response:
        try:
            self._authorize(request)
            report = _report(request.path_params["id"], await _body(request), what, is_push=is_push)
        except _Unfit as unfit:
            headers = {401: {"www-authenticate": "Bearer"}, 413: {"connection": "close"}}.get(unfit.status)
            return _json(unfit.status, str(unfit), headers=headers)
        ending = await self.board.put(report)
        status, message = _TOLD[ending]
        headers = {"retry-after": "5"} if ending is Ending.FULL else None
        return _json(status, message, {"id": request.path_params["id"], "what": what}, headers)

    def _authorize(self, request: Request) -> None:
        """Compare in the time that all tokens take, whatever was given."""
        given = request.headers.get("authorization", "")
        token = given[len(_BEARER) :].strip().encode() if given.lower().startswith(_BEARER) else b""
        if not any([hmac.compare_digest(token, known) for known in self._tokens]):  # noqa: C419 - all of them
            raise _Unfit(401, "give the token of KFPUSH_API_TOKEN: Authorization: Bearer ...")


def _report(name: str, body: bytes, what: What, *, is_push: bool) -> Report:
    try:
        named = _Named.model_validate({"id": name}).id
        given = _object(body)
        if what is What.CONVERTED:
            converted = _Converted.model_validate(given)
            return Report(what, match_id=named, name=converted.name, at=converted.at)
        opened = _Opened.model_validate(given)
        if is_push:
            return Report(what, named, opened.match_id or "", at=opened.at)
        return Report(what, None, named, at=opened.at)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False, include_context=False)
        )
        raise _Unfit(400, wrong) from None


def _object(body: bytes) -> dict[str, object]:
    if not body.strip():
        return {}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _Unfit(400, "the body is not a JSON object")
    return found


async def _body(request: Request) -> bytes:
    """Read the body, but no more of it and for no longer than any report takes."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST:
                    raise _Unfit(413, f"the body is longer than {LARGEST} bytes")
    except (TimeoutError, ClientDisconnect):
        raise _Unfit(408, "the body did not come in time") from None
    return bytes(body)


def _json(
    status: int, message: str, data: dict[str, object] | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    told = {"success": status < 400, "message": message, "data": data}  # noqa: PLR2004 - HTTP's own border
    return JSONResponse(told, status, headers)
