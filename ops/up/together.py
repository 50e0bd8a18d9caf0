"""Everything at once, for `kfpush up`: a sandbox beside us, callback, mirror and consumer in this process.

Whatever ends, all ends, in the order that loses nothing: the daemons drain while Redis and WeChat still
answer, then the servers stop.  A process that is killed takes its servers with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Final

from consumer.daemon import Rooms, consume
from ops.cli.migrate import migrated
from ops.sandbox.process import SandboxControl, SandboxProcess, signpost
from ops.serving import listening, url_of
from ops.up.answering import answer
from ops.wiring import House, consumer_rooms, mirror_of, opened
from producer.callback.app import PATHS
from schemas.errors import ConfigurationError, ServerUnavailable
from schemas.settings import Settings

LOOK_EVERY: Final = 0.2
PORTS_TRIED: Final = 20
LOOPBACK: Final = "127.0.0.1"

Prepare = Callable[[Settings, SandboxControl], None]
"""Called when the sandbox runs and before anything is sent to it."""


@dataclass(frozen=True, slots=True)
class Everything:
    """What runs; ``settings`` say where the sandbox really is, and ``daemons`` end when all shall end."""

    settings: Settings
    moved_from: int | None
    """The sandbox's usual port, when another program has it."""
    callback_url: str | None
    """Where WeChat's callback is answered; None if it was not configured."""
    house: House
    daemons: asyncio.Task[None]


@asynccontextmanager
async def everything(settings: Settings, stop: asyncio.Event, prepare: Prepare) -> AsyncIterator[Everything]:
    """Run everything while inside, or until ``stop`` is set or something breaks; then stop everything.

    Raises:
        ConfigurationError, StorageError, ServerUnavailable: it could not start, or a part of it broke.

    """
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(migrated, settings)
        sandbox = moved_from = None
        if settings.sandboxed and not settings.wechat_base_url:
            port = free_port(settings)
            moved_from = settings.sandbox_port if port != settings.sandbox_port else None
            sandbox = await stack.enter_async_context(_sandbox(port))
            stack.enter_context(signpost(Path(settings.data_dir), sandbox))
            settings = settings.model_copy(
                update={"sandbox_port": sandbox.port, "wechat_base_url": sandbox.base_url}
            )
        listener = None
        if settings.callback_tokens:
            is_chosen = "http_port" in settings.model_fields_set
            listener = stack.enter_context(listening(settings, or_near=not is_chosen))
            settings = settings.model_copy(update={"http_port": listener.getsockname()[1]})
        callback_url = f"{url_of(listener)}{PATHS[0]}" if listener else None
        if settings.sandboxed:
            await asyncio.to_thread(_prepared, prepare, settings, callback_url)
        house = await stack.enter_async_context(opened(settings))
        rooms = await stack.enter_async_context(consumer_rooms(house))
        daemons = asyncio.create_task(_daemons(house, rooms, sandbox, listener, stop))
        try:
            yield Everything(settings, moved_from, callback_url, house, daemons)
        finally:
            stop.set()
            await asyncio.wait([daemons])
            daemons.result()  # what broke it is told before whatever followed from that


def _prepared(prepare: Prepare, settings: Settings, callback_url: str | None) -> None:
    control = SandboxControl(settings.wechat_url)
    try:
        control.healthz()
        control.callback(url=callback_url)
        prepare(settings, control)
    except (OSError, HTTPException, ValueError) as error:
        raise ServerUnavailable(f"no sandbox answers at {settings.wechat_url}: {error}") from error


async def _daemons(
    house: House,
    rooms: Rooms,
    sandbox: SandboxProcess | None,
    listener: socket.socket | None,
    stop: asyncio.Event,
) -> None:
    """Run the daemons until asked to stop, or until one of them, or the sandbox, ends by itself."""
    parts = [
        asyncio.create_task(mirror_of(house).run(stop), name="mirror"),
        asyncio.create_task(
            consume(rooms, stop, drain_within=house.settings.send_timeout + 4), name="consumer"
        ),
        asyncio.create_task(_guard(sandbox, stop), name="sandbox"),
    ]
    if listener is not None:
        answering = answer(house.settings, house.own, listener, stop, rooms.puller.nudge)
        parts.append(asyncio.create_task(answering, name="callback"))
    await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await asyncio.wait(parts)
    for part in parts:
        part.result()


async def _guard(sandbox: SandboxProcess | None, stop: asyncio.Event) -> None:
    """Wait until asked to stop; a sandbox that ends before forgot every window, so all begins anew."""
    while not stop.is_set():
        if sandbox is not None and not sandbox.is_running():
            raise ServerUnavailable("the sandbox ended by itself; run `kfpush up` again: nothing is lost")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await stop.wait()


@asynccontextmanager
async def _sandbox(port: int) -> AsyncIterator[SandboxProcess]:
    sandbox = SandboxProcess(host=LOOPBACK, port=port)
    try:
        await asyncio.to_thread(sandbox.start)
    except RuntimeError as error:
        raise ServerUnavailable(str(error)) from error
    try:
        yield sandbox
    finally:
        await asyncio.to_thread(sandbox.stop)


def free_port(settings: Settings) -> int:
    """Choose the sandbox's port: the one that was asked for, or near the default the first that is free.

    Raises:
        ServerUnavailable: somebody else has it.

    """
    wanted = settings.sandbox_port
    if wanted == 0 or _is_free(wanted):
        return wanted
    if "sandbox_port" not in settings.model_fields_set:
        for port in range(wanted + 1, wanted + PORTS_TRIED):
            if _is_free(port):
                return port
    raise ServerUnavailable(
        f"port {wanted} is taken by another program; "
        "set KFPUSH_SANDBOX_PORT to a free one, or to 0 for any that is free"
    )


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Keep a second one off this folder: two sandboxes would share one ledger, and each know half of it.

    Raises:
        ConfigurationError: one runs already, or nothing can be written there.

    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / "up.lock").open("a+")
    except OSError as error:
        raise ConfigurationError(f"KFPUSH_DATA_DIR: {data_dir} cannot be used: {error.strerror}") from error
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ConfigurationError(
                f"`kfpush up` runs already on {data_dir} (process {lock.read().strip() or 'unknown'}); "
                "stop that one, or give this one a KFPUSH_DATA_DIR of its own"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
