"""The pages of kf/sync_msg: order, cursor, history and tokens; expectations by hand."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.sandbox.mailbox import Cursor, Mailboxes, Pull, read_cursor, read_pull
from ops.sandbox.switches import Switches, changed

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DEFAULT = Switches()


@pytest.fixture
def boxes() -> Mailboxes:
    """Five items at wkA, one at wkB; tokens are called t1, t2 ..."""
    serial = itertools.count(1)
    boxes = Mailboxes(lambda: f"t{next(serial)}")
    for n in range(1, 6):
        boxes.put("wkA", n * 10, {"msgid": f"m{n}", "msgtype": "text"}, NOON + timedelta(minutes=n))
    boxes.put("wkB", 60, {"msgid": "other", "msgtype": "event"}, NOON)
    return boxes


def pull(boxes: Mailboxes, cursor: str = "", limit: int = 2, **turned: object) -> tuple[list[str], str, bool]:
    """Pull a page of wkA an hour later: msgids, next cursor, whether there is more."""
    place = read_cursor(cursor)
    assert place is not None
    switches = changed(DEFAULT, turned)
    page = boxes.page(Pull("wkA", place, limit, None), NOON + timedelta(hours=1), switches)
    return [str(item["msgid"]) for item in page.items], page.next_cursor, page.has_more


def test_pages_follow_each_other(boxes: Mailboxes) -> None:
    """Each cursor goes on where its page ended, and the last one finds nothing until something comes."""
    first, after_first, more = pull(boxes)
    second, after_second, more_still = pull(boxes, after_first)
    third, after_third, end = pull(boxes, after_second)
    assert (first, second, third) == (["m1", "m2"], ["m3", "m4"], ["m5"])
    assert (more, more_still, end) == (True, True, False)
    assert pull(boxes, after_third) == ([], after_third, False)
    boxes.put("wkA", 70, {"msgid": "m6", "msgtype": "text"}, NOON + timedelta(minutes=9))
    assert pull(boxes, after_third)[0] == ["m6"]


def test_the_same_cursor_gives_the_same_page(boxes: Mailboxes) -> None:
    """Nothing is used up by reading."""
    assert pull(boxes) == pull(boxes)


def test_three_days_are_kept(boxes: Mailboxes) -> None:
    """What is three days old is not told any more, whether or not it has been pushed out by something new."""
    later = NOON + timedelta(days=3, minutes=2)
    page = boxes.page(Pull("wkA", Cursor(), 10, None), later, DEFAULT)
    assert [item["msgid"] for item in page.items] == ["m3", "m4", "m5"]
    boxes.put("wkA", 80, {"msgid": "new", "msgtype": "text"}, later + timedelta(minutes=2))
    page = boxes.page(Pull("wkA", Cursor(), 10, None), later, DEFAULT)
    assert [item["msgid"] for item in page.items] == ["m5", "new"]


def test_an_empty_page_may_come_first(boxes: Mailboxes) -> None:
    """With the switch every page is announced by an empty one with has_more, and the cursor still moves."""
    seen, cursor, has_more, calls = [], "", True, 0
    cursors = {cursor}
    while has_more:
        items, cursor, has_more = pull(boxes, cursor, empty_pages=True)
        assert cursor not in cursors
        cursors.add(cursor)
        seen += items
        calls += 1
    assert (seen, calls) == (["m1", "m2", "m3", "m4", "m5"], 6)


def test_a_page_may_be_shorter_than_its_limit(boxes: Mailboxes) -> None:
    """Fewer than asked for, and has_more says so."""
    assert pull(boxes, limit=1000, page_items=3)[0] == ["m1", "m2", "m3"]
    assert pull(boxes, limit=1000, page_items=3)[2]


def test_events_may_lack_a_msgid(boxes: Mailboxes) -> None:
    """Only an event loses it, and only by the switch."""
    place = Pull("wkB", Cursor(), 10, None)
    assert boxes.page(place, NOON, DEFAULT).items == [{"msgid": "other", "msgtype": "event"}]
    told = boxes.page(place, NOON, changed(DEFAULT, {"event_msgids": False})).items
    assert told == [{"msgtype": "event"}]
    assert pull(boxes, event_msgids=False)[0] == ["m1", "m2"]


def test_a_token_lives_ten_minutes(boxes: Mailboxes) -> None:
    """Good to the last second, and never heard of before it was given."""
    assert boxes.give_token(NOON) == "t1"
    good = [boxes.knows_token("t1", NOON + timedelta(seconds=s)) for s in (0, 599, 600)]
    assert good == [True, True, False]
    assert not boxes.knows_token("t2", NOON)


@given(st.integers(min_value=0, max_value=10**20 - 1), st.booleans())
def test_a_cursor_comes_back_as_it_went(seq: int, is_paused: bool) -> None:  # noqa: FBT001 - drawn
    """Every place has a cursor of at most 64 bytes, and the cursor names that place."""
    cursor = Cursor(seq, is_paused)
    assert len(cursor.text()) <= 64
    assert read_cursor(cursor.text()) == cursor


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_a_cursor(text: str) -> None:
    """What is no cursor of ours is None, and never an error."""
    cursor = read_cursor(text)
    assert cursor is None or text == "" or cursor.text() == text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"open_kfid": "wkA"}, Pull("wkA", Cursor(), 1000, None)),
        ({"open_kfid": "wkA", "cursor": "", "token": "", "limit": 1}, Pull("wkA", Cursor(), 1, None)),
        ({"open_kfid": "wkA", "token": "t" * 128, "voice_format": 1}, Pull("wkA", Cursor(), 1000, "t" * 128)),
        ({}, 40063),
        ({"open_kfid": ""}, 40063),
        ({"open_kfid": "w" * 65}, 95000),
        ({"open_kfid": 7}, 95000),
        ({"open_kfid": "wkA", "limit": 0}, 40058),
        ({"open_kfid": "wkA", "limit": 1001}, 40058),
        ({"open_kfid": "wkA", "limit": True}, 40058),
        ({"open_kfid": "wkA", "limit": "10"}, 40058),
        ({"open_kfid": "wkA", "cursor": "not ours"}, 40058),
        ({"open_kfid": "wkA", "token": "t" * 129}, 40058),
        ({"open_kfid": "wkA", "token": 7}, 40058),
        ({"open_kfid": "wkA", "voice_format": 2}, 40058),
        (None, 40058),
        ([], 40058),
    ],
)
def test_what_a_call_must_look_like(body: object, expected: Pull | int) -> None:
    """open_kfid is required, a limit is 1 to 1000, a token has at most 128 bytes."""
    assert read_pull(body) == expected
