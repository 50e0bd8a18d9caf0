"""Logs: JSON lines, or a console for people; secrets and personal data masked; one configuration for all.

A log line is an event with flat keys.  The libraries that print URLs (tokens travel in them) are kept quiet.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final, TextIO, cast

import structlog

QUIET: Final = ("httpx", "httpcore", "pyreqwest", "asyncio", "uvicorn.access")
"""Loggers whose chatter holds URLs or says nothing; warnings still pass."""

_SECRETS: Final = re.compile(
    r"(?i)\b(access_token|corpsecret|secret|token|aes_?key|password)(\"?\s*[=:]\s*\"?)[^\s&\"',;)}]+"
)
_REDIS_PASSWORD: Final = re.compile(r"(rediss?://[^:@/\s]*:)[^@/\s]+@")
_MOBILE: Final = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")
_CITIZEN: Final = re.compile(r"(?<!\d)(\d{6})\d{8}(\d{3}[\dXx])(?!\d)")
_LONG_NUMBER: Final = re.compile(r"\d{11}")
_EXTERNAL: Final = re.compile(r"\b(wm|wo)[0-9A-Za-z_-]{8,}")
_KEYS: Final = frozenset(
    {
        "secret",
        "token",
        "access_token",
        "corpsecret",
        "aes_key",
        "user_id",
        "external_userid",
        "openid",
        "phone",
        "content",
        "message_text",
        "profile_name",
        "explanation",
    }
)


_OURS: Final = frozenset({"timestamp", "level"})
"""What the processors before add by themselves."""

FILE_BYTES: Final = 16 * 1024 * 1024
"""A log file is put aside at this size; one such file is kept beside the one that is written."""


class BoundedFile(io.TextIOBase):
    """A log file that stays small: at ``most`` bytes it becomes ``<name>.1`` and a new one begins."""

    def __init__(self, path: Path, most: int = FILE_BYTES) -> None:
        self._path = path
        self._most = most
        self._turn = threading.Lock()
        self._file = self._open()

    def write(self, text: str) -> int:
        """Append; a disk that is full, or gone, takes the line and not the process."""
        with self._turn, contextlib.suppress(OSError):
            self._file.write(text.encode(errors="replace"))
            if self._file.tell() >= self._most:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                full, self._file = self._file, self._open()
                full.close()
        return len(text)

    def flush(self) -> None:
        """Nothing waits: every line was written at once."""

    def close(self) -> None:
        """Write no more."""
        super().close()
        self._file.close()

    def _open(self) -> io.FileIO:
        file = io.FileIO(self._path, "a", opener=lambda path, flags: os.open(path, flags, 0o600))
        file.seek(0, os.SEEK_END)
        return file


def masked(text: str) -> str:
    """Cover what may not be read in a log: secrets, phone and id numbers, WeChat user ids."""
    # Most texts have nothing of the kind; to find that out must cost next to nothing, for every message.
    if "=" in text or ":" in text:
        text = _SECRETS.sub(r"\1\2***", text)
    if "@" in text:
        text = _REDIS_PASSWORD.sub(r"\1***@", text)
    if _LONG_NUMBER.search(text):
        text = _MOBILE.sub(r"\1****\2", text)
        text = _CITIZEN.sub(r"\1********\2", text)
    if "wm" in text or "wo" in text:
        text = _EXTERNAL.sub(r"\1***", text)
    return text


def _mask(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if key in _OURS:
            continue
        if key in _KEYS and value is not None:
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = masked(value)
        elif isinstance(value, list | tuple):
            event[key] = [masked(item) if isinstance(item, str) else item for item in value]
    return event


def _drop_nothing(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out keys that hold None: an absent fact needs no key."""
    for key in [key for key, value in event.items() if value is None]:
        del event[key]
    return event


def configure_logs(
    level: str,
    style: str,
    file: BoundedFile | None = None,
    also: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """Send every log line to stderr, or to ``file``; ``style`` is auto, json or console.

    ``also`` is told every event of ours besides, masked like the line itself.
    """
    out = sys.stderr if file is None else cast("TextIO", file)
    console = style == "console" or (style == "auto" and out.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]

    def tell(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if also is not None:
            also(event)
        return event

    if console:
        # No locals, and the traceback as text, so that it is masked like everything else.
        last: list[Any] = [
            structlog.processors.format_exc_info,
            _drop_nothing,
            _mask,
            tell,
            structlog.dev.ConsoleRenderer(colors=out.isatty()),
        ]
    else:
        last = [
            structlog.processors.format_exc_info,
            _drop_nothing,
            _mask,
            tell,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    number = getattr(logging, level.upper())
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(out),  # a line is one write
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
