"""Running a daemon from a command: logs, signals, and a second Ctrl-C for the impatient."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import structlog

from ops.logs import configure_logs
from schemas.settings import Settings

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Told(Protocol):
    """Whoever is told that somebody asked to stop."""

    def __call__(self, *, at_once: bool) -> None:
        """Say it; with ``at_once`` there is no time for more."""


def run_daemon(settings: Settings, work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run ``work`` until it ends or somebody asks it to stop (SIGTERM, Ctrl-C); twice means at once."""
    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(until_asked(work, _log_stopping))


def settled_in() -> None:
    """Take what was made so far for lasting: the search for garbage does not go through it ever again."""
    gc.collect()
    gc.freeze()


def _log_stopping(*, at_once: bool) -> None:
    if at_once:
        log.warning("stopping.at_once", advice="nothing is lost: what was in flight is tried again")
    else:
        log.info("stopping", advice="draining; once more to stop at once")


async def until_asked(work: Callable[[asyncio.Event], Awaitable[T]], tell: Told) -> T:
    """Run ``work``; the first SIGTERM or Ctrl-C sets its stop event, the second ends the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    was_asked = False

    def asked() -> None:
        nonlocal was_asked
        tell(at_once=was_asked)
        if was_asked:
            os._exit(130)
        was_asked = True
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    try:
        return await work(stop)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
