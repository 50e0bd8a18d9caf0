"""The phone page: a few files of our own, no build and no network beyond this server."""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER: Final = Path(__file__).parent / "page"
TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
FILES: Final = {
    "/": "phone.html",
    "/phone": "phone.html",
    **{f"/{file.name}": file.name for file in sorted(FOLDER.iterdir()) if file.suffix in {".css", ".js"}},
}
"""Addresses and the files there; what is not in the folder at the start is not served."""


def routes() -> list[Route]:
    """The page and what it is made of."""
    return [Route(address, _file, methods=["GET"]) for address in FILES]


async def _file(request: Request) -> Response:
    file = FOLDER / FILES[request.url.path]
    return Response(file.read_bytes(), media_type=TYPES[file.suffix])
