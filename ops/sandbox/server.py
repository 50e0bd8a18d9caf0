"""The sandbox as a server: one socket, WeChat's addresses, the control routes and the phone page."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from ops.sandbox import control, pages, wechat
from ops.sandbox.guard import Guard
from ops.sandbox.parent import watch_parent
from ops.sandbox.world import World

GRACE_SECONDS: Final = 2


def make_app(world: World) -> Starlette:
    """The whole sandbox as one ASGI application."""
    app = Starlette(
        routes=[*wechat.routes(world), *control.routes(world), *pages.routes()],
        exception_handlers={ClientDisconnect: _speak_to_nobody},
    )
    app.add_middleware(Guard)
    return app


async def _speak_to_nobody(_request: Request, _gone: Exception) -> Response:
    return Response()


class _Line(H11Protocol):
    """A connection that a handler can cut: request.state.hang_up() closes it without another byte."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "hang_up": transport.abort}


class _Server(uvicorn.Server):
    """uvicorn, stopping at the first signal: long polls and event streams are sent home first."""

    def __init__(self, world: World, listener: socket.socket, port_file: Path | None) -> None:
        config = uvicorn.Config(
            make_app(world),
            http=_Line,
            lifespan="off",
            log_level="warning",
            access_log=False,  # addresses carry tokens and secrets
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._world, self._listener, self._port_file = world, listener, port_file

    def leave(self) -> None:
        """Stop soon."""
        self._world.bell.close()
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal is an ordinary end here, not an error to be raised again afterwards."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.leave)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        announce(self._listener, self._world.run, self._port_file)


def announce(listener: socket.socket, run_id: str, port_file: Path | None) -> None:
    """One line of JSON on stdout, and the bare port in a file for those who asked for one."""
    host, port = listener.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    ready = {"kfpush_sandbox": True, "url": f"http://{address}:{port}", "pid": os.getpid(), "run": run_id}
    if port_file is not None:
        draft = port_file.with_name(f"{port_file.name}.{os.getpid()}")
        draft.write_text(f"{port}\n")
        draft.replace(port_file)
    print(json.dumps(ready), flush=True)  # noqa: T201 - the line is what the starter waits for


def run(
    world: World, host: str, port: int, *, port_file: Path | None = None, parent: int | None = None
) -> None:
    """Serve until a signal comes or the parent is gone.  OSError if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named: 44 ms an answer otherwise.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        asyncio.run(_serve(_Server(world, listener, port_file), listener, parent))


async def _serve(server: _Server, listener: socket.socket, parent: int | None) -> None:
    async with watch_parent(parent, server.leave):
        await server.serve(sockets=[listener])
