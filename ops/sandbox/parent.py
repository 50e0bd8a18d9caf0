"""Ends this process when the one that started it is gone, even if that one was killed without a word."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

POLL_SECONDS: Final = 0.5


@asynccontextmanager
async def watch_parent(parent: int | None, leave: Callable[[], None]) -> AsyncIterator[None]:
    """While inside, call leave once the parent has died.  None watches nobody."""
    if parent is None:
        yield
        return
    try:
        watched = os.pidfd_open(parent)
    except (AttributeError, OSError):
        # No pidfd here (or the parent is already gone): being adopted shows it, a little later.
        poll = asyncio.create_task(_poll(parent, leave))
        try:
            yield
        finally:
            poll.cancel()
        return
    loop = asyncio.get_running_loop()

    def notice() -> None:
        loop.remove_reader(watched)
        leave()

    loop.add_reader(watched, notice)
    try:
        yield
    finally:
        loop.remove_reader(watched)
        os.close(watched)


async def _poll(parent: int, leave: Callable[[], None]) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110 - the system rings no bell here
        await asyncio.sleep(POLL_SECONDS)
    leave()
