"""Session states, who may move a session where, and the reply codes given on the way; all by hand."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from ops.sandbox.rules import Answer, Corp
from ops.sandbox.sessions import ASSISTANT, ENDED, NEW, POOL, SERVICER, may_become
from ops.sandbox.switches import Switches, changed

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECONDS = timedelta(seconds=1)
HOURS = timedelta(hours=1)
DEFAULT = Switches()


@pytest.fixture
def corp() -> Corp:
    """A corp to which wmA has just written at noon, with one human servicer."""
    corp = Corp(itertools.count(1))
    corp.introduce(None, None, "zhangsan")
    corp.speak("wkA", "wmA", "你好", NOON)
    return corp


def move(corp: Corp, state: object, now: datetime = NOON, **more: object) -> Answer:
    """Ask by API for a state, a servicer's with the servicer."""
    body = {"open_kfid": "wkA", "external_userid": "wmA", "service_state": state}
    if state == SERVICER:
        body["servicer_userid"] = "zhangsan"
    return corp.transfer(body | more, now)


def state_of(corp: Corp, now: datetime = NOON) -> int:
    """The state of wmA's session at wkA."""
    return corp.conversations["wkA", "wmA"].state_at(now)


def reply(
    corp: Corp, code: str | None, now: datetime = NOON, switches: Switches = DEFAULT, **more: object
) -> int:
    """Send a text with a code; the errcode."""
    body = {"code": code, "msgtype": "text", "text": {"content": "bye"}}
    return corp.reply(body | more, now, switches).errcode


def test_the_moves_that_wechat_allows() -> None:
    """The whole table: from new and assistant anywhere but back to new, later only onwards."""
    allowed = {(state, wanted) for state in range(5) for wanted in range(5) if may_become(state, wanted)}
    assert allowed == {
        *((NEW, wanted) for wanted in (ASSISTANT, POOL, SERVICER, ENDED)),
        *((ASSISTANT, wanted) for wanted in (ASSISTANT, POOL, SERVICER, ENDED)),
        *((POOL, wanted) for wanted in (POOL, SERVICER, ENDED)),
        *((SERVICER, wanted) for wanted in (SERVICER, ENDED)),
    }


def test_a_move_that_is_not_allowed(corp: Corp) -> None:
    """Whom a human has cannot be taken back by the assistant, and the session stays."""
    assert move(corp, SERVICER).errcode == 0
    assert move(corp, ASSISTANT).errcode == 95016
    assert state_of(corp) == SERVICER
    assert corp.conversations["wkA", "wmA"].servicer == "zhangsan"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"service_state": SERVICER}, 40063),
        ({"service_state": SERVICER, "servicer_userid": "nobody"}, 95014),
        ({"service_state": 5}, 40058),
        ({"service_state": "1"}, 40058),
        ({"service_state": True}, 40058),
        ({"open_kfid": "wkX"}, 95000),
        ({"external_userid": "wmX"}, 40096),
        ({"external_userid": None}, 40096),
    ],
    ids=str,
)
def test_a_call_that_makes_no_sense(corp: Corp, change: dict[str, object], expected: int) -> None:
    """A missing servicer, a state that is none, a stranger: each has its code."""
    body = {"open_kfid": "wkA", "external_userid": "wmA", "service_state": ASSISTANT}
    assert corp.transfer(body | change, NOON).errcode == expected


def test_a_session_ends_with_its_window(corp: Corp) -> None:
    """48 hours after the word it is over; the API cannot revive it, and the next word does."""
    move(corp, SERVICER)
    over = NOON + 48 * HOURS
    assert (state_of(corp, over - SECONDS), state_of(corp, over)) == (SERVICER, ENDED)
    assert move(corp, ASSISTANT, over).errcode == 95016
    corp.speak("wkA", "wmA", "again", over)
    assert state_of(corp, over) == NEW


def test_who_never_wrote_has_no_session(corp: Corp) -> None:
    """State 4 also means not begun."""
    corp.introduce(None, "wmB")
    session = corp.session({"open_kfid": "wkA", "external_userid": "wmB"})
    assert not isinstance(session, int)
    assert session.state_at(NOON) == ENDED


@pytest.mark.parametrize(("state", "life"), [(POOL, 48 * HOURS), (ENDED, 20 * SECONDS)])
def test_a_move_gives_a_code_for_one_message(corp: Corp, state: int, life: timedelta) -> None:
    """It works until its time is over, though the session takes no other message, and once."""
    first, second = move(corp, state), corp
    assert first.reply_code
    assert reply(corp, first.reply_code, NOON + life) == 40058
    assert reply(second, first.reply_code, NOON + life - SECONDS) == 0
    assert reply(corp, first.reply_code, NOON) == 40058
    assert corp.pushes("wmA") == 1


def test_only_the_first_move_gives_a_code(corp: Corp) -> None:
    """From the pool into the pool again there is nothing to say, and to the assistant never."""
    assert move(corp, ASSISTANT).reply_code is None
    assert move(corp, POOL).reply_code
    assert move(corp, POOL) == Answer(0)


def test_a_code_is_for_the_state_it_was_given_in(corp: Corp) -> None:
    """Once a human has taken the session, nobody is told that they wait."""
    waiting = move(corp, POOL).reply_code
    taken = move(corp, SERVICER).reply_code
    assert [reply(corp, waiting), reply(corp, taken)] == [40058, 0]


def test_what_may_be_sent_with_a_code(corp: Corp) -> None:
    """A hint to who waits is text; a refusal leaves the code as it was."""
    code = move(corp, POOL).reply_code
    menu = {"list": [{"type": "view", "view": {"url": "https://example.com", "content": "x"}}]}
    assert reply(corp, code, msgtype="msgmenu", msgmenu=menu) == 40008
    assert [reply(corp, code, text={"content": "x" * length}) for length in (2049, 2048)] == [45002, 0]
    goodbye = move(corp, ENDED).reply_code
    assert reply(corp, goodbye, msgtype="msgmenu", msgmenu=menu) == 0


def test_a_msgid_with_a_code(corp: Corp) -> None:
    """It must be new in its account, as any other."""
    corp.send(
        {"touser": "wmA", "open_kfid": "wkA", "msgid": "a", "msgtype": "text", "text": {"content": "x"}},
        NOON,
        DEFAULT,
    )
    code = move(corp, POOL).reply_code
    assert [reply(corp, code, msgid="a"), reply(corp, code, msgid="b")] == [95033, 0]


def test_a_welcome_before_the_first_word(corp: Corp) -> None:
    """Who opens the chat without ever having written may be welcomed, for 20 seconds, once in 48 hours."""
    early, code = corp.enter("wkA", "wmB", NOON), corp.enter("wkA", "wmB", NOON)
    assert reply(corp, early, NOON + 20 * SECONDS) == 40058
    assert reply(corp, code, NOON + 19 * SECONDS) == 0
    assert corp.enter("wkA", "wmB", NOON + 48 * HOURS) is None
    assert corp.enter("wkA", "wmB", NOON + 48 * HOURS + 19 * SECONDS)
    assert corp.enter("wkA", "wmA", NOON) is None


@pytest.mark.parametrize(("counts", "left"), [(False, 5), (True, 4)])
def test_a_reply_may_count(corp: Corp, counts: bool, left: int) -> None:  # noqa: FBT001
    """Whether it takes one of the five is a switch."""
    code = move(corp, POOL).reply_code
    assert reply(corp, code, switches=changed(DEFAULT, {"on_event_counts": counts})) == 0
    assert corp.conversations["wkA", "wmA"].left(NOON) == left


def test_the_answer_to_a_spent_code_is_a_switch(corp: Corp) -> None:
    """Nobody knows the code; an invented one is answered like a spent one."""
    assert reply(corp, "invented", switches=changed(DEFAULT, {"spent_code": "95013"})) == 95013
    assert corp.reply([], NOON, DEFAULT).errcode == 40058
