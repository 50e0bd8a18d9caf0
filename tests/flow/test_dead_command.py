"""``kfpush dead`` as operators type it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from consumer.stream import Delivered
from schemas.receipts import RefusalKind, Refused
from tests.engines import Sqlite
from tests.flow.commands import kfpush
from tests.flow.journeys import Walk, walking

BAD_WORDS = Refused(40201, RefusalKind.CONTENT)


class Desk:
    """Where an operator sits."""

    def __init__(self, walk: Walk, folder: Path) -> None:
        self.walk = walk
        self._folder = folder

    async def types(self, *words: str, **env: str) -> CompletedProcess[str]:
        """Type a command of ``kfpush dead``."""
        more = {**self.walk.environment, "KFPUSH_WECHAT_BASE_URL": "http://127.0.0.1:9", **env}
        return await asyncio.to_thread(kfpush, "dead", *words, folder=self._folder, env=more)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """An installation with one refused match of Ann's, and one entry that cannot be read."""
    async with walking(Sqlite(tmp_path).migrated(), tmp_path) as walk:
        await walk.arrive("42", profile_name="张三")
        await walk.send(BAD_WORDS)
        await walk.take(Delivered("1763800000000-0", {b"id": b"43:1", b"data": "李四".encode()}))
        yield Desk(walk, tmp_path)


async def test_listing(desk: Desk) -> None:
    """Both kinds, with counts by reason, and no word of what they say."""
    told = await desk.types("list")
    chinese = await desk.types("list", LANG="zh_CN.UTF-8")
    first = json.loads((await desk.types("list", "--limit", "1", "--json")).stdout)
    rest = json.loads((await desk.types("list", "--after", first["next"], "--json")).stdout)

    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines() == [
        "Dead letters: 2",
        "  1  unreadable_event: its event cannot be read",
        "  1  content_refused: WeChat refuses its content",
        "",
        (
            "  11-22 12:00:00 (04:00:00Z)  entry 1763800000000-0: its event cannot be read "
            "(the entry lacks type, subject)"
        ),
        "  11-22 12:00:00 (04:00:00Z)  42:1, user ann: WeChat refuses its content: 40201",
    ]
    assert chinese.stdout.startswith("死信：2 封\n  1  unreadable_event：事件无法解析\n")
    assert first["counts"] == {"unreadable_event": 1, "content_refused": 1}
    assert [item["name"] for item in (*first["letters"], *rest["letters"])] == ["1763800000000-0", "42:1"]
    assert rest["next"] is None


async def test_showing_one(desk: Desk) -> None:
    """What it says is only shown on request; of an entry, every byte."""
    masked = await desk.types("show", "1763800000000-0")
    whole = await desk.types("show", "1763800000000-0", "--show-text")
    match = await desk.types("show", "42:1", "--json")
    text = await desk.types("show", "42:1", "--json", "--show-text")
    unknown = await desk.types("show", "44:1")

    assert "data: 6 bytes (--show-text shows them)" in masked.stdout
    assert "李四" not in masked.stdout
    assert "data: 李四" in whole.stdout
    assert "张三" not in match.stdout
    assert json.loads(match.stdout)["errcode"] == 40201
    assert json.loads(text.stdout)["event"]["profile_name"] == "张三"
    assert (unknown.returncode, unknown.stdout) == (3, "")
    assert "there is no dead letter 44:1" in unknown.stderr


async def test_redriving(desk: Desk) -> None:
    """First told, then done; what is left gives exit code 3, and explain tells who did what and why."""
    looked = await desk.types("redrive", "--all")
    words = ("redrive", "--all", "--yes", "--author", "anna", "--why", "template mended")
    done = await desk.types(*words, "--json")
    again = await desk.types("redrive", "--reason", "content_refused", "--yes")

    assert looked.returncode == done.returncode == 3
    assert looked.stdout.splitlines() == [
        "1 left: this kfpush cannot read them either",
        "  1763800000000-0: the entry lacks type, subject",
        "1 would be planned again at once",
    ]
    assert looked.stderr == "Nothing was changed; --yes does it.\n"
    told = json.loads(done.stdout)
    assert (told["dry_run"], told["counts"]) == (False, {"unreadable": 1, "waiting": 1})
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == "Nothing to do: no dead letter is meant.\n"
    assert await desk.walk.house.standing("42") == [("waiting", "fresh")]
    story = await desk.walk.told("42")
    assert any(line.endswith("anna took the dead letter up again: template mended") for line in story)


async def test_dropping(desk: Desk) -> None:
    """Closed for good, with a reason; an entry's match says so too."""
    nameless = await desk.types("drop", "42:1", "1763800000000-0", "--yes")
    done = await desk.types(
        *("drop", "42:1", "1763800000000-0", "77:1", "--yes", "--why", "nobody asked", "--author", "bert")
    )

    assert (nameless.returncode, nameless.stdout) == (2, "")
    assert "--why" in nameless.stderr
    assert (done.returncode, done.stdout) == (3, "2 closed for good\n")
    assert done.stderr == "kfpush: there is no dead letter 77:1\n"
    closed = "It was a dead letter, and a person closed it for good."
    assert (await desk.walk.answer("42"))[:2] == ["Match 42, revision 1, for user ann: dropped", closed]
    assert (await desk.walk.answer("43"))[1] == closed
    assert (await desk.types("list")).stdout == "No dead letters.\n"


@pytest.mark.parametrize(
    "words",
    [
        ("redrive",),
        ("redrive", "42:1", "--all"),
        ("redrive", "42:1", "--resend", "--yes"),
        ("list", "--since", "yesterday"),
        ("list", "--after", "there"),
        ("redrive", "42:1", "--yes", "--author", "kfpush"),
    ],
    ids=["nothing chosen", "two choices", "resend without why", "no time", "no place", "kfpush's own name"],
)
async def test_wrong_usage(desk: Desk, words: tuple[str, ...]) -> None:
    """Said before anything is touched."""
    told = await desk.types(*words)

    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr
    assert "Traceback" not in told.stderr
    assert await desk.walk.house.standing("42") == [("dead", "content_refused")]
