"""The watchdog's own program, for where the kernel sends no signal.

python -m ops.embedded.watchdog FOLDER SOCKET
"""

from __future__ import annotations

import contextlib
import fcntl
import sys
from pathlib import Path

from ops.embedded.words import connect, dismiss_orphan


def watch(data_dir: Path, path: Path) -> None:
    """The watchdog's life: wait until the owner is gone, tell its server to go, end."""
    with (data_dir / "owner.lock").open("rb") as owner_lock:
        fcntl.flock(owner_lock, fcntl.LOCK_SH)
    with contextlib.suppress(OSError), connect(path) as connection:
        dismiss_orphan(data_dir, connection)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), Path(sys.argv[2]))
