"""Cutting a text to the bytes a message holds, without breaking what a person sees as one character."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

TEXT_BYTES: Final = 2048
"""WeChat: the content of a text message is 1 to 2048 bytes of UTF-8 (kf/send_msg)."""

ELLIPSIS: Final = "…"
ZERO_WIDTH_JOINER: Final = "\u200d"

LONGEST_GRAPHEME: Final = 32
"""Characters looked back for the start of a grapheme; a longer pile of marks is cut through."""

_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def cut_to_bytes(text: str, limit: int = TEXT_BYTES) -> str:
    """Cut a text to at most ``limit`` (from 3) bytes of UTF-8, ending in "…" if anything was cut.

    Never inside a character, nor inside an emoji sequence, a flag or an accented letter of usual length.
    """
    text = _SURROGATE.sub("", text)
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    room = limit - len(ELLIPSIS.encode())
    if room < 0:
        raise ValueError(f"{limit} bytes have no room for {ELLIPSIS!r}")
    end = len(encoded[:room].decode(errors="ignore"))
    near = range(end, max(end - LONGEST_GRAPHEME, 0) - 1, -1)
    whole = next((at for at in near if at == 0 or not _joins(text, at)), end)
    return text[:whole].rstrip() + ELLIPSIS


def _joins(text: str, at: int) -> bool:
    """Whether the character at ``at`` belongs to the one before it."""
    before, behind = text[at - 1], text[at]
    if behind in _FLAG_LETTERS:  # flags are pairs: an odd number of letters before is half a flag
        return (at - len(text[:at].rstrip(_FLAG_LETTERS))) % 2 == 1
    return (
        ZERO_WIDTH_JOINER in {before, behind}
        or unicodedata.category(behind) in {"Mn", "Mc", "Me"}  # accents, variation selectors, keycaps
        or "\U0001f3fb" <= behind <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= behind <= "\U000e007f"  # letters of regional flags
    )
