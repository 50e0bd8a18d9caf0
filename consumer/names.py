"""A consumer's stable name: ``<host>-<n>``, n the lowest number whose lock under the data folder is free.

A name that comes back after a crash finds its own pending entries again.  The lock is the operating system's:
it ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
from pathlib import Path
from typing import Final

from schemas.errors import ConfigurationError

MOST_CONSUMERS: Final = 256


class ConsumerName:
    """A held name; ``release`` gives it to the next."""

    def __init__(self, data_dir: Path) -> None:
        folder = data_dir / "consumers"
        folder.mkdir(parents=True, exist_ok=True)
        host = re.sub(r"[^0-9A-Za-z.-]", "-", socket.gethostname()) or "host"
        for number in range(1, MOST_CONSUMERS + 1):
            handle = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                continue
            self._handle = handle
            self.text = f"{host}-{number}"
            return
        raise ConfigurationError(
            f"{MOST_CONSUMERS} consumers already run on {data_dir}; "
            "one of them with a higher KFPUSH_SEND_CONCURRENCY does more"
        )

    def __str__(self) -> str:
        return self.text

    def release(self) -> None:
        """Give the name back."""
        os.close(self._handle)
