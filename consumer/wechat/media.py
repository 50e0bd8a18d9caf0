"""media/upload: one file goes up, once (document/path/96484)."""

from __future__ import annotations

import mimetypes
from datetime import timedelta
from typing import Final

from consumer.wechat.calls import Calls
from consumer.wechat.port import FilePart, FileTransport
from schemas.media import MEDIA_UPLOAD, Uploaded, read_uploaded

UPLOAD_WITHIN: Final = timedelta(seconds=60)
"""20 MB over a slow line; nobody waits for it."""

PART: Final = "media"


class MediaUploads:
    """Uploads files with the token that all share."""

    def __init__(self, calls: Calls, transport: FileTransport, *, within: timedelta = UPLOAD_WITHIN) -> None:
        self._calls = calls
        self._transport = transport
        self.within = within

    async def upload(self, wanted: str, filename: str, data: bytes) -> Uploaded:
        """Upload a file as one of image, voice, video and file; WeChat's answer, a refusal included.

        Raises:
            NoAnswer: nobody knows whether WeChat took it; another upload only makes another media_id.

        """
        content_type = mimetypes.guess_type(filename)[0] or "application/octet-stream"
        part = FilePart(PART, filename, content_type, data)
        return await self._calls.made(
            lambda token: self._transport.upload(
                MEDIA_UPLOAD, {"access_token": token, "type": wanted}, part, self.within
            ),
            read_uploaded,
        )
