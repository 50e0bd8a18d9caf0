"""How the sandbox starts and how it ends: promptly, quietly, and never left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ops.sandbox.process import SandboxControl, SandboxProcess
from tests.flow.wechat_caller import Caller


def test_it_stops_at_once_and_cleanly() -> None:
    """SIGTERM ends it with 0 while a stream, a long poll and a slow call are open, and nothing is logged."""
    command = [sys.executable, "-m", "ops.sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        control, caller = SandboxControl(url), Caller(url)
        control.speak("wkA", "wmA")
        caller.gettoken()
        hang_up_in_the_middle(url)
        control.fault(delay_after=60)
        waiting = [
            threading.Thread(target=caller.send_raw, args=["a"]),
            threading.Thread(target=lambda: control.words(after=2**52, wait=60)),
        ]
        with listening(url):
            for thread in waiting:
                thread.start()
            assert control.pushes("wmA", at_least=1, wait=20)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        for thread in waiting:
            thread.join(10)
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_it_dies_with_its_parent() -> None:
    """Killing whoever started it, without a word, ends it too."""
    starter = (
        "from ops.sandbox.process import SandboxProcess\n"
        "running = SandboxProcess().start()\n"
        "print(running.pid, running.base_url, flush=True)\n"
        "input()\n"
    )
    command = [sys.executable, "-c", starter]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        url = parent.stdout.readline().split()[1]
        with listening(url):
            parent.kill()
            # Both wrote to this pipe: it ends when the second of them is gone.
            assert parent.stderr.read() == ""
    with pytest.raises(ConnectionError):
        SandboxControl(url).healthz()


def hang_up_in_the_middle(url: str) -> None:
    """Announce more than is sent, and go."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=20) as line:
        head = f"POST /cgi-bin/kf/send_msg HTTP/1.1\r\nHost: {where.netloc}\r\nExpect: 100-continue\r\n"
        line.sendall(f"{head}Content-Length: 100\r\n\r\n".encode())
        assert line.recv(100).startswith(b"HTTP/1.1 100")  # by now the body is being waited for


@contextmanager
def listening(url: str) -> Iterator[None]:
    """While inside, hold an event stream open."""
    line = HTTPConnection(urlsplit(url).netloc, timeout=20)
    line.request("GET", "/sandbox/events")
    with closing(line), closing(line.getresponse()) as stream:
        assert stream.readline().strip()
        yield


def test_a_port_that_is_taken_is_said() -> None:
    """A second sandbox on one port ends with 1 and a sentence."""
    with SandboxProcess() as first:
        port = str(urlsplit(first.base_url).port)
        command = [sys.executable, "-m", "ops.sandbox", "--port", port]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"cannot use 127.0.0.1:{port}" in ended.stderr


def test_the_port_is_written_to_a_file(tmp_path: Path) -> None:
    """Whoever starts it with --port-file finds the port there by the time it says it is ready."""
    file = tmp_path / "a port"
    command = [sys.executable, "-m", "ops.sandbox", "--port-file", str(file), "--parent", str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        assert file.read_text() == f"{urlsplit(url).port}\n"
        assert SandboxControl(url).healthz()["pid"] == process.pid
        process.terminate()


def test_a_sandbox_that_cannot_start_says_so() -> None:
    """The starter gets an error instead of an address."""
    with pytest.raises(RuntimeError, match="did not start"):
        SandboxProcess(check_order="no such order").start()


def test_a_power_cut_is_noticed() -> None:
    """After kill the address is dead and the exit code says why."""
    running = SandboxProcess().start()
    assert running.kill() == -signal.SIGKILL
    with pytest.raises(ConnectionError):
        running.control.healthz()
