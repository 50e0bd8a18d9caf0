"""The HTTP server of kfpush: where it listens, how it starts and stops, and what it says of its health."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import h11
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from ops import migrate
from producer.callback.app import PATHS, Callback
from producer.reports.app import Reports
from schemas.database import Database
from schemas.errors import SchemaTooNew, SchemaTooOld, ServerUnavailable, StorageError
from schemas.settings import Settings

GRACE_SECONDS: Final = 3
HEAD_WITHIN: Final = 5.0
"""Seconds for the head of a request; who is slower keeps a place that WeChat may need."""

LOOK_AGAIN: Final = 0.5
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than nginx keeps a connection (60 s): we must not close one just as a request comes."""

MOST_CONNECTIONS: Final = 512
PORTS_TRIED: Final = 20

log = structlog.get_logger(__name__)


def make_app(callback: Callback, reports: Reports | None = None) -> Starlette:
    """Everything that is served."""

    async def healthz(_request: Request) -> JSONResponse:
        """200 while the process runs; notices that wait are what the database has not taken yet."""
        told: dict[str, object] = {
            "ok": True,
            "notices_waiting": callback.board.waiting,
            "callbacks": dict(callback.tally.counts),
        }
        return JSONResponse(told | ({"reports_waiting": reports.board.waiting} if reports else {}))

    return Starlette(
        routes=[*callback.routes(), *(reports.routes() if reports else ()), Route("/healthz", healthz)]
    )


@contextmanager
def listening(settings: Settings, *, or_near: bool = False) -> Iterator[socket.socket]:
    """Listen where the settings say; with ``or_near``, at the next ports if that one is taken by somebody.

    Raises:
        ServerUnavailable: the address is not this machine's, or the port is somebody's.

    """
    wanted = settings.http_port
    ports = range(wanted, min(wanted + PORTS_TRIED, 65536)) if or_near and wanted else [wanted]
    trouble: OSError | None = None
    for port in ports:
        try:
            listener = _bound(settings.http_host, port)
        except OSError as error:
            trouble = trouble or error
            continue
        with listener:
            yield listener
        return
    raise ServerUnavailable(
        f"KFPUSH_HTTP_HOST {settings.http_host}, KFPUSH_HTTP_PORT {wanted}: nothing can listen there"
        f" ({trouble.strerror if trouble else 'no port left'})"
    )


def _bound(host: str, port: int) -> socket.socket:
    family, kind, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # asyncio turns Nagle's algorithm off only where the protocol is named: 44 ms an answer otherwise.
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(MOST_CONNECTIONS)
        listener.setblocking(False)  # noqa: FBT003 - the socket's own signature
    except OSError:
        listener.close()
        raise
    return listener


async def receive(
    callback: Callback,
    listener: socket.socket,
    stop: asyncio.Event,
    unsure: Database | None = None,
    reports: Reports | None = None,
) -> None:
    """Take callbacks, and what the application reports, until ``stop`` is set; then write what still waits.

    ``unsure`` is a ledger of which nobody knows yet whether it is there, and of this version.

    Raises:
        SchemaTooOld, SchemaTooNew: it is there, and of another.

    """
    nobody_calls = asyncio.Event()

    async def write() -> None:
        if unsure is not None:
            await _until_current(unsure, nobody_calls)
        boards = [callback.board.run(nobody_calls)]
        if reports is not None:
            boards.append(reports.board.run(nobody_calls))
        await asyncio.gather(*boards)

    writing = asyncio.create_task(write(), name="notices")
    serving = asyncio.create_task(serve(make_app(callback, reports), listener, stop), name="serve")
    try:
        await asyncio.wait({writing, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        serving.cancel()  # in vain, if it has ended by itself
        await asyncio.wait({serving})
        nobody_calls.set()
        await asyncio.wait({writing})
    for task in (writing, serving):
        if not task.cancelled():
            task.result()


async def _until_current(own: Database, stop: asyncio.Event) -> None:
    """Wait for the ledger; meanwhile callbacks are answered, and wait in memory."""
    has_told = False
    while not stop.is_set():
        try:
            await migrate.require_current(own, migrate.OWN)
        except (SchemaTooOld, SchemaTooNew):
            raise
        except StorageError as error:
            if not has_told:
                log.warning("serve.database_away", error=str(error), advice="callbacks wait in memory")
            has_told = True
            await asyncio.sleep(LOOK_AGAIN)
        else:
            return


def url_of(listener: socket.socket) -> str:
    """Where a listener is, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(app: Starlette, listener: socket.socket, stop: asyncio.Event) -> None:
    """Answer until ``stop`` is set; then finish what was begun, for some seconds at most."""
    server = _Server(
        uvicorn.Config(
            app,
            http=_Line,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # a stranger's broken request is not worth a line each
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,  # nobody asks who is calling: the signature decides
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    running = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    log.info("serve.listening", url=url_of(listener), paths=list(PATHS))
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        stopping.cancel()
        await running
    log.info("serve.stopped")


class _Server(uvicorn.Server):
    """uvicorn without signals of its own: whoever runs it has them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Line(H11Protocol):
    """A connection that must come to the point: uvicorn waits for ever for the head of a request."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head(is_awaited=True)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()  # the next head may have begun to come meanwhile

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_for_head(is_awaited=False)
        super().connection_lost(exc)

    def _look(self) -> None:
        has_begun = bool(self.conn.trailing_data[0])
        self._wait_for_head(is_awaited=self.conn.their_state is h11.IDLE and has_begun)

    def _wait_for_head(self, *, is_awaited: bool) -> None:
        if is_awaited and self._patience is None:
            self._patience = self.loop.call_later(HEAD_WITHIN, self.transport.close)
        elif not is_awaited and self._patience is not None:
            self._patience.cancel()
            self._patience = None
