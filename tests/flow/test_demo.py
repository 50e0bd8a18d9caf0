"""``kfpush up --demo``: it passes when all is well, fails when something is not, and leaves nothing."""

import json
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.commands import Up, eventually, kfpush


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary folders, short enough for a socket; the test fails if anything is left in it."""
    with tempfile.TemporaryDirectory(prefix="kf") as folder:
        yield Path(folder)
        assert list(Path(folder).iterdir()) == []


def test_the_demo_passes(temporary: Path, tmp_path: Path) -> None:
    """Every check holds, whatever this machine's settings say: a demo never writes to real people."""
    settings = {"WEWORK_CORP_ID": "ww1", "WEWORK_SECRET": "hush", "KFPUSH_REDIS_URL": "redis://nowhere"}
    ended = kfpush("up", "--demo", folder=tmp_path, env={"TMPDIR": str(temporary), **settings})

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("✓") == 10
    assert "✗" not in ended.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_demo_fails_when_a_message_does_not_arrive(temporary: Path, tmp_path: Path) -> None:
    """One message that WeChat refuses for good is one line that differs, and exit code 1."""
    ended = kfpush("up", "--demo", "--spoil", "--json", folder=tmp_path, env={"TMPDIR": str(temporary)})

    events = [json.loads(line) for line in ended.stdout.splitlines()]
    wrong = [event["found"] for event in events if event["event"] == "verdict" and not event["is_so"]]
    assert ended.returncode == 1
    assert wrong == ["dead: content_refused", "4 messages"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_can_be_interrupted(temporary: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Asked to stop in the middle it ends with 130, and folder and processes are gone."""
    up = Up(tmp_path, "--demo", TMPDIR=str(temporary))
    up.event("sent")
    up.remember()
    assert len(up.family) > 2
    assert up.end(number) == 130
    assert eventually(lambda: not up.survivors())
    up.process.communicate()
