"""Where the embedded Valkey keeps things: a private folder, and a socket whose name is short enough."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import time
from pathlib import Path

from schemas.errors import ServerUnavailable

LONGEST_SOCKET_PATH = 103  # bytes without the final zero; Linux would allow 107, macOS has 103


def socket_path(data_dir: Path) -> Path:
    """Where the folder's socket is: in it, or, when that name is too long for one, under the temp dir."""
    name = f"{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}.sock"
    short = f"kfpush-{os.getuid()}"
    places = (data_dir / "valkey.sock", Path(tempfile.gettempdir(), short, name), Path("/tmp", short, name))  # noqa: S108 - the folder is made private, and refused otherwise
    return next((place for place in places if len(os.fsencode(place)) <= LONGEST_SOCKET_PATH), places[-1])


def make_private(folder: Path) -> None:
    """Make a folder that only we may look into."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def refuse_shared(folder: Path) -> None:
    """Anybody may write under the temp dir: take only a folder that is ours alone."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ServerUnavailable(
            f"{folder} is not a folder of yours alone (mode 0700). "
            "Remove it, or set KFPUSH_DATA_DIR to a shorter path.",
        )


def put_aside(folder: Path) -> Path | None:
    """Move what is damaged out of the way, and keep it; tell where it is."""
    if not folder.exists():
        return None
    aside = folder.with_name(f"{folder.name}.damaged-{time.time_ns()}")
    return folder.rename(aside)
