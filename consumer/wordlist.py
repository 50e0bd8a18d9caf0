"""The file of sensitive words: read when it is new, and again when it has changed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from consumer.content import Content, read_words, rules_from
from schemas.errors import ConfigurationError

LARGEST: Final = 16 * 1024 * 1024
_ENCODINGS: Final = ("utf-8-sig", "gb18030")
"""Lists are passed from hand to hand, and many were written on a Chinese Windows."""


class WordList:
    """Keeps the content rules of one file; ``path`` None is no file.

    A file that goes away or breaks while kfpush runs changes nothing but the complaints: what was blocked
    stays blocked.  One that cannot be read to begin with is refused.

    Raises:
        ConfigurationError: saying what is wrong with the file.

    """

    def __init__(self, path: Path | None = None, *, shows_contacts: bool = False) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._is_unread = path is not None
        self.content = Content(shows_contacts=shows_contacts)
        """The rules in force; never changed, but replaced as a whole."""
        if path is not None:
            self.read()
            if self._is_unread:
                raise ConfigurationError(f"{self.content.complaints[0]}; nothing would be blocked")

    def is_stale(self) -> bool:
        """Whether the file is another than the one that was read: some microseconds."""
        return self._path is not None and self._look() != self._seen

    def read(self) -> None:
        """Read the file; a list of twenty thousand words takes some 50 ms."""
        assert self._path is not None  # noqa: S101 - only a file goes stale
        self._seen = self._look()
        try:
            if self._seen is not None and self._seen[1] > LARGEST:
                raise ValueError(f"it is larger than {LARGEST} bytes")  # noqa: TRY301 - told like the others
            raw = self._path.read_bytes()
            if not raw and not self._is_unread:
                # Many editors empty a file before they write it anew.
                raise ValueError("it is empty; to block nothing, leave a line that begins with #")  # noqa: TRY301
            words = read_words(_decoded(raw))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            complaint = f"KFPUSH_SENSITIVE_WORDS: {self._path}: {why}"
            if not self._is_unread:
                complaint += "; the words known before stay in force"
            self.content = replace(self.content, complaints=(complaint,))
            return
        self._is_unread = False
        told = [f"KFPUSH_SENSITIVE_WORDS: {self._path}: {problem}" for problem in words.complaints[:3]]
        if len(words.complaints) > len(told):
            told.append(f"KFPUSH_SENSITIVE_WORDS: {self._path}: {len(words.complaints) - 3} more such lines")
        rules = rules_from(words, shows_contacts=self.content.shows_contacts)
        self.content = replace(rules, complaints=tuple(told))

    def _look(self) -> tuple[int, int, int] | None:
        assert self._path is not None  # noqa: S101 - only a file is looked at
        try:
            found = os.stat(self._path)  # noqa: PTH116 - Path.stat takes three times as long
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _decoded(raw: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError("neither UTF-8 nor GB18030; save it as UTF-8")
