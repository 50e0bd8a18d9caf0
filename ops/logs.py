"""Logs: JSON lines, or a console for people; secrets and personal data masked; one configuration for all.

A log line is an event with flat keys.  The libraries that print URLs (tokens travel in them) are kept quiet.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

QUIET: Final = ("httpx", "httpcore", "pyreqwest", "asyncio", "uvicorn.access")
"""Loggers whose chatter holds URLs or says nothing; warnings still pass."""

_SECRETS: Final = re.compile(
    r"(?i)\b(access_token|corpsecret|secret|token|aes_?key|password)(\"?\s*[=:]\s*\"?)[^\s&\"',;)}]+"
)
_REDIS_PASSWORD: Final = re.compile(r"(rediss?://[^:@/\s]*:)[^@/\s]+@")
_MOBILE: Final = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")
_CITIZEN: Final = re.compile(r"(?<!\d)(\d{6})\d{8}(\d{3}[\dXx])(?!\d)")
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


def masked(text: str) -> str:
    """Cover what may not be read in a log: secrets, phone and id numbers, WeChat user ids."""
    text = _SECRETS.sub(r"\1\2***", text)
    text = _REDIS_PASSWORD.sub(r"\1***@", text)
    text = _MOBILE.sub(r"\1****\2", text)
    text = _CITIZEN.sub(r"\1********\2", text)
    return _EXTERNAL.sub(r"\1***", text)


def _mask(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
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


def configure_logs(level: str, style: str) -> None:
    """Send every log line to stderr; ``style`` is auto, json or console."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if console:
        # No locals, and the traceback as text, so that it is masked like everything else.
        last: list[Any] = [
            structlog.processors.format_exc_info,
            _drop_nothing,
            _mask,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ]
    else:
        last = [
            structlog.processors.format_exc_info,
            _drop_nothing,
            _mask,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    number = getattr(logging, level.upper())
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
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
