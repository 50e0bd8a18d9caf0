"""Run work in a process of its own, and tell what it took: wall time, CPU, memory of that process alone.

The work is a top-level coroutine function.  It prepares, calls ``line.ready()``, and is measured from the
parent's ``go`` until it returns, or until the parent says ``stop`` (then it may drain unmeasured).
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from ops.bench.stub import CONTEXT
from schemas.errors import KfpushError

READY_WITHIN: Final = 60.0
JOIN_WITHIN: Final = 20.0
_STATUS: Final = Path("/proc/self/status")


class BenchFailed(KfpushError):
    """A process that was to be measured broke; the text says where to look."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took while it was measured; ``megabytes`` is the most it ever held."""

    seconds: float
    cpu: float
    megabytes: float

    def us_each(self, count: int) -> float:
        """CPU microseconds for each of so many."""
        return self.cpu / max(count, 1) * 1e6

    def wall_us_each(self, count: int) -> float:
        """Wall microseconds for each of so many."""
        return self.seconds / max(count, 1) * 1e6

    def rate(self, count: int) -> float:
        """How many a second."""
        return count / self.seconds if self.seconds else 0.0


class Line:
    """The child's end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._begun: tuple[float, float] | None = None
        self.usage: Usage | None = None
        self._go = asyncio.Event()
        self.stop = asyncio.Event()
        """Set when the parent has seen enough."""

    def listen(self) -> None:
        """Hear the parent from now on; without it there is nothing to do."""
        asyncio.get_running_loop().add_reader(self._connection.fileno(), self._heard)

    async def ready(self) -> None:
        """Tell that all is prepared, and wait until the measuring begins."""
        self._connection.send("ready")
        await self._go.wait()
        self.begin()

    def begin(self) -> None:
        """Measure from now on, whatever was measured before."""
        self._begun = (time.perf_counter(), _cpu())

    def measured(self) -> None:
        """End the measuring, unless it ended before."""
        if self._begun is not None and self.usage is None:
            began, cpu = self._begun
            self.usage = Usage(time.perf_counter() - began, _cpu() - cpu, _most_megabytes())

    def _heard(self) -> None:
        try:
            word = self._connection.recv()
        except (EOFError, OSError):
            os._exit(1)
        if word == "go":
            self._go.set()
        else:
            self.measured()
            self.stop.set()


Work = Callable[..., Awaitable[object]]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _most_megabytes() -> float:
    """The most memory this process ever held.  Linux's ru_maxrss begins with what the parent had."""
    if _STATUS.exists():
        told = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(told.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024


def _main(connection: Connection, said: str, work: Work, args: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    with Path(said).open("ab") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())

    async def run() -> tuple[object, Usage | None]:
        line = Line(connection)
        line.listen()
        result = await work(line, *args)
        line.measured()
        return result, line.usage

    connection.send(asyncio.run(run()))


class Apart:
    """The parent's end."""

    def __init__(self, process: Any, connection: Connection, said: Path) -> None:  # noqa: ANN401 - a spawned process
        self._process = process
        self._connection = connection
        self._said = said
        self.result: object = None

    def go(self) -> None:
        """Wait until the work is prepared, and begin measuring."""
        self._await(READY_WITHIN)
        self._connection.send("go")

    def stop(self) -> Usage:
        """End the measuring; the work ends too."""
        with suppress(OSError):
            self._connection.send("stop")
        return self.wait(JOIN_WITHIN)

    def wait(self, seconds: float) -> Usage:
        """Wait for the work's own end; after so many seconds it is asked to stop."""
        if not self._connection.poll(seconds):
            self._connection.send("stop")
        self.result, usage = self._await(JOIN_WITHIN)
        self._process.join(JOIN_WITHIN)
        assert usage is not None  # noqa: S101 - it was told to go
        return usage  # type: ignore[no-any-return]

    def _await(self, seconds: float) -> Any:  # noqa: ANN401 - what the work sends
        if self._connection.poll(seconds):
            with suppress(EOFError, OSError):
                return self._connection.recv()
        lines = self._said.read_text(errors="replace").strip().splitlines()
        raise BenchFailed(f"what was to be measured broke, and its last words were: {' / '.join(lines[-3:])}")


@contextmanager
def apart(folder: Path, work: Work, *args: object) -> Iterator[Apart]:
    """Start a process that runs ``work(line, *args)``; its stderr is a file in ``folder``."""
    ours, theirs = CONTEXT.Pipe()
    said = folder / f"{work.__name__}.log"
    process = CONTEXT.Process(target=_main, args=(theirs, str(said), work, args), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Apart(process, ours, said)
    finally:
        if process.is_alive():
            process.terminate()
            process.join(1)
        if process.is_alive():
            process.kill()
        process.join()
        ours.close()
