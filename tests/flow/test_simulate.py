"""``kfpush simulate``: the model lives a past as the ledger lived it, and asking changes nothing."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from inspect import signature
from pathlib import Path
from random import Random
from subprocess import CompletedProcess

import pytest

from consumer.ledger import history
from ops.migrate import OWN
from ops.simulating import reading
from ops.simulating.changes import Change
from ops.simulating.living import live
from ops.simulating.past import Past, Span
from ops.simulating.reading import Source, count, pasts
from ops.simulating.story import Lived, Terms
from schemas.database import Database, Row, path_of
from schemas.engines.sqlite import SqliteTransaction
from schemas.receipts import Accepted
from schemas.times import to_text
from tests.engines import Sqlite
from tests.flow.commands import kfpush
from tests.flow.journeys import Walk, walking
from tests.flow.ledger_house import LedgerHouse, at, match

START = at("02 00:00")
END = START + timedelta(days=6)
NOW = Change(Terms(), "Asia/Shanghai")

Happening = tuple[datetime, str, dict[str, object]]
"""When, and a word of a user, or a match for one with what it is."""


@pytest.fixture(autouse=True)
def _at_the_minute() -> None:
    """Here quiet hours end for everybody in their own minute, as they really do."""


async def live_really(house: LedgerHouse, happenings: Sequence[Happening], end: datetime) -> None:
    """Let a house live through this, planning whenever something is due; WeChat takes everything."""
    house.gathers = True
    for moment, what, more in [*sorted(happenings, key=lambda one: one[0]), (end, "end", {})]:
        while True:
            [row] = await house.rows(
                "SELECT min(due_at) AS at FROM push_deliveries WHERE status IN ('waiting', 'parked')"
            )
            due = None if row["at"] is None else datetime.fromisoformat(str(row["at"]))
            if due is None or due >= moment:
                break
            house.now = house.wall = max(due, house.now)
            outcome = await house.plan()
            await house.settle(*((attempt, Accepted()) for attempt in outcome.attempts))
        house.now = house.wall = moment
        if what == "word":
            await house.session("u1", "wm1", "wk1", moment.isoformat())
            await house.watch()
            await heard(house, moment)
        elif what != "end":
            await house.arrive(match(what, "u1", **more))


async def heard(house: LedgerHouse, moment: datetime) -> None:
    """The callback brought the word too: its row says when it was said, for ever."""
    await house.own.exclusive(
        lambda tx: tx.execute(
            "INSERT INTO kf_inbound (open_kfid, item_key, external_userid, send_time, origin, msgtype,"
            " effect, received_at) VALUES ('wk1', ?, 'wm1', ?, 3, 'text', 'word', ?)",
            (moment.isoformat(), to_text(moment), to_text(moment)),
        )
    )


def happenings(dice: Random, gap: float, rate: float) -> list[Happening]:
    """Draw words and matches, to the second."""
    words: list[Happening] = [(moment, "word", {}) for moment in moments(dice, 1 / gap)]
    return words + [
        (moment, f"m{nth:03d}", {"score": round(0.7 + 0.3 * dice.random(), 3)})
        for nth, moment in enumerate(moments(dice, rate))
    ]


def moments(dice: Random, a_day: float) -> Iterator[datetime]:
    """Draw instants, so many a day."""
    moment = START
    while (moment := moment + timedelta(seconds=round(dice.expovariate(a_day) * 86400))) < END:
        yield moment


async def read(house: LedgerHouse, since: datetime, until: datetime) -> list[Past]:
    """Read the pasts of everybody."""
    source = Source(house.app, house.own, house.rules, menu_click_reopens=False)
    span = Span(since, until)
    users = await count(source, span, None)
    return [past async for people in pasts(source, span, users) for past in people]


def sent(lived: Lived) -> list[tuple[datetime, list[str]]]:
    """When messages went, and what they carried."""
    return [(item.at, [one.match_id for one in item.matches]) for item in lived.messages]


@pytest.mark.parametrize("seed", range(6))
async def test_the_model_lives_as_the_ledger_does(house: LedgerHouse, seed: int) -> None:
    """A drawn fortnight, really planned: the model sends the same matches together at the same instants."""
    await house.prefers("u1", quiet_hours="22:00-08:00", daily_limit=4, batch_mode="smart")
    await live_really(house, happenings(Random(seed), 1.2, 5), END)

    [past] = await read(house, START, END)
    lived = live(NOW.story_of(past), NOW.terms)

    assert len(past.lived.messages) > 3
    assert sent(lived) == sent(past.lived)
    assert lived.dropped == past.lived.dropped
    assert lived.deferred == past.lived.deferred
    assert lived.parked == past.lived.parked


async def everything(*databases: Database) -> dict[str, list[str]]:
    """All rows of all tables, in an order that is the same twice."""
    found: dict[str, list[str]] = {}
    for database in databases:
        for name in await column(database, "SELECT name FROM sqlite_master WHERE type = 'table'"):
            found[f"{database.name}.{name}"] = sorted(await column(database, f"SELECT * FROM {name}"))
    return found


async def column(database: Database, sql: str) -> list[str]:
    """What a query finds, a text a row."""
    rows = await database.read(lambda tx: [tuple(row) for row in tx.rows(sql)])
    return [str(row[0]) if len(row) == 1 else repr(row) for row in rows]


@pytest.fixture
async def family(house: LedgerHouse) -> LedgerHouse:
    """Ann and Bob share a phone, Cid has one of his own; each has two matches, and nobody has spoken."""
    house.now = house.wall = START
    for user_id, phone in (("ann", "wm1"), ("bob", "wm1"), ("cid", "wm2")):
        await house.session(user_id, phone, "wk1", None)
        await house.arrive(*(match(f"{user_id}{nth}", user_id) for nth in range(2)))
    return house


def shape(people: Sequence[Past]) -> list[tuple[str, list[str], list[str]]]:
    """Of each person: the name, whose matches, and which."""
    return sorted(
        (past.story.name, sorted(past.users), sorted(one.match_id for one in past.story.matches))
        for past in people
    )


EVERYBODY = [
    ("wm1", ["ann", "bob"], ["ann0", "ann1", "bob0", "bob1"]),
    ("wm2", ["cid"], ["cid0", "cid1"]),
]


@pytest.mark.parametrize("most", [1, 3, 100_000])
async def test_people_are_never_parted(
    family: LedgerHouse, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """However few matches memory holds, who shares a phone is one person, and comes once."""
    monkeypatch.setattr(reading, "PORTION", most)
    monkeypatch.setattr(reading, "PAGE", 2)
    monkeypatch.setattr(reading, "PEOPLE", 1)

    assert shape(await read(family, START, END)) == EVERYBODY


async def test_one_user_comes_with_who_shares_their_phone(family: LedgerHouse) -> None:
    """They share slots, so what goes to one is no more to be had for the other."""
    source = Source(family.app, family.own, family.rules, menu_click_reopens=False)
    span = Span(START, END)
    users = await count(source, span, "bob")

    assert users == [("bob", 2)]
    assert shape([past async for people in pasts(source, span, users) for past in people]) == EVERYBODY[:1]
    assert await count(source, span, "nobody") == []


async def test_what_ended_before_the_span_is_not_of_it(family: LedgerHouse) -> None:
    """What was undecided when it began is; what had expired or been dropped is not, nor what came later."""
    await family.own.exclusive(
        lambda tx: tx.execute("UPDATE push_deliveries SET status = 'dropped' WHERE match_id = 'ann0'")
    )

    def ids(people: Sequence[Past]) -> list[str]:
        return sorted(name for _, _, names in shape(people) for name in names)

    later = START + timedelta(days=1)
    assert ids(await read(family, later, END)) == ["ann1", "bob0", "bob1", "cid0", "cid1"]
    assert ids(await read(family, START + timedelta(days=8), START + timedelta(days=9))) == []
    assert ids(await read(family, START - timedelta(days=2), START)) == []


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (history.matches_between, "sqlite_autoindex_push_deliveries_1"),
        (history.messages_between, "push_messages_slots"),
        (history.words_between, "kf_inbound_person"),
        (history.windows_of, "kf_windows_person"),
        (history.put_off_between, "push_timeline_match"),
        (history.stops_of, "sqlite_autoindex_push_settings_1"),
    ],
)
def test_people_are_found_by_an_index(statement: Callable[..., object], index: str, tmp_path: Path) -> None:
    """Only the span itself is searched for row by row, in the order of its key; all else has an index."""
    values = {"people": ["a", "b"], "since": START, "until": END, "after": ("", 0), "limit": 9}
    names = {"phones": "people", "match_ids": "people", "user_ids": "people"}
    asked = [name for name in signature(statement).parameters if name not in {"tx", "with_taps"}]
    taps = {"with_taps": False} if "with_taps" in signature(statement).parameters else {}
    url = Sqlite(tmp_path).migrated()[OWN]
    with closing(sqlite3.connect(path_of(url))) as connection:
        told: list[str] = []

        class Explained(SqliteTransaction):
            def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
                told.extend(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))
                return []

        statement(Explained(connection), *(values[names.get(name, name)] for name in asked), **taps)

    found = [line for line in told if line.startswith(("SEARCH", "SCAN"))]
    assert found
    assert all(f"INDEX {index}" in line for line in found), told


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Walk]:
    """An installation with six days behind it."""
    async with walking(Sqlite(tmp_path).migrated(), tmp_path) as walk:
        await walk.house.prefers("u1", quiet_hours="22:00-08:00", batch_mode="immediate")
        await live_really(walk.house, happenings(Random(3), 1.2, 5), END)
        yield walk


async def types(walk: Walk, *words: str, given: str = "", **env: str) -> CompletedProcess[str]:
    """Type ``kfpush simulate`` for the six days; ``given`` is its standard input."""
    folder = Path(walk.settings.data_dir).parent
    env = {**walk.environment, "KFPUSH_WECHAT_BASE_URL": "http://127.0.0.1:9", **env}
    span = ("--since", START.isoformat(), "--until", END.isoformat())
    return await asyncio.to_thread(kfpush, "simulate", *span, *words, folder=folder, given=given, env=env)


async def test_asking_changes_nothing(desk: Walk) -> None:
    """Every row of every table stays what it was, whatever is asked."""
    before = await everything(desk.house.own, desk.house.app)
    ended = await types(desk, "--batch-mode", "daily", "--quiet", "none", "--set", "KFPUSH_HOST_SLOTS=3")

    assert ended.returncode == 0, ended.stderr
    assert sum(map(len, before.values())) > 40
    assert await everything(desk.house.own, desk.house.app) == before


async def test_three_tellings_side_by_side(desk: Walk) -> None:
    """What happened, the same simulated, and simulated with one message a day; each adds up."""
    ended = await types(desk, "--daily-limit", "1", "--json")
    told = json.loads(ended.stdout)

    assert ended.returncode == 0, ended.stderr
    delays = [told[telling].pop("strong_delay_hours") for telling in ("really", "now")]
    assert told["really"] == told["now"]
    assert (
        abs(delays[0] - delays[1]) < 0.25
    )  # each person's minute after the quiet hours, which tests leave out
    assert told["changed"]["slots"] < told["now"]["slots"]
    assert told["changed"]["slots"] <= 7
    for telling in (told["really"], told["now"], told["changed"]):
        ends = telling["sent"] + sum(telling["dropped"].values()) + telling["dead"] + telling["waiting"]
        assert ends == telling["matches"] == told["now"]["matches"] > 10
    assert told["people_who_fare_otherwise"] == 1
    assert told["change"] == {"settings": [], "daily_limit": 1, "only_unset": False}


async def test_what_is_told_in_words(desk: Walk) -> None:
    """A table and sentences, in English and Chinese; without a change the difference is not shown."""
    english = (await types(desk, "--batch-mode", "daily")).stdout
    chinese = (await types(desk, "--batch-mode", "daily", "--lang", "zh")).stdout
    plain = (await types(desk)).stdout

    assert "messages (slots used)" in english
    assert "With the change, " in english
    assert "more matches" in english or "fewer m" in english
    assert "消息数（占用名额）" in chinese
    assert "更改之后，" in chinese
    assert "difference" not in plain
    assert "Nothing was to be changed" in plain


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--quiet", "evening"), "quiet_hours 'evening' cannot be understood"),
        (("--timezone", "Mars"), "timezone 'Mars' cannot be understood"),
        (("--set", "KFPUSH_HTTP_PORT=1"), "one of KFPUSH_HOST_SLOTS"),
        (("--set", "KFPUSH_HOST_SLOTS=9"), "less than or equal to 4"),
        (("--only-unset",), "say also what"),
        (("--template", "-"), "--template: line 1, column 1"),
        (("--until", "2026-01-01"), "ends before it begins"),
    ],
)
async def test_what_cannot_be_asked(desk: Walk, words: tuple[str, ...], complaint: str) -> None:
    """A wrong preference, setting or span ends with a sentence and exit code 2."""
    ended = await types(desk, *words, given="{who} is there")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert complaint in ended.stderr


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    """Nothing is made by asking; the sentence says what to do."""
    ended = kfpush("simulate", folder=tmp_path)

    assert ended.returncode == 4
    assert "kfpush migrate" in ended.stderr
    assert list(tmp_path.iterdir()) == []


async def test_another_template_changes_texts_and_nothing_else(desk: Walk) -> None:
    """How long texts of single matches come out, and how many are cut; the words themselves are not told."""
    long = "{profile_name} " + "很长" * 400
    ended = await types(desk, "--template", "-", "--json", given=f"{long}\n")
    told = json.loads(ended.stdout)

    assert ended.returncode == 0, ended.stderr
    assert told["people_who_fare_otherwise"] == 0
    assert told["changed"]["sent"] == told["now"]["sent"]
    singles = told["now"]["texts"]["messages"]
    assert told["now"]["texts"]["cut"] == 0
    assert told["changed"]["texts"]["messages"] == told["changed"]["texts"]["cut"] == singles > 3
    assert 2040 < told["changed"]["texts"]["longest_bytes"] <= 2048
    shorter = await types(desk, "--template", "-", given="{profile_name}")
    assert "only their texts would be others" in shorter.stdout
    assert "张三" not in shorter.stdout
