"""Running a daemon from a command: logs, signals, and a second Ctrl-C for the impatient."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import structlog

from ops.logs import configure_logs
from schemas.settings import Settings

log = structlog.get_logger(__name__)


def run_daemon(settings: Settings, work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run ``work`` until it ends or somebody asks it to stop (SIGTERM, Ctrl-C); twice means at once."""
    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(_until_asked(work))


async def _until_asked(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if stop.is_set():
            log.warning("stopping.at_once", advice="nothing is lost: what was in flight is tried again")
            os._exit(130)
        log.info("stopping", advice="draining; once more to stop at once")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    try:
        await work(stop)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
