"""Words with an embedded Valkey.  Three of them, so no client is needed."""

from __future__ import annotations

import contextlib
import enum
import socket
from collections.abc import Iterator
from pathlib import Path

from ops.embedded.locks import is_locked

ANSWER_TIMEOUT = 1.0  # seconds for a server to answer PING


class Reply(enum.Enum):
    """What a server says to PING."""

    READY = "ready"
    LOADING = "loading"
    NONE = "none"


@contextlib.contextmanager
def connect(path: Path) -> Iterator[socket.socket]:
    """Connect, and never wait long."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_TIMEOUT)
        connection.connect(str(path))
        yield connection


def ping(connection: socket.socket) -> Reply:
    """Ask whether it serves."""
    connection.sendall(b"PING\r\n")
    match connection.recv(1024)[:5]:
        case b"+PONG":
            return Reply.READY
        case b"-LOAD":
            return Reply.LOADING
        case _:
            return Reply.NONE


def ask_pid(connection: socket.socket) -> int:
    """Ask for its process; this ends the connection."""
    connection.sendall(b"INFO server\r\nQUIT\r\n")
    with connection.makefile("rb") as lines:
        for line in lines:
            if line.startswith(b"process_id:"):
                return int(line.removeprefix(b"process_id:"))
    raise ConnectionError("The server closed the connection before it told its process.")


def dismiss_orphan(data_dir: Path, connection: socket.socket) -> bool:
    """Tell the server at the other end to go if nobody owns it.

    The connection comes first and the look at owner.lock second: an owner takes that lock before it
    forks, so a server that was already connected to cannot be a newer owner's.
    """
    if is_locked(data_dir / "owner.lock"):
        return False
    connection.sendall(b"SHUTDOWN NOW FORCE\r\n")
    return True
