"""Running ``kfpush`` as people do: the real command, in a folder of its own, with nobody else's settings."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

KFPUSH: Final = Path(sys.executable).with_name("kfpush")
LONGEST: Final = 50
"""Seconds; a command that has not ended by then hangs."""


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
