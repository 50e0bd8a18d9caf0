"""The two front pages tell the same, and what they tell exists."""

import json
import re
import sqlite3
from pathlib import Path

import pytest

from ops.cli import COMMANDS, kfpush
from ops.migrate import APP, migrate
from schemas.settings import Settings, environment_name
from schemas.times import from_text

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
PAGES = pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=["en", "zh"])


def blocks(page: str, language: str) -> list[str]:
    """The page's code of one language."""
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def without_remarks(block: str) -> list[str]:
    """A block's lines without what stands behind a ``#``, which is translated."""
    return [line.split("#")[0].rstrip() for line in block.splitlines()]


@PAGES
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_on_the_page(page: str, command: str) -> None:
    """A command nobody can find does not exist."""
    assert f"`kfpush {command}" in page


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    """`--help` says what a command does and shows how it is used."""
    found = kfpush.get_command(None, command)  # type: ignore[arg-type]  # the group needs no context for it

    assert found is not None
    assert found.help is not None
    assert "Examples:" in found.help
    assert f"kfpush {command}" in found.help


@PAGES
def test_every_make_target_on_the_page_exists(page: str) -> None:
    """What the page tells to type works."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    told = set(re.findall(r"\$ make ([a-z-]+)", page))
    assert told
    assert told <= targets


@PAGES
def test_every_setting_on_the_page_exists(page: str) -> None:
    """A setting that is told of is one that is read."""
    known = {environment_name(field) for field in Settings.model_fields}

    told = set(re.findall(r"`((?:KFPUSH|WEWORK)_[A-Z_]+)`", page))
    assert told
    assert told <= known


def test_both_pages_show_the_same_code() -> None:
    """The Chinese page has the English page's commands and examples, remarks apart."""
    assert blocks(ENGLISH, "python") == blocks(CHINESE, "python")
    assert blocks(ENGLISH, "sql") == blocks(CHINESE, "sql")
    assert [without_remarks(block) for block in blocks(ENGLISH, "console")] == [
        without_remarks(block) for block in blocks(CHINESE, "console")
    ]


def test_both_pages_have_the_same_shape() -> None:
    """As many headings, table rows and pictures on one page as on the other."""
    for mark in (r"^#+ ", r"^\| ", r"^```"):
        english, chinese = (len(re.findall(mark, page, re.MULTILINE)) for page in (ENGLISH, CHINESE))
        assert english == chinese


def test_the_example_works(tmp_path: Path) -> None:
    """The page's Python puts one event into a migrated database, in the caller's transaction."""
    url = f"sqlite:///{tmp_path}/app.db"
    migrate(url, APP, from_text("2026-01-01T00:00:00.000Z"))
    connection = sqlite3.connect(tmp_path / "app.db")
    connection.execute("CREATE TABLE intent_matches (id INTEGER PRIMARY KEY, user_id TEXT)")
    [example] = blocks(ENGLISH, "python")
    runnable = re.sub(r'connection\.execute\("INSERT.*\n', "", example)

    exec(runnable, {"connection": connection})  # noqa: S102 - the page's own example

    rows = connection.execute("SELECT event_key, payload FROM push_outbox").fetchall()
    assert [key for key, _ in rows] == ["17:1"]
    assert json.loads(rows[0][1])["profile_name"] == "张三"
    connection.close()


def test_the_users_sql_works(tmp_path: Path) -> None:
    """The page's SQL runs literally on a migrated database."""
    url = f"sqlite:///{tmp_path}/app.db"
    migrate(url, APP, from_text("2026-01-01T00:00:00.000Z"))
    connection = sqlite3.connect(tmp_path / "app.db")
    connection.execute("INSERT INTO user_push_preferences (user_id) VALUES ('YOUR_USER_ID')")
    [statements] = blocks(ENGLISH, "sql")

    connection.executescript(statements)

    preference = connection.execute("SELECT quiet_hours, daily_limit FROM user_push_preferences").fetchone()
    assert preference == ("22:00-08:00", 10)
    names = connection.execute("SELECT template_name FROM push_templates ORDER BY id").fetchall()
    assert names[-1] == ("custom_notification",)
    connection.close()
