"""The host's documented SQL, word for word, on a migrated database: it takes effect without a restart."""

from datetime import timedelta

import pytest

from consumer.projection import Projection
from consumer.world import World
from schemas.receipts import Accepted
from tests.flow.ledger_house import LedgerHouse, at, match

PREFERENCES = """
-- 启用推送
UPDATE user_push_preferences
SET 
    enable_push = 1,
    quiet_hours = '22:00-08:00',  -- 夜间静默
    daily_limit = 10,
    min_score = 0.7
WHERE user_id = 'YOUR_USER_ID';
"""  # noqa: W291 - the guide's own space

TEMPLATE = """
INSERT INTO push_templates (
    template_name, 
    template_type, 
    content_template
) VALUES (
    'custom_notification',
    'text',
    '新匹配提醒：{profile_name}（{score}%匹配度）'
);
"""  # noqa: W291 - the guide's own spaces

SESSIONS = """
-- 查看会话状态
SELECT * FROM wechat_kf_sessions
WHERE user_id = 'USER_ID';
"""


async def test_preferences(house: LedgerHouse) -> None:
    """What the operator writes counts from the next round on."""
    await house.session("YOUR_USER_ID")
    await house.prefers("YOUR_USER_ID", enable_push=0, quiet_hours="", daily_limit=1, min_score=0.9)
    await house.arrive(match("m1", "YOUR_USER_ID"))
    await house.plan()
    assert await house.standing("m1") == [("dropped", "push_disabled")]

    await house.host(PREFERENCES)

    await house.arrive(
        match("m2", "YOUR_USER_ID"), match("m3", "YOUR_USER_ID"), match("low", "YOUR_USER_ID", score=0.69)
    )
    assert len((await house.plan()).attempts) == 2
    assert await house.standing("low") == [("dropped", "below_min_score")]
    house.now = house.wall = at("22 23:00")
    await house.arrive(match("night", "YOUR_USER_ID"))
    await house.plan()
    assert await house.standing("night") == [("waiting", "quiet_hours")]
    assert await house.due("night") == at("23 08:00")


async def test_a_daily_limit_raised_in_the_afternoon(house: LedgerHouse) -> None:
    """A match that waited for midnight goes when it is looked at again."""
    await house.session("YOUR_USER_ID")
    await house.prefers("YOUR_USER_ID", daily_limit=1)
    await house.sent(Accepted(), match("m1", "YOUR_USER_ID"))
    await house.arrive(match("m2", "YOUR_USER_ID"))
    await house.plan()
    assert await house.standing("m2") == [("waiting", "daily_limit")]

    await house.host(PREFERENCES)
    await house.arrive(match("m3", "YOUR_USER_ID"))

    assert [each.letter.matches for each in (await house.plan()).attempts] == [(("m2", 1),), (("m3", 1),)]


async def test_a_template(house: LedgerHouse) -> None:
    """The operator's text goes out with the next message; FriendAI's own two rows stand back."""
    await house.session()
    [before] = await house.sent(Accepted(), "m1")
    assert before.letter.template == "match_notification_text"

    await house.host(TEMPLATE)
    [after] = await house.sent(Accepted(), match("m2", score=0.845))

    assert after.letter.template == "custom_notification"
    assert after.letter.body["text"] == {"content": "新匹配提醒：张三（85%匹配度）"}


async def test_a_template_switched_off_and_on(house: LedgerHouse) -> None:
    """is_active is obeyed, and NULL is what the column's default says: on."""
    await house.session()
    await house.host(TEMPLATE)
    names = []
    for state in (0, 1, None):
        await house.host(
            "UPDATE push_templates SET is_active = ? WHERE template_name = 'custom_notification'", state
        )
        [attempt] = await house.sent(Accepted(), f"m{state}")
        names.append(attempt.letter.template)

    assert names == ["match_notification_text", "custom_notification", "custom_notification"]


async def test_the_text_that_the_guide_shows(house: LedgerHouse) -> None:
    """Without a text of the operator's own the message reads as in the guide."""
    await house.session()
    [attempt] = await house.sent(
        Accepted(),
        match("1", intent_name="寻找AI合作伙伴", explanation="具有AI背景，在北京，有创业经验"),
    )

    assert attempt.letter.body["text"] == {
        "content": (
            "🎯 找到匹配的联系人\n\n【张三】符合您的意图【寻找AI合作伙伴】\n匹配度：85%\n"
            '具有AI背景，在北京，有创业经验\n\n回复"查看1"了解详情'
        )
    }


async def test_what_an_operator_looks_at(house: LedgerHouse) -> None:
    """The guide's SELECT on sessions, and the history of what was pushed."""
    await house.session("USER_ID")
    await house.sent(Accepted(), match("17", "USER_ID"), match("18", "USER_ID"))
    house.later(minutes=1)
    await house.sent(Accepted(), match("19", "USER_ID"))
    await Projection(
        house.app, house.own, world=World(lambda: house.now, lambda: house.wall, lambda: 0.5)
    ).project()

    [session] = await house.host(SESSIONS)
    latest = await house.host(
        "SELECT match_ids FROM push_history WHERE user_id = 'USER_ID' ORDER BY sent_at DESC LIMIT 10"
    )

    assert session[1:5] == ("USER_ID", "wm1", "wk1", "2026-11-22T11:00:00")
    assert latest[0] == ("[19]",)
    assert sorted(latest[1:]) == [("[17]",), ("[18]",)]
    assert house.now - at("22 12:00") == timedelta(minutes=1)


async def test_users_whose_ids_are_numbers(house: LedgerHouse) -> None:
    """A host that declared its column otherwise keeps its users' wishes."""
    await house.host("DROP TABLE user_push_preferences")
    await house.host(
        "CREATE TABLE user_push_preferences (user_id INTEGER PRIMARY KEY, enable_push INT, daily_limit INT,"
        " quiet_hours TEXT, batch_mode TEXT, min_score REAL, preferred_time TEXT)"
    )
    await house.host("INSERT INTO user_push_preferences (user_id, quiet_hours) VALUES (5, '11:00-13:00')")
    await house.session("5")
    await house.arrive(match("m1", "5"))

    assert (await house.plan()).attempts == []
    assert await house.standing("m1") == [("waiting", "quiet_hours")]


# PostgreSQL takes neither such bytes nor such values.
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_broken_row_of_one_user_stops_nobody_else(house: LedgerHouse) -> None:
    """Bytes that are no UTF-8, half-written sessions, times and limits of another type."""
    await house.session("u2", "wm2")
    await house.session("u1")
    await house.host(
        "UPDATE wechat_kf_sessions SET last_message_time = CAST(x'ff' AS TEXT) WHERE user_id = 'u1'"
    )
    await house.host("INSERT INTO wechat_kf_sessions (user_id, external_userid) VALUES ('u3', 'wm3')")
    await house.host(
        "INSERT INTO wechat_kf_sessions (user_id, external_userid, open_kfid) VALUES ('u4', ' ', '')"
    )
    await house.prefers("u1", daily_limit="many", min_score=b"\xff", quiet_hours=7)
    await house.arrive(*(match(f"m{number}", f"u{number}") for number in (1, 2, 3, 4)))

    attempts = (await house.plan()).attempts

    assert [each.letter.user_id for each in attempts] == ["u2"]
    assert await house.standing("m1", "m3", "m4") == [
        ("waiting", "unreadable_preferences"),
        ("parked", "no_session"),
        ("parked", "no_session"),
    ]
