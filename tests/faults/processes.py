"""Real daemons of ours, started, killed, frozen and thawed by process id; and waiting, for events only."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from tests.faults.steps import Step

ROOT: Final = Path(__file__).parents[2]
LOOK_EVERY: Final = 0.03
LAST_WORDS: Final = 4000
"""So many characters of a daemon's log are shown when it did not do what was expected."""

T = TypeVar("T")


def until(look: Callable[[], T], seconds: float = 30, tell: Callable[[], object] | None = None) -> T:
    """Look until there is something to see, and return it; after so many seconds, fail and ``tell`` why."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain: {tell() if tell else ''}")
        time.sleep(LOOK_EVERY)
    return seen


@dataclass(frozen=True, slots=True)
class Fate:
    """What befalls a daemon: a signal, at a step's nth passage."""

    step: Step
    nth: int = 1
    signal: str = "KILL"


class Daemon:
    """One ``kfpush mirror`` or ``kfpush consume``; with a fate, the same thing with a wrapped function."""

    def __init__(
        self,
        name: str,
        folder: Path,
        environment: Mapping[str, str],
        log: Path,
        fate: Fate | None = None,
    ) -> None:
        self.name = name
        self._log = log
        command = [str(Path(sys.executable).with_name("kfpush")), name]
        if fate is not None:
            words = [name, str(fate.step.number), str(fate.nth), fate.signal]
            command = [sys.executable, "-P", "-m", "tests.faults.crashing", *words]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**environment, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it still runs, or is frozen."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it as a power cut would; one that has ended already stays ended."""
        self._process.kill()
        self._process.wait()

    def kill_within(self, seconds: float) -> None:
        """Let it live for a while, whatever it does meanwhile, then kill it."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def ask_to_stop(self) -> Self:
        """Say SIGTERM."""
        self._process.terminate()
        return self

    def ended(self, code: int = 0, seconds: float = 30) -> Self:
        """Wait for its end, and hold that it ended with this code."""
        try:
            assert code == self._process.wait(seconds), self.told()
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end: {self.told()}") from None
        return self

    def killed_itself(self, seconds: float = 30) -> Self:
        """Wait until its fate was met."""
        return self.ended(-signal.SIGKILL, seconds)

    def froze(self, seconds: float = 30) -> Self:
        """Wait until it has frozen itself."""

        def is_stopped() -> bool:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            assert not pid or os.WIFSTOPPED(status), self.told()
            return bool(pid)

        until(is_stopped, seconds, self.told)
        return self

    def freeze(self) -> Self:
        """Say SIGSTOP."""
        self._process.send_signal(signal.SIGSTOP)
        return self

    def thaw(self) -> Self:
        """Say SIGCONT."""
        self._process.send_signal(signal.SIGCONT)
        return self

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What it has logged under one name so far."""
        told = self._log.read_text(errors="replace").splitlines()
        found = [json.loads(line) for line in told if line.startswith("{") and line.endswith("}")]
        return [line for line in found if line.get("event") == event]

    def says(self, event: str, times: int = 1, seconds: float = 30) -> list[dict[str, Any]]:
        """Wait until it has logged something so many times."""
        until(lambda: len(self.lines(event)) >= times, seconds, self.told)
        return self.lines(event)

    def told(self) -> str:
        """Its last words."""
        return f"{self.name} said ... {self._log.read_text(errors='replace')[-LAST_WORDS:]}"
