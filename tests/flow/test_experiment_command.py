"""``kfpush experiment`` and ``kfpush report`` as operators type them."""

import json
from pathlib import Path
from subprocess import CompletedProcess
from xml.etree import ElementTree as ET

import pytest

from ops.migrate import APP, OWN, migrate
from tests.engines import NOON, ask
from tests.flow.commands import kfpush

REASON = ("--reason", "is it read?")


class Desk:
    """Where an operator sits: a file of both databases, twelve users, and texts beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder}/.kfpush/kfpush.db"
        (folder / ".kfpush").mkdir()
        for part in (APP, OWN):
            migrate(self.url, part, NOON)
        ask(
            self.url, "INSERT INTO push_installation (name, value) VALUES ('windows_adopted', '') RETURNING 1"
        )
        for number in range(12):
            ask(
                self.url,
                "INSERT INTO wechat_kf_sessions (user_id, external_userid, open_kfid) VALUES (?, ?, 'wk1')"
                " RETURNING 1",
                *(f"u{number}", f"wm{number}"),
            )
        (folder / "short.txt").write_text("短：{profile_name}\n", encoding="utf-8")

    def types(self, *words: str, **env: str) -> CompletedProcess[str]:
        """Type a command; WeChat is nowhere."""
        away = {"WEWORK_CORP_ID": "ww1", "WEWORK_SECRET": "hush"}
        return kfpush(*words, folder=self.folder, env={**away, **env})

    def starts(self, name: str, *more: str) -> CompletedProcess[str]:
        """Start an experiment with the short text."""
        given = ("--variant", "short", "short.txt", *REASON, "--author", "ann")
        return self.types("experiment", "start", name, *given, *more)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An installation."""
    return Desk(tmp_path)


def test_a_start_is_a_dry_run_unless_it_is_meant(desk: Desk) -> None:
    """It tells how the users known would be dealt, and whom it would silence; nothing is written."""
    dry = desk.starts("spring", "--holdout", "25")

    assert dry.returncode == 0, dry.stderr
    lines = dry.stdout.splitlines()
    assert lines[0] == "This would start spring on template match_notification_text; --yes does it."
    assert lines[1] == "  Of the 12 users known:"
    counts = [int(line.rsplit(" ", 1)[1]) for line in lines[2:4]]
    silenced = int(lines[4].split("- ")[1].split(" ")[0])
    assert sum(counts) + silenced == 12
    assert ask(desk.url, "SELECT name FROM push_experiments") == []

    meant = json.loads(desk.starts("spring", "--holdout", "25", "--yes", "--json").stdout)
    assert (meant["started"], meant["split"]["held_out"]) == (True, silenced)
    assert meant["split"]["variants"] == dict(zip(("control", "short"), counts, strict=True))
    assert ask(desk.url, "SELECT name, template, author, note, holdout FROM push_experiments") == [
        ("spring", "match_notification_text", "ann", "is it read?", 0.25)
    ]
    assert ask(desk.url, "SELECT author, act, why FROM push_audit") == [
        ("ann", "experiment start", "is it read?")
    ]


def test_its_life(desk: Desk) -> None:
    """Started, listed, shown, stopped, stopped again; in both languages."""
    assert desk.types("experiment", "list").stdout == "No experiment was ever started here.\n"
    assert desk.starts("spring", "--weight", "control", "3", "--yes").returncode == 0

    listed = json.loads(desk.types("experiment", "list", "--json").stdout)
    assert [(each["name"], each["ended"], each["variants"][0]["weight"]) for each in listed] == [
        ("spring", None, 3.0)
    ]
    shown = desk.types("experiment", "show", "spring").stdout
    assert "  control: 75.0% of the users (the template itself)\n" in shown
    assert "  - content: 短：{profile_name}\n" in shown
    stopped = [desk.types("experiment", "stop", "spring", "--why", "enough") for _ in range(2)]
    assert [run.returncode for run in stopped] == [0, 0]
    assert stopped[0].stdout.startswith("Stopped spring: ")
    assert stopped[1].stdout == "spring was stopped already.\n"
    assert "，由 " in desk.types("experiment", "list", "--lang", "zh").stdout


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--template", "nobodys"), 3, "is not in force"),
        (("--like", "nobodys"), 3, "no experiment 'nobodys' to deal like"),
        (("--weight", "long", "2"), 2, "there is no such variant"),
        (("--weight", "short", "0"), 2, "above 0"),
        (("--holdout", "60"), 2, "0 to 50%"),
        (("--variant", "bad", "bad.txt"), 3, "variant 'bad': line 1"),
        (("--variant", "again", "same.txt"), 3, "'short' and 'again' say the same"),
        (("--variant", "control", "same.txt"), 2, "is the template itself"),
        (("--variant", "Bad Name", "same.txt"), 2, "is no name"),
        (("--variant", "gone", "nowhere.txt"), 2, "nowhere.txt"),
        (("--variant", "short", "same.txt"), 2, "given twice"),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, words: tuple[str, ...], code: int, told: str) -> None:
    """With the reason, before anything is written."""
    (desk.folder / "bad.txt").write_text("{nothing}", encoding="utf-8")
    (desk.folder / "same.txt").write_text("短：{profile_name}", encoding="utf-8")

    run = desk.starts("spring", *words, "--yes")

    assert run.returncode == code
    assert told in run.stderr
    assert ask(desk.url, "SELECT name FROM push_experiments") == []


def test_a_variant_may_be_of_parts(desk: Desk) -> None:
    """A .json file says which texts differ; the others are the template's."""
    (desk.folder / "detail.json").write_text('{"detail": "{profile_name}！"}', encoding="utf-8")
    (desk.folder / "odd.json").write_text('{"contents": "x"}', encoding="utf-8")

    assert desk.starts("spring", "--variant", "loud", "detail.json", "--yes").returncode == 0
    odd = desk.starts("summer", "--variant", "odd", "odd.json")

    [(variants,)] = ask(desk.url, "SELECT variants FROM push_experiments")
    assert [(each["name"], each["content"], each["detail"]) for each in json.loads(variants)] == [
        ("control", None, None),
        ("short", "短：{profile_name}", None),
        ("loud", None, "{profile_name}！"),
    ]
    assert (odd.returncode, "not an object of texts" in odd.stderr) == (2, True)


def test_one_at_a_time_and_never_twice(desk: Desk) -> None:
    """Each refusal says what to do."""
    assert desk.starts("spring", "--yes").returncode == 0

    again, other = desk.starts("spring", "--yes"), desk.starts("summer", "--yes")
    nobody = desk.types("experiment", "stop", "autumn", "--why", "x")

    assert [run.returncode for run in (again, other, nobody)] == [3, 3, 3]
    assert "was used before" in again.stderr
    assert "'spring' varies 'match_notification_text' already; stop it first" in other.stderr
    assert "no experiment 'autumn'" in nobody.stderr


def test_a_report_and_its_picture(desk: Desk) -> None:
    """Of an empty ledger; as text, as JSON, and as a picture that is XML."""
    plain = desk.types("report", "--since", "2026-11-01", "--until", "2026-11-02")
    head, nothing = plain.stdout.splitlines()
    assert head.startswith("Messages reserved from 2026-11-01 00:00:00 (10-31 16:00:00Z) until 2026-11-02 ")
    assert nothing == "  Nothing was reserved in that time."
    told = json.loads(desk.types("report", "--by", "day", "--json", "--svg", "out.svg").stdout)
    assert (told["total"]["tried"], told["groups"], told["trial"]) == (0, [], None)
    drawn = ET.fromstring((desk.folder / "out.svg").read_text(encoding="utf-8"))  # noqa: S314 - our own
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--experiment", "nobodys"), "there is no experiment 'nobodys'"),
        (("--since", "2026-11-02", "--until", "2026-11-01"), "is not before"),
        (("--since", "yesterday"), "is no time"),
        (("--svg", "nowhere/out.svg"), "nowhere/out.svg"),
        (("--by", "moon"), "is not one of"),
    ],
)
def test_a_report_that_cannot_be(desk: Desk, words: tuple[str, ...], told: str) -> None:
    """Wrong usage says what is wrong."""
    run = desk.types("report", *words)

    assert (run.returncode, told in run.stderr) == (2, True)
