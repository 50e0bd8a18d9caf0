"""Users ask, and are answered once: by the send and settle path that matches take."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from consumer import outlook, pauses, preferences
from consumer.gather import read_host
from consumer.ledger import pushes
from consumer.pauses import Wish
from consumer.replies import texts, wishes
from consumer.replies.answering import Answered, Ending
from consumer.replies.reading import read
from schemas.decisions import Reason, RecipientKey
from schemas.events import MatchWithdrawn
from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown
from schemas.states import PauseScope
from tests.flow.ledger_house import LedgerHouse, at, match
from tests.flow.replies_house import Talk, contents

LATE = NotSent(NotSentCause.LATE)
THROTTLED = Refused(45009, RefusalKind.THROTTLED)
FULL = Refused(95001, RefusalKind.WINDOW)
LONG = "因为" * 1200


@pytest.fixture
async def talk(house: LedgerHouse) -> Talk:
    """Ann, whose host knows her, wrote an hour ago."""
    await house.session()
    return Talk(house)


async def test_help(talk: Talk) -> None:
    """It is told what may be asked; the letter is of its own kind, and the daily limit does not count it."""
    await talk.house.prefers(daily_limit=1, quiet_hours="11:00-13:00", batch_mode="daily")

    assert await talk.hears("帮助") == texts.HELP

    assert await talk.house.pushes("kind, status, attempts, matches, template") == [
        ("answer", "sent", 1, "[]", "answer")
    ]


async def test_all_about_a_match(talk: Talk) -> None:
    """By its number in the newest message, and alone where there is one."""
    house = talk.house
    found = match(
        "m1",
        intent_name="寻找技术合伙人",
        matched_conditions=["包含关键词'AI'", "location符合'北京'"],
        explanation="张三完美匹配：技术背景深厚。",
    )
    await house.sent(Accepted(), found)

    told = await talk.hears("查看1")

    assert told == (
        "【张三】\n意图：寻找技术合伙人\n匹配度：85%\n匹配条件：包含关键词'AI'、location符合'北京'\n\n"
        "张三完美匹配：技术背景深厚。"
    )
    assert await talk.hears("查看") == told
    assert await talk.hears("查看m1") == told
    assert await talk.hears("查看2") == texts.ONLY_ONE
    assert await talk.hears("查看m2") == texts.NO_SUCH_MATCH


async def test_a_long_explanation_loses_its_end(talk: Talk) -> None:
    """No answer is longer than WeChat takes."""
    await talk.house.sent(Accepted(), match("m1", explanation=LONG))

    told = await talk.hears("查看1")

    assert 2000 < len(told.encode()) <= 2048
    assert told.endswith("…")


async def test_numbers_count_in_the_newest_message(talk: Talk) -> None:
    """A list tells them; those of the message before are not meant any more."""
    house = talk.house
    await house.sent(Accepted(), match("old", profile_name="老王"))
    await house.sent(FULL, "filler")
    await house.arrive(
        match("m1", profile_name="张三", intent_name="合伙人"), match("m2", profile_name="李四")
    )
    await house.plan()
    house.later(minutes=1)
    await talk.says("你好")
    house.later(seconds=2)
    [merged] = await talk.reads()
    assert "老王" not in merged

    assert await talk.hears("查看") == (
        "最近一条消息里有 3 个匹配：\n1. 张三 · 85%\n2. 张三 · 合伙人 · 85%\n3. 李四 · 85%"
    )
    assert (await talk.hears("查看3")).startswith("【李四】")
    assert await talk.hears("查看9") == texts.no_such_number(3)


async def test_nobody_sees_anothers_match(talk: Talk) -> None:
    """Neither by its id, nor by a number, nor one that another phone was sent."""
    house = talk.house
    await house.session("u2", "wm2", said="2026-11-22T11:30:00")
    await house.sent(Accepted(), match("secret", "u2"))

    assert await talk.hears("查看secret") == texts.NOTHING_YET
    assert await talk.hears("查看") == texts.NOTHING_YET
    assert await talk.hears("查看1") == texts.NOTHING_YET


async def test_what_was_taken_back_is_not_shown(talk: Talk) -> None:
    """The application has withdrawn it since."""
    await talk.house.sent(Accepted(), "m1")
    await talk.house.withdraw(MatchWithdrawn(match_id="m1", user_id="u1"))

    assert await talk.hears("查看1") == texts.WITHDRAWN
    assert await talk.hears("查看m1") == texts.WITHDRAWN


async def test_more_brings_what_waits(talk: Talk) -> None:
    """Sixty, in the template's words, past the daily hour and the limit; each is sent, and never again."""
    house = talk.house
    await house.prefers(batch_mode="daily", preferred_time="20:00", daily_limit=1)
    names = [f"m{n:02}" for n in range(62)]
    await house.arrive(*(match(name, profile_name=f"客人{name}") for name in names))
    await house.plan()
    assert await house.standing(*names) == [("waiting", "batch_mode")] * 62

    first = await talk.hears("更多")

    assert [name for name in names if f"客人{name}" in first] == names[:60]
    assert first.endswith("还有 2 个，回复「更多」")
    assert await house.standing(*names) == [("sent", None)] * 60 + [("parked", "more")] * 2
    second = await talk.hears("更多")
    assert [name for name in names if f"客人{name}" in second] == names[60:]
    assert await talk.hears("更多") == texts.NOTHING_MORE
    house.later(hours=9)
    assert await talk.reads() == []
    sent = await house.pushes("kind, matches")
    assert [kind for kind, _ in sent] == ["answer"] * 3
    assert [key for _, keys in sent for key in json.loads(str(keys))] == [[name, 1] for name in names]


async def test_more_twice_in_one_page(talk: Talk) -> None:
    """The second brings what the first had no room for."""
    names = [f"m{n:02}" for n in range(61)]
    await talk.house.prefers(quiet_hours="11:00-13:00")
    await talk.house.arrive(*names)

    await talk.page(talk.asked("更多"), talk.asked("更多"), talk.asked("更多"))

    first, second, third = await talk.reads()
    assert "还有 1 个" in first
    assert "还有" not in second
    assert third == texts.NOTHING_MORE
    assert await talk.house.standing(*names) == [("sent", None)] * 61


async def test_looking_at_what_waits_sends_it(talk: Talk) -> None:
    """Who asks for a match by its id has seen it: no push follows."""
    house = talk.house
    await house.prefers(quiet_hours="11:00-13:00")
    await house.arrive("m1")

    assert (await talk.hears("查看m1")).startswith("【张三】")

    assert await house.standing("m1") == [("sent", None)]
    house.later(hours=2)
    assert await talk.reads() == []


async def test_a_stop_and_the_way_back(talk: Talk) -> None:
    """One confirmation and nothing more, whatever is asked; what waited is dropped.  Then as before."""
    house = talk.house
    await house.prefers(quiet_hours="11:00-13:00")
    await house.arrive("m1")
    await house.plan()

    assert await talk.hears("退订") == texts.STOPPED

    assert await house.standing("m1") == [("dropped", "stopped")]
    assert await talk.says("TD", "帮助", "更多") == [
        Answered(Ending.REPEATED),
        Answered(Ending.UNANSWERED, Reason.STOPPED),
        Answered(Ending.UNANSWERED, Reason.STOPPED),
    ]
    await house.arrive("m2")
    assert await talk.reads() == []
    assert await talk.hears("恢复") == texts.RESUMED
    assert await talk.hears("恢复") == texts.RECEIVES_ALREADY
    await house.host("UPDATE user_push_preferences SET quiet_hours = NULL")
    await house.arrive("m3")
    assert len(await talk.reads()) == 1
    assert await house.rows("SELECT user_id, stop FROM push_settings") == [{"user_id": "u1", "stop": 0}]


async def test_a_stop_holds_for_everybody_on_the_phone(house: LedgerHouse) -> None:
    """Whoever of the user_ids a match is for."""
    await house.session("u1")
    await house.session("u2")
    talk = Talk(house, user_ids=("u1", "u2"))

    assert await talk.hears("退订") == texts.STOPPED

    await house.arrive("m1", match("m2", "u2"))
    assert await talk.reads() == []
    assert await house.standing("m1", "m2") == [("dropped", "stopped")] * 2


async def test_a_stop_overtakes_an_answer_on_its_way(talk: Talk) -> None:
    """What was asked before and has not left does not go after it; the stop's own word does."""
    await talk.says("帮助", "退订")

    assert await talk.reads() == [texts.STOPPED]

    assert await talk.house.pushes("status, reason") == [("not_sent", "stopped"), ("sent", None)]


async def test_coming_back_is_heard_by_the_host_too(talk: Talk) -> None:
    """Somebody whose pushes the application had switched off gets them again by their own word."""
    await talk.house.prefers(enable_push=0)

    await talk.hears("恢复")

    assert await talk.house.host("SELECT enable_push FROM user_push_preferences") == [(1,)]


@pytest.mark.parametrize(
    ("text", "answer", "columns"),
    [
        (
            "免打扰 22:00-08:00",
            "已设置：每天 22:00–08:00 不打扰您。回复「关闭免打扰」可以取消。",
            ("22:00-08:00", "smart", "10:00"),
        ),
        ("关闭免打扰", texts.NO_QUIET, (None, "smart", "10:00")),
        (
            "每天 9:30",
            "已设置：每天 09:30 把匹配发给您。回复「实时」可以改为有匹配就发。",
            ("23:00-07:00", "daily", "09:30"),
        ),
        ("实时", texts.IMMEDIATE, ("23:00-07:00", "immediate", "10:00")),
        (
            "免打扰 25:00-8:00",
            "没有看懂免打扰的时间。请这样回复：免打扰 22:00-08:00",
            ("23:00-07:00", "smart", "10:00"),
        ),
        ("每天 25:00", "没有看懂时间。请这样回复：每天 9:00", ("23:00-07:00", "smart", "10:00")),
    ],
)
async def test_wishes_are_the_hosts_own_columns(
    talk: Talk, text: str, answer: str, columns: tuple[object, ...]
) -> None:
    """Where the application's own settings page shows them; a page that comes twice changes nothing."""
    await talk.house.prefers(
        quiet_hours="23:00-07:00", batch_mode="smart", preferred_time="10:00", daily_limit=3
    )

    assert await talk.hears(text) == answer
    await talk.page(*talk.said)

    assert await talk.house.host(
        "SELECT quiet_hours, batch_mode, preferred_time, daily_limit FROM user_push_preferences"
    ) == [(*columns, 3)]


async def test_a_wish_of_somebody_without_a_row(talk: Talk) -> None:
    """Makes it, with the host's defaults for everything else."""
    await talk.hears("免打扰 22:00-08:00")

    assert await talk.house.host("SELECT user_id, quiet_hours, daily_limit FROM user_push_preferences") == [
        ("u1", "22:00-08:00", 10)
    ]


async def test_a_wish_wakes_what_waits(talk: Talk) -> None:
    """Quiet hours that are over by a word hold nothing any more."""
    house = talk.house
    await house.prefers(quiet_hours="11:00-13:00")
    await house.arrive("m1")
    await house.plan()
    await talk.says("关闭免打扰")
    house.later(seconds=2)

    assert len(await talk.reads()) == 2


async def test_a_host_without_the_column(talk: Talk) -> None:
    """It is said that it could not be done, and nothing else is hurt."""
    await talk.house.host("ALTER TABLE user_push_preferences RENAME COLUMN preferred_time TO hour")
    asked = talk.asked("每天 9:00")
    asked_too = talk.asked("帮助")

    refused = await talk.house.app.exclusive(lambda tx: wishes.apply(tx, [asked, asked_too], talk.house.now))

    assert refused == {("wk1", "said0")}


async def test_what_is_no_command_is_left_to_the_application(talk: Talk) -> None:
    """Nothing is sent, and the ending says whose it is."""
    assert await talk.says("你好", "退订是什么意思") == [Answered(Ending.HOST)] * 2
    assert await talk.reads() == []


async def test_the_same_word_is_answered_once(talk: Talk) -> None:
    """A page that is pulled again finds its msgid taken."""
    asked = talk.asked("帮助")
    await talk.page(asked)

    assert [item.ending for item in await talk.page(asked)] == [Ending.REPEATED]
    assert len(await talk.reads()) == 1


async def test_without_a_slot_there_is_no_answer(talk: Talk) -> None:
    """Six questions in one breath: five answers fill the window, and nothing counts beyond."""
    at_once = talk.house.now
    asked = [talk.asked("帮助", at_once) for _ in range(6)]

    endings = await talk.page(*asked)

    assert [item.ending for item in endings] == [Ending.ANSWERED] * 5 + [Ending.UNANSWERED]
    assert endings[5].reason == Reason.NO_SLOT
    assert len(await talk.reads()) == 5


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [("muted", 1, Reason.MUTED), ("service_state", 3, Reason.HUMAN_SERVICER)],
)
async def test_where_nothing_may_be_said(talk: Talk, column: str, value: int, reason: Reason) -> None:
    """Somebody who rejects messages, or talks with a person, gets no answer; the wish holds."""
    house = talk.house
    await talk.says("你好")
    await house.own.exclusive(lambda tx: tx.execute(f"UPDATE kf_windows SET {column} = ?", (value,)))

    assert await talk.says("退订") == [Answered(Ending.UNANSWERED, reason)]

    assert await house.rows("SELECT stop FROM push_settings") == [{"stop": 1}]


async def test_what_was_asked_long_ago(talk: Talk) -> None:
    """A wish holds although nobody waits for its answer any more."""
    asked = talk.asked("退订", talk.house.now - timedelta(hours=2))

    assert await talk.page(asked) == [Answered(Ending.TOO_LATE)]

    assert await talk.house.rows("SELECT stop FROM push_settings") == [{"stop": 1}]


async def test_somebody_unheard_of(house: LedgerHouse) -> None:
    """A phone that no session names is its own user."""
    talk = Talk(house, RecipientKey("wk1", "wmnew"), ("wmnew",))

    assert await talk.hears("帮助") == texts.HELP


async def test_an_answer_that_never_left_is_offered_again(talk: Talk) -> None:
    """The same bytes under the same msgid, and one message on the phone."""
    house = talk.house
    await talk.says("帮助")
    first = await house.plan_one()
    await house.settle((first, LATE))

    again = await house.plan_one()

    assert (again.letter, again.number) == (first.letter, 2)
    await house.settle((again, Accepted()))
    assert await house.pushes("status, attempts") == [("sent", 2)]


async def test_for_ten_minutes(talk: Talk) -> None:
    """Then nobody waits for it: it ends as what it is, not sent, and frees its slot and what it carried."""
    house = talk.house
    await house.prefers(quiet_hours="11:00-13:00")
    await house.arrive("m1")
    await talk.says("更多")
    await house.settle((await house.plan_one(), LATE))
    house.later(minutes=10)

    assert await talk.reads() == []
    assert await talk.reads() == []

    assert await house.pushes("status, reason") == [("not_sent", "expired")]
    assert await house.standing("m1") == [("waiting", "quiet_hours")]


async def test_a_refusal_of_the_moment_is_asked_again_under_another_msgid(talk: Talk) -> None:
    """WeChat may remember the msgid of what it refused; a full window ends it."""
    house = talk.house
    await talk.says("帮助")
    first = await house.plan_one()
    await house.settle((first, THROTTLED))
    assert (await house.plan()).attempts == []
    house.later(minutes=2)

    again = await house.plan_one()

    assert again.letter.body["text"] == first.letter.body["text"]
    assert again.letter.msgid == again.letter.body["msgid"] != first.letter.msgid
    await house.settle((again, FULL))
    house.later(minutes=2)
    assert await talk.reads() == []
    assert await house.pushes("status, reason") == [("refused", "throttled"), ("refused", "no_slot")]


@pytest.mark.parametrize(
    ("receipt", "standing"),
    [
        (Refused(40201, RefusalKind.CONTENT), ("dead", "content_refused")),
        (FULL, ("parked", "no_slot")),
        (Unknown("timeout"), ("sending", None)),
    ],
)
async def test_what_an_answer_carries_shares_its_fate(
    talk: Talk, receipt: Receipt, standing: tuple[str, str | None]
) -> None:
    """As it would in any message."""
    await talk.house.arrive("m1")
    await talk.says("更多")
    await talk.house.settle((await talk.house.plan_one(), receipt))
    await talk.house.plan()

    assert await talk.house.standing("m1") == [standing]


async def test_a_pause_holds_answers_as_it_holds_everything(talk: Talk) -> None:
    """A person's pause of answers; when it is over in time, they go."""
    house = talk.house
    wish = Wish(PauseScope.KIND, "answer", "anna", "x", at("22 12:05"))
    await house.own.exclusive(lambda tx: pauses.hold(tx, wish, house.now))
    await talk.says("帮助")
    assert await talk.reads() == []

    house.later(minutes=5)

    assert await talk.reads() == [texts.HELP]


async def test_slots_kept_for_the_host_are_kept_from_answers_too(talk: Talk) -> None:
    """What the host sends itself is left to it."""
    talk.house.rules = replace(talk.house.rules, slots_kept_back=4)

    endings = await talk.page(talk.asked("帮助"), talk.asked("帮助"))

    assert [item.ending for item in endings] == [Ending.ANSWERED, Ending.UNANSWERED]


async def test_whoever_looks_sees_what_planning_would_decide(talk: Talk) -> None:
    """A frozen answer is judged as an answer: quiet hours hold it from nothing."""
    house = talk.house
    await house.prefers(quiet_hours="11:00-13:00")
    await talk.says("帮助")
    inputs = await house.app.read(lambda tx: read_host(tx, ["u1"], ["wm1"]))
    [[push_id]] = await house.pushes("id")

    found = await house.own.read(
        lambda tx: outlook.of_push(
            tx, inputs, pushes.load(tx, [int(str(push_id))])[int(str(push_id))], house.rules, house.now
        )
    )

    assert type(found.decision).__name__ == "Send"


async def test_two_who_ask_in_one_page(house: LedgerHouse) -> None:
    """Each gets their own."""
    await house.session()
    await house.session("u2", "wm2")
    ann, ben = Talk(house), Talk(house, RecipientKey("wk1", "wm2"), ("u2",))
    await house.sent(Accepted(), match("m1", profile_name="张三"), match("m2", "u2", profile_name="李四"))
    mine, theirs = ann.asked("查看1"), replace(ben.asked("查看1"), person="wm2", inbound_key="other")

    endings = await ann.page(mine, theirs)

    assert [item.ending for item in endings] == [Ending.ANSWERED] * 2
    attempts = (await house.plan()).attempts
    assert {
        attempt.letter.recipient.external_userid: text.split("\n")[0]
        for attempt, text in zip(attempts, contents(attempts), strict=True)
    } == {"wm1": "【张三】", "wm2": "【李四】"}


async def merged(talk: Talk, *names: str) -> None:
    """What waited for a word arrived as one message."""
    house = talk.house
    await house.host("UPDATE wechat_kf_sessions SET last_message_time = '2026-11-20T11:00:00'")
    await house.arrive(*(match(name, profile_name=f"客人{name}") for name in names))
    await house.plan()
    await talk.says("你好")
    house.later(seconds=2)
    assert len(await talk.reads()) == 1


async def test_a_list_can_be_tapped_and_keeps_a_message_for_that(house: LedgerHouse) -> None:
    """Each item names its match; of the five, one is the list's and one its answer's, three are left."""
    talk = Talk(house)
    await house.session(said=None)
    await merged(talk, "m1", "17", "m-3")
    await talk.says("查看")
    [listed] = (await house.plan()).attempts
    await house.settle((listed, Accepted()))

    assert listed.letter.body["msgtype"] == "msgmenu"
    assert listed.letter.body["msgmenu"] == {
        "head_content": "最近一条消息里有 3 个匹配：",
        "list": [
            {"type": "click", "click": {"id": "kfpush_match_17", "content": "1. 客人17 · 85%"}},
            {"type": "click", "click": {"id": "kfpush_view_2", "content": "2. 客人m-3 · 85%"}},
            {"type": "click", "click": {"id": "kfpush_match_m1", "content": "3. 客人m1 · 85%"}},
        ],
    }
    await house.arrive(*(match(f"n{n}") for n in range(6)))
    sent = await talk.reads()
    assert len(sent) == 3

    tapped = replace(talk.asked("3. 客人m1 · 85%"), command=read("3. 客人m1 · 85%", "kfpush_match_m1"))
    endings = await talk.page(replace(tapped, spoken_at=talk.said[-2].spoken_at))
    assert [item.ending for item in endings] == [Ending.ANSWERED]
    [answer] = [text for text in await talk.reads() if "n" not in text]
    assert answer.startswith("【客人m1】")


async def test_with_one_message_left_a_list_is_plain(house: LedgerHouse) -> None:
    """Nobody is invited to tap on what could not be answered."""
    talk = Talk(house)
    await house.session(said=None)
    await merged(talk, "m1", "m2")
    house.rules = replace(house.rules, slots_kept_back=4)

    assert (await talk.hears("查看")).endswith("回复「查看1」到「查看2」了解详情")

    assert [kind for (kind,) in await house.pushes("template")][-1] == "answer"


async def test_an_answer_that_may_not_go_any_more_holds_nothing_for_long(talk: Talk) -> None:
    """A servicer takes the conversation between question and answer: ten minutes later all is free again."""
    house = talk.house
    await house.prefers(quiet_hours="11:00-13:00")
    await house.arrive("m1")
    await talk.says("更多")
    await house.own.exclusive(lambda tx: tx.execute("UPDATE kf_windows SET service_state = 3"))
    assert await talk.reads() == []
    assert await house.standing("m1") == [("sending", None)]

    house.later(minutes=10)
    await house.plan()
    await house.plan()

    assert await house.pushes("status, reason, attempts") == [("not_sent", "expired", 0)]
    assert await house.standing("m1") == [("parked", "human_servicer")]


async def test_a_newer_revision_takes_the_place_of_what_an_answer_could_not_bring(talk: Talk) -> None:
    """What comes back unsent meets the rule that any message meets."""
    house = talk.house
    await house.prefers(quiet_hours="11:00-13:00")
    await house.arrive("m1")
    await talk.says("更多")
    await house.settle((await house.plan_one(), LATE))
    await house.arrive(match("m1", revision=2, score=0.95))
    house.later(minutes=10)
    await house.plan()
    await house.plan()

    rows = await house.rows("SELECT revision, status, reason FROM push_deliveries ORDER BY revision")
    assert [tuple(row.values()) for row in rows] == [
        (1, "dropped", "superseded"),
        (2, "waiting", "quiet_hours"),
    ]


async def test_a_stop_from_a_phone_that_everybody_seems_to_have_holds(house: LedgerHouse) -> None:
    """The host's rows name it for more users than one phone has: it is the phone's alone."""
    users = tuple(f"u{n:03}" for n in range(101))
    for user in users:
        await house.session(user, "wm1")
    talk = Talk(house, user_ids=users)

    assert await talk.says("退订") == [Answered(Ending.UNANSWERED, Reason.NO_SESSION)]

    assert await house.rows("SELECT user_id, stop FROM push_settings") == [{"user_id": "wm1", "stop": 1}]


async def test_who_shares_a_phone_with_somebody_who_has_stopped(house: LedgerHouse) -> None:
    """One user was stopped by hand: the other is answered, now and when the first try was lost."""
    await house.session("u1")
    await house.session("u2", kf="wk2")
    await house.session("u2")
    await house.own.exclusive(lambda tx: preferences.choose(tx, "u1", {"stop": 1}, house.now))
    talk = Talk(house, user_ids=("u1", "u2"))

    await talk.says("帮助")
    await house.settle((await house.plan_one(), Unknown("lost")))
    house.later(seconds=30)

    assert contents((await house.plan()).attempts) == [texts.HELP]
