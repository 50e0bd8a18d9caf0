"""``kfpush explain``, asked about ledgers that the rooms' own functions have written."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from fakeredis import FakeAsyncRedis

from consumer import deadletters
from consumer.deadletters import Poison
from consumer.stream import Delivered, Stream
from consumer.wordlist import WordList
from ops.looking.journey import as_json
from schemas.decisions import Reason
from schemas.receipts import Accepted, NotSent, NotSentCause, RefusalKind, Refused, Unknown
from schemas.tables import APP_TABLES, HOST_TABLES, OWN_TABLES
from tests.engines import Engine
from tests.flow.commands import kfpush
from tests.flow.journeys import Walk, walking
from tests.flow.ledger_house import at

NIGHT = at("22 23:30")
NONE_LEFT = Refused(95001, RefusalKind.WINDOW)
NOT_TRUSTED = Refused(60020, RefusalKind.CORP_CONFIG)
LOST = Unknown("http 502")


@pytest.fixture
async def walk(engine: Engine, tmp_path: Path) -> AsyncIterator[Walk]:
    """Ann wrote at eleven; it is noon in Shanghai on 22 November 2026."""
    async with walking(engine.migrated(), tmp_path) as made:
        yield made


async def test_sent(walk: Walk) -> None:
    """The whole of a short happy story, word for word."""
    await walk.arrive("42", intent_id=3)
    await walk.send()

    msgid = (await walk.journey("42")).revisions[0].pushes[0].msgid
    accepted = "WeChat accepted it on 2026-11-22 12:00:00 (04:00:00Z), on KF account wkA. "
    assert await walk.told("42") == [
        "Match 42, revision 1, for user ann (intent 3): sent",
        accepted + "WeChat never says whether it was seen.",
        "What happened  (times of Asia/Shanghai, UTC in brackets)",
        "11-22 12:00:00 (04:00:00Z) committed to the outbox as 42:1",
        "11-22 12:00:00 (04:00:00Z) put on the stream as entry 1795320000000-1",
        "11-22 12:00:00 (04:00:00Z) became a delivery (entry 1795320000000-1)",
        "11-22 12:00:00 (04:00:00Z) push 1 reserved: to wmann on KF account wkA",
        f"msgid {msgid}, match_notification_text version 1",
        "11-22 12:00:00 (04:00:00Z) attempt 1: WeChat accepted it",
    ]


async def test_sent_in_chinese(walk: Walk) -> None:
    """The same story for who reads Chinese."""
    await walk.arrive("42")
    await walk.send()

    told = await walk.told("42", "zh")

    assert told[:2] == [
        "匹配 42，第 1 版，用户 ann：已发送",
        "微信已于 2026-11-22 12:00:00 (04:00:00Z) 接受该消息（客服账号 wkA）。微信不会告知用户是否看到。",
    ]
    assert told[-1] == "11-22 12:00:00 (04:00:00Z) 第 1 次：微信已接受"


async def test_its_words_are_shown_only_when_asked_for(walk: Walk) -> None:
    """The message names a person: nobody sees it by accident."""
    await walk.arrive("42")
    await walk.send()

    assert "张三" not in str(await walk.journey("42")) + str(await walk.told("42"))
    shown = await walk.told("42", with_text=True)
    assert [line for line in shown if line.startswith("it says: ") and "张三" in line]


async def test_parked_for_a_closed_window(walk: Walk) -> None:
    """No clock helps, and the last day on which a word of theirs would help is told."""
    await walk.speaks("ann", at("19 11:00"))
    await walk.arrive("42")
    await walk.send()

    assert await walk.answer("42") == [
        "Match 42, revision 1, for user ann: parked",
        (
            "The user last wrote on 2026-11-19 11:00:00 (03:00:00Z), more than WeChat's 48 hours ago. "
            "It goes when they write again; no clock helps. "
            "If that has not come by 2026-11-29 12:00:00 (04:00:00Z), it is dropped as expired."
        ),
    ]
    window = "window closed since 2026-11-21 10:59:00 (02:59:00Z), opened 2026-11-19 11:00:00 (03:00:00Z)"
    assert f"KF account wkA: {window}" in await walk.told("42")


async def test_parked_for_a_window_that_closes_before_the_morning(walk: Walk) -> None:
    """The window is open, but only as long as it is quiet: that is another story than a closed one."""
    await walk.speaks("ann", at("21 06:00"))
    await walk.house.prefers("ann", quiet_hours="22:00-08:00")
    walk.house.now = walk.house.wall = NIGHT
    await walk.arrive("42")
    await walk.send()

    assert (await walk.answer("42"))[1].startswith(
        "The window closes on 2026-11-23 05:59:00 (11-22 21:59:00Z), before the user's own times let it go. "
        "It goes when they write again.",
    )


async def test_parked_before_a_first_word(walk: Walk) -> None:
    """Somebody of whom the application knows no conversation."""
    await walk.arrive("42", "bob")
    await walk.send()

    assert (await walk.answer("42"))[1].startswith(
        "No conversation with this user is known. It goes once they"
    )
    assert "KF account: none, no session row names this user" in await walk.told("42")


async def test_parked_without_a_slot(walk: Walk) -> None:
    """The sixth match of a window: five of five are used."""
    for number in range(6):
        await walk.arrive(str(number))
    await walk.send()
    await walk.send()

    assert (await walk.answer("5"))[0] == "Match 5, revision 1, for user ann: parked"
    assert (await walk.answer("5"))[1].startswith("No message is left in this window. It goes when the user")
    window = "window open until 2026-11-24 10:59:00 (02:59:00Z), since 2026-11-22 11:00:00 (03:00:00Z)"
    assert f"KF account wkA: {window}, 5 of 5 used" in await walk.told("5")


async def test_a_word_is_heard_before_any_round_has_heard_it(walk: Walk) -> None:
    """What is told holds now: the user has just written, though every row still says that no slot is left."""
    for number in range(6):
        await walk.arrive(str(number))
    await walk.send()
    await walk.send()
    walk.house.now = walk.house.wall = at("22 12:10")
    await walk.speaks("ann", at("22 12:09"))

    parked = "When it was last decided, on 2026-11-22 12:00:00 (04:00:00Z), it was parked: "
    assert await walk.answer("5") == [
        "Match 5, revision 1, for user ann: parked",
        parked + "no message left until the user writes. Decided anew, now:",
        "The user has just written: everything of theirs is decided anew in a moment.",
        "It may go now, on KF account wkA. A running `kfpush consume` sends it within a second or two.",
    ]
    await walk.hear()
    walk.house.later(seconds=2)
    assert [attempt.letter.matches for attempt in (await walk.house.plan()).attempts] == [(("5", 1),)]


async def test_asking_changes_nothing(walk: Walk, tmp_path: Path) -> None:
    """Not a row of either database, and nothing is made beside them."""
    await walk.arrive("42")

    async def everything() -> list[object]:
        found: list[object] = [sorted(os.listdir(tmp_path))]  # noqa: PTH208 - in a coroutine
        tables = {
            walk.house.app: (*APP_TABLES, *(table for table in HOST_TABLES if table.made)),
            walk.house.own: OWN_TABLES,
        }
        for database, table in ((each, table) for each, listed in tables.items() for table in listed):
            select = f"SELECT * FROM {table.name}"
            found.append(await database.read(lambda tx: [tuple(row) for row in tx.rows(select)]))  # noqa: B023
        return found

    before = await everything()
    await walk.told("42")

    assert await everything() == before


async def test_put_off_for_quiet_hours(walk: Walk) -> None:
    """The answer is a time: the morning, by the user's clock and by UTC."""
    await walk.house.prefers("ann", quiet_hours="22:00-08:00")
    walk.house.now = walk.house.wall = NIGHT
    await walk.arrive("42")
    await walk.send()

    why = "It is quiet time for the user. It goes when the quiet hours end. "
    morning = "2026-11-23 08:00:00 (00:00:00Z)"
    assert await walk.answer("42") == [
        "Match 42, revision 1, for user ann: waiting",
        f"{why}It may go from {morning}.",
    ]
    told = await walk.told("42")
    assert f"11-22 23:30:00 (15:30:00Z) put off until {morning}: the user's quiet hours" in told
    assert f"quiet hours 22:00-08:00: now, until {morning}" in told


async def test_put_off_for_the_daily_limit_and_the_night(walk: Walk) -> None:
    """A limit reached: not until midnight, which is quiet, but until eight o'clock."""
    await walk.house.prefers("ann", quiet_hours="22:00-08:00", daily_limit=1)
    await walk.arrive("41")
    await walk.send()
    await walk.arrive("42")
    await walk.send()

    prospect = (await walk.journey("42")).revisions[0].prospect
    assert prospect is not None
    assert (prospect.decision, prospect.may_go_from) == ("defer", at("23 08:00"))
    assert "today: 1 of 1 messages" in await walk.told("42")


async def test_a_changed_wish_is_told_with_the_time_at_which_it_will_be_noticed(walk: Walk) -> None:
    """The host switched the quiet hours off: the rules let it go, and kfpush looks again in the morning."""
    await walk.house.prefers("ann", quiet_hours="22:00-08:00")
    walk.house.now = walk.house.wall = NIGHT
    await walk.arrive("42")
    await walk.send()
    await walk.house.host("UPDATE user_push_preferences SET quiet_hours = NULL")

    waiting = "When it was last decided, on 2026-11-22 23:30:00 (15:30:00Z), it was waiting: "
    assert (await walk.answer("42"))[1:] == [
        waiting + "the user's quiet hours. Decided anew, now:",
        (
            "By the rules it may go now, on KF account wkA. kfpush looks at it again on "
            "2026-11-23 08:00:00 (00:00:00Z), or as soon as the user writes."
        ),
    ]


async def test_unreadable_preferences_name_their_column(walk: Walk) -> None:
    """Nothing is sent on a guess, and the operator is told what to mend."""
    await walk.house.prefers("ann", quiet_hours="late")
    await walk.arrive("42")
    await walk.send()

    told = await walk.told("42")
    assert told[1].startswith("The user's preferences cannot be understood")
    assert [line for line in told if line.startswith("unreadable: quiet_hours 'late' cannot be understood")]


async def test_dropped(walk: Walk) -> None:
    """Dropped is said of what will never go, and of nothing else."""
    await walk.house.prefers("ann", min_score=0.9)
    await walk.arrive("42")
    await walk.send()

    told = await walk.told("42")
    assert told[:2] == [
        "Match 42, revision 1, for user ann: dropped",
        "Its score is below the least the user asks for (min_score).",
    ]
    assert told[-1] == "11-22 12:00:00 (04:00:00Z) dropped: its score is below the user's minimum"


async def test_refused_then_sent_again(walk: Walk) -> None:
    """The first push is found although the match has forgotten it, and its refusal is explained."""
    await walk.arrive("42")
    await walk.send(NONE_LEFT)
    walk.house.later(seconds=1)
    await walk.send()
    walk.house.now = walk.house.wall = at("22 13:00")
    await walk.speaks("ann", at("22 12:59"))
    await walk.hear()
    walk.house.later(seconds=2)
    await walk.send()

    told = await walk.told("42")
    refused = "attempt 1: refused with 95001: 5 messages since the user's last one. "
    assert told[1].startswith("WeChat accepted it on 2026-11-22 13:00:02 (05:00:02Z)")
    assert [line for line in told if not line.startswith("msgid")][6:] == [
        "11-22 12:00:00 (04:00:00Z) push 1 reserved: to wmann on KF account wkA",
        (
            f"11-22 12:00:00 (04:00:00Z) {refused}"
            "Nothing: the push waits until the user writes again; no clock helps."
        ),
        "11-22 12:00:00 (04:00:00Z) push 1 ended without a message; its matches are planned again",
        "11-22 12:00:01 (04:00:01Z) parked: no message left until the user writes",
        "11-22 13:00:02 (05:00:02Z) push 2 reserved: to wmann on KF account wkA",
        "11-22 13:00:02 (05:00:02Z) attempt 1: WeChat accepted it",
    ]


async def test_on_its_way(walk: Walk) -> None:
    """An attempt that nobody has answered yet, neither accepted nor lost."""
    await walk.arrive("42")
    await walk.house.plan()

    assert await walk.answer("42") == [
        "Match 42, revision 1, for user ann: sending",
        "Attempt 1 is on its way to WeChat now.",
        "If nobody has learnt it by 2026-11-25 12:00:00 (04:00:00Z), it is given up and needs a person.",
    ]


async def test_unknown_until_it_is_offered_again(walk: Walk) -> None:
    """A lost answer: what is known, what kfpush does about it, and when."""
    await walk.arrive("42")
    await walk.send(LOST)

    assert (await walk.answer("42"))[1:3] == [
        (
            "WeChat's answer was lost, so nobody knows whether it has the message. The same bytes are "
            "offered again under the same msgid: it cannot appear twice."
        ),
        "The next try may go from 2026-11-22 12:00:01 (04:00:01Z).",
    ]
    unknown = "attempt 1: no usable answer (http 502); WeChat may have it or not"
    assert f"11-22 12:00:00 (04:00:00Z) {unknown}" in await walk.told("42")


async def test_unknown_over_night(walk: Walk) -> None:
    """A retry keeps the quiet hours like everything else."""
    await walk.house.prefers("ann", quiet_hours="22:00-08:00")
    walk.house.now = walk.house.wall = at("22 21:59:50")
    await walk.arrive("42")
    await walk.send(LOST)
    walk.house.now = walk.house.wall = at("22 22:00:10")
    await walk.house.plan()

    told = (await walk.answer("42"))[2:4]
    assert told == [
        "The next try has to wait. It is quiet time for the user. It goes when the quiet hours end.",
        "The next try may go from 2026-11-23 08:00:00 (00:00:00Z).",
    ]


async def test_unknown_then_had_already(walk: Walk) -> None:
    """95033 is told as what WeChat says, and not as a plain acceptance."""
    await walk.arrive("42")
    await walk.send(LOST)
    walk.house.later(seconds=2)
    await walk.send(Accepted(repeated=True))

    told = await walk.told("42")
    assert told[0] == "Match 42, revision 1, for user ann: sent"
    assert told[1].startswith("WeChat says it had it already (95033), on KF account wkA, when it was offered")
    assert told[1].endswith("WeChat never says whether it was seen.")
    assert told[-1] == "11-22 12:00:02 (04:00:02Z) attempt 2: WeChat says it had it already (95033)"


async def test_given_up(walk: Walk) -> None:
    """After three days nobody can learn it: a dead letter, and what to do first."""
    await walk.arrive("42")
    await walk.send(LOST)
    walk.house.now = walk.house.wall = at("25 12:00:01")
    await walk.house.plan()

    told = await walk.told("42")
    assert told[:3] == [
        "Match 42, revision 1, for user ann: dead letter",
        "WeChat's answer was lost, so nobody knows whether it has the message.",
        "Look at the user's phone, or ask them, before it is sent again.",
    ]
    given_up = "push 1 given up: nobody could learn whether WeChat has it"
    assert told[-1] == f"11-25 12:00:01 (04:00:01Z) {given_up}"


async def test_given_up_because_the_user_stopped(walk: Walk) -> None:
    """Dropped for their wish, and yet one message may have come: both are said."""
    await walk.house.prefers("ann", enable_push=1)
    await walk.arrive("42")
    await walk.send(LOST)
    await walk.house.host("UPDATE user_push_preferences SET enable_push = 0")
    walk.house.later(seconds=2)
    await walk.house.plan()

    assert await walk.answer("42") == [
        "Match 42, revision 1, for user ann: dropped",
        "The user has pushes switched off (enable_push).",
        "A push of it had gone out before, and whether WeChat has that was never learnt.",
        "Look at the user's phone, or ask them, before it is sent again.",
    ]


async def test_refused_for_its_content(walk: Walk) -> None:
    """A dead letter comes with WeChat's meaning and with what a person can do."""
    await walk.arrive("42")
    await walk.send(Refused(40201, RefusalKind.CONTENT))

    told = await walk.told("42")
    assert told[1] == "WeChat refuses the message's content, which never changes. It needs a person."
    assert told[2].startswith("40201: blocked as sensitive content. The message is a dead letter.")
    assert told[-1].endswith("push 1 ended; its matches are dead letters")


async def test_the_whole_corp_is_paused(walk: Walk) -> None:
    """Whose fault it is, what to do about it, when it is tried; every probe but the first in one line."""
    await walk.arrive("42")
    for _ in range(6):
        await walk.send(NOT_TRUSTED)
        walk.house.later(minutes=2)
    walk.house.later(minutes=-2)

    told = await walk.told("42")
    assert told[2:4] == [
        (
            "Paused since 2026-11-22 12:00:00 (04:00:00Z), by kfpush: the whole corp. 60020: this "
            "server's IP is not trusted. Add this server's public IP to the app's 企业可信IP; it takes "
            "effect after a minute. It is probed next on 2026-11-22 12:10:32 (04:10:32Z)."
        ),
        "Everything else lets it go now, on KF account wkA.",
    ]
    assert "11-22 12:10:00 (04:10:00Z) 5 more pushes, 2 to 6, ended in the same way" in told
    prospect = (await walk.journey("42")).revisions[0].prospect
    assert prospect is not None
    assert prospect.may_go_from == at("22 12:10:32")


async def test_no_token(walk: Walk) -> None:
    """An attempt that never left says so, with what WeChat said to the request for a token."""
    await walk.arrive("42")
    await walk.send(NotSent(NotSentCause.NO_TOKEN, 40001))

    tries = (await walk.journey("42")).revisions[0].pushes[0].tries
    assert [(item.ended, item.errcode, item.cause) for item in tries] == [("not_sent", 40001, "no_token")]
    assert [line for line in await walk.told("42") if "attempt 1: not sent, 40001: wrong secret" in line]


async def test_an_unreadable_event(walk: Walk) -> None:
    """It never became a delivery, and says which field is missing."""
    await walk.commit("42")
    fields = {b"id": b"42:1", b"type": b"kfpush.match.created.v1", b"subject": b"42:1", b"data": b"{}"}
    await walk.take(Delivered("7-1", fields))

    told = await walk.told("42")
    assert told[:2] == [
        "Match 42, revision 1: not arrived",
        "The event cannot be read. It is kept whole, and needs a person.",
    ]
    assert told[-1].startswith("11-22 12:00:00 (04:00:00Z) entry 7-1 put aside as a dead letter: The event")
    assert "match_id: Field required" in told[-1]


async def test_poison(walk: Walk) -> None:
    """An entry that consumers kept dying on."""
    fields = {b"id": b"42:1"}
    poison = Poison("7-1", fields, Reason.POISON, "handed out 5 times and never settled", 5)
    await walk.house.own.exclusive(lambda tx: deadletters.bury(tx, [poison], walk.house.now))

    told = await walk.told("42")
    assert told[1] == (
        "Again and again a consumer took it up and did not finish. It is kept whole, and needs a person."
    )
    assert told[-1].endswith("(handed out 5 times and never settled)")


async def test_an_event_of_a_newer_version(walk: Walk) -> None:
    """It waits for an upgrade, and nothing else about it can be told."""
    fields = {b"id": b"42:1", b"type": b"kfpush.match.created.v9", b"subject": b"42:1", b"data": b"?"}
    await walk.take(Delivered("7-1", fields))

    assert await walk.answer("42") == [
        "Match 42, revision 1: parked",
        "The event is of a newer version than this kfpush reads. It goes on after an upgrade.",
    ]


async def test_never_mirrored(walk: Walk) -> None:
    """Committed, and nobody carries it: which process to look for."""
    await walk.commit("42")

    assert (await walk.answer("42"))[1] == (
        "It is committed, and no mirror has put it on the stream yet. "
        "Is `kfpush up` or `kfpush mirror` running?"
    )


async def test_on_the_stream(engine: Engine, tmp_path: Path) -> None:
    """Ahead of the consumers, then read by one, then gone: three places, three answers."""
    redis = FakeAsyncRedis()
    async with walking(engine.migrated(), tmp_path, redis) as walk:
        await walk.commit("42")
        [entry] = await walk.mirror_to_redis()
        stream = Stream(redis, redis, walk.keys.matches, "test-1")
        await stream.ensure_group()
        ahead = await walk.answer("42")
        await stream.fresh(10, block=0)
        pending = await walk.answer("42")
        await stream.ack([entry])
        gone = await walk.answer("42")
    await redis.aclose()

    assert ahead[1].startswith("It is on the stream, and no consumer has come to it yet.")
    assert pending[1].startswith("A consumer has read it and has not stored it yet.")
    assert gone[1].startswith("It was on the stream and is not there any more: Redis lost it.")


async def test_redis_is_away(walk: Walk) -> None:
    """Where it is cannot be told, and that is what is said."""
    await walk.commit("42")
    await walk.mirror()

    assert (await walk.answer("42"))[1].endswith("Where it is cannot be told: Redis is away.")


async def test_every_revision(walk: Walk) -> None:
    """A match that was scored again is two stories under one id, and another match's id is another's."""
    await walk.arrive("42")
    await walk.arrive("42:2")
    await walk.send()
    await walk.arrive("42", revision=2, score=0.95)
    await walk.send()

    headlines = [line for line in await walk.told("42") if line.startswith("Match ")]
    assert headlines == [
        "Match 42, revision 1, for user ann: sent",
        "Match 42, revision 2, for user ann: sent",
    ]
    assert [item.revision for item in (await walk.journey("42:2")).revisions] == [1]


async def test_the_users_own_clock(walk: Walk) -> None:
    """Somebody in Berlin: times by their clock, and the date of UTC where it is another."""
    await walk.house.own.exclusive(
        lambda tx: tx.execute(
            "INSERT INTO push_settings (user_id, timezone, updated_at) VALUES ('ann', 'Europe/Berlin', '')"
        )
    )
    walk.house.now = walk.house.wall = at("23 07:30")
    await walk.arrive("42")
    await walk.send()

    told = await walk.told("42")
    assert told[1].startswith("WeChat accepted it on 2026-11-23 00:30:00 (11-22 23:30:00Z)")
    assert told[2] == "What happened  (times of Europe/Berlin, UTC in brackets)"


async def test_without_the_applications_database(walk: Walk, tmp_path: Path) -> None:
    """The ledger's story is told; what holds now cannot be, and it is said why."""
    await walk.arrive("42")
    await walk.send(LOST)
    walk.settings = walk.settings.model_copy(update={"app_database_url": f"sqlite:///{tmp_path}/nothing.db"})

    told = await walk.told("42")
    assert told[0] == "Match 42, revision 1, for user ann: sending"
    assert told[2].startswith("What holds now cannot be told, and nothing is planned: ")
    assert "does not exist yet; run `kfpush migrate`" in told[2]
    assert "committed to the outbox as 42:1" not in str(told)


async def test_without_the_ledger(walk: Walk, tmp_path: Path) -> None:
    """Committed where the application writes; kfpush's own tables are somewhere else, or were never made."""
    await walk.commit("42")
    await walk.mirror()
    walk.settings = walk.settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/nothing.db"})

    told = await walk.told("42")
    assert told[0] == "Match 42, revision 1: not arrived"
    assert told[1].startswith("What became of it cannot be told: ")
    assert not (tmp_path / "nothing.db").exists()


async def test_known_nowhere(walk: Walk) -> None:
    """Where it was looked for, and what it can mean."""
    app, own = walk.house.app.place, walk.house.own.place

    told = await walk.told("nope")
    assert told[:4] == [
        "Match nope is known nowhere.",
        f"push_outbox in {app}: nothing",
        f"push_deliveries in {own}: nothing",
        "That means one of these:",
    ]
    assert [line[:37] for line in told[4:]] == [
        "- It was never committed here: the ap",
        "- It was committed to another databas",
        "- It has another id: ids are texts, c",
    ]


async def test_the_command(walk: Walk, tmp_path: Path) -> None:
    """Data on standard output, exit code 3 for a match that nobody knows, a key understood as its match."""
    await walk.commit("42")

    def ask(*words: str, **env: str) -> CompletedProcess[str]:
        return kfpush("explain", *words, folder=tmp_path, env={**walk.environment, **env})

    known = await asyncio.to_thread(ask, "42:1")
    unknown = await asyncio.to_thread(ask, "43", "--json")
    chinese = await asyncio.to_thread(ask, "42", LANG="zh_CN.UTF-8")

    assert (known.returncode, known.stderr) == (0, "")
    assert known.stdout.startswith("Match 42, revision 1: not arrived\n  It is committed, and no mirror")
    assert (unknown.returncode, unknown.stderr) == (3, "")
    told = json.loads(unknown.stdout)
    assert (told["is_known"], told["match_id"], told["revisions"]) == (False, "43", [])
    assert chinese.stdout.startswith("匹配 42，第 1 版：尚未到达\n")
    assert not (tmp_path / "data").exists()


async def test_the_keys_of_json_do_not_change(walk: Walk) -> None:
    """Scripts read them: a key may be added here, never renamed."""
    await walk.arrive("42")
    await walk.send(LOST)

    told = as_json(await walk.journey("42"))

    assert isinstance(told, dict)
    [revision] = told["revisions"]
    [push] = revision["pushes"]
    assert list(told) == ["match_id", "now", "looked", "revisions"]
    assert list(revision) == [
        *["revision", "user_id", "intent_id", "timezone", "status", "reason", "arrived_at", "updated_at"],
        *["expires_at", "entry_id", "committed", "turns", "pushes", "buried", "prospect"],
    ]
    assert list(push) == [
        *["id", "msgid", "open_kfid", "external_userid", "status", "reason", "errcode", "template"],
        *[
            "version",
            "variant",
            "experiment",
            "carried",
            "reserved_at",
            "accepted_at",
            "settled_at",
            "next_try_at",
        ],
        *["gives_up_at", "tries", "text", "failed_at", "fail_type", "msgtype", "fallback_of"],
    ]
    assert list(revision["prospect"]) == [
        *["decision", "reason", "may_go_from", "looks_at", "open_kfid", "has_spoken", "conversations"],
        *["pauses", "wishes", "problem"],
    ]
    noon = "2026-11-22T04:00:00.000Z"
    assert push["reserved_at"] == noon
    assert push["tries"] == [
        {
            "number": 1,
            "ended": "unknown",
            "begun_at": noon,
            "told_at": noon,
            "errcode": None,
            "kind": None,
            "cause": "http 502",
        },
    ]


async def test_a_blocked_match_is_told_with_its_category(walk: Walk, tmp_path: Path) -> None:
    """And without the word."""
    path = tmp_path / "words"
    path.write_text("六合彩,gambling", "utf-8")
    walk.house.rules = replace(walk.house.rules, words=WordList(path))
    await walk.arrive("42", explanation="买六合彩")
    await walk.house.plan()

    told = await walk.told("42")

    assert told[:2] == [
        "Match 42, revision 1, for user ann: dropped",
        "It says a word that the list in KFPUSH_SENSITIVE_WORDS blocks, so it is not sent.",
    ]
    assert told[-1] == "11-22 12:00:00 (04:00:00Z) dropped: a word in it is on the operator's list (gambling)"


async def test_a_word_that_was_listed_since_is_told_ahead(walk: Walk, tmp_path: Path) -> None:
    """What waits for a word of the user's would not go then either."""
    walk.settings = walk.settings.model_copy(update={"sensitive_words": str(tmp_path / "words")})
    (tmp_path / "words").write_text("六合彩,gambling", "utf-8")
    await walk.arrive("42", explanation="买六合彩")

    assert "It says a word that the list in KFPUSH_SENSITIVE_WORDS blocks" in " ".join(await walk.told("42"))
