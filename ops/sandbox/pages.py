"""The phone page: a few files of our own, no build and no network beyond this server."""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER: Final = Path(__file__).parent / "page"
FILES: Final = {
    "/": ("phone.html", "text/html"),
    "/phone": ("phone.html", "text/html"),
    "/phone.css": ("phone.css", "text/css"),
    "/phone.js": ("phone.js", "text/javascript"),
    "/bubbles.js": ("bubbles.js", "text/javascript"),
    "/words.js": ("words.js", "text/javascript"),
}


def routes() -> list[Route]:
    """The page and what it is made of."""
    return [Route(address, _file, methods=["GET"]) for address in FILES]


async def _file(request: Request) -> Response:
    name, media_type = FILES[request.url.path]
    return Response((FOLDER / name).read_bytes(), media_type=media_type)
