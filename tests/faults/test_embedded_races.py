"""The embedded server while its users come, leave and die as they like."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from ops.embedded import EmbeddedValkey

ROUNDS = 40
NEIGHBOUR = """
import sys
from ops.embedded import EmbeddedValkey
with EmbeddedValkey(sys.argv[1]):
    sys.stdin.readline()
"""


@pytest.mark.faults
def test_one_server_and_no_loss_whoever_dies(tmp_path: Path) -> None:
    """Users start together and are killed at any moment: never two servers, never an answered write lost."""
    folder = tmp_path / "valkey"
    answered = 0
    for _ in range(ROUNDS):
        neighbours = [
            subprocess.Popen(
                [sys.executable, "-c", NEIGHBOUR, folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )
            for _ in range(3)
        ]
        for each in neighbours:
            try:  # from before the lock is taken to long after the server is ready
                each.wait(random.uniform(0, 0.3))
            except subprocess.TimeoutExpired:
                each.send_signal(random.choice([signal.SIGKILL, signal.SIGTERM]))
        for each in neighbours:
            each.communicate(timeout=30)

        with EmbeddedValkey(folder) as valkey, Redis.from_url(valkey.url) as redis:
            assert answered == redis.xlen("matches")
            assert [str(valkey.pid)] == _servers(folder)
            for _ in range(10):
                redis.xadd("matches", {"n": answered})
                answered += 1
        assert _servers(folder) == []


def _servers(folder: Path) -> list[str]:
    lines = subprocess.run(
        ["ps", "-ww", "-A", "-o", "pid=,args="], capture_output=True, check=True, text=True
    )
    return [
        line.split()[0]
        for line in lines.stdout.splitlines()
        if f"--dir {folder}" in line or f"{folder}/valkey.sock" in line
    ]
