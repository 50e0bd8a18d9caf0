"""WeChat's rules as the sandbox keeps them, each expectation written by hand."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from ops.sandbox.rules import Corp
from ops.sandbox.sessions import ASSISTANT, ENDED, NEW, POOL, SERVICER
from ops.sandbox.switches import Switches, changed

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOURS = timedelta(hours=1)
DEFAULT = Switches()


def body(msgid: str | None = "m1", text: str = "hello", **more: object) -> dict[str, object]:
    """A send_msg body as kfpush writes it."""
    letter: dict[str, object] = {
        "touser": "wmA",
        "open_kfid": "wkA",
        "msgtype": "text",
        "text": {"content": text},
    }
    return letter | ({} if msgid is None else {"msgid": msgid}) | more


@pytest.fixture
def corp() -> Corp:
    """A corp to which wmA has just written at noon."""
    corp = Corp(itertools.count(1))
    corp.speak("wkA", "wmA", "你好", NOON)
    return corp


def codes(corp: Corp, msgids: str, now: datetime = NOON, switches: Switches = DEFAULT) -> list[int]:
    """Send one message for each msgid; the errcodes."""
    return [corp.send(body(msgid), now, switches).errcode for msgid in msgids.split()]


def test_five_messages_then_none(corp: Corp) -> None:
    """The sixth message since the user's last word is refused."""
    assert codes(corp, "a b c d e f") == [0, 0, 0, 0, 0, 95001]


def test_a_word_resets_the_five(corp: Corp) -> None:
    """Every word of the user gives five anew, and words do not add up."""
    codes(corp, "a b c d e")
    corp.speak("wkA", "wmA", "one", NOON)
    corp.speak("wkA", "wmA", "two", NOON)
    assert codes(corp, "f g h i j k") == [0, 0, 0, 0, 0, 95001]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (47.999 * HOURS, 0),
        (48 * HOURS - timedelta(milliseconds=1), 0),
        (48 * HOURS, 95002),
        (72 * HOURS, 95002),
    ],
    ids=["before", "last_millisecond", "on_the_dot", "long_after"],
)
def test_the_window_lasts_48_hours(corp: Corp, after: timedelta, expected: int) -> None:
    """A message goes until the word is 48 hours old, and not at 48 hours."""
    assert corp.send(body(), NOON + after, DEFAULT).errcode == expected


@pytest.mark.parametrize("code", [95002, 95018, 95031])
def test_the_code_of_a_closed_window_is_a_switch(corp: Corp, code: int) -> None:
    """Nobody knows which of three codes WeChat uses, so each can be had."""
    switches = changed(DEFAULT, {"stale_code": code})
    assert corp.send(body(), NOON + 49 * HOURS, switches).errcode == code


def test_a_user_who_never_wrote_to_this_account(corp: Corp) -> None:
    """A window at one account is no window at another."""
    corp.introduce("wkB", None)
    assert corp.send(body(open_kfid="wkB"), NOON, DEFAULT).errcode == 95002


def test_a_msgid_is_unique_in_its_account(corp: Corp) -> None:
    """A repeated msgid is refused, shows nothing and takes no slot; another account may use it."""
    corp.speak("wkB", "wmA", "hi", NOON)
    assert codes(corp, "a a") == [0, 95033]
    assert corp.send(body("a", open_kfid="wkB"), NOON, DEFAULT).errcode == 0
    assert corp.pushes("wmA") == 2
    assert corp.conversations["wkA", "wmA"].left(NOON) == 4


def test_a_msgid_is_unique_across_the_users_of_an_account(corp: Corp) -> None:
    """The same msgid to another user of the same account is a repetition too."""
    corp.speak("wkA", "wmB", "hi", NOON)
    assert codes(corp, "a") == [0]
    assert corp.send(body("a", touser="wmB"), NOON, DEFAULT).errcode == 95033


@pytest.mark.parametrize(("order", "expected"), [("msgid_first", 95033), ("limits_first", 95001)])
def test_both_orders_of_checking(corp: Corp, order: str, expected: int) -> None:
    """With nothing left, a repetition is told as what is checked first."""
    codes(corp, "a b c d e")
    assert codes(corp, "a", switches=changed(DEFAULT, {"check_order": order})) == [expected]


@pytest.mark.parametrize(("burns", "expected"), [(False, 0), (True, 95033)])
def test_a_refused_msgid_may_be_burnt(corp: Corp, burns: bool, expected: int) -> None:  # noqa: FBT001
    """After a refusal and a new word the same msgid goes, unless refusals burn it."""
    switches = changed(DEFAULT, {"refused_burns_msgid": burns})
    assert codes(corp, "a", NOON + 49 * HOURS, switches) == [95002]
    corp.speak("wkA", "wmA", "again", NOON + 50 * HOURS)
    assert codes(corp, "a", NOON + 50 * HOURS, switches) == [expected]


@pytest.mark.parametrize(("scope", "expected"), [("account", 0), ("corp", 95033)])
def test_where_a_msgid_is_unique(corp: Corp, scope: str, expected: int) -> None:
    """The same msgid at another account is new, unless the whole corp is asked."""
    corp.speak("wkB", "wmA", "hi", NOON)
    codes(corp, "a")
    switches = changed(DEFAULT, {"msgid_scope": scope})
    assert corp.send(body("a", open_kfid="wkB"), NOON, switches).errcode == expected


def test_a_msgid_is_forgotten_in_time(corp: Corp) -> None:
    """It is known for as long as the switch says, from when it was taken, and then it is new."""
    switches = changed(DEFAULT, {"msgid_seconds": 3600})
    times = (NOON, NOON + 0.999 * HOURS, NOON + HOURS, NOON + 1.999 * HOURS)
    assert [code for now in times for code in codes(corp, "a", now, switches)] == [0, 95033, 0, 95033]


@pytest.mark.parametrize(("count", "expected"), [(False, 0), (True, 95001)])
def test_failed_calls_may_count(corp: Corp, count: bool, expected: int) -> None:  # noqa: FBT001
    """Four accepted and one refused leave one message, or none."""
    switches = changed(DEFAULT, {"failed_calls_count": count})
    assert codes(corp, "a b c d a e", switches=switches) == [0, 0, 0, 0, 95033, expected]


@pytest.mark.parametrize(
    ("errcode", "expected"), [(95001, 95033), (45009, 0)], ids=["rule_burns", "gateway_does_not"]
)
def test_a_scripted_refusal_is_accounted_like_a_real_one(corp: Corp, errcode: int, expected: int) -> None:
    """A code that only the gateway speaks cannot burn a msgid that the rules never saw."""
    switches = changed(DEFAULT, {"refused_burns_msgid": True})
    corp.refuse(body("a"), errcode, NOON, switches)
    assert codes(corp, "a", switches=switches) == [expected]


@pytest.mark.parametrize(
    ("state", "expected"), [(NEW, 0), (ASSISTANT, 0), (POOL, 95018), (SERVICER, 95018), (ENDED, 95018)]
)
def test_only_states_0_and_1_take_messages(corp: Corp, state: int, expected: int) -> None:
    """A session that waits for, has or had a human servicer refuses the API."""
    corp.enter_state("wkA", "wmA", state)
    assert corp.send(body(), NOON, DEFAULT).errcode == expected


def test_states_move_by_themselves(corp: Corp) -> None:
    """The first message moves 0 to 1, a word revives an ended session, and leaves a servicer's alone."""
    talk = corp.conversations["wkA", "wmA"]
    seen = [talk.service_state]
    corp.send(body(), NOON, DEFAULT)
    seen.append(talk.service_state)
    for state in (ENDED, SERVICER):
        corp.enter_state("wkA", "wmA", state)
        corp.speak("wkA", "wmA", "hello?", NOON)
        seen.append(talk.service_state)
    assert seen == [NEW, ASSISTANT, NEW, SERVICER]


def test_the_code_of_an_ended_session_is_a_switch(corp: Corp) -> None:
    """An ended session may be told as 95013 instead."""
    corp.enter_state("wkA", "wmA", ENDED)
    assert codes(corp, "a", switches=changed(DEFAULT, {"ended_code": "95013"})) == [95013]


@pytest.mark.parametrize(
    ("opens", "expected"), [(False, [95001]), (True, [0])], ids=["does_not_reset", "resets"]
)
def test_a_click_on_a_menu(corp: Corp, opens: bool, expected: list[int]) -> None:  # noqa: FBT001
    """A click arrives as a text of the user's, and opens the window anew or not."""
    codes(corp, "a b c d e")
    click = corp.speak("wkA", "wmA", "好的", NOON, menu_id="101", opens=opens)
    assert (click.content, click.menu_id) == ("好的", "101")
    assert codes(corp, "f") == expected


def test_a_click_alone_opens_nothing(corp: Corp) -> None:
    """Who only ever clicked has no window."""
    corp.speak("wkA", "wmB", "好的", NOON, menu_id="101", opens=False)
    assert corp.send(body(touser="wmB"), NOON, DEFAULT).errcode == 95002


@pytest.mark.parametrize(("items", "switch", "expected"), [(10, 10, 0), (11, 10, 95008), (50, 50, 0)])
def test_a_menu_has_so_many_items(corp: Corp, items: int, switch: int, expected: int) -> None:
    """Ten, or fifty as a newer page says."""
    menu = {"list": [{"type": "click", "click": {"id": str(n), "content": "x"}} for n in range(items)]}
    switches = changed(DEFAULT, {"menu_items": switch})
    assert corp.send(body(msgtype="msgmenu", msgmenu=menu), NOON, switches).errcode == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("x", 0), ("", 44004), ("x" * 2048, 0), ("x" * 2049, 45002), ("配" * 682, 0), ("配" * 683, 45002)],
    ids=["one", "empty", "2048", "2049", "2046_in_chinese", "2049_in_chinese"],
)
def test_a_text_has_1_to_2048_bytes(corp: Corp, text: str, expected: int) -> None:
    """The limit is in bytes of UTF-8, not in characters."""
    assert corp.send(body(text=text), NOON, DEFAULT).errcode == expected


def test_a_long_text_may_be_cut(corp: Corp) -> None:
    """The phone then shows whole characters up to the limit."""
    switches = changed(DEFAULT, {"long_text": "cut"})
    assert corp.send(body(text="配" * 700), NOON, switches).errcode == 0
    assert corp.conversations["wkA", "wmA"].bubbles[-1].content == "配" * 682


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"open_kfid": "wkX"}, 95000),
        ({"open_kfid": None}, 95000),
        ({"touser": "wmX"}, 40096),
        ({"touser": ["wmA"]}, 40096),
        ({"msgid": ""}, 40058),
        ({"msgid": None}, 40058),
        ({"msgid": "x" * 33}, 40058),
        ({"msgid": "no space"}, 40058),
        ({"msgid": "x\n"}, 40058),
        ({"msgid": "配"}, 40058),
        ({"msgid": "x" * 32}, 0),
        ({"msgid": "Az-_09"}, 0),
        ({"msgtype": "smoke"}, 40008),
        ({"text": None}, 40058),
        ({"text": {"content": 5}}, 40058),
        ({"text": {"content": "\ud83d"}}, 40058),
        ({"msgtype": "image"}, 40058),
        ({"msgtype": "image", "image": {"media_id": "x"}}, 40007),
        ({"msgtype": "msgmenu", "msgmenu": {"list": []}}, 0),
    ],
    ids=str,
)
def test_the_envelope(corp: Corp, change: dict[str, object], expected: int) -> None:
    """A malformed or misaddressed call is refused with the code for what is wrong with it."""
    assert corp.send(body() | change, NOON, DEFAULT).errcode == expected


@pytest.mark.parametrize("thing", [None, [], "text", 5])
def test_a_body_that_is_no_object(corp: Corp, thing: object) -> None:
    """Anything but a JSON object is a bad parameter."""
    assert corp.send(thing, NOON, DEFAULT).errcode == 40058


def test_a_msgid_is_made_where_none_was_given(corp: Corp) -> None:
    """Two calls without a msgid are two messages, each with an id of WeChat's own."""
    first, second = (corp.send(body(msgid=None), NOON, DEFAULT) for _ in range(2))
    assert (first.errcode, second.errcode) == (0, 0)
    assert first.msgid
    assert first.msgid != second.msgid


def test_the_phone_shows_what_was_accepted_in_order(corp: Corp) -> None:
    """Words and messages share one order; a refused message is not there."""
    codes(corp, "a a b")
    corp.speak("wkA", "wmA", "thanks", NOON + HOURS)
    shown = [(bubble.sender, bubble.msgid) for bubble in corp.conversations["wkA", "wmA"].bubbles]
    assert shown == [("user", "word_1"), ("kf", "a"), ("kf", "b"), ("user", "word_4")]
    assert [word.content for word in corp.words_after(1)] == ["thanks"]


@pytest.mark.parametrize(
    ("wishes", "complaint"),
    [
        ({"chek_order": "msgid_first"}, "no such switch: chek_order"),
        ({"check_order": "both"}, "check_order cannot be 'both'"),
        ({"token_seconds": "0"}, "token_seconds cannot be '0'"),
        ({"refused_burns_msgid": "maybe"}, "refused_burns_msgid cannot be 'maybe'"),
    ],
    ids=["name", "word", "number", "bool"],
)
def test_a_switch_says_what_it_can_be(wishes: dict[str, object], complaint: str) -> None:
    """A misspelt switch is an error, never silently the default."""
    with pytest.raises(ValueError, match=complaint):
        changed(DEFAULT, wishes)
