"""What was uploaded: judged as WeChat judges it, kept for three days, found by its media_id.  Pure.

Types, limits and the life of a media_id: document/path/96484.  Codes: the public error table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ops.sandbox import errcodes

LIFE: Final = timedelta(days=3)
LEAST: Final = 6
"""A file has more than five bytes."""
MOST: Final[Mapping[str, int]] = {
    "image": 10 << 20,
    "voice": 2 << 20,
    "video": 10 << 20,
    "file": 20 << 20,
}
KEPT_BYTES: Final = 200 << 20
"""So much is kept to be looked at; the oldest files' bytes go first, their media_ids stay good."""

SORTS: Final[Mapping[str, tuple[tuple[int, bytes, str], ...]]] = {
    "image": ((0, b"\xff\xd8\xff", "image/jpeg"), (0, b"\x89PNG\r\n\x1a\n", "image/png")),
    "voice": ((0, b"#!AMR", "audio/amr"),),
    "video": ((4, b"ftyp", "video/mp4"),),
}
"""How a file of each type begins: where, with which bytes, and what it then is.  Any bytes are a file."""

NEEDS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "image": ("media_id", ("image",)),
    "voice": ("media_id", ("voice",)),
    "video": ("media_id", ("video",)),
    "file": ("media_id", ("file", "image", "video", "voice")),
    "link": ("thumb_media_id", ("image",)),
    "miniprogram": ("thumb_media_id", ("image",)),
}
"""Which field of a message names a media, and as what it may have been uploaded."""


@dataclass(frozen=True)
class Media:
    """One uploaded file."""

    media_id: str
    type: str
    filename: str
    sort: str
    size: int
    uploaded_at: datetime

    def lives(self, now: datetime) -> bool:
        """Whether WeChat still has it."""
        return self.uploaded_at <= now < self.uploaded_at + LIFE


@dataclass
class MediaOffice:
    """Takes files in; ``mint`` makes a new media_id."""

    mint: Callable[[], str]
    known: dict[str, Media] = field(default_factory=dict)
    _bytes: dict[str, bytes] = field(default_factory=dict, repr=False)

    def put(self, wanted: str, filename: str, data: bytes, now: datetime) -> Media | int:
        """Take a file in, or tell what WeChat has against it."""
        if wanted not in MOST:
            return errcodes.BAD_MEDIA_TYPE
        if not data:
            return errcodes.EMPTY_MEDIA
        if not LEAST <= len(data) <= MOST[wanted]:
            return errcodes.BAD_MEDIA_SIZE
        sort = _sort(wanted, data)
        if sort is None:
            return errcodes.BAD_MEDIA_FORMAT
        media = Media(self.mint(), wanted, filename, sort, len(data), now)
        self.known[media.media_id] = media
        self._bytes[media.media_id] = data
        while sum(map(len, self._bytes.values())) > KEPT_BYTES:
            del self._bytes[next(iter(self._bytes))]
        return media

    def bytes_of(self, media_id: str) -> bytes | None:
        """The file itself, as long as it is kept."""
        return self._bytes.get(media_id)

    def judge(self, msgtype: str, content: object, now: datetime) -> int:
        """OK, or that a message names a media that is not there, has died, or is of another type."""
        if msgtype not in NEEDS or not isinstance(content, Mapping):
            return errcodes.OK
        name, types = NEEDS[msgtype]
        media = self.known.get(str(content.get(name)))
        good = media is not None and media.type in types and media.lives(now)
        return errcodes.OK if good else errcodes.BAD_MEDIA_ID


def _sort(wanted: str, data: bytes) -> str | None:
    if wanted not in SORTS:
        return "application/octet-stream"
    found = (sort for at, begins, sort in SORTS[wanted] if data[at:].startswith(begins))
    return next(found, None)
