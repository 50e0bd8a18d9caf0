"""``kfpush serve`` as a process: it starts with everything else away, and no lock or stop loses a notice."""

import asyncio
import json
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from ops import migrate
from ops.serving import HEAD_WITHIN, listening
from ops.up.answering import answer
from schemas.database import Database
from schemas.errors import ServerUnavailable
from schemas.settings import Settings
from tests.callbacks import AES_KEY, CORP, SYNC_TOKEN, TOKEN, Request, check, notice, posted
from tests.flow.commands import KFPUSH, LONGEST, environment, eventually, kfpush

GIVEN = {
    "WEWORK_CORP_ID": CORP,
    "WEWORK_SECRET": "hush",
    "WEWORK_TOKEN": TOKEN,
    "WEWORK_AES_KEY": AES_KEY,
    "KFPUSH_HTTP_PORT": "0",
    "KFPUSH_REDIS_URL": "redis://127.0.0.1:9/0",
    "KFPUSH_WECHAT_BASE_URL": "https://127.0.0.1:9",
}


class Serve:
    """A running ``kfpush serve``, ended by pid whatever happens."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.process = subprocess.Popen(
            [KFPUSH, "serve"],
            cwd=folder,
            env=environment(**{**GIVEN, **more}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.logs: list[dict[str, Any]] = []
        self._reading = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.logs.append(json.loads(line))

    def __enter__(self) -> Self:
        """Wait until it listens."""
        self._reading.start()
        self.address = urlsplit(self.log("serve.listening")["url"])
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.process.kill()
        self.process.wait(LONGEST)
        self._reading.join(LONGEST)
        assert self.process.stderr is not None
        self.process.stderr.close()

    def log(self, event: str) -> dict[str, Any]:
        """Wait for a log line."""
        return eventually(lambda: next((line for line in self.logs if line["event"] == event), None)) or {}

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """One request on a connection of its own."""
        with closing(HTTPConnection(str(self.address.hostname), self.address.port, timeout=10)) as line:
            line.request(method, path, body)
            answer = line.getresponse()
            return answer.status, answer.read()

    def post(self, request: Request) -> tuple[int, bytes]:
        """Post as WeChat does."""
        return self.ask("POST", f"/wework/callback?{request.query}", request.body)

    def health(self) -> dict[str, Any]:
        """What it says of itself."""
        told: dict[str, Any] = json.loads(self.ask("GET", "/healthz")[1])
        return told

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection((self.address.hostname, self.address.port), 10)

    def end(self) -> int:
        """Ask it to stop and wait for its end."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LONGEST)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where ``kfpush migrate`` was."""
    assert kfpush("migrate", folder=tmp_path, env=GIVEN).returncode == 0
    return tmp_path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the ledger's write lock."""
    with closing(sqlite3.connect(folder / ".kfpush" / "kfpush.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def tokens(folder: Path) -> list[tuple[str, str]]:
    """The accounts and tokens in the table."""
    with closing(sqlite3.connect(folder / ".kfpush" / "kfpush.db")) as connection:
        return connection.execute("SELECT open_kfid, token FROM kf_notices ORDER BY 1").fetchall()


def ask(port: int, method: str, path: str, body: bytes) -> bytes:
    """One request on a connection of its own."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as line:
        line.request(method, path, body)
        return line.getresponse().read()


def rest(line: socket.socket) -> bytes:
    """Everything that comes until the server hangs up."""
    line.settimeout(LONGEST)
    return b"".join(iter(lambda: line.recv(1000), b""))


def test_it_starts_with_all_else_away_and_the_database_locked(folder: Path) -> None:
    """WeChat is answered while Redis and WeChat's API are nowhere and somebody holds the write lock."""
    with locked(folder), Serve(folder) as serve:
        began = time.monotonic()
        query = check(b"1616140317555161061").query
        assert serve.ask("GET", f"/wework/callback?{query}") == (200, b"1616140317555161061")
        assert serve.post(posted(notice("wk1"))) == (200, b"success")
        assert time.monotonic() - began < 1
        serve.log("callback.waiting")
        assert serve.health() == {
            "ok": True,
            "notices_waiting": 1,
            "callbacks": {"checks": 1, "notices": 1},
        }
        assert tokens(folder) == []
        assert serve.end() == 0
        assert serve.log("callback.left")["notices"] == 1


def test_a_stop_writes_what_waits(folder: Path) -> None:
    """What was answered just before SIGTERM is in the table after it."""
    with Serve(folder) as serve:
        for n in range(20):
            assert serve.post(posted(notice(f"wk{n:02}")))[0] == 200
        assert serve.end() == 0
    assert tokens(folder) == [(f"wk{n:02}", SYNC_TOKEN) for n in range(20)]
    assert not [line for line in serve.logs if line["level"] in {"warning", "error"}]


def test_a_lock_that_ends_is_followed_by_the_notice(folder: Path) -> None:
    """No request has to come for what waits to be written."""
    with Serve(folder) as serve:
        with locked(folder):
            serve.post(posted(notice("wk1")))
            serve.log("callback.waiting")
        assert eventually(lambda: tokens(folder)) == [("wk1", SYNC_TOKEN)]
        assert serve.health()["notices_waiting"] == 0


def test_bodies_that_are_too_large_or_never_come(folder: Path) -> None:
    """They are refused over a real connection, and the next request is answered as ever."""
    good = posted(notice())
    with Serve(folder) as serve:
        assert serve.post(Request(good.query, good.body.ljust(65_537))) == (413, b"too_large\n")
        with serve.connect() as slow:
            head = f"POST /wework/callback?{good.query} HTTP/1.1\r\nhost: x\r\ncontent-length: 500"
            slow.sendall(f"{head}\r\n\r\n".encode())
            told = rest(slow)
            assert b"408 Request Timeout" in told
            assert b"connection: close" in told.lower()  # or a byte now and then would keep it
        with serve.connect() as broken:
            broken.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # somebody speaks TLS
            assert b"400 Bad Request" in rest(broken)
        assert serve.post(good) == (200, b"success")


def test_a_connection_that_comes_to_no_point_is_closed(folder: Path) -> None:
    """Whoever is silent, or begins a first or a second request for ever, does not keep WeChat's places."""
    good = posted(notice())
    whole = (
        f"POST /wework/callback?{good.query} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(good.body)}\r\n\r\n"
    )
    with Serve(folder) as serve, ExitStack() as stack:
        silent, begun, again = (stack.enter_context(serve.connect()) for _ in range(3))
        began = time.monotonic()
        begun.sendall(b"POST /wework")
        again.sendall(whole.encode() + good.body)
        again.sendall(b"POST /wework")
        assert [rest(line)[-7:] for line in (silent, begun, again)] == [b"", b"", b"success"]
        assert HEAD_WITHIN - 1 < time.monotonic() - began < HEAD_WITHIN + 4


def test_what_it_does_not_start_with(tmp_path: Path) -> None:
    """Keys that are missing, a ledger never made, a port that is taken: a sentence and an exit code."""
    without = kfpush("serve", folder=tmp_path, env=GIVEN | {"WEWORK_TOKEN": "", "WEWORK_AES_KEY": ""})
    unmade = kfpush("serve", folder=tmp_path, env=GIVEN)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        taken = kfpush("serve", folder=tmp_path, env=GIVEN | {"KFPUSH_HTTP_PORT": port})

    assert (without.returncode, unmade.returncode, taken.returncode) == (2, 4, 5)
    assert "WEWORK_TOKEN and WEWORK_AES_KEY are missing" in without.stderr
    assert "run `kfpush migrate`" in unmade.stderr
    assert f"KFPUSH_HTTP_PORT {port}: nothing can listen there" in taken.stderr
    assert "Traceback" not in without.stderr + unmade.stderr + taken.stderr


def test_where_it_listens() -> None:
    """A port that is taken is passed over where any near it will do; a name and IPv6 are addresses too."""
    with listening(Settings(http_port=0)) as first:
        port = first.getsockname()[1]
        with listening(Settings(http_port=port), or_near=True) as second:
            assert port < second.getsockname()[1] < port + 20
        with pytest.raises(ServerUnavailable), listening(Settings(http_port=port)):
            pass
    for host in ("localhost", "::1"):
        with listening(Settings(http_host=host, http_port=0)) as found:
            assert found.getsockname()[0] in {"127.0.0.1", "::1"}
    with pytest.raises(ServerUnavailable), listening(Settings(http_host="no.such.host.invalid", http_port=0)):
        pass


async def test_answers_come_from_a_thread_of_their_own(folder: Path) -> None:
    """`kfpush up` answers while its own loop is held, writes at home, and nudges at home what pulls."""
    settings = Settings(http_port=0)
    own = Database(f"sqlite:///{folder}/.kfpush/kfpush.db", migrate.OWN, wal=True)
    seal = (settings.callback_tokens[0], settings.callback_aes_keys[0], settings.credentials[0])
    request = posted(notice("wk1"), token=seal[0], key=seal[1], corp=seal[2])
    nudged_in: list[int] = []
    nudged, stop = asyncio.Event(), asyncio.Event()

    def nudge() -> None:
        nudged_in.append(threading.get_ident())
        nudged.set()

    with listening(settings) as listener:
        running = asyncio.create_task(answer(settings, own, listener, stop, nudge))
        port = listener.getsockname()[1]
        assert b'"ok":true' in await asyncio.to_thread(ask, port, "GET", "/healthz", b"")
        # The test's own loop does nothing else meanwhile, as in a long round of planning.
        assert ask(port, "POST", f"/wework/callback?{request.query}", request.body) == b"success"
        assert tokens(folder) == []
        await asyncio.wait_for(nudged.wait(), LONGEST)
        stop.set()
        await running
    await own.close()
    assert tokens(folder) == [("wk1", SYNC_TOKEN)]
    assert nudged_in == [threading.get_ident()]
