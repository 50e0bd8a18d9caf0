"""Letters: bytes that WeChat takes, under a msgid that is the same only for the same letter."""

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.book import Wording
from consumer.compose import Carried, match_letter, msgid_of
from consumer.ledger.pushes import Letter
from consumer.templates import DEFAULT_TEMPLATES, TEXT_TEMPLATE, compile_template
from schemas.decisions import RecipientKey
from schemas.events import MatchCreated, match_from

MINE = "0123456789abcdef0123456789abcdef"


def found(match_id: object = 17, revision: int = 1, **more: object) -> MatchCreated:
    """A match as the ledger has it."""
    values = {
        "match_id": match_id,
        "revision": revision,
        "user_id": "u1",
        "profile_name": "张三",
        "score": 0.85,
    }
    return match_from(values | more)


def letter(
    *carried: tuple[MatchCreated, int],
    body: str = "{profile_name} {score}% {n}",
    home: str = MINE,
    more: int = 0,
    digest: Wording | None = None,
) -> Letter:
    """A letter with these matches and generations."""
    return match_letter(
        [Carried(match, generation) for match, generation in carried],
        kind="match",
        wording=Wording("custom", 3, compile_template(body)),
        recipient=RecipientKey("wk1", "wm1"),
        person="wm1",
        installation=home,
        more=more,
        digest=digest,
    )


def content(of: Letter) -> str:
    """The text that a person will read."""
    text = of.body["text"]
    assert isinstance(text, dict)
    return str(text["content"])


def test_a_letter() -> None:
    """Everything that a retry will need, and nothing that could change."""
    written = letter((found(), 0))

    assert written.body == {
        "touser": "wm1",
        "open_kfid": "wk1",
        "msgid": written.msgid,
        "msgtype": "text",
        "text": {"content": "张三 85% 1"},
    }
    assert (written.matches, written.user_id, written.person) == ((("17", 1),), "u1", "wm1")
    assert (written.kind, written.template, written.version) == ("match", "custom", 3)


def test_the_same_letter_has_the_same_msgid() -> None:
    """Composed again after a crash, by whatever process, in whatever wording."""
    assert letter((found(), 0)).msgid == letter((found(), 0)).msgid
    assert letter((found(), 0)).msgid == letter((found(), 0), body="{match_id}").msgid
    assert letter((found(), 0)).msgid == letter((found(score=0.9), 0)).msgid


def test_the_msgid_is_written_down_once() -> None:
    """A release that hashed otherwise would send everything that is in flight a second time."""
    assert letter((found(), 0)).msgid == msgid_of(MINE, "match", ["17", 1, 0])
    assert msgid_of(MINE, "match", ["17", 1, 0]) == "da38b235c8efdd3073cb299ca094c1d6"


def test_another_letter_has_another_msgid() -> None:
    """Installation, match, revision, generation, kind and the order of several all make a difference."""
    letters = [
        letter((found(), 0)),
        letter((found(), 0), home="f" * 32),
        letter((found(), 1)),
        letter((found(revision=2), 0)),
        letter((found(18), 0)),
        letter((found(), 0), (found(18), 0)),
        letter((found(18), 0), (found(), 0)),
    ]

    assert len({each.msgid for each in letters}) == len(letters)
    assert msgid_of(MINE, "match", ["17", 1, 0]) != msgid_of(MINE, "answer", ["17", 1, 0])


def test_parts_do_not_run_into_each_other() -> None:
    """1 and 11 are not 11 and 1."""
    keys = [("1", 11, 1), ("11", 1, 1), ("1", 1, 11), ("111", 1, 0), ("1:1", 1, 0)]

    assert len({msgid_of(MINE, "match", key) for key in keys}) == len(keys)


def test_generations_never_meet() -> None:
    """Over many matches, revisions and generations no msgid comes twice."""
    keys = list(product(range(200), range(1, 6), range(10)))

    assert len({msgid_of(MINE, "match", [str(match), *rest]) for match, *rest in keys}) == len(keys)


@pytest.mark.parametrize("name", [" ", "\u3000", "\x00", "\u202e", "\ufeff\t"])
@pytest.mark.parametrize("body", ["{profile_name}", "{profile_name}\n{explanation}", " {profile_name} "])
def test_a_name_of_nothing_leaves_no_empty_message(name: str, body: str) -> None:
    """Where an operator's template comes out blank the built-in one is used: WeChat refuses empty texts."""
    written = letter((found(profile_name=name), 0), body=body)

    assert "匹配度：85%" in content(written)


def test_several_matches_are_a_digest() -> None:
    """The single template words one match; several go as the digest, in the order given."""
    written = letter((found(17), 0), (found(18, profile_name="李四", score=0.9), 2))

    assert content(written).split("\n") == [
        "🎯 为您找到 2 位匹配的联系人",
        "",
        "1. 张三 · 85%",
        "2. 李四 · 90%",
        "",
        "回复「查看1」到「查看2」了解详情",
    ]
    assert written.matches == (("17", 1), ("18", 1))
    assert (written.template, written.version) == ("digest", None)


def test_the_operators_digest_is_noted() -> None:
    """A letter says which template and version worded it."""
    mine = Wording(
        "my_list",
        4,
        compile_template("{n}) {profile_name}"),
        "digest",
        compile_template("{count}!", ["count"]),
    )
    written = letter((found(17), 0), (found(18), 0), digest=mine)

    assert content(written) == "2!\n\n1) 张三\n2) 张三\n\n回复「查看1」到「查看2」了解详情"
    assert (written.template, written.version) == ("my_list", 4)


def test_one_match_says_what_waits_behind_it() -> None:
    """Whatever its own text, there is room for how to ask."""
    written = letter((found(explanation="很" * 900), 0), body="{profile_name}\n{explanation}", more=3)

    assert content(written).endswith("…\n\n还有 3 个，回复「更多」")
    assert 2040 < len(content(written).encode()) <= 2048


texts = st.text(max_size=60) | st.text("长😀e\u0301\u200d\n ", max_size=900)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 2**60), texts, texts, st.integers(0, 9)), min_size=1, max_size=4),
    st.sampled_from(["{profile_name}", "{explanation}{profile_name}", DEFAULT_TEMPLATES[TEXT_TEMPLATE]]),
    st.text(min_size=1, max_size=40),
)
def test_wechat_would_take_it(rows: list[tuple[int, str, str, int]], body: str, home: str) -> None:
    """1 to 2048 bytes of text that is not blank, a msgid of at most 32 characters of its alphabet."""
    carried = [
        (found(number, profile_name=(name or "x")[:500], explanation=words), generation)
        for number, name, words, generation in rows
    ]

    written = letter(*carried, body=body, home=home.encode(errors="replace").decode())

    assert re.fullmatch(r"[0-9a-zA-Z_-]{1,32}", written.msgid)
    assert content(written).strip()
    assert len(content(written).encode()) <= 2048
