"""What a person pauses: nothing leaves, first or again, until a person or its own end says so."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from consumer import pauses
from consumer.pauses import Pause, Wish
from consumer.plan import MOST_ROWS
from consumer.rounds import Due
from schemas.receipts import Accepted, RefusalKind, Refused, Unknown
from schemas.states import PauseScope
from tests.engines import Sqlite
from tests.flow.commands import kfpush
from tests.flow.journeys import Walk, walking
from tests.flow.ledger_house import LedgerHouse, at, match, recipients

ALL = (PauseScope.CORP, "")
MATCHES = (PauseScope.KIND, "match")
ACCOUNT = (PauseScope.ACCOUNT, "wk1")
TIMEOUT = Unknown("timeout")
NO_API = Refused(95000, RefusalKind.ACCOUNT_CONFIG)


async def hold(
    house: LedgerHouse, what: tuple[PauseScope, str], until: datetime | None = None, author: str = "anna"
) -> bool:
    """Anna pauses something."""
    wish = Wish(*what, author, "maintenance", until)
    return await house.own.exclusive(lambda tx: pauses.hold(tx, wish, house.now))


async def lift(house: LedgerHouse, what: tuple[PauseScope, str]) -> list[Pause]:
    """Somebody lets it go on."""
    return await house.own.exclusive(lambda tx: pauses.lift(tx, *what, house.now))


async def in_force(house: LedgerHouse) -> list[tuple[object, ...]]:
    """The pauses in force."""
    found = await house.own.read(lambda tx: pauses.active(tx, house.now))
    return [(pause.scope, pause.target, pause.author) for pause in found]


@pytest.mark.parametrize("what", [ALL, MATCHES, ACCOUNT], ids=["all", "kind", "account"])
async def test_nothing_leaves(house: LedgerHouse, what: tuple[PauseScope, str]) -> None:
    """Neither a first message nor another try; what waits says why, and goes when it is lifted."""
    await house.session("u1", "wm1", "wk1")
    await house.session("u2", "wm2", "wk1")
    await house.sent(TIMEOUT, match("m1", "u1"))
    await hold(house, what)
    await house.arrive(match("m2", "u2"))

    for _ in range(3):
        house.later(minutes=2)
        assert (await house.plan()).attempts == []
    assert await house.standing("m1", "m2") == [("sending", None), ("waiting", "paused")]
    assert await house.pushes("status, reason") == [("unknown", "paused")]

    await lift(house, what)
    assert (await house.plan()).decided == 2  # woken
    attempts = (await house.plan()).attempts
    assert sorted(recipients(attempts)) == [("wk1", "wm1"), ("wk1", "wm2")]
    assert await house.rows("SELECT * FROM push_pauses") == []


async def test_other_accounts_and_kinds_go_on(house: LedgerHouse) -> None:
    """A pause stops what it names and nothing else."""
    await house.session("u1", "wm1", "wk1")
    await house.session("u2", "wm2", "wk2")
    await hold(house, ACCOUNT)
    await hold(house, (PauseScope.KIND, "summary"))
    await house.arrive(match("m1", "u1"), match("m2", "u2"))

    assert recipients((await house.plan()).attempts) == [("wk2", "wm2")]


async def test_whoever_has_another_account_is_reached_there(house: LedgerHouse) -> None:
    """The paused one is the better one otherwise."""
    await house.session("u1", "wm1", "wk1", "2026-11-22T11:30:00")
    await house.session("u1", "wm1", "wk2", "2026-11-22T11:00:00")
    await hold(house, ACCOUNT)
    await house.arrive("m1")

    assert recipients((await house.plan()).attempts) == [("wk2", "wm1")]


async def test_a_pause_ends_by_itself(house: LedgerHouse) -> None:
    """What it held is due at that moment and not looked at before; no command is needed."""
    await house.session()
    await hold(house, ALL, at("22 14:00"))
    await house.arrive("m1")
    await house.plan()

    assert await house.due("m1") == at("22 14:00")
    house.later(hours=1, minutes=59)
    assert not await house.find_due()
    house.later(minutes=1)
    assert len((await house.plan()).attempts) == 1


async def test_an_end_that_comes_sooner_wakes_what_waited_for_the_later_one(house: LedgerHouse) -> None:
    """Pausing again changes the end; what was put off until the old one does not wait for it."""
    await house.session()
    await hold(house, ALL, at("22 20:00"))
    await house.arrive("m1")
    await house.plan()

    assert await hold(house, ALL, at("22 13:00"))
    assert not await hold(house, ALL, at("22 13:00"))
    house.later(hours=1)
    await house.plan()

    assert len((await house.plan()).attempts) == 1


async def test_other_clocks_are_kept(house: LedgerHouse) -> None:
    """Put off until pause and quiet hours are both over; lifted early, it may go now."""
    await house.session()
    await house.prefers(quiet_hours="13:30-15:00", enable_push=1)
    await hold(house, ALL, at("22 14:00"))
    await house.arrive("m1")
    await house.plan()
    assert await house.standing("m1") == [("waiting", "paused")]
    assert await house.due("m1") == at("22 15:00")

    await lift(house, ALL)
    await house.plan()

    assert len((await house.plan()).attempts) == 1


async def test_what_is_not_wanted_ends_during_a_pause(house: LedgerHouse) -> None:
    """Expired, switched off, without a session: a pause does not hide it."""
    await house.session()
    await house.session("u2", "wm2")
    await house.prefers("u2", enable_push=0)
    await hold(house, ALL)
    await house.arrive(match("m1", expires_at="2026-11-22T04:00:05Z"), match("m2", "u2"), match("m3", "u3"))

    await house.plan()

    assert await house.standing() == [
        ("dropped", "expired"),
        ("dropped", "push_disabled"),
        ("parked", "no_session"),
    ]


async def test_two_people_pause_the_same(house: LedgerHouse) -> None:
    """Neither takes over the other's reason; whoever lets it go on ends both, and once more is nothing."""
    await house.session()
    await hold(house, ALL)
    await hold(house, ALL, at("22 13:00"), "bert")
    await house.arrive("m1")
    await house.plan()
    house.later(hours=2)
    assert await in_force(house) == [("corp", "", "anna")]
    assert (await house.plan()).attempts == []
    await hold(house, ALL, None, "bert")

    assert sorted(pause.author for pause in await lift(house, ALL)) == ["anna", "bert"]
    assert await lift(house, ALL) == []
    await house.plan()

    assert len((await house.plan()).attempts) == 1


async def test_kfpushs_own_pause_lies_beside_a_persons(house: LedgerHouse) -> None:
    """While a person holds the account nothing probes it; lifted, the probe goes and ends kfpush's own."""
    await house.session("u1", "wm1", "wk1")
    await house.sent(NO_API, "m1")
    await hold(house, ACCOUNT)
    assert await in_force(house) == [("account", "wk1", "anna"), ("account", "wk1", "kfpush")]
    for _ in range(3):
        house.later(minutes=1)
        assert (await house.plan()).attempts == []

    await lift(house, ACCOUNT)
    await house.plan()
    await house.settle((await house.plan_one(), Accepted()))

    assert await in_force(house) == []
    assert await house.standing("m1") == [("sent", None)]


async def test_more_than_a_round_holds_is_woken_round_by_round(house: LedgerHouse) -> None:
    """The pause is forgotten only when nothing is left of it, so that who dies meanwhile loses nobody."""
    await house.own.exclusive(
        lambda tx: tx.many(
            "INSERT INTO push_deliveries (match_id, revision, user_id, status, reason, due_at, event,"
            " created_at, updated_at) VALUES (?, 1, 'u', 'waiting', 'paused', '2026-11-23', '{}', '', '')",
            [(f"m{nth}",) for nth in range(MOST_ROWS + 1)],
        )
    )
    await hold(house, ALL, at("22 12:01"))
    house.later(minutes=1)
    asleep = "SELECT count(*) AS n FROM push_deliveries WHERE due_at > '2026-11-22T04:01:00.000Z'"

    assert (await house.find_due()).is_lifted

    await house.plan(Due((), (), is_lifted=True))
    assert await house.rows(asleep) == [{"n": 1}]
    assert (await house.find_due()).is_lifted

    await house.plan(Due((), (), is_lifted=True))
    assert await house.rows(asleep) == [{"n": 0}]
    assert not (await house.find_due()).is_lifted


async def test_few_stand_by_for_a_probe(house: LedgerHouse) -> None:
    """Of a KF account that kfpush paused eight people are looked at again when it is probed, not all."""
    for nth in range(12):
        await house.session(f"u{nth}", f"wm{nth}", "wk1")
    await house.sent(NO_API, match("m", "u0"))
    await house.arrive(*(match(f"m{nth}", f"u{nth}") for nth in range(1, 12)))
    await house.plan()

    due = [await house.due(f"m{nth}") for nth in range(1, 12)]
    assert sorted(map(str, due)) == ["2026-11-22 04:00:01+00:00"] * 7 + ["2026-11-22 04:10:00+00:00"] * 4
    house.later(seconds=1)
    await house.settle((await house.plan_one(), Accepted()))
    await house.plan()
    assert len((await house.plan()).attempts) == 11


class Desk:
    """Where an operator sits."""

    def __init__(self, walk: Walk, folder: Path) -> None:
        self.walk = walk
        self._folder = folder

    async def types(self, *words: str, **env: str) -> CompletedProcess[str]:
        """Type a command."""
        more = {**self.walk.environment, "KFPUSH_WECHAT_BASE_URL": "http://127.0.0.1:9", **env}
        return await asyncio.to_thread(kfpush, *words, folder=self._folder, env=more)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """An installation in which a match of Ann's could go."""
    async with walking(Sqlite(tmp_path).migrated(), tmp_path) as walk:
        await walk.arrive("42")
        yield Desk(walk, tmp_path)


async def test_the_commands(desk: Desk) -> None:
    """Paused, told by status and explain, let go on; done twice nothing more happens; the audit has both."""
    first = await desk.types("pause", "all", "--reason", "new template", "--author", "anna")
    again = await desk.types("pause", "all", "--reason", "new template", "--author", "anna", "--json")
    await desk.walk.house.plan()
    desk.walk.house.now = datetime.now().astimezone()
    status = await desk.types("status")
    answer = await desk.walk.answer("42")
    over = await desk.types("resume", "all", "--author", "bert", "--json")
    nothing = await desk.types("resume", "all")
    chinese = await desk.types(
        "pause", "kind", "match", "--reason", "假日", "--for", "2h", LANG="zh_CN.UTF-8"
    )

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "Paused: the whole corp. It stays until a person ends it: kfpush resume.\n"
    assert json.loads(again.stdout)["is_changed"] is False
    assert "by anna: the whole corp: new template." in status.stdout
    assert any("by anna: the whole corp: new template." in line for line in answer)
    assert [halt["author"] for halt in json.loads(over.stdout)["lifted"]] == ["anna"]
    assert (nothing.returncode, nothing.stdout) == (0, "No person has paused it: the whole corp.\n")
    assert chinese.stdout.startswith("已暂停：match 类推送。于 ")
    acts = await desk.walk.house.rows("SELECT author, act, why FROM push_audit ORDER BY id LIMIT 2")
    assert [tuple(row.values()) for row in acts] == [
        ("anna", "pause", "new template"),
        ("bert", "resume", None),
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("pause", "all"),
        ("pause", "all", "--reason", " "),
        ("pause", "account", "--reason", "x"),
        ("pause", "kind", "letters", "--reason", "x"),
        ("pause", "all", "wk1", "--reason", "x"),
        ("pause", "all", "--reason", "x", "--until", "2020-01-01T00:00"),
        ("pause", "all", "--reason", "x", "--for", "2h", "--until", "2099-01-01T00:00"),
        ("pause", "all", "--reason", "x", "--for", "two hours"),
        ("resume", "kind"),
    ],
)
async def test_wrong_usage(desk: Desk, words: tuple[str, ...]) -> None:
    """Said, and nothing is paused."""
    told = await desk.types(*words)

    assert (told.returncode, told.stdout) == (2, "")
    assert "Traceback" not in told.stderr
    assert await desk.walk.house.rows("SELECT * FROM push_pauses") == []
