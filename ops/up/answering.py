"""Answers WeChat inside `kfpush up`: in a thread with a loop of its own.

A consumer that sends all it can holds its loop for whole planning rounds, and WeChat's callback waited behind
them (p99 over 100 ms, and close to a second on loaded cores).  Only answering moves; what is written goes
through the one handle on the ledger, at home: two connections on one file forget their pages at each other's
commits.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from ops.serving import receive
from ops.wiring import callback_of, reports_of
from schemas.database import Database, Transaction
from schemas.settings import Settings

T = TypeVar("T")


class _AtHome:
    """A ledger that is used in another loop than the one that asks."""

    def __init__(self, own: Database, home: asyncio.AbstractEventLoop) -> None:
        self._own = own
        self._home = home

    async def exclusive(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` there."""
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self._own.exclusive(work), self._home)
        )


async def answer(
    settings: Settings,
    own: Database,
    listener: socket.socket,
    stop: asyncio.Event,
    on_noticed: Callable[[], None],
) -> None:
    """Answer until ``stop`` is set, then write what waits; ``on_noticed`` is called at home."""
    home = asyncio.get_running_loop()
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    def noticed() -> None:
        home.call_soon_threadsafe(on_noticed)

    async def work() -> None:
        stop_there = asyncio.Event()
        begun.set_result((asyncio.get_running_loop(), stop_there))
        ledger = _AtHome(own, home)
        reports = reports_of(settings, ledger)
        await receive(callback_of(settings, ledger, noticed), listener, stop_there, reports=reports)

    def apart() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:
            if not begun.done():  # not even a loop could be made
                begun.set_exception(error)
            raise

    answering = asyncio.create_task(asyncio.to_thread(apart))
    stopping = asyncio.create_task(stop.wait())
    there, stop_there = await asyncio.wrap_future(begun)
    try:
        await asyncio.wait({answering, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        with suppress(RuntimeError):  # it ended by itself
            there.call_soon_threadsafe(stop_there.set)
        await asyncio.wait({answering})
    answering.result()
