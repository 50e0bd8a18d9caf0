"""Files for WeChat (media/upload, document/path/96484): their types, how large they may be, how they begin.

A media_id lives for three days and serves every app of the corp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from schemas.kf import UnreadableAnswer, read_answer

MEDIA_UPLOAD: Final = "/cgi-bin/media/upload"

LIFE: Final = timedelta(days=3)

MEGABYTE: Final = 1 << 20
LEAST: Final = 6
"""WeChat takes what has more than five bytes."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What WeChat takes as one type: how many bytes, and how one of its files begins (where, with what)."""

    most: int
    begins: tuple[tuple[int, bytes], ...]
    called: str


LIMITS: Final[Mapping[str, Limit]] = {
    # WeChat's page says 10 MB, its older one and the KF site 2 MB: 2 MB are safe.
    "image": Limit(2 * MEGABYTE, ((0, b"\xff\xd8\xff"), (0, b"\x89PNG\r\n\x1a\n")), "a JPG or PNG picture"),
    "voice": Limit(2 * MEGABYTE, ((0, b"#!AMR"),), "an AMR voice"),
    "video": Limit(10 * MEGABYTE, ((4, b"ftyp"),), "an MP4 video"),
    "file": Limit(20 * MEGABYTE, (), "a file"),
}
TYPES: Final = tuple(LIMITS)
MOST: Final = max(limit.most for limit in LIMITS.values())
"""No type's file is larger; what is, need not be read."""


def problem_of(wanted: str, data: bytes) -> str | None:
    """Tell in an English sentence why WeChat would not take these bytes as this type; None: it takes them."""
    limit = LIMITS[wanted]
    if len(data) < LEAST:
        return f"it has {len(data)} bytes; WeChat takes {LEAST} at least"
    if len(data) > limit.most:
        size = f"{len(data) / MEGABYTE:.1f} MB"
        return f"it has {size}; {limit.called} may have {limit.most // MEGABYTE} MB"
    if limit.begins and not any(data[at:].startswith(mark) for at, mark in limit.begins):
        return f"it is not {limit.called}, whatever its name says"
    return None


@dataclass(frozen=True, slots=True)
class Uploaded:
    """WeChat's answer to an upload; ``media_id`` is empty where it refused."""

    errcode: int | None
    media_id: str


def read_uploaded(raw: bytes) -> Uploaded:
    """Read it.

    Raises:
        UnreadableAnswer: neither a media_id nor a refusal.

    """
    answer = read_answer(raw)
    media_id = answer.fields.get("media_id")
    if answer.errcode:
        return Uploaded(answer.errcode, "")
    if not isinstance(media_id, str) or not media_id:
        raise UnreadableAnswer("no media_id in the answer")
    return Uploaded(0, media_id)
