"""``kfpush user``: one user looked at, and what kfpush itself keeps for them set."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from defusedxml.ElementTree import fromstring

from consumer import preferences, windows
from consumer.audit import Act
from consumer.gather import read_host
from ops.acting import Hands
from ops.looking.user import user_standing
from ops.telling.said import Teller
from ops.telling.user import told
from ops.wishes import set_wishes
from schemas.errors import UnreadablePreference
from schemas.receipts import Unknown
from tests.engines import Sqlite
from tests.flow.commands import kfpush
from tests.flow.journeys import Walk, walking
from tests.flow.ledger_house import at


class Desk:
    """Where an operator sits."""

    def __init__(self, walk: Walk, folder: Path) -> None:
        self.walk = walk
        self.folder = folder

    async def types(self, *words: str, **env: str) -> CompletedProcess[str]:
        """Type a command of ``kfpush user``."""
        more = {**self.walk.environment, "KFPUSH_WECHAT_BASE_URL": "http://127.0.0.1:9", **env}
        return await asyncio.to_thread(kfpush, "user", *words, folder=self.folder, env=more)

    async def sees(self, user_id: str = "ann") -> list[str]:
        """Look at a user at the house's own time."""
        async with self.walk.looking() as look:
            standing = await user_standing(look, user_id)
        lines = told(standing, Teller("en", standing.timezone, standing.now))
        return [line.text for line in lines]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """An installation at noon in which Ann wrote at eleven."""
    async with walking(Sqlite(tmp_path).migrated(), tmp_path) as walk:
        yield Desk(walk, tmp_path)


async def test_everything_that_decides_is_shown(desk: Desk) -> None:
    """Windows with what is left, wishes as they were read and as they stand, and what waits."""
    house = desk.walk.house
    await desk.walk.arrive("1")
    await desk.walk.send()
    await house.prefers("ann", quiet_hours="11:00-13:00", daily_limit=3, enable_push=1)
    await desk.walk.arrive("2")
    await house.plan()

    seen = await desk.sees()

    assert seen[:3] == [
        "User ann",
        "What decides now",
        (
            "KF account wkA: window open until 2026-11-24 10:59:00 (02:59:00Z), since 2026-11-22 11:00:00 "
            "(03:00:00Z), 1 of 5 used"
        ),
    ]
    assert "quiet hours 11:00-13:00: now, until 2026-11-22 13:00:00 (05:00:00Z)" in seen
    assert "today: 1 of 3 messages" in seen
    assert "quiet_hours: 11:00-13:00" in seen
    assert "preferred_time: not set" in seen
    assert seen[-8:] == [
        "As kfpush has it (kfpush user set changes it)",
        "no row: the defaults hold",
        "When the user speaks, by their own clock",
        "· · · · · · · · · · · █ · · · · · · · · · · · ·",
        "0           6           12          18",
        ("too little was heard to tell (hours: 1, days: 1; it takes 4 and 3): 09:00 stands in"),
        "What waits",
        "waiting: 1, the user's quiet hours; looked at on 2026-11-22 13:00:00 (05:00:00Z)",
    ]


async def test_what_cannot_be_read_is_named(desk: Desk) -> None:
    """The column, and what would be accepted."""
    await desk.walk.house.prefers("ann", quiet_hours="at night", enable_push=0)

    seen = await desk.sees()

    assert "pushes are switched off by the application (enable_push)" in seen
    assert any("quiet_hours 'at night' cannot be understood; accepted: 22:00-08:00" in line for line in seen)


async def test_a_user_whom_nobody_knows(desk: Desk) -> None:
    """Exit code 3, on a terminal and for a script."""
    shown = await desk.types("show", "nobody")
    plain = await desk.types("show", "ann", "--json", LANG="zh_CN.UTF-8")

    assert shown.returncode == 3
    assert shown.stdout.startswith("Nothing is known of user nobody: ")
    standing = json.loads(plain.stdout)
    assert (plain.returncode, standing["is_known"], standing["own"]) == (0, True, None)
    assert [item["open_kfid"] for item in standing["prospect"]["conversations"]] == ["wkA"]


async def test_a_stop_reaches_what_waits(desk: Desk) -> None:
    """At once: what waits is decided anew, and what was lost on its way is not offered again."""
    house = desk.walk.house
    await desk.walk.arrive("1")
    await desk.walk.send(Unknown("timeout"))
    await house.prefers("ann", quiet_hours="11:00-13:00", enable_push=1)
    await desk.walk.arrive("2")
    await house.plan()
    assert await house.due("2") == at("22 13:00")

    stopped = await desk.types("set", "ann", "--stop", "--why", "by telephone", "--author", "anna")
    again = await desk.types("set", "ann", "--stop", "--json")

    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert json.loads(again.stdout) == {"user_id": "ann", "stop": 1, "changed": False}
    house.now = house.wall = at("23 12:00")
    await house.plan()
    assert await house.standing("1", "2") == [("dropped", "stopped"), ("dropped", "stopped")]
    assert await house.rows("SELECT author, act, why, detail FROM push_audit") == [
        {
            "author": "anna",
            "act": "user set",
            "why": "by telephone",
            "detail": '{"user_id": "ann", "stop": 1}',
        }
    ]


async def test_what_a_wish_concerns_is_woken(desk: Desk) -> None:
    """What waits and what is of unknown outcome, of this user and of nobody else."""
    house = desk.walk.house
    await desk.walk.speaks("bob", at("22 11:00"))
    await desk.walk.arrive("1")
    await desk.walk.send(Unknown("timeout"))
    for user_id, match_id in (("ann", "2"), ("bob", "3")):
        await house.prefers(user_id, quiet_hours="11:00-13:00", enable_push=1)
        await desk.walk.arrive(match_id, user_id)
    house.later(minutes=1)
    await house.plan()
    assert await house.pushes("reason, lease_until") == [("quiet_hours", "2026-11-22T05:00:00.000Z")]
    hands = Hands(
        desk.walk.settings, house.app, house.own, house.rules, lambda: house.now, lambda: house.wall
    )

    assert await set_wishes(hands, "ann", {"timezone": "Europe/Berlin"}, Act("anna", "user set", None, {}))
    assert not await set_wishes(
        hands, "ann", {"timezone": "Europe/Berlin"}, Act("anna", "user set", None, {})
    )

    assert [await house.due("2"), await house.due("3")] == [at("22 12:01"), at("22 13:00")]
    assert await house.pushes("lease_until") == [("2026-11-22T04:01:00.000Z",)]
    assert len((await house.plan()).attempts) == 2


async def test_the_application_hears_of_a_stop_by_hand(desk: Desk) -> None:
    """And of its end; of nothing that changed nothing."""
    house = desk.walk.house
    hands = Hands(
        desk.walk.settings, house.app, house.own, house.rules, lambda: house.now, lambda: house.wall
    )
    for stop in (1, 1, 0):
        await set_wishes(hands, "ann", {"stop": stop}, Act("anna", "user set", None, {}))
        house.later(minutes=1)

    assert await house.host("SELECT outcome, user_id, reason FROM push_outcomes ORDER BY id") == [
        ("opted_out", "ann", "by_hand"),
        ("opted_in", "ann", "by_hand"),
    ]


async def test_what_is_not_named_stays(desk: Desk) -> None:
    """Each column by itself; the empty text is no wish; kfpush reads back what it wrote."""
    house = desk.walk.house

    async def choose(**given: str | bool | None) -> bool:
        wishes = {name: preferences.checked(name, value) for name, value in given.items()}
        return await house.own.exclusive(lambda tx: preferences.choose(tx, "ann", wishes, house.now))

    assert await choose(timezone=" Europe/Berlin ", locale="zh-CN")
    assert await choose(stop=True)
    assert not await choose(stop=True, locale="zh-CN")
    assert await choose(stop=False, timezone="")

    assert await house.rows("SELECT timezone, stop, locale FROM push_settings") == [
        {"timezone": None, "stop": 0, "locale": "zh-CN"}
    ]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("timezone", "Shanghai"),
        ("timezone", "localtime"),
        ("timezone", "../etc/passwd"),
        ("locale", "Chinese"),
        ("locale", "ZH"),
    ],
)
async def test_what_could_not_be_read_back_is_refused(desk: Desk, column: str, text: str) -> None:
    """Before anything is written; with exit code 2."""
    with pytest.raises(UnreadablePreference, match="write"):
        preferences.checked(column, text)

    refused = await desk.types("set", "ann", f"--{column}", text)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert await desk.walk.house.rows("SELECT * FROM push_settings") == []


async def test_nothing_to_set(desk: Desk) -> None:
    """Said, not done."""
    assert (await desk.types("set", "ann")).returncode == 2


async def test_a_daily_summary_is_set_by_hand(desk: Desk) -> None:
    """At an hour or not at all; what is no time is refused with an example of one."""
    done = await desk.types("set", "ann", "--summary", "8:30", "--json")
    assert (done.returncode, json.loads(done.stdout)["summary"]) == (0, "08:30")
    assert [
        tuple(row.values()) for row in await desk.walk.house.rows("SELECT user_id FROM push_summaries")
    ] == [("ann",)]
    refused = await desk.types("set", "ann", "--summary", "soon")
    assert refused.returncode == 2
    assert "write 20:00 or off" in refused.stderr


async def test_when_a_user_speaks_is_shown(desk: Desk) -> None:
    """With what follows from it for daily messages, when the next summary is due, and as a picture."""
    house = desk.walk.house
    for day in (19, 20, 21):
        await house.session("ann", "wmA", "wkA", f"2026-11-{day}T20:10:00")
        inputs = await house.app.read(lambda tx: read_host(tx, ["ann"], []))
        await house.own.exclusive(
            lambda tx, inputs=inputs: windows.raise_from_host(  # type: ignore[misc]
                tx, inputs.sessions, house.rules.host_zone, house.now
            )
        )
    await house.session("ann", "wmA", "wkA", "2026-11-22T11:00:00")
    await house.prefers("ann", batch_mode="daily")
    await desk.walk.arrive("1")
    await house.plan()
    await house.own.exclusive(lambda tx: preferences.choose(tx, "ann", {"summary": "20:00"}, house.now))

    seen = await desk.sees()

    assert "· · · · · · · · · · · ▃ · · · · · · · · █ · · ·" in seen
    assert "mostly around 20:00, learnt from some 4 hours heard on 4 days" in seen
    assert "daily messages go at 20:00, as preferred_time is not set" in seen
    assert any(line.startswith("daily summary: next on") for line in seen)

    await house.prefers("ann", batch_mode="daily", preferred_time="08:00")
    assert "preferred_time is set, and goes before it" in await desk.sees()
    done = await desk.types("show", "ann", "--svg", "hours.svg", "--lang", "zh")
    assert done.returncode == 0
    drawn = fromstring((desk.folder / "hours.svg").read_text(encoding="utf-8"))
    assert [each.tag for each in drawn if each.tag.endswith("rect")] == [
        "{http://www.w3.org/2000/svg}rect"
    ] * 2
    assert (await desk.types("show", "ann", "--svg", "no/such/folder.svg")).returncode == 2
