"""The embedded Valkey's locks.

flock belongs to an open file: it goes when the last process that has it open ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import BinaryIO


def try_lock(path: Path) -> BinaryIO | None:
    """Take the lock, or None: somebody has it."""
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def is_locked(path: Path) -> bool:
    """Whether somebody has the lock."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def new_owner_lock(data_dir: Path) -> BinaryIO:
    """Take owner.lock as a new file: a former owner, whose server died, may not have let go of the old."""
    fresh = data_dir / "owner.lock.new"
    file = fresh.open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    fresh.rename(data_dir / "owner.lock")
    return file


def read_path(lock: Path) -> Path | None:
    """Read where the holder of this lock has its socket."""
    text = lock.read_bytes()
    return Path(os.fsdecode(text)) if text else None
