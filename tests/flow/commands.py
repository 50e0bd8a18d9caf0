"""Running ``kfpush`` as people do: the real command, in a folder of its own, with nobody else's settings."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from ops.sandbox.process import SandboxControl

KFPUSH: Final = Path(sys.executable).with_name("kfpush")
LONGEST: Final = 50
"""Seconds; a command that has not ended by then hangs."""

T = TypeVar("T")


def environment(**more: str) -> dict[str, str]:
    """The environment without any setting of kfpush's, in English; and some more."""
    ours = ("KFPUSH_", "WEWORK_", "LC_", "LANG")
    return {name: text for name, text in os.environ.items() if not name.startswith(ours)} | {
        "LANG": "C.UTF-8",
        **more,
    }


def kfpush(
    *words: str | Path,
    folder: Path,
    given: str | bytes = "",
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; ``given`` is its standard input."""
    text: Any = given.decode("utf-8", "surrogateescape") if isinstance(given, bytes) else given
    return subprocess.run(
        [KFPUSH, *words],
        cwd=folder,
        env=environment(**(env or {})),
        input=text,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=LONGEST,
        check=False,
    )


def eventually(look: Callable[[], T], seconds: float = 20) -> T:
    """Look until there is something to see, and return it."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return seen


def family(pid: int) -> dict[int, str]:
    """A process and everything it started, with their command lines; zombies are gone."""
    listed = subprocess.run(
        ["ps", "-ww", "-A", "-o", "pid=,ppid=,stat=,args="], capture_output=True, check=True, text=True
    )
    rows = [line.split(None, 3) for line in listed.stdout.splitlines()]
    alive = {int(row[0]): (int(row[1]), row[3]) for row in rows if len(row) > 3 and "Z" not in row[2]}
    found = {pid} & alive.keys()
    while more := {child for child, (parent, _) in alive.items() if parent in found} - found:
        found |= more
    return {member: alive[member][1] for member in found}


class Up:
    """A running ``kfpush up --json``: what it tells, and an end without survivors."""

    def __init__(self, folder: Path, *words: str, **more: str) -> None:
        self.log = folder / ".kfpush" / "kfpush.log"
        self.process = subprocess.Popen(
            [KFPUSH, "up", "--json", *words],
            cwd=folder,
            env=environment(**{"KFPUSH_SANDBOX_PORT": "0", **more}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.family: dict[int, str] = {}

    def __enter__(self) -> Self:
        """Wait until all is up."""
        try:
            self.ready = self.event("ready")
        except BaseException:
            self.end(signal.SIGKILL)
            raise
        self.remember()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind, and fail if anything is."""
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        self.process.communicate(timeout=LONGEST)
        assert eventually(lambda: not self.survivors())

    @property
    def control(self) -> SandboxControl:
        """The sandbox's controls."""
        return SandboxControl(self.ready["phone_page"].removesuffix("/phone"))

    def remember(self) -> None:
        """Note which processes there are, to see later which are left."""
        self.family = family(self.process.pid)

    def event(self, what: str) -> dict[str, Any]:
        """Read on until it tells of this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == what:
                return event
        assert self.process.stderr is not None
        raise AssertionError(f"it ended without {what}: {self.process.stderr.read()}")

    def end(self, number: signal.Signals) -> int:
        """Send it a signal and wait for its end."""
        self.process.send_signal(number)
        return self.process.wait(LONGEST)

    def survivors(self) -> dict[int, str]:
        """Those of its processes that still run."""
        return {pid: args for pid, args in self.family.items() if family(pid).get(pid) == args}
