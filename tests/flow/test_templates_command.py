"""``kfpush templates``: what an operator sees of their templates, from outside."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from ops.looking.lint import lint
from ops.looking.status import status
from ops.looking.templates import around, shelf
from ops.telling.said import Teller
from ops.telling.templates import told_list
from tests.engines import Engine
from tests.flow.commands import kfpush
from tests.flow.journeys import Walk, walking
from tests.flow.ledger_house import NOON

CARD = {
    "template_name": "card",
    "template_type": "miniprogram",
    "title_template": "{profile_name}",
    "content_template": "",
    "miniprogram_config": {"appid": "wx1", "pagepath": "pages/m.html?id={match_id}", "thumb_media_id": "m"},
}


class Desk:
    """Where an operator sits."""

    def __init__(self, walk: Walk, folder: Path) -> None:
        self.walk = walk
        self.folder = folder

    async def types(self, *words: str, given: str = "", **env: str) -> CompletedProcess[str]:
        """Type a command of ``kfpush templates``."""
        more = {**self.walk.environment, "KFPUSH_WECHAT_BASE_URL": "http://127.0.0.1:9", **env}
        return await asyncio.to_thread(kfpush, "templates", *words, folder=self.folder, env=more, given=given)


@pytest.fixture
async def desk(engine: Engine, tmp_path: Path) -> AsyncIterator[Desk]:
    """An installation at noon in which Ann wrote at eleven."""
    async with walking(engine.migrated(), tmp_path) as walk:
        yield Desk(walk, tmp_path)


async def test_list(desk: Desk) -> None:
    """What is in force with its versions, and how often each went out; and what is left of others."""
    house = desk.walk.house
    await house.template("{profile_name} 查看1")
    await desk.walk.arrive("1")
    await desk.walk.send()
    await house.template("{profile_name}！查看1")
    for number in (2, 3):
        await desk.walk.arrive(str(number))
        await desk.walk.send()
    await house.host("UPDATE push_templates SET template_name = 'renamed' WHERE template_name = 'mine'")

    async with desk.walk.looking() as look:
        kept = await shelf(look)
        linted = lint(kept.rows, around(look))
    said = [line.text for line in told_list(kept, linted, Teller("en", "Asia/Shanghai", NOON))]

    at = "2026-11-22 12:00:00 (04:00:00Z)"
    assert said[-7:-1] == [
        "renamed  text  in force",
        "{profile_name}！查看1",
        "not used yet",
        "mine",
        f"version 2, first used {at}: 2 messages",
        f"version 1, first used {at}: 1 messages",
    ]
    assert said[-1] == "Messages are counted among the latest 3."


async def test_list_as_json(desk: Desk) -> None:
    """The same for programs."""
    await desk.walk.house.template("{profile_name} 查看1")

    told = json.loads((await desk.types("list", "--json")).stdout)

    assert [item["name"] for item in told["templates"] if item["state"] == "in_force"] == ["mine"]
    assert (told["versions"], told["counted"]) == ([], 0)


async def test_lint(desk: Desk) -> None:
    """0 with warnings, 1 with errors, 3 for a name that nothing has; words before anything else."""
    house = desk.walk.house
    await house.template("{profile_name}")
    warned = await desk.types("lint")
    assert (warned.returncode, warned.stderr) == (0, "")
    assert "Errors: 0, warnings: 1" in warned.stdout

    await house.template("{profil_name} 查看1", "broken")
    broken = await desk.types("lint", "--lang", "zh")
    assert broken.returncode == 1
    assert "错误：无法使用，已由其他文字代替：line 1, column 1" in broken.stdout
    assert (await desk.types("lint", "mine")).returncode == 0

    unknown = await desk.types("lint", "nobody")
    assert (unknown.returncode, unknown.stdout) == (3, "")
    assert "There is no template 'nobody'; there are: match_notification_text," in unknown.stderr


async def test_lint_of_files(desk: Desk) -> None:
    """A text, a JSON object, standard input; and what is neither."""
    (desk.folder / "new.txt").write_text("{profile_name} 查看1\n", "utf-8")
    (desk.folder / "card.json").write_text(json.dumps(CARD), "utf-8")
    (desk.folder / "odd.json").write_text("[]", "utf-8")
    (desk.folder / "gbk.txt").write_bytes("查看1".encode("gbk"))

    assert (await desk.types("lint", "new.txt")).returncode == 0
    assert (await desk.types("lint", "card.json")).returncode == 0
    told = await desk.types("lint", "-", "--json", given=json.dumps({**CARD, "miniprogram_config": {}}))
    assert told.returncode == 1
    [linted] = json.loads(told.stdout)["templates"]
    assert (linted["name"], linted["kind"]) == ("card", "miniprogram")
    assert [(found["level"], found["code"]) for found in linted["findings"]] == [("error", "unreadable")]
    assert "expected one JSON object" in (await desk.types("lint", "odd.json")).stderr
    assert "gbk.txt is no UTF-8 text" in (await desk.types("lint", "gbk.txt")).stderr


async def test_preview(desk: Desk) -> None:
    """As it would go out: of the ledger's own match, in the reader's language, with what is hidden hidden."""
    house = desk.walk.house
    await house.template("{profile_name} {explanation} 查看1", "mine")
    await house.template("{profile_name} {explanation} view 1", "mine.en")
    await desk.walk.arrive("42", explanation="13812345678", profile_name="李四")

    told = await desk.types("preview", "--match", "42", "--locale", "en-GB")
    assert told.stdout.splitlines() == [
        "mine.en, text, for readers of en",
        "  Something of the match is hidden in it.",
        "李四 138****5678 view 1",
        "content: 25 of 2048 bytes",
    ]
    assert "138****5678 查看1" in (await desk.types("preview", "mine", "--match", "42")).stdout
    assert "view 1" in (await desk.types("preview", "mine.en")).stdout
    missing = await desk.types("preview", "--match", "43")
    assert (missing.returncode, missing.stdout) == (3, "")


async def test_preview_of_many(desk: Desk) -> None:
    """As the digest; an operator's own if there is one."""
    plain = await desk.types("preview", "--many", "2", "--more", "3")
    assert "2. 李四" in plain.stdout
    assert "还有 3 个，回复「更多」" in plain.stdout

    await desk.walk.house.host(
        "INSERT INTO push_templates (template_name, template_type, title_template, content_template)"
        " VALUES ('many', 'digest', '共 {count} 位', '{n}、{profile_name}')"
    )
    for words in (["preview", "many", "--json"], ["preview", "--many", "3", "--json"]):
        told = json.loads((await desk.types(*words)).stdout)
        assert told["name"] == "many"
        assert told["parts"][0]["text"].startswith("共 3 位\n\n1、张三")


async def test_preview_of_a_card(desk: Desk) -> None:
    """Its parts; and an end in 1 where it cannot be made."""
    match = '{"match_id": 7, "profile_name": "李四"}'
    told = await desk.types("preview", "-", "--match", match, given=json.dumps(CARD))
    assert told.stdout.splitlines() == [
        "card, miniprogram",
        "title: 李四",
        "appid: wx1",
        "pagepath: pages/m.html?id=7",
        "title: 6 of 64 bytes",
    ]
    broken = await desk.types("preview", "-", given="{who}")
    assert (broken.returncode, broken.stdout) == (1, "")
    assert "no such field: '{who}'" in broken.stderr
    assert (await desk.types("preview", "--match", "{")).returncode == 2
    assert (await desk.types("preview", "--match", '{"score": 2}')).returncode == 3


async def test_a_blocked_match_is_told(desk: Desk) -> None:
    """And shown all the same: it is the operator who looks."""
    words = desk.folder / "words"
    words.write_text("赌博,gambling", "utf-8")

    told = await desk.types(
        "preview", "--match", '{"explanation": "赌博"}', KFPUSH_SENSITIVE_WORDS=str(words)
    )

    assert "KFPUSH_SENSITIVE_WORDS blocks (gambling)" in told.stdout


async def test_status_complains(desk: Desk) -> None:
    """A template in force that cannot be read needs a person."""
    await desk.walk.house.template("{who}")

    async with desk.walk.looking() as look:
        standing = await status(look)

    [complaint] = standing.wording
    assert complaint.startswith("template 'mine': line 1, column 1: no such field")


async def test_nothing_switched_on(desk: Desk) -> None:
    """The built-in text is in force, and that is said."""
    await desk.walk.house.host("UPDATE push_templates SET is_active = 0")

    told = (await desk.types("list")).stdout

    assert "No text of push_templates is switched on: the built-in one is in force." in told


async def test_a_bad_line_of_the_list_is_told(desk: Desk) -> None:
    """Where the templates are looked at, by its number."""
    (desk.folder / "words").write_text("词,,drop", "utf-8")

    told = await desk.types("lint", KFPUSH_SENSITIVE_WORDS="words")

    assert told.returncode == 0
    assert "warning: KFPUSH_SENSITIVE_WORDS: words: line 1: the action is block or mask" in told.stdout


def test_a_file_needs_no_installation(tmp_path: Path) -> None:
    """Whoever writes a template may lint and preview it anywhere; nothing is made by that."""
    (tmp_path / "new.txt").write_text("{profile_name} 查看1", "utf-8")

    linted = kfpush("templates", "lint", "new.txt", folder=tmp_path)
    shown = kfpush("templates", "preview", "new.txt", folder=tmp_path)

    assert (linted.returncode, linted.stdout.splitlines()[0]) == (0, "new  text  a file")
    assert (shown.returncode, shown.stdout.splitlines()[1]) == (0, "张三 查看1")
    assert [path.name for path in tmp_path.iterdir()] == ["new.txt"]
