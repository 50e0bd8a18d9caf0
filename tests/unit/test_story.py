"""What `kfpush up` says, and the log file it does not show."""

import json
import logging
import string
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import structlog

from consumer.news import News, What
from ops.logs import BoundedFile, configure_logs
from ops.up.phrases import PHRASES, Phrases
from ops.up.story import MOST_LINES, Story
from schemas.decisions import RecipientKey

XIAOLIN = RecipientKey("wkA", "wmXiaoLin")


def story(**more: object) -> Story:
    """A story in English with one known user."""
    return Story(Phrases("en"), ZoneInfo("UTC"), names={"wmXiaoLin": "小林"}, **more)  # type: ignore[arg-type]


def sent(match_id: str, left: int | None) -> News:
    """A message that went out."""
    return News("2026-11-22T06:00:00.000Z", What.SENT, match_id, 1, XIAOLIN, left=left)


def test_both_languages_say_the_same() -> None:
    """Every phrase is there in Chinese and in English, with the same facts."""

    def facts(phrase: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}

    assert PHRASES["en"].keys() == PHRASES["zh"].keys()
    assert [key for key in PHRASES["en"] if facts(PHRASES["en"][key]) != facts(PHRASES["zh"][key])] == []
    assert {what.value for what in What} <= PHRASES["en"].keys()


@pytest.mark.parametrize(
    ("news", "told"),
    [
        pytest.param(sent("3", 2), "match 3 → sent to 小林 (2 left in the window)", id="sent"),
        pytest.param(sent("3", 0), "match 3 → sent to 小林 (none left in the window)", id="last"),
        pytest.param(sent("3", None), "match 3 → sent to 小林", id="of the window before"),
        pytest.param(
            News("", What.PARKED, "6", 1, reason="no_slot"),
            "match 6 waits: no message left until the user writes",
            id="parked",
        ),
        pytest.param(
            News("", What.DEAD, "6", 2, XIAOLIN, reason="content_refused", errcode=40201),
            "match 6:2 needs a person: WeChat refuses its content (WeChat's code 40201)",
            id="dead",
        ),
    ],
)
def test_a_line_is_a_sentence(news: News, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each event is one short line for people."""
    story(advises=False).happened([news])

    assert capsys.readouterr().out.splitlines()[0].endswith(f"  {told}")


def test_one_message_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Matches that went together are told together, to programs one by one; so is an answer."""
    three = [replace(sent(name, 4), push_id=7) for name in ("s1", "s2", "s3")]
    alone = replace(sent("s4", 3), push_id=8)
    story(advises=False).happened([*three, alone, News("", What.ANSWERED, "", 1, XIAOLIN, push_id=9)])
    lines = capsys.readouterr().out.splitlines()
    story(as_json=True).happened(three)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [line.partition("  ")[2] for line in lines] == [
        "matches s1, s2, s3 → sent to 小林 as one message (4 left in the window)",
        "match s4 → sent to 小林 (3 left in the window)",
        "小林 was answered",
    ]
    assert [event["match"] for event in events] == ["s1", "s2", "s3"]


def test_a_tap_is_not_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    """Who taps on a menu opens no window, and is not told to have."""
    story().spoke("wmXiaoLin")
    story().spoke("wmXiaoLin", taps=True)

    spoke, tapped = capsys.readouterr().out.splitlines()
    assert spoke.endswith("小林 wrote: the window is open for 48 hours and five messages")
    assert tapped.endswith("小林 tapped on a menu item")


def test_a_real_user_is_not_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Outside the sandbox a user's WeChat id is personal data, and the terminal may be a journal."""
    Story(Phrases("en"), ZoneInfo("UTC"), shows_ids=False).happened([sent("3", 2)])

    assert "match 3 → sent to the user (2 left in the window)" in capsys.readouterr().out


def test_a_flood_is_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Of very many events some are told and the rest counted, now and at the end; programs get all."""
    many = [sent(str(n), 1) for n in range(MOST_LINES + 30)]
    many += [News("", What.PARKED, "x", 1, reason="no_slot")]
    told = story()
    told.happened(many)
    told.happened(many)
    told.happened([], is_last=True)
    for_people = capsys.readouterr().out.splitlines()
    story(as_json=True).happened(many)
    for_programs = capsys.readouterr().out.splitlines()

    assert MOST_LINES + 2 <= len(for_people) <= MOST_LINES + 4
    assert for_people[MOST_LINES].endswith("... and 31 more: 30 sent, 1 waiting")
    assert " more: " in for_people[-1]
    assert len(for_programs) == MOST_LINES + 31
    assert json.loads(for_programs[0])["match"] == "0"


def test_trouble_is_told_once_in_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    """A daemon that repeats its complaint every second is quoted once; what is no trouble, not at all."""
    told = story()
    for _ in range(5):
        told.logged({"level": "error", "event": "mirror.waiting", "error": "Redis cannot be reached"})
    told.logged({"level": "warning", "event": "push.paused", "errcode": 60020})
    told.logged({"level": "info", "event": "push.attempted"})

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("  ! Redis cannot be reached [mirror.waiting]")
    assert "code 60020" in lines[1]


def test_the_log_file_keeps_to_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line is whole and masked JSON in a private file, and never more than two files' worth is kept."""
    path = tmp_path / "kfpush.log"
    file = BoundedFile(path, most=2000)
    heard: list[object] = []
    before, root = structlog.get_config(), logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers)
    monkeypatch.setattr(root, "level", root.level)
    try:
        configure_logs("info", "json", file, lambda event: heard.append(event["event"]))
        for n in range(100):
            structlog.get_logger().info("kept", n=n, user_id="wmSecretUser01")
    finally:
        structlog.configure(**before)
        file.close()

    texts = [part.read_text(encoding="utf-8") for part in (tmp_path / "kfpush.log.1", path)]
    numbers = [json.loads(line)["n"] for text in texts for line in text.splitlines()]
    assert heard == ["kept"] * 100
    assert numbers == list(range(numbers[0], 100))
    assert all(len(text) < 2200 for text in texts)
    assert "wmSecretUser01" not in "".join(texts)
    assert path.stat().st_mode & 0o077 == 0
