"""From WeChat's page to the answer, the application and the welcome: what is constructed for a consumer."""

import json

import pytest

from consumer.ledger import forwards
from consumer.replies import texts
from consumer.world import World
from ops.inbound import forwarder_of
from schemas.receipts import Accepted, Unknown
from schemas.settings import Settings
from tests.contract.test_transport import says, serving
from tests.flow.inbound_house import InboundHouse, event, tap, word
from tests.flow.ledger_house import LedgerHouse, match
from tests.flow.replies_house import contents


@pytest.fixture
async def hearing(house: LedgerHouse) -> InboundHouse:
    """It listens already, and answers in earnest."""
    hearing = InboundHouse(house, answers=True)
    await hearing.listening()
    return hearing


async def test_a_page_of_all_sorts(hearing: InboundHouse) -> None:
    """A command is answered, a talk and a picture are forwarded, once, though the page comes twice."""
    house = hearing.house
    picture = word(house.now) | {"msgtype": "image", "image": {"media_id": "M"}}
    page = [word(house.now, "帮助"), word(house.now, "你好吗"), picture]

    await hearing.hears(*page)
    await hearing.hears(*page)

    assert contents((await house.plan()).attempts) == [texts.HELP]
    queued = await house.rows("SELECT body FROM push_forwards ORDER BY id")
    told = [json.loads(str(row["body"])) for row in queued]
    assert [item["item"]["msgtype"] for item in told] == ["text", "image"]
    assert told[0]["item"]["text"] == {"content": "你好吗"}
    assert (told[0]["user_ids"], told[0]["open_kfid"], told[0]["external_userid"]) == (["wm1"], "wk1", "wm1")
    assert sorted(str(ending) for (ending,) in await hearing.inbound("answer")) == [
        "answered",
        "host",
        "host",
    ]
    assert sorted(str(effect) for (effect,) in await hearing.inbound()) == ["asked", "word", "word"]


async def test_a_page_of_talk_only(hearing: InboundHouse) -> None:
    """Needs nothing of the host to be forwarded."""
    await hearing.hears(word(hearing.house.now, "你好"))

    taken, _ = await hearing.house.own.exclusive(
        lambda tx: forwards.take(tx, hearing.house.wall, hearing.house.rules.push_lease, 10)
    )
    assert len(taken) == 1


async def test_why_there_was_no_answer_is_noted(hearing: InboundHouse) -> None:
    """With the word itself."""
    house = hearing.house
    await hearing.hears(word(house.now, "退订"))
    await hearing.hears(word(house.now, "帮助"))

    assert sorted(str(ending) for (ending,) in await hearing.inbound("answer")) == [
        "answered",
        "unanswered:stopped",
    ]


async def test_what_waited_and_what_was_asked(hearing: InboundHouse) -> None:
    """更多 brings what waits; nothing of it comes again when the word's own release is due."""
    house = hearing.house
    names = [f"m{n:02}" for n in range(62)]
    await house.arrive(*(match(name, "wm1", profile_name=f"客人{name}") for name in names))
    await house.plan()
    assert await house.standing(*names) == [("parked", "no_session")] * 62

    await hearing.hears(word(house.now, "更多"))
    [attempt] = (await house.plan()).attempts
    await house.settle((attempt, Accepted()))
    house.later(seconds=5)

    assert (await house.plan()).attempts == []
    assert await house.standing(*names) == [("sent", None)] * 60 + [("parked", "more")] * 2


async def test_a_tap_is_answered_from_what_is_left(hearing: InboundHouse) -> None:
    """It opens no new window, and its answer takes a message of the one that is open."""
    house = hearing.house
    await hearing.hears(word(house.now))
    house.later(seconds=3)
    await house.sent(Accepted(), match("m1", "wm1"))
    await hearing.hears(tap(house.now))

    [answer] = (await house.plan()).attempts

    assert contents([answer])[0].startswith("【张三】")
    assert answer.window_opened_at is not None
    assert answer.window_opened_at < house.now


async def test_an_unknown_answer_is_tried_again_with_the_same_bytes(hearing: InboundHouse) -> None:
    """As any letter."""
    house = hearing.house
    await hearing.hears(word(house.now, "帮助"))
    first = await house.plan_one()
    await house.settle((first, Unknown("timeout")))
    house.later(seconds=2)

    again = await house.plan_one()

    assert (again.letter, again.number) == (first.letter, 2)


async def test_who_comes_in_is_offered_a_welcome(hearing: InboundHouse) -> None:
    """Once: the event is known when its page comes again."""
    entered = event(hearing.house.now, "enter_session", scene="x", scene_param="", welcome_code="CODE")

    await hearing.hears(entered)
    await hearing.hears(entered)

    assert [(each.code, each.recipient.external_userid) for each in hearing.entered] == [("CODE", "wm1")]


@pytest.mark.parametrize(("tail", "path"), [("/kf/?a=1&b=2", b"/kf/?a=1&b=2"), ("", b"/")])
async def test_forwards_go_to_the_very_address(hearing: InboundHouse, tail: str, path: bytes) -> None:
    """With its last slash and its query; nothing is opened where there is none."""
    house = hearing.house
    await hearing.hears(word(house.now, "你好"))
    async with serving(says(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as served:
        settings = Settings.model_validate(
            {"KFPUSH_FORWARD_URL": served.url + tail, "KFPUSH_FORWARD_SECRET": "0123456789abcdef"}
        )
        world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
        async with forwarder_of(house.own, settings, world) as forwarder:
            assert forwarder is not None
            assert await forwarder.forward()
        async with forwarder_of(house.own, Settings(), world) as nobody:
            assert nobody is None

    assert served.seen[0].startswith(b"POST " + path + b" HTTP/1.1\r\n")


async def test_a_stop_holds_though_the_host_takes_nothing(hearing: InboundHouse) -> None:
    """It is kfpush's own; only a wish about the host's columns could not be granted, and that is said."""
    house = hearing.house
    await house.session("wm1", "wm1")

    async def answer(text: str) -> str:
        house.later(seconds=1)
        await hearing.hears(word(house.now, text))
        [attempt] = (await house.plan()).attempts
        await house.settle((attempt, Accepted()))
        return contents([attempt])[0]

    if house.app.url.startswith("sqlite"):
        no = "CREATE TRIGGER no BEFORE INSERT ON user_push_preferences BEGIN SELECT RAISE(ABORT, 'no'); END"
    else:
        no = "ALTER TABLE user_push_preferences ADD CHECK (user_id <> 'wm1')"
    await house.host(no)

    assert await answer("免打扰 22:00-08:00") == texts.NOT_SET
    assert await answer("退订") == texts.STOPPED
    assert await house.rows("SELECT stop FROM push_settings") == [{"stop": 1}]
