"""``kfpush publish``: what is good goes in once, what is not is named and never shown."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from ops.publish import BATCH, MOST_TOLD
from schemas.events import MAX_PAYLOAD_BYTES
from tests.flow.commands import KFPUSH, LONGEST, environment, kfpush


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    """A folder whose database is ready."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    assert kfpush("migrate", folder=folder).returncode == 0
    return folder


def match(match_id: object, **more: object) -> str:
    """A good line."""
    return json.dumps({"match_id": match_id, "user_id": "wmA", "profile_name": "张三", "score": 0.85, **more})


def keys(folder: Path) -> list[str]:
    """The events in the outbox, in order."""
    with closing(sqlite3.connect(folder / ".kfpush" / "kfpush.db")) as connection:
        return [row[0] for row in connection.execute("SELECT event_key FROM push_outbox ORDER BY id")]


def test_what_is_good_goes_in_and_what_is_not_is_named(migrated: Path) -> None:
    """Lines are refused by number and reason, never by content, and the good ones around them go in."""
    lines = [
        "\ufeff" + match(1),
        "",
        "13812345678 is not JSON",
        match(2, score=85),
        match("13912345678 x"),
        match(3, revision=2) + "\r",
        match(4, explanation="x" * MAX_PAYLOAD_BYTES),
        match(1, profile_name="李四"),
        match(5),
    ]
    ended = kfpush("publish", "-", folder=migrated, given="\n".join(lines))

    assert ended.returncode == 3
    assert ended.stdout == "3 added, 1 already there, 4 refused\n"
    told = ended.stderr.splitlines()
    assert [line.split(" refused: ")[0] for line in told] == ["line 3", "line 4", "line 5", "line 7"]
    assert "score: Input should be less than or equal to 1" in told[1]
    assert "13812345678" not in ended.stderr
    assert "13912345678" not in ended.stderr
    assert keys(migrated) == ["1:1", "3:2", "5:1"]


def test_again_changes_nothing(migrated: Path) -> None:
    """The same file again adds nothing and is no error; --dry-run says so beforehand."""
    file = migrated / "matches.ndjson"
    file.write_text("\n".join(match(f"m{n}") for n in range(2 * BATCH + 7)))

    dry = kfpush("publish", "--dry-run", file, folder=migrated)
    first = kfpush("publish", file, folder=migrated)
    again = kfpush("publish", "--json", file, folder=migrated)

    assert (dry.returncode, dry.stdout) == (
        0,
        f"{2 * BATCH + 7} would be added, 0 already there, 0 refused\n",
    )
    assert (first.returncode, first.stdout) == (0, f"{2 * BATCH + 7} added, 0 already there, 0 refused\n")
    assert json.loads(again.stdout) == {
        "added": 0,
        "already_there": 2 * BATCH + 7,
        "refused": 0,
        "lines": 2 * BATCH + 7,
        "dry_run": False,
        "interrupted": False,
        "refusals": [],
    }
    assert len(keys(migrated)) == 2 * BATCH + 7


def test_a_hopeless_file_is_not_told_for_ever(migrated: Path) -> None:
    """Of very many refused lines the first are named and the rest counted."""
    ended = kfpush("publish", "--json", folder=migrated, given="{}\n" * (MOST_TOLD + 5))

    assert ended.returncode == 3
    assert json.loads(ended.stdout)["refused"] == MOST_TOLD + 5
    assert len(json.loads(ended.stdout)["refusals"]) == MOST_TOLD
    assert ended.stderr.splitlines()[-1] == "... and 5 more lines refused"


def test_a_database_that_is_not_ready_is_said(migrated: Path, tmp_path: Path) -> None:
    """Without the database or its table the sentence names the command that helps, and nothing is made."""
    nowhere = kfpush("publish", folder=tmp_path, given=match(1))
    with closing(sqlite3.connect(migrated / ".kfpush" / "kfpush.db")) as connection:
        connection.execute("DROP TABLE push_outbox")
    without_table = kfpush("publish", folder=migrated, given=match(1))

    for ended in (nowhere, without_table):
        assert (ended.returncode, ended.stdout) == (4, "")
        assert "run `kfpush migrate`" in ended.stderr
        assert "Traceback" not in ended.stderr
    assert not (tmp_path / ".kfpush").exists()


def test_ctrl_c_keeps_what_was_read(migrated: Path) -> None:
    """A slow pipe's matches are committed as they come, and an interrupt says how far it came."""
    with subprocess.Popen(
        [KFPUSH, "publish", "-"],
        cwd=migrated,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(f"{match(1)}\n{match(2)}\n{{")
        process.stdin.flush()
        until = time.monotonic() + LONGEST
        while keys(migrated) != ["1:1", "2:1"]:
            assert time.monotonic() < until
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.read() == "Came as far as line 2: 2 added, 0 already there, 0 refused\n"
        assert process.wait(LONGEST) == 130


def test_help_keeps_the_lines_of_its_examples(tmp_path: Path) -> None:
    """An example is a line that can be copied, not a word in a paragraph."""
    ended = kfpush("publish", "--help", folder=tmp_path)

    assert "\n    kfpush publish matches.ndjson\n" in ended.stdout
    assert "\\b" not in ended.stdout
