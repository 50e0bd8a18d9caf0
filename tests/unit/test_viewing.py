"""Which match a 查看 means: a number counts in the newest message, an id is the user's own match."""

from collections.abc import Mapping, Sequence

import pytest

from consumer.replies import texts
from consumer.replies.asked import View
from consumer.replies.seen import Known, Seen
from consumer.replies.viewing import number_in, view
from schemas.decisions import RecipientKey
from schemas.events import match_from
from schemas.kf import text_size, words_of
from schemas.kf_kinds import ITEM_BYTES, Envelope, message_body


def known(
    match_id: str, revision: int = 1, *, user_id: str = "u1", pending: bool = False, gone: bool = False
) -> Known:
    """A match of the ledger, named after its id and revision."""
    match = match_from(
        {
            "match_id": match_id,
            "revision": revision,
            "user_id": user_id,
            "profile_name": f"{match_id}/{revision}",
            "score": 0.8,
        }
    )
    return Known((match_id, revision), user_id, None if gone else match, pending)


def letter(*keys: tuple[str, int]) -> Seen:
    """The newest message."""
    return Seen(1, RecipientKey("wk1", "wm1"), "u1", keys)


MATCHES: Mapping[str, Sequence[Known]] = {
    "a": [known("a", 1), known("a", 2)],
    "b": [known("b", gone=True)],
    "2": [known("2", 5)],
    "theirs": [known("theirs", user_id="u2")],
    "waits": [known("waits", pending=True)],
}
NEWEST = letter(("a", 1), ("2", 5), ("b", 1))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (View("1"), "【a/1】"),
        (View("2"), "【2/5】"),
        (View("02"), "【2/5】"),
        (View("3"), texts.WITHDRAWN),
        (View("4"), texts.no_such_number(3)),
        (View("0"), texts.NO_SUCH_MATCH),
        (View("a"), "【a/2】"),
        (View("2", by_id=True), "【2/5】"),
        (View("1", by_id=True), texts.NO_SUCH_MATCH),
        (View("theirs"), texts.NO_SUCH_MATCH),
        (View("9999"), texts.NO_SUCH_MATCH),
        (View(""), texts.no_such_number(3)),
    ],
)
def test_what_is_told(asked: View, told: str) -> None:
    """By number, by id, of a newer revision, of one taken back, of one that is not theirs."""
    assert view(asked, NEWEST, MATCHES, ("u1",)).text.split("\n")[0] == told.split("\n", maxsplit=1)[0]


def test_before_the_first_message() -> None:
    """There is nothing to count in; an id still names a match."""
    assert view(View("1"), None, MATCHES, ("u1",)).text == texts.NOTHING_YET
    assert view(View(""), None, MATCHES, ("u1",)).text == texts.NOTHING_YET
    assert view(View("a"), None, MATCHES, ("u1",)).text.startswith("【a/2】")


def test_what_no_message_has_brought_is_brought() -> None:
    """The answer has to name it, or a push would bring it once more."""
    assert view(View("waits"), None, MATCHES, ("u1",)).brings == ("waits", 1)
    assert view(View("a"), None, MATCHES, ("u1",)).brings is None


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1), ("999", 999), ("1000", None), ("0", None), ("١", None)]
)
def test_numbers(text: str, number: int | None) -> None:
    """Plain digits, from 1, and not so many that it must be an id."""
    assert number_in(text) == number


def test_a_menu_is_one_that_wechat_takes() -> None:
    """Whatever names and ids the matches have: ten items at most, 128 bytes each."""
    many = [
        match_from(
            {
                "match_id": "长" * n if n % 2 else f"m{n}",
                "user_id": "u1",
                "profile_name": "名" * 300,
                "intent_name": "意" * 300,
                "score": 1,
            }
        )
        for n in range(1, 13)
    ]

    menu = texts.menu(many)

    body = message_body(Envelope("wm1", "wk1", "x"), menu.message())
    assert len(menu.items) == 10
    assert all(text_size(words) <= ITEM_BYTES for _, words in menu.items)
    assert [name for name, _ in menu.items][:3] == ["kfpush_view_1", "kfpush_match_m2", "kfpush_view_3"]
    assert str(words_of(body)).startswith("最近一条消息里有 12 个匹配：\n1. 名")
    assert text_size(texts.listing(many)) <= 2048


def test_a_menu_says_how_to_ask_for_what_it_has_no_room_for() -> None:
    """WeChat takes ten items, a digest carries sixty: the others can be asked for by number."""
    many = [
        match_from({"match_id": f"m{n}", "user_id": "u1", "profile_name": "张三", "score": 1})
        for n in range(1, 31)
    ]
    tails = {count: texts.menu(many[:count]).tail for count in (10, 11, 12, 30)}

    assert tails == {
        10: "",
        11: "最后一个请回复「查看11」了解详情",
        12: "其余的请回复「查看11」到「查看12」了解详情",
        30: "其余的请回复「查看11」到「查看30」了解详情",
    }
