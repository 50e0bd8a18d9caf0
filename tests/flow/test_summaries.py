"""Daily summaries: each user's once a day, at their own hour, through the gates of any message."""

import asyncio
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path

import pytest

from consumer import pauses, preferences
from consumer.book import Book
from consumer.gather import read_host
from consumer.ledger import summaries
from consumer.ledger.pushes import Attempt
from consumer.ledger.summaries import Scheduled
from consumer.projection import Projection
from consumer.summarizer import Summarizer
from consumer.summarizing import summarize
from consumer.wordlist import WordList
from consumer.world import World
from schemas.receipts import Accepted
from schemas.states import PauseScope
from schemas.times import to_text
from tests.engines import Sqlite
from tests.flow.ledger_house import INSTALLATION, LedgerHouse, at, match
from tests.flow.replies_house import Talk, contents

EIGHT_PM = time(20)


@pytest.fixture
async def talk(house: LedgerHouse) -> Talk:
    """A user of one phone who spoke at eleven, and wants everything once a day, at nine."""
    await house.session()
    await house.prefers(batch_mode="daily", preferred_time="09:00")
    return Talk(house)


async def wishes(house: LedgerHouse, summary: str | None = "20:00", user_id: str = "u1") -> None:
    """The user's own wish, as ``kfpush user set`` stores it."""
    await house.own.exclusive(lambda tx: preferences.choose(tx, user_id, {"summary": summary}, house.now))


async def sums_up(house: LedgerHouse) -> int:
    """One look of the room; tell how many letters it wrote."""
    users = await house.own.read(lambda tx: summaries.due(tx, house.now, 32))
    inputs = await house.app.read(lambda tx: read_host(tx, users, ()))
    return await house.own.exclusive(
        lambda tx: summarize(tx, users, inputs, house.rules, INSTALLATION, now=house.now, wall=house.wall)
    )


async def arrives(house: LedgerHouse) -> list[Attempt]:
    """Plan and deliver whatever is due."""
    attempts = (await house.plan()).attempts
    await house.settle(*((attempt, Accepted()) for attempt in attempts))
    return attempts


async def row_of(house: LedgerHouse, user_id: str = "u1") -> Scheduled:
    """How a user's summary stands."""
    row = await house.own.read(lambda tx: summaries.of_user(tx, user_id))
    assert row is not None
    return row


def until(house: LedgerHouse, when: datetime) -> None:
    """Let time pass."""
    house.later(seconds=(when - house.now).total_seconds())


async def test_it_carries_what_waits(talk: Talk) -> None:
    """At the hour they asked for: one message of everything that waited for tomorrow's nine o'clock."""
    house = talk.house
    await wishes(house)
    assert await sums_up(house) == 0  # scheduled only
    await house.arrive(match("m1", explanation="做过 CTO"), match("m2", profile_name="李四"))
    await house.plan()
    assert await house.standing() == [("waiting", "batch_mode")] * 2

    until(house, at("22 19:59"))
    assert await sums_up(house) == 0
    until(house, at("22 20:00"))
    assert await sums_up(house) == 1
    [attempt] = await arrives(house)

    [text] = contents([attempt])
    assert text == (
        "📋 每日小结 · 11月22日\n"
        "新找到 2 位匹配的联系人，以下 2 位等您查看\n"
        "\n"
        "1. 张三 · 85%\n"
        "做过 CTO\n"
        "\n"
        "2. 李四 · 85%\n"
        "\n"
        "回复「查看1」到「查看2」了解详情"
    )
    assert attempt.letter.kind == "summary"
    assert await house.standing() == [("sent", None)] * 2
    assert await row_of(house) == Scheduled(
        "u1",
        at("23 20:00"),
        "20:00 Asia/Shanghai",
        at("23 20:00"),
        at("22 20:00"),
        "offered",
    )
    assert await sums_up(house) == 0


async def test_its_numbers_can_be_asked_for(talk: Talk) -> None:
    """查看2 means the second of the summary, which is the newest message."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    await house.arrive("m1", match("m2", profile_name="李四"))
    until(house, at("22 20:00"))
    await sums_up(house)
    await arrives(house)
    assert (await talk.hears("查看2")).startswith("【李四】")


async def test_nothing_to_say(talk: Talk) -> None:
    """On a day on which nothing was found no slot is burnt, and the next day is looked at again."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    until(house, at("22 20:01"))
    assert await sums_up(house) == 0
    row = await row_of(house)
    assert (row.result, row.due_at, row.told_at) == ("nothing", at("23 20:00"), None)


async def test_who_asked_for_it_hears_of_a_day_on_which_all_was_sent(house: LedgerHouse) -> None:
    """Nothing waits: those who were sent are named once more; who did not ask is left in peace."""
    await house.session()
    await house.session("u2", "wm2")
    await wishes(house)
    house.rules = replace(house.rules, summary=EIGHT_PM)
    await house.prefers(batch_mode="immediate")
    await house.prefers("u2", batch_mode="immediate")
    await house.arrive(match("m1"), match("m2", "u2"))
    assert len(await arrives(house)) == 2
    await sums_up(house)

    until(house, at("22 20:00"))
    assert await sums_up(house) == 1
    [text] = contents(await arrives(house))
    assert text == (
        "📋 每日小结 · 11月22日\n新找到 1 位匹配的联系人，已发给您 1 位\n\n· 张三 · 85%\n\n"
        "回复「查看」可以再看最近一条消息里的匹配"
    )
    assert (await row_of(house, "u2")).result == "nothing"


async def test_the_operators_default(talk: Talk) -> None:
    """Whoever matches were planned for gets one, but for who said that they want none."""
    house = talk.house
    await house.session("u2", "wm2")
    await house.prefers("u2", batch_mode="daily", preferred_time="09:00")
    await wishes(house, "off", "u2")
    house.rules = replace(house.rules, summary=EIGHT_PM)
    await house.arrive(match("m1"), match("m2", "u2"))
    await house.plan()
    assert await sums_up(house) == 0
    until(house, at("22 20:00"))
    assert await sums_up(house) == 1
    [text] = contents(await arrives(house))
    assert text.endswith("\n回复「关闭小结」不再接收小结")
    assert (await row_of(house, "u2")).due_at is None

    # switched off again, nothing is kept but the wish of who chose
    house.rules = replace(house.rules, summary=None)
    until(house, at("23 20:00"))
    assert await sums_up(house) == 0
    rows = await house.rows("SELECT user_id FROM push_summaries")
    assert [row["user_id"] for row in rows] == ["u2"]


async def test_a_user_in_new_york(talk: Talk) -> None:
    """Eight in the evening is theirs: nine in the morning in Shanghai; an hour earlier once summer begins."""
    house = talk.house
    choice = {"summary": "20:00", "timezone": "America/New_York"}
    await house.own.exclusive(lambda tx: preferences.choose(tx, "u1", choice, house.now))
    await sums_up(house)
    assert (await row_of(house)).due_at == at("23 09:00")
    house.now = house.wall = datetime.fromisoformat("2027-03-14T00:30:00-05:00")
    await sums_up(house)
    assert (await row_of(house)).due_at == datetime.fromisoformat("2027-03-14T20:00:00-04:00")


async def test_another_zone_is_another_hour(talk: Talk) -> None:
    """Who moves is asked for by the new clock from that moment on."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    choice = {"timezone": "America/New_York"}
    await house.own.exclusive(lambda tx: preferences.choose(tx, "u1", choice, house.now))
    await sums_up(house)
    assert (await row_of(house)).due_at == at("23 09:00")


async def test_after_a_downtime_once_and_not_twice(talk: Talk) -> None:
    """Three evenings were missed: one summary comes, and the next at its own hour."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    await house.arrive("m1", "m2")
    until(house, at("25 10:00"))
    await house.session(said="2026-11-25T09:00:00")
    assert await sums_up(house) == 1
    assert await sums_up(house) == 0
    [attempt] = await arrives(house)
    assert attempt.letter.matches == (("m1", 1), ("m2", 1))
    assert (await row_of(house)).due_at == at("25 20:00")
    until(house, at("25 20:00"))
    assert await sums_up(house) == 1  # of today: what was sent since
    assert contents(await arrives(house))[0].startswith("📋 每日小结 · 11月25日\n")


async def test_two_daemons_at_once(talk: Talk) -> None:
    """Both rooms look at the same moment; one letter is written."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    await house.arrive("m1")
    until(house, at("22 20:00"))
    offered: list[str] = []

    def room(name: str) -> Summarizer:
        world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
        return Summarizer(
            house.app,
            house.own,
            rules=house.rules,
            installation=INSTALLATION,
            world=world,
            on_offered=lambda: offered.append(name),
        )

    await asyncio.gather(*(room(name).summarize() for name in ("a", "b", "c")))
    assert len(offered) == 1
    assert len(await arrives(house)) == 1


async def test_a_repeated_occasion_writes_nothing(talk: Talk) -> None:
    """A row that was lost, or a clock that went back: the same day has one msgid, and one summary."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    await house.arrive("m1")
    until(house, at("22 20:00"))
    await sums_up(house)
    await arrives(house)
    await house.arrive("m2")
    await house.own.exclusive(
        lambda tx: tx.execute(
            "UPDATE push_summaries SET due_at = ?, occasion = ?", (to_text(house.now), to_text(house.now))
        )
    )
    assert await sums_up(house) == 0
    assert await house.standing("m2") == [("waiting", "fresh")]


async def test_quiet_hours_put_it_off(talk: Talk) -> None:
    """Asked for at eleven in the evening, not to be disturbed before eight: it comes at eight."""
    house = talk.house
    await house.prefers(batch_mode="daily", preferred_time="12:00", quiet_hours="22:00-08:00")
    await wishes(house, "23:00")
    await sums_up(house)
    await house.arrive("m1")
    until(house, at("22 23:00"))
    assert await sums_up(house) == 0
    row = await row_of(house)
    assert (row.due_at, row.result) == (at("23 08:00"), "quiet_hours")
    until(house, at("23 08:00"))
    assert await sums_up(house) == 1
    assert len(await arrives(house)) == 1


async def test_what_cannot_go_today_is_left_out(talk: Talk) -> None:
    """Where the window is closed the word that opens it brings everything anyway; the row says why."""
    house = talk.house
    await house.session(said="2026-11-20T10:00:00")
    await wishes(house)
    await sums_up(house)
    await house.arrive("m1")
    until(house, at("22 20:00"))
    assert await sums_up(house) == 0
    row = await row_of(house)
    assert (row.due_at, row.result) == (at("23 20:00"), "window_closed")


async def test_who_has_stopped_gets_none(talk: Talk) -> None:
    """退订 is about summaries too."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    await house.arrive("m1")
    await talk.says("退订")
    until(house, at("22 20:00"))
    assert await sums_up(house) == 0
    assert (await row_of(house)).due_at == at("23 20:00")


async def test_a_pause_of_summaries(talk: Talk) -> None:
    """``kfpush pause kind summary`` holds them back, and matches go on."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    await house.arrive("m1")
    wish = pauses.Wish(PauseScope.KIND, "summary", "ann", "noisy", at("22 21:00"))
    await house.own.exclusive(lambda tx: pauses.hold(tx, wish, house.now))
    until(house, at("22 20:00"))
    assert await sums_up(house) == 0
    assert (await row_of(house)).result == "paused"
    until(house, at("22 21:00"))
    assert await sums_up(house) == 1
    assert len(await arrives(house)) == 1


async def test_the_daily_limit_counts_it(talk: Talk) -> None:
    """Who wants two messages a day gets two, the summary among them."""
    house = talk.house
    await house.prefers(batch_mode="immediate", daily_limit=2)
    await wishes(house)
    await sums_up(house)
    await house.arrive("m1")
    assert len(await arrives(house)) == 1
    until(house, at("22 20:00"))
    assert await sums_up(house) == 1
    assert len(await arrives(house)) == 1
    await house.arrive("m2")
    assert await arrives(house) == []
    assert await house.standing("m2") == [("waiting", "daily_limit")]


async def test_a_summary_that_cannot_leave_frees_its_matches(talk: Talk) -> None:
    """Its gates close before the first attempt: after ten minutes its matches wait as before."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    await house.arrive("m1")
    until(house, at("22 20:00"))
    await sums_up(house)
    await house.prefers(batch_mode="daily", preferred_time="09:00", quiet_hours="19:00-08:00")
    assert await arrives(house) == []
    assert await house.standing() == [("sending", None)]
    house.later(minutes=11)
    assert await arrives(house) == []
    [(status, _)] = await house.standing()
    assert status == "waiting"


async def test_asked_for_by_words(talk: Talk) -> None:
    """每日小结 and 关闭小结 are obeyed and answered, and the operator sees what was chosen."""
    house = talk.house
    assert "每天 20:00" in await talk.hears("每日小结 晚上8点")
    await sums_up(house)
    assert (await row_of(house)).due_at == at("22 20:00")
    assert "每日小结 20:00" in await talk.hears("每日小结")
    assert "已关闭" in await talk.hears("关闭小结")
    await sums_up(house)
    assert (await row_of(house)).due_at is None
    settings = await house.rows("SELECT summary FROM push_settings")
    assert [row["summary"] for row in settings] == ["off"]


async def test_unreadable_preferences_are_looked_at_again(talk: Talk) -> None:
    """Nothing is sent on a guess; an hour later they are read anew."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    await house.arrive("m1")
    await house.prefers(quiet_hours="at night")
    until(house, at("22 20:00"))
    assert await sums_up(house) == 0
    row = await row_of(house)
    assert (row.due_at, row.result) == (at("22 21:00"), "unreadable_preferences")
    await house.prefers(batch_mode="daily", preferred_time="09:00")
    until(house, at("22 21:00"))
    assert await sums_up(house) == 1


async def test_more_than_one_message_holds(talk: Talk) -> None:
    """What finds no room waits for 更多, as after any message of many."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    await house.arrive(*(match(f"m{n}") for n in range(90)))
    await house.plan()
    until(house, at("22 20:00"))
    await sums_up(house)
    [attempt] = await arrives(house)
    left = 90 - len(attempt.letter.matches)
    assert left > 0
    assert f"\n还有 {left} 个，回复「更多」" in contents([attempt])[0]
    parked = await house.rows("SELECT count(*) AS n FROM push_deliveries WHERE reason = 'more'")
    assert parked[0]["n"] == left


async def test_a_clock_that_went_back(talk: Talk) -> None:
    """A row scheduled by a clock days ahead is scheduled anew."""
    house = talk.house
    house.later(days=10)
    await wishes(house)
    await sums_up(house)
    house.later(days=-10)
    assert await sums_up(house) == 0
    assert (await row_of(house)).due_at == at("22 20:00")


async def test_only_who_is_due_is_looked_at(talk: Talk) -> None:
    """The longest due come first, no more than asked for, and nobody whose hour has not come."""
    house = talk.house
    for n in range(5):
        await wishes(house, "20:00" if n % 2 else "21:00", f"x{n}")
    await sums_up(house)
    assert await house.own.read(lambda tx: summaries.due(tx, at("22 19:00"), 32)) == ()
    assert await house.own.read(lambda tx: summaries.due(tx, at("22 20:30"), 32)) == ("x1", "x3")
    assert await house.own.read(lambda tx: summaries.due(tx, at("22 21:30"), 3)) == ("x1", "x3", "x0")
    assert await house.own.read(summaries.count) == 5


def test_who_is_due_is_found_by_an_index(tmp_path: Path) -> None:
    """Among a million users who get summaries, only those whose hour has come are read."""
    with Sqlite(tmp_path).ledger() as tx:
        for sign in ("<=", ">"):
            sql = f"SELECT user_id FROM push_summaries WHERE due_at {sign} ? ORDER BY due_at LIMIT ?"
            plan = tx.rows(f"EXPLAIN QUERY PLAN {sql}", ("", 1))
            assert [row["detail"] for row in plan] == [
                f"SEARCH push_summaries USING INDEX push_summaries_due (due_at{sign[0]}?)"
            ]


async def test_what_must_not_be_said_is_not(talk: Talk, tmp_path: Path) -> None:
    """Blocked matches stay out of it, and contacts in the others are masked."""
    house = talk.house
    words = tmp_path / "words.txt"
    words.write_text("赌场\n")
    house.rules = replace(house.rules, words=WordList(words))
    await wishes(house)
    await sums_up(house)
    await house.arrive(match("m1", explanation="来赌场"), match("m2", explanation="电话 13812345678"))
    until(house, at("22 20:00"))
    assert await sums_up(house) == 1
    attempt = next(each for each in await arrives(house) if each.letter.kind == "summary")
    assert attempt.letter.matches == (("m2", 1),)
    assert "电话 138****5678" in contents([attempt])[0]


async def test_one_unreadable_match_keeps_nobody_else_waiting(house: LedgerHouse) -> None:
    """Whose row cannot be read is looked at in an hour; the others of the page get theirs now."""
    house.rules = replace(house.rules, summary=EIGHT_PM)
    for user_id, phone in (("u1", "wm1"), ("u2", "wm2")):
        await house.session(user_id, phone)
        await house.prefers(user_id, batch_mode="daily", preferred_time="09:00")
    await house.arrive(match("m1"), match("m2", user_id="u2"))
    await house.plan()
    await sums_up(house)
    await house.own.exclusive(
        lambda tx: tx.execute("UPDATE push_deliveries SET event = 'nonsense' WHERE match_id = 'm1'")
    )

    until(house, at("22 20:00"))
    assert await sums_up(house) == 1
    row = await row_of(house)
    assert (row.due_at, row.result) == (at("22 21:00"), "planning_failed")
    assert (await row_of(house, "u2")).result == "offered"


async def test_who_is_held_out_gets_none(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An experiment that wants somebody to be sent nothing means summaries too."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    await house.arrive("m1")
    monkeypatch.setattr(Book, "holds_out", lambda _book, reader: reader.user_id == "u1")
    until(house, at("22 20:00"))
    assert await sums_up(house) == 0
    assert (await row_of(house)).result == "nothing"


async def test_much_that_waits_keeps_nobody_from_it(house: LedgerHouse) -> None:
    """Of a page of users with more than is read at once, the last have their turn after the others."""
    house.rules = replace(house.rules, summary=EIGHT_PM)
    users = [f"u{number}" for number in range(1, 5)]
    for user_id in users:
        await house.session(user_id, f"wm{user_id}")
        await house.prefers(user_id, batch_mode="daily", preferred_time="09:00")
        await house.arrive(*(match(f"{user_id}-{number}", user_id) for number in range(400)))
    await house.own.exclusive(lambda tx: summaries.expect(tx, users, house.now))
    await sums_up(house)

    until(house, at("22 20:00"))
    assert await sums_up(house) == 3
    assert await sums_up(house) == 1
    assert [(await row_of(house, user_id)).result for user_id in users] == ["offered"] * 4


async def test_the_application_is_shown_it(talk: Talk) -> None:
    """Its own history has the message, and its feed says that the match was sent."""
    house = talk.house
    await wishes(house)
    await sums_up(house)
    await house.arrive(match("17"))
    until(house, at("22 20:00"))
    await sums_up(house)
    await arrives(house)
    world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
    await Projection(house.app, house.own, world=world).project()
    assert await house.host("SELECT outcome, user_id, match_ids FROM push_outcomes") == [
        ("sent", "u1", "[17]")
    ]
    [(message, status)] = await house.host("SELECT message, status FROM push_history")
    assert status == "sent"
    assert str(message).startswith("📋 每日小结")
