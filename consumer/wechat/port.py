"""What the KF client asks of HTTP: one exchange, or a failure that tells no secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

HTTP_OK = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, whatever its status."""

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file as a form's part; the name is the part's, ``filename`` that of the file."""

    name: str
    filename: str
    content_type: str
    data: bytes = field(repr=False)


class TransportFailure(Exception):
    """No HTTP answer.  ``cause`` is a few fixed words: no URL, no header, no body."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Transport(Protocol):
    """Calls to one server.  A call is one request: never retried, never redirected."""

    async def get(self, path: str, query: Mapping[str, str]) -> Reply:
        """GET; raises TransportFailure."""

    async def post(self, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        """POST a JSON body; raises TransportFailure."""


class FileTransport(Protocol):
    """The same for files."""

    async def upload(self, path: str, query: Mapping[str, str], part: FilePart, within: timedelta) -> Reply:
        """POST a form with one file; raises TransportFailure."""
