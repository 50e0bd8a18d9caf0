"""The page about answers: what it says is understood, and its examples work."""

import hashlib
import hmac
import re
import time
from datetime import UTC, datetime
from pathlib import Path

from consumer.replies import texts
from consumer.replies.asked import (
    Daily,
    Help,
    Immediate,
    More,
    NoQuiet,
    NoSummary,
    Other,
    Quiet,
    Resume,
    Stop,
    Summary,
    View,
)
from consumer.replies.forwarding import signed
from consumer.replies.reading import read
from schemas.kf import text_size

PAGE = (Path(__file__).resolve().parents[2] / "ops/docs/answers.md").read_text(encoding="utf-8")


def test_every_command_on_the_page_is_understood() -> None:
    """Each row of the table, in the page's order."""
    table = PAGE.split("| 用户回复")[1].split("\n\n")[0]
    rows = re.findall(r"^\| ([^|-][^|]*) \|", table, re.MULTILINE)

    kinds = [type(read(part.strip(" …"))) for row in rows for part in row.split(",")]

    wishes = [Resume, Resume, Quiet, NoQuiet, Daily, Immediate, Summary, NoSummary, Help]
    assert kinds == [View, View, View, View, More, Stop, Stop, *wishes]


def test_what_the_page_calls_no_command_is_none() -> None:
    """Questions about a word."""
    for text in ("退订是什么意思", "退订？"):
        assert text in PAGE
        assert read(text) == Other()


def test_everything_that_help_offers_is_understood() -> None:
    """Users type it as they read it."""
    offered = [part for line in texts.HELP.splitlines()[1:] for part in line.split("：")[0].split(" / ")]

    assert len(offered) == 10
    assert all(not isinstance(read(text), Other) for text in offered)


def test_every_answer_fits_into_one_message() -> None:
    """In bytes."""
    said = [value for value in vars(texts).values() if isinstance(value, str) and len(value) > 20]

    assert len(said) >= 10
    assert all(text_size(text) < 2048 for text in said)


def test_the_pages_check_of_a_signature() -> None:
    """What the application is told to do takes what kfpush sends, and nothing else."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    made: dict[str, object] = {"hmac": hmac, "hashlib": hashlib, "time": time}
    exec(code, made)  # noqa: S102 - the page's own example
    check = made["is_from_kfpush"]
    assert callable(check)
    now, body = datetime.now(UTC), '{"text":"你好"}'.encode()
    sent = {name.title(): value for name, value in signed(b"0123456789abcdef", "id", now, body).items()}

    assert check(b"0123456789abcdef", sent, body)
    assert not check(b"0123456789abcdeg", sent, body)
    assert not check(b"0123456789abcdef", sent, body + b" ")
