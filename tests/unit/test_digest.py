"""Many matches in one message: what a person reads, and that nothing of it goes missing."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.book import Wording
from consumer.cut import ELLIPSIS
from consumer.digest import HEAD_BYTES, LEAST_REASON, TITLE_BYTES, closing, digest_text, fair
from consumer.templates import FIELDS, HEAD_FIELDS, compile_template, match_values
from schemas.events import match_from

PARTNER = "寻找技术合伙人"


def people(*given: Mapping[str, object]) -> list[dict[str, str]]:
    """Matches as a message words them, numbered from 1."""
    base: dict[str, object] = {"user_id": "u1", "profile_name": "张三", "score": 0.85, "intent_name": PARTNER}
    return [
        match_values(match_from(base | {"match_id": n} | dict(more)), n) for n, more in enumerate(given, 1)
    ]


def mine(line: str, title: str = "") -> Wording:
    """A row of the operator's."""
    head = compile_template(title, HEAD_FIELDS, may_be_empty=True) if title else None
    return Wording("mine", 1, compile_template(line, FIELDS, may_be_empty=True), "digest", head)


def test_a_digest() -> None:
    """The shared intent stands once, at the head; each match has number, name, score and its reason."""
    text = digest_text(
        people(
            {"explanation": "十年 AI 创业经验，\n正在找合伙人。"},
            {"profile_name": "李四", "score": 0.9, "matched_conditions": ["在北京", "做过 CTO"]},
            {"profile_name": "王五", "score": 0.71},
        ),
        more=4,
    )
    assert text == (
        "🎯 寻找技术合伙人\n"
        "为您找到 3 位匹配的联系人\n"
        "\n"
        "1. 张三 · 85%\n"
        "十年 AI 创业经验， 正在找合伙人。\n"
        "\n"
        "2. 李四 · 90%\n"
        "在北京、做过 CTO\n"
        "\n"
        "3. 王五 · 71%\n"
        "\n"
        "回复「查看1」到「查看3」了解详情\n"
        "还有 4 个，回复「更多」"
    )


def test_intents_that_differ_stand_with_each_match() -> None:
    """And a match of no named intent goes without."""
    text = digest_text(people({}, {"intent_name": "找教练"}, {"intent_name": ""}))
    assert text.split("\n")[0] == "🎯 为您找到 3 位匹配的联系人"
    assert text.split("\n")[2:5] == [f"1. 张三 · 85% · {PARTNER}", "2. 张三 · 85% · 找教练", "3. 张三 · 85%"]


def test_short_lines_stand_close() -> None:
    """Without reasons there is no blank line between matches."""
    assert "1. 张三 · 85%\n2. 张三 · 85%\n\n回复" in digest_text(people({}, {}))


def test_what_is_short_leaves_its_room_to_what_is_long() -> None:
    """One long reason among short ones loses no more than it must."""
    text = digest_text(people({}, {"explanation": "很" * 700}, {"explanation": "好"}))
    assert 2044 < len(text.encode()) <= 2048
    assert "\n好\n" in text
    assert text.count("很") > 600
    assert "很…\n\n3. " in text


def test_many_matches_have_a_line_each() -> None:
    """Where no reason would get twenty characters there are none, and the end says how to read them."""
    text = digest_text(people(*([{"explanation": "很好" * 50}] * 40)), more=7)
    assert len(text.encode()) <= 2048
    assert "很" not in text
    assert [f"\n{n}. 张三 · 85%" in text for n in range(1, 41)] == [True] * 40
    assert text.endswith("回复「查看1」到「查看40」了解详情\n还有 7 个，回复「更多」")


def test_eight_long_reasons_share_alike() -> None:
    """Nobody's reason is longer than another's by more than a character."""
    text = digest_text(people(*([{"explanation": "很" * 300}] * 8)))
    parts = [len(part) for part in text.split("\n") if part.startswith("很")]
    assert len(parts) == 8
    assert max(parts) - min(parts) <= 1
    assert min(parts) > 65


def test_a_name_without_end_leaves_room_for_the_others() -> None:
    """A silly name is cut, its score is not."""
    text = digest_text(people({"profile_name": "长" * 400}, {"explanation": "好"}))
    line = text.split("\n")[3]
    assert line.startswith("1. 长")
    assert line.endswith("… · 85%")
    assert len(line.encode()) <= TITLE_BYTES


def test_the_operators_words() -> None:
    """Title and line are theirs, the end is ours."""
    text = digest_text(
        people({}, {"profile_name": "李四"}),
        mine("{n}、{profile_name}（{score}%）", "{count} 个人：{intent_name}"),
    )
    assert text == (
        f"2 个人：{PARTNER}\n\n1、张三（85%）\n2、李四（85%）\n\n回复「查看1」到「查看2」了解详情"
    )


def test_the_operators_line_without_a_number_gets_one() -> None:
    """查看2 has to mean something."""
    text = digest_text(people({}, {}), mine("{profile_name}"))
    assert "\n1. 张三\n2. 张三\n" in text
    assert text.startswith("🎯 寻找技术合伙人\n为您找到 2 位")


def test_the_operators_words_of_several_lines_have_a_blank_line_between() -> None:
    """Where one match takes several lines, matches stand apart."""
    text = digest_text(people({}, {}), mine("【{n}】{profile_name}\n{score}%"))
    assert "【1】张三\n85%\n\n【2】张三\n85%\n\n回复" in text


@pytest.mark.parametrize("line", ["很长" * 60 + "{n}", "{explanation}"])
def test_words_too_long_for_every_number_give_way(line: str) -> None:
    """With so much fixed text, or nothing in it, the built-in digest goes out."""
    text = digest_text(people(*([{}] * 9)), mine(line))
    assert "\n9. 张三 · 85%\n" in text


def test_a_head_without_end_is_cut() -> None:
    """However long the operator's title, the matches have their room."""
    text = digest_text(people({}, {}), mine("{n}. {profile_name}", "头" * 2000))
    assert len(text.split("\n")[0].encode()) <= HEAD_BYTES
    assert "\n1. 张三\n2. 张三\n" in text


def test_the_end_of_one() -> None:
    """One match has no range of numbers."""
    assert closing(1, 0) == "回复「查看1」了解详情"
    assert closing(1, 2) == "回复「查看1」了解详情\n还有 2 个，回复「更多」"


@pytest.mark.parametrize(
    ("sizes", "room", "shares"),
    [
        ([10, 10, 10], 100, [10, 10, 10]),
        ([10, 100, 100], 90, [10, 40, 40]),
        ([100, 1, 100], 10, [4, 1, 5]),
        ([5, 5], 0, [0, 0]),
        ([5, 5], -3, [0, 0]),
        ([], 10, []),
    ],
)
def test_fair_shares(sizes: Sequence[int], room: int, shares: list[int]) -> None:
    """Worked out by hand: what the short leave, the long share."""
    assert fair(sizes, room) == shares


@given(st.lists(st.integers(0, 500), max_size=30), st.integers(0, 3000))
def test_shares_are_fair(sizes: list[int], room: int) -> None:
    """Nobody gets more than they ask, nor all more than there is; who is cut has no less than others."""
    shares = fair(sizes, room)
    assert all(0 <= share <= size for share, size in zip(shares, sizes, strict=True))
    assert sum(shares) <= room
    if sum(sizes) <= room:
        assert shares == sizes
    cut = [share for share, size in zip(shares, sizes, strict=True) if share < size]
    if cut:
        assert min(cut) >= max(shares) - 1
        assert sum(shares) >= room - len(sizes)


texts = st.text(max_size=60) | st.text("长😀e\u0301\u200d\n {}", max_size=700)
matches = st.fixed_dictionaries(
    {
        "profile_name": texts.map(lambda name: (name or "x")[:500]),
        "intent_name": st.sampled_from(["", PARTNER]) | texts.map(lambda name: name[:500]),
        "explanation": texts,
        "matched_conditions": st.lists(texts.filter(bool).map(lambda text: text[:200]), max_size=3),
        "score": st.floats(0, 1),
    }
)
lines = st.none() | st.sampled_from(
    [
        "{n}. {profile_name}",
        "{profile_name}{explanation}\n{matched_conditions}",
        "{explanation} · {n}",
        "字" * 30 + "{score}{n}",
        "字" * 300,
        "{intent_name}",
        "{match_id}",
    ]
)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(matches, min_size=2, max_size=60),
    lines,
    st.sampled_from(["", "{count}", "头" * 900]),
    st.integers(0, 999),
)
def test_wechat_would_take_it_and_a_person_can_answer(
    given: list[dict[str, object]], line: str | None, title: str, more: int
) -> None:
    """At most 2,048 bytes, every number there, and the end whole, whatever the matches and the wording."""
    values = people(*given)
    text = digest_text(values, mine(line, title) if line else None, more=more)
    assert 0 < len(text.encode()) <= 2048
    assert text.endswith("\n\n" + closing(len(given), more))
    body = text.removesuffix(closing(len(given), more))
    at = 0
    for n in range(1, len(given) + 1):
        at = body.find(str(n), at)
        assert at >= 0
        at += len(str(n))


@settings(deadline=None, max_examples=200)
@given(st.lists(matches, min_size=2, max_size=12))
def test_no_field_is_lost_silently(given: list[dict[str, object]]) -> None:
    """A name, an intent or a reason stands whole, or cut with its mark; a reason may be left to 查看N."""
    values = people(*given)
    text = digest_text(values)
    shared = len({value["intent_name"] for value in values}) == 1
    for value in values:
        shown = compile_template("{profile_name}{intent_name}{score}").render(value)
        assert shown
        [line] = [found for found in text.split("\n") if found.startswith(f"{value['n']}. ")][:1]
        name = compile_template("{profile_name}x").render(value)[:-1]
        assert line.startswith(f"{value['n']}. {name}") or ELLIPSIS in line
        assert f"{value['score']}%" in line
        intent = "" if shared else compile_template("{intent_name}x").render(value)[:-1]
        assert intent in line or ELLIPSIS in line
    cut = [part for part in text.split("\n") if part.endswith(ELLIPSIS)]
    assert all(len(part.encode()) >= LEAST_REASON - 4 for part in cut if "%" not in part and part[:1] != "🎯")
