"""media/upload, as WeChat answers it, and the files as the phone page shows them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from ops.sandbox import errcodes
from ops.sandbox.media import MediaOffice
from ops.sandbox.views import Told

PART: Final = "media"
"""The name of the part that holds the file (document/path/96484)."""


@dataclass(frozen=True)
class Part:
    """The file that came."""

    filename: str
    data: bytes = field(repr=False)


async def read(request: Request) -> Part | None:
    """Find the part named ``media`` that has a filename; None: there is none."""
    try:
        async with request.form() as form:
            found = form.get(PART)
            if not isinstance(found, UploadFile):
                return None
            return Part(found.filename or "", await found.read())
    except (HTTPException, MultiPartException):
        return None


def take(media: MediaOffice, part: Part | None, wanted: str, now: datetime) -> Told:
    """Keep the file, or tell what is wrong with it."""
    if part is None:
        return {"errcode": errcodes.MEDIA_MISSING}
    taken = media.put(wanted, part.filename, part.data, now)
    if isinstance(taken, int):
        return {"errcode": taken}
    created_at = str(int(now.timestamp()))
    return {
        "errcode": errcodes.OK,
        "errmsg": "",
        "type": taken.type,
        "media_id": taken.media_id,
        "created_at": created_at,
    }


def shown(media: MediaOffice, media_id: str) -> Response:
    """The file; what a browser could run as a page of this server is only offered to be saved."""
    found, data = media.known.get(media_id), media.bytes_of(media_id)
    if found is None or data is None:
        return Response(status_code=404)
    name = quote(found.filename or "file")
    how = "inline" if found.type != "file" else "attachment"
    return Response(
        data,
        media_type=found.sort,
        headers={"content-disposition": f"{how}; filename*=UTF-8''{name}"},
    )
