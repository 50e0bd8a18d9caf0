"""Lint: good templates are left alone, and each mistake is told by its name."""

import pytest

from consumer.content import read_words, rules_from
from consumer.sources import Source
from consumer.templates import DEFAULT_TEMPLATES, SIMPLE_TEMPLATE, TEXT_TEMPLATE
from ops.looking.examples import sample
from ops.looking.lint import ERRORS, Around, Code, Linted, Size, State, lint, lint_source
from ops.telling.said import Teller
from ops.telling.sentences import Language
from ops.telling.templates import FINDINGS, told_lint
from tests.flow.ledger_house import NOON

GOOD = "{profile_name} {score}%\n回复「查看1」"
CARD: dict[str, str] = {
    "kind": "miniprogram",
    "title": "找到 {profile_name}",
    "config": '{"appid": "wx1234567890abcdef", "pagepath": "pages/m.html?id={match_id}", "thumb": "a.png"}',
}
LINK: dict[str, str] = {
    "kind": "link",
    "content": "{profile_name}",
    "title": "{profile_name}",
    "config": '{"url": "https://example.com/{match_id}", "thumb_media_id": "m"}',
}
DIGEST: dict[str, str] = {"kind": "digest", "title": "{count} 个", "content": "{n}. {profile_name}"}


def source(**parts: str) -> Source:
    """One template; a text that is good unless it is told otherwise."""
    return Source(**{"name": "mine", "kind": "text", "content": GOOD if "kind" not in parts else "", **parts})


def codes(linted: Linted) -> list[Code]:
    """What was found."""
    return [finding.code for finding in linted.findings]


@pytest.mark.parametrize(
    "good",
    [
        source(),
        source(detail="{company}"),
        source(content=DEFAULT_TEMPLATES[TEXT_TEMPLATE]),
        source(content=DEFAULT_TEMPLATES[SIMPLE_TEMPLATE]),
        source(**CARD),
        source(**LINK),
        source(**DIGEST),
    ],
)
def test_good_templates(good: Source) -> None:
    """Nothing to say."""
    assert codes(lint_source(good, Around())) == []


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (source(content="{profil_name} 查看1"), Code.UNREADABLE),
        (source(content="{profile_name"), Code.UNREADABLE),
        (source(content="查看{explanation.x}"), Code.UNREADABLE),
        (source(content=GOOD + "{count}"), Code.UNREADABLE),
        (source(content=""), Code.BLANK),
        (source(**DIGEST | {"content": ""}), Code.BLANK),
        (source(detail="{nobody}"), Code.BAD_DETAIL),
        (source(kind="news", content="x"), Code.UNKNOWN_TYPE),
        (source(content=f"查看1{'长' * 683}"), Code.TOO_LONG),
        (source(**CARD | {"title": "长" * 22}), Code.TOO_LONG),
        (source(**CARD | {"title": "{intent_name}：{profile_name}，{company}，{position}"}), Code.CUT),
        (source(**LINK | {"title": "{explanation}"}), Code.CUT),
        (source(content="{profile_name}"), Code.NO_ANSWER),
        (source(**CARD | {"config": "{}"}), Code.UNREADABLE),
        (source(**CARD | {"config": CARD["config"].replace('"thumb"', '"thumbs"')}), Code.UNREADABLE),
        (source(**CARD | {"config": CARD["config"].replace("m.html", "m")}), Code.NO_HTML),
        (source(**CARD | {"config": CARD["config"].replace("{match_id}", "{id}")}), Code.UNREADABLE),
        (source(**LINK | {"config": '{"url": "example.com", "thumb_media_id": "m"}'}), Code.UNREADABLE),
        (source(**DIGEST | {"title": "很多"}), Code.NO_COUNT),
    ],
)
def test_bad_templates(bad: Source, expected: Code) -> None:
    """One mistake each."""
    assert codes(lint_source(bad, Around())) == [expected]


def test_a_mistake_is_told_with_what_was_meant() -> None:
    """The nearest field."""
    [finding] = lint_source(source(content="{profil_name}"), Around()).findings

    assert "line 1, column 1: no such field: '{profil_name}', did you mean {profile_name}?" in str(
        finding.facts
    )


def test_files_and_words_around_it() -> None:
    """A thumb that is not there; a word of the operator's own list."""
    around = Around(
        rules_from(read_words("最好,superlatives,mask\n赌博,gambling")), is_missing="a.png".__eq__
    )

    assert codes(lint_source(source(**CARD), around)) == [Code.MISSING_FILE]
    assert codes(lint_source(source(content="查看1 赌 博 赌博"), around)) == [Code.BLOCKED]
    assert codes(lint_source(source(content="查看1 最好"), around)) == [Code.MASKED]
    assert codes(lint_source(source(content="查看1 13812345678"), around)) == []


def row(key: int, name: str, **columns: object) -> dict[str, object]:
    """A row of ``push_templates``."""
    return {"id": key, "template_name": name, "template_type": "text", "content_template": GOOD, **columns}


def test_what_rows_make_of_each_other() -> None:
    """Which is in force, which is not, and why."""
    rows = [
        row(1, TEXT_TEMPLATE),
        row(2, SIMPLE_TEMPLATE),
        row(3, "old"),
        row(4, "mine"),
        row(5, "mine.zh-TW", template_type=None),
        row(6, "off", is_active=0),
        row(7, "off.en"),
        row(8, "lost.en", is_active="false"),
        row(9, "many", template_type="digest", title_template="{count}", content_template="{n}"),
        row(10, "card", template_type="miniprogram", title_template="x", miniprogram_config=CARD["config"]),
    ]

    linted = {item.name: (item.state, codes(item)) for item in lint(rows, Around())}

    assert linted == {
        TEXT_TEMPLATE: (State.UNUSED, []),
        SIMPLE_TEMPLATE: (State.UNUSED, []),
        "old": (State.OVERSHADOWED, [Code.OVERSHADOWED]),
        "mine": (State.IN_FORCE, []),
        "mine.zh-TW": (State.TRANSLATION, []),
        "off": (State.INACTIVE, [Code.INACTIVE]),
        "off.en": (State.UNUSED, [Code.BASE_IS_OFF]),
        "lost.en": (State.INACTIVE, [Code.NO_BASE, Code.INACTIVE]),
        "many": (State.IN_FORCE, []),
        "card": (State.UNUSED, []),
    }


def test_sizes() -> None:
    """Bytes of UTF-8, counted by hand: 张三 is 6, the rest of the title 7; at worst 500 characters of 3."""
    [size] = lint_source(source(**CARD), Around()).sizes

    assert size == Size("title", 13, 1507, 64)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_that_may_be_found_can_be_told(language: Language) -> None:
    """In both languages, with the facts that it comes with; errors first in the count."""
    assert {*FINDINGS} == {*Code} >= ERRORS
    bad = [source(content="{x"), source(content="x"), source(**DIGEST | {"title": "x"})]
    linted = [lint_source(item, Around()) for item in bad]
    said = told_lint(linted, ["line 4"], Teller(language, "Asia/Shanghai", NOON))

    last = {"en": "Errors: 1, warnings: 3", "zh": "错误 1 个，警告 3 个"}
    assert said[-2].text in {"warning: line 4", "警告：line 4"}
    assert said[-1].text == last[language]
    assert not any("{" in line.text and "缺" in line.text for line in said)


def test_invented_matches_differ() -> None:
    """A digest of them reads like one of people."""
    assert len({match.profile_name for match in sample(5)}) == 5
    assert len({match.match_id for match in sample(20)}) == 20
