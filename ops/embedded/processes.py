"""The embedded Valkey's processes: the server, the thread that forked it, and where needed a watchdog."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import BinaryIO

from ops.embedded.words import ANSWER_TIMEOUT

# A log line that is no warning about this start: a notice, an advice on the machine, an empty one.
NOTICE = re.compile(r"\d+:[A-Z] .{20,26} ([.*-] |# WARNING |#\s*$)")
PREFIX = re.compile(r"\d+:[A-Z] .{20,26} # ")


@dataclasses.dataclass
class Owned:
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


def fork_in_a_lasting_thread(
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


def start_watchdog(data_dir: Path, path: Path) -> subprocess.Popen[bytes]:
    """Start the process that outlives us and tells our server to go."""
    return subprocess.Popen(  # noqa: S603 - this very module
        [sys.executable, "-m", "ops.embedded.watchdog", data_dir, path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
