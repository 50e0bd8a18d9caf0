"""A consumer's stable name: the lowest that nobody holds, and free again when its holder ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from consumer import names
from consumer.names import ConsumerName
from schemas.errors import ConfigurationError

HOLDER = """
import sys
from pathlib import Path
from consumer.names import ConsumerName
print(ConsumerName(Path(sys.argv[1])), flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "here")


def test_names_count_from_one(tmp_path: Path) -> None:
    """Each gets the lowest that is free; one that is given back is taken first."""
    one, two, three = (ConsumerName(tmp_path) for _ in range(3))
    assert [one.text, two.text, three.text] == ["here-1", "here-2", "here-3"]

    two.release()
    again = ConsumerName(tmp_path)
    fourth = ConsumerName(tmp_path)

    assert [str(again), str(fourth)] == ["here-2", "here-4"]
    for name in (one, again, three, fourth):
        name.release()


def test_another_folder_is_another_installation(tmp_path: Path) -> None:
    """Two installations on one machine do not count together."""
    one, other = ConsumerName(tmp_path / "a"), ConsumerName(tmp_path / "b")

    assert [one.text, other.text] == ["here-1", "here-1"]
    one.release()
    other.release()


@pytest.mark.parametrize("ending", ["killed", "left"])
def test_the_name_of_a_process_that_ended(tmp_path: Path, ending: str) -> None:
    """The operating system gives it back, and whoever takes it finds the old one's pending entries."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip().endswith("-1")
    beside = ConsumerName(tmp_path)
    assert beside.text == "here-2"

    if ending == "killed":
        process.kill()
    process.communicate("\n" if ending == "left" else None, timeout=30)

    after = ConsumerName(tmp_path)
    assert after.text == "here-1"
    after.release()
    beside.release()


def test_a_child_does_not_keep_the_name(tmp_path: Path) -> None:
    """A program that a consumer started may outlive it."""
    name = ConsumerName(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", "print('runs', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        close_fds=False,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()

        name.release()
        again = ConsumerName(tmp_path)

        child.communicate(b"\n", timeout=30)
    assert again.text == "here-1"
    again.release()


@pytest.mark.parametrize(
    ("host", "expected"),
    [("srv.example", "srv.example-1"), ("Büro PC", "B-ro-PC-1"), ("a:b{c}", "a-b-c--1"), ("", "host-1")],
)
def test_a_machines_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, expected: str) -> None:
    """Whatever a machine is called, the consumer's name is one word of plain characters."""
    monkeypatch.setattr("socket.gethostname", lambda: host)

    name = ConsumerName(tmp_path)

    assert name.text == expected
    name.release()


def test_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what would help instead."""
    monkeypatch.setattr(names, "MOST_CONSUMERS", 2)
    held = [ConsumerName(tmp_path), ConsumerName(tmp_path)]

    with pytest.raises(ConfigurationError, match="KFPUSH_SEND_CONCURRENCY"):
        ConsumerName(tmp_path)

    for name in held:
        name.release()
