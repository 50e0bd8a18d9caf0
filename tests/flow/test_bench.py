"""``kfpush bench``: it measures what it says, whole, and leaves nothing behind.  No figure is asserted."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.bench.figures import Reach, Table
from tests.flow.commands import KFPUSH, environment, kfpush


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where the benchmark's temporary folders are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_a_drain_counts_what_wechat_got(scratch: Path) -> None:
    """Each of the three ways posts every match once, in one run, and the folder is gone afterwards."""
    words = ("bench", "drain", "--quick", "--matches", "100", "--prior", "10", "--json")
    ended = kfpush(*words, folder=scratch, env={"TMPDIR": str(scratch)})

    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.returncode == 0, ended.stderr
    assert "python" in told[0]["machine"]
    rows = told[1]["tables"][0]["rows"]
    assert [row["way"][:3] for row in rows] == ["(a)", "(b)", "(c)"]
    assert [(row["messages"], row["== matches"]) for row in rows] == [(100, "yes")] * 3
    assert len(told[1]["reaches"]) == 2
    assert list(scratch.iterdir()) == []


@pytest.fixture
def running(scratch: Path) -> Iterator["subprocess.Popen[str]"]:
    """A benchmark that has begun; ended by pid whatever happens."""
    process = subprocess.Popen(
        [KFPUSH, "bench", "idle", "--seconds", "60"],
        cwd=scratch,
        env=environment(TMPDIR=str(scratch)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_ctrl_c_leaves_nothing(running: "subprocess.Popen[str]", scratch: Path) -> None:
    """An interrupted run ends its processes and removes its folder, and says so by its exit code."""
    assert running.stderr is not None
    assert running.stderr.readline().startswith("idle: nothing to do")
    running.send_signal(signal.SIGINT)

    assert running.wait(30) == 130
    assert list(scratch.iterdir()) == []


def test_figures_are_shown_beside_what_is_to_be_reached() -> None:
    """A reach is met on its bound, in its own direction; a table is aligned Markdown."""
    assert Reach("p50", 6.0, 6, " ms", at_most=True).told() == "met     p50: 6 ms (at most 6 ms)"
    assert not Reach("p50", 6.01, 6, at_most=True).is_met
    assert Reach("share", 0.59, 0.6).told() == "MISSED  share: 0.59 (at least 0.6)"
    table = Table("Two ways", ("way", "n"), [("one", 12345.6), ("other", 0.1234)])
    assert table.markdown() == (
        "Two ways\n\n| way   |      n |\n| ----- | -----: |\n| one   | 12,346 |\n| other |  0.123 |"
    )


def test_spending_is_told_by_way_and_regime(scratch: Path) -> None:
    """Four regimes with four ways each, what is to be reached, and the same figures from the same seed."""
    words = ("bench", "spending", "--users", "6", "--seed", "5", "--json")
    ended, again = (kfpush(*words, folder=scratch, env={"TMPDIR": str(scratch)}) for _ in range(2))

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[1])
    assert told == json.loads(again.stdout.splitlines()[1])
    assert [len(table["rows"]) for table in told["tables"]] == [4] * 4
    assert len(told["reaches"]) == 16
    for table in told["tables"]:
        rows = {row["way"]: row for row in table["rows"]}
        assert rows["floor"]["excess h"] == 0
        assert rows["floor"]["matches delivered"] >= max(row["matches delivered"] for row in rows.values())


def test_planning_is_told_of_everybody_and_of_one(scratch: Path) -> None:
    """The planner alone, for many people and for the match that most often comes; every match has an end."""
    ended = kfpush("bench", "planning", "--json", folder=scratch, env={"TMPDIR": str(scratch)})

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[1])
    many, one = told["tables"][0]["rows"]
    ends = [int(number.replace(",", "")) for number in many["send / defer / park"].split(" / ")]
    assert sum(ends) == 100_000
    assert min(ends) > 0
    assert 0 < one["CPU us a match"] < many["CPU us a match"] * 100
