"""What a message looks like, and what nobody can make it look like."""

import string
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.cut import TEXT_BYTES
from consumer.templates import (
    DEFAULT_TEMPLATES,
    FIELDS,
    MATCH_FIELDS,
    MOST_FIELDS,
    SIMPLE_TEMPLATE,
    TEMPLATE_BYTES,
    TEXT_TEMPLATE,
    compile_template,
    match_values,
    whole_percent,
)
from schemas.errors import TemplateError
from schemas.events import MatchCreated

MATCH = MatchCreated(
    match_id="17",
    user_id="wmA",
    intent_name="寻找AI合作伙伴",
    profile_name="张三",
    score=0.85,
    explanation="具有AI背景，在北京，有创业经验",
    matched_conditions=("包含关键词'AI'", "", "location符合\n'北京'"),
)
VALUES: Mapping[str, str] = MappingProxyType(match_values(MATCH, 1))


def test_the_default_text_is_the_guides() -> None:
    """The operator's own guide shows this message; here it is to the letter."""
    expected = (
        "🎯 找到匹配的联系人\n\n【张三】符合您的意图【寻找AI合作伙伴】\n匹配度：85%\n"
        '具有AI背景，在北京，有创业经验\n\n回复"查看1"了解详情'
    )
    assert expected == compile_template(DEFAULT_TEMPLATES[TEXT_TEMPLATE]).render(VALUES)


def test_the_simple_text_is_one_line() -> None:
    """The second of FriendAI's two rows."""
    expected = '张三 符合您的意图「寻找AI合作伙伴」（85%），回复"查看1"了解详情'
    assert expected == compile_template(DEFAULT_TEMPLATES[SIMPLE_TEMPLATE]).render(VALUES)


def test_match_values() -> None:
    """Names and conditions are one line each, the score is whole percent, n counts from 1."""
    event = MATCH.model_copy(update={"profile_name": " 张\n三 ", "explanation": "\n一\n二\n"})
    assert match_values(event, 2) == {
        "profile_name": "张 三",
        "intent_name": "寻找AI合作伙伴",
        "score": "85",
        "explanation": "一\n二",
        "matched_conditions": "包含关键词'AI'、location符合 '北京'",
        "match_id": "17",
        "n": "2",
    }
    assert set(MATCH_FIELDS) == match_values(event, 2).keys()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{profile_name}（{score}%）", "张三（85%）"),
        ("{{{profile_name}}}", "{张三}"),
        ("{{profile_name}}", "{profile_name}"),
        ("}}{{ {n}", "}{ 1"),
        ("一\r\n二\r三\u2028四", "一\n二\n三\n四"),
        ("一\x00\x1b[31m\u202e二\t三", "一[31m二 三"),
    ],
)
def test_a_template_is_words_and_fields(text: str, expected: str) -> None:
    """Fields are replaced, doubled braces are braces, and what cannot be printed is left out."""
    assert expected == compile_template(text).render(VALUES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("一\n{explanation}\n二", "一\n二"),
        ("一\n {explanation} {matched_conditions} \n二", "一\n二"),
        ("一\n\n{explanation}\n\n二", "一\n\n\n二"),
        ("一\n理由：{explanation}\n二", "一\n理由：\n二"),
        ("一\n{explanation}{score}\n二", "一\n85\n二"),
    ],
)
@pytest.mark.parametrize("empty", ["", " ", "\x00", None], ids=["empty", "blank", "control", "None"])
def test_a_line_of_empty_fields_leaves_no_hole(text: str, expected: str, empty: str | None) -> None:
    """Lines that somebody left blank stay; lines that only came out blank go."""
    rendered = compile_template(text).render({"explanation": empty, "score": "85"})
    assert expected == "\n".join(line.strip(" ") for line in rendered.split("\n"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        # attribute walks
        ("{profile_name.__class__}", "line 1, column 1: attributes"),
        ("{profile_name.__class__.__mro__[1].__subclasses__}", "attributes"),
        ("{explanation.__init__.__globals__[settings]}", "attributes"),
        ("{profile_name[0]}", "attributes"),
        # conversions, and widths that ask for gigabytes
        ("{profile_name!r}", "conversions"),
        ("{score:>9999999999}", "format specs"),
        ("{score:999999999d}", "format specs"),
        ("{score:{n}}", "brace without its partner"),
        ("{profile_name:}", "format specs"),
        # nested, positional, unknown, odd
        ("{{{{{profile_name}}}}", "brace without its partner"),
        ("{{profile_name}", "brace without its partner"),
        ("{profile_name", "line 1, column 1: a brace without its partner"),
        ("profile_name}", "line 1, column 13: a brace without its partner"),
        ("一\n二 }", "line 2, column 3: a brace without its partner"),
        ("{profile_\nname}", "brace without its partner"),
        ("{}", "a field needs a name"),
        ("{ }", "a field needs a name"),
        ("{0}", "a field needs a name"),
        ("{ score }", "no space inside the braces"),
        ("一\n二{password}", "line 2, column 2: no such field: '{password}'"),
        ("{Score}", "no such field"),
        ("{score%}", "no such field"),
        ("{__class__}", "no such field"),
        ("{" + "a" * 5000 + "}", "no such field"),
    ],
)
def test_attacks_are_refused_with_the_place_and_the_fields(text: str, complaint: str) -> None:
    """A complaint says what is wrong, where, and which fields there are, and does not repeat the attack."""
    with pytest.raises(TemplateError) as caught:
        compile_template(text)
    assert complaint in str(caught.value)
    assert str(caught.value).endswith("the fields are " + ", ".join(f"{{{name}}}" for name in FIELDS))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "could come out empty"),
        (" \n\x00", "could come out empty"),
        ("{explanation}\n{matched_conditions}", "could come out empty"),
        ("x" * (TEMPLATE_BYTES + 1), "longer than 8192 bytes"),
        ("荐" * (TEMPLATE_BYTES // 3 + 1), "longer than 8192 bytes"),
        ("{n}" * (MOST_FIELDS + 1), "more than 64 fields"),
    ],
)
def test_templates_that_make_no_message_are_refused(text: str, complaint: str) -> None:
    """Nothing at all and far too much are both mistakes of whoever wrote the template."""
    with pytest.raises(TemplateError, match=complaint):
        compile_template(text)


@pytest.mark.parametrize(
    "value",
    ["{score}", "{{score}}", "{0.__class__}", "%(score)s", "$score", "}{", "{profile_name}" * 99],
)
def test_values_are_never_read_as_templates(value: str) -> None:
    """Whoever names a contact cannot write the message."""
    assert f"<{value}>" == compile_template("<{profile_name}>").render({"profile_name": value, "score": "85"})


def test_values_lose_what_cannot_be_printed() -> None:
    """Control characters, lone surrogates and direction marks go; line ends, emoji and their joiners stay."""
    value = "a\x00b\x1bc\x7f\x9b\ud800\udfff\u202e\u2066\ufeffd\te\r\nf\u2029g 👨‍👩‍👧"
    assert compile_template("{explanation}!").render({"explanation": value}) == "abcd e\nf\ng 👨‍👩‍👧!"


def test_huge_values_make_no_huge_message() -> None:
    """Sixty-four times fifty megabytes stay a quarter of a megabyte, and fit after the cut."""
    values = {"explanation": "x" * 50_000_000}
    template = compile_template("{explanation}" * MOST_FIELDS + "!")
    assert len(template.render(values)) == MOST_FIELDS * 4096 + 1
    assert len(template.render_within(values)) <= TEXT_BYTES


def test_a_long_explanation_does_not_cost_the_last_line() -> None:
    """The line that says how to answer is worth more than the end of an explanation."""
    values = {**VALUES, "explanation": "具有AI背景，" * 1000}
    text = compile_template(DEFAULT_TEMPLATES[TEXT_TEMPLATE]).render_within(values)
    assert TEXT_BYTES - 3 < len(text.encode()) <= TEXT_BYTES
    assert text.startswith("🎯 找到匹配的联系人\n\n【张三】")
    assert text.endswith('…\n\n回复"查看1"了解详情')


def test_a_value_used_twice_is_cut_once_for_both() -> None:
    """No more is cut than has to be, and every place shows the same."""
    text = compile_template("{explanation}|{explanation}|").render_within({"explanation": "x" * 4000})
    first, second, end = text.split("|")
    assert first == second
    assert end == ""
    assert TEXT_BYTES - 1 <= len(text.encode()) <= TEXT_BYTES


def test_a_text_that_fits_is_left_alone() -> None:
    """Within the limit both ways of rendering agree."""
    template = compile_template(DEFAULT_TEMPLATES[TEXT_TEMPLATE])
    assert template.render(VALUES) == template.render_within(VALUES)


texts = st.text(
    st.characters(codec=None) | st.sampled_from("{}\n👨\u200d👩🇨🇳é\u0301\ufe0f\ud83d"), max_size=60
)
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""On a new machine the first text of all takes Hypothesis a second: it builds its table of characters."""

plain_words = st.text(st.sampled_from(string.ascii_letters + "{} 【】"), max_size=9)


@given(st.lists(st.tuples(plain_words, st.sampled_from(MATCH_FIELDS)), min_size=1), plain_words)
def test_plain_templates_render_like_str_format(parts: list[tuple[str, str]], end: str) -> None:
    """Anyone who knows Python's braces knows these."""
    escaped = [
        words.replace("{", "{{").replace("}", "}}") + f"{{{name}}}" for words, name in [*parts, ("", "n")]
    ]
    text = "".join(escaped) + end.replace("{", "{{").replace("}", "}}")
    assert text.format_map(VALUES) == compile_template(text).render(VALUES)


@given(texts, st.dictionaries(st.sampled_from(FIELDS), texts | st.none()), st.integers(3, 300))
@unhurried
def test_any_template_is_refused_or_renders_text_that_fits(
    text: str,
    values: dict[str, str | None],
    limit: int,
) -> None:
    """There is no third ending."""
    try:
        template = compile_template(text)
    except TemplateError:
        return
    assert len(template.render_within(values, limit).encode()) <= limit
    template.render(values).encode()


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0, "0"),
        (0.004, "0"),
        (0.005, "1"),
        (1e-9, "0"),
        (0.285, "29"),
        (0.844, "84"),
        (0.845, "85"),
        (0.8449999, "84"),
        (0.85, "85"),
        (0.145, "15"),
        (0.995, "100"),
        (1, "100"),
    ],
)
def test_percent_is_rounded_half_up_as_written(score: float, expected: str) -> None:
    """0.845 is 85 although the nearest float lies below it: people read what was written."""
    assert expected == whole_percent(score)


@given(st.integers(0, 1000))
def test_tenths_of_a_percent_round_half_up(tenths: int) -> None:
    """Three written digits are rounded as at school."""
    assert str((tenths + 5) // 10) == whole_percent(tenths / 1000)
