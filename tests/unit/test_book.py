"""Which template is in force, in which language, and what stands in for one that cannot be read."""

import pytest

from consumer.book import Languages, Reader, assembled, opened, worded
from consumer.sources import BUILT_IN, Source, base_of, in_force
from consumer.templates import DEFAULT_TEMPLATES, SIMPLE_TEMPLATE, TEXT_TEMPLATE, compile_template
from schemas.errors import TemplateError


def row(key: int, name: str, body: str | None = "", **columns: object) -> dict[str, object]:
    """A row of ``push_templates``; its body tells its name unless it is given."""
    defaults: dict[str, object] = {"template_type": "text", "is_active": 1}
    return {
        "id": key,
        "template_name": name,
        "content_template": name if body == "" else body,
        **defaults,
        **columns,
    }


TWO = [row(1, TEXT_TEMPLATE, "edited"), row(2, SIMPLE_TEMPLATE)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], (TEXT_TEMPLATE, DEFAULT_TEMPLATES[TEXT_TEMPLATE])),
        (TWO, (TEXT_TEMPLATE, "edited")),
        ([*TWO, row(3, "mine")], ("mine", "mine")),
        ([row(10, "newer"), *TWO, row(9, "older")], ("newer", "newer")),
        ([row(0, "older than both"), *TWO], ("older than both", "older than both")),
        ([*TWO, row(3, "mine", is_active=0)], (TEXT_TEMPLATE, "edited")),
        ([*TWO, row(3, "mine", is_active="false")], (TEXT_TEMPLATE, "edited")),
        ([*TWO, row(3, "mine", is_active=True)], ("mine", "mine")),
        ([*TWO, row(3, "mine", is_active=None)], ("mine", "mine")),
        ([*TWO, row(3, "card", template_type="miniprogram")], (TEXT_TEMPLATE, "edited")),
        ([*TWO, row(3, "typeless", template_type=None)], (TEXT_TEMPLATE, "edited")),
        ([*TWO, row(3, "blank", " ")], (TEXT_TEMPLATE, "edited")),
        ([*TWO, row(3, "null", None)], (TEXT_TEMPLATE, "edited")),
        ([row(1, TEXT_TEMPLATE, is_active=0)], (TEXT_TEMPLATE, DEFAULT_TEMPLATES[TEXT_TEMPLATE])),
        ([row(1, TEXT_TEMPLATE, "edited", template_type="match")], (TEXT_TEMPLATE, "edited")),
    ],
    ids=[
        "no rows",
        "only the two",
        "one of the operator's",
        "the highest id",
        "a lower id than the two",
        "switched off",
        "switched off in words",
        "a boolean",
        "NULL is the default",
        "not a text",
        "no type",
        "blank",
        "NULL body",
        "the default text switched off",
        "the default text of another type",
    ],
)
def test_the_text_in_force(rows: list[dict[str, object]], expected: tuple[str, str]) -> None:
    """The operator's newest active text is used; else the default one."""
    source = in_force(rows).text[""]

    assert expected == (source.name, source.content)


def names(sources: dict[str, Source]) -> dict[str, str]:
    """The name of each locale's source."""
    return {locale: source.name for locale, source in sources.items()}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            [row(3, "mine"), row(4, "mine.zh-TW"), row(5, "mine.en")],
            {"": "mine", "zh-tw": "mine.zh-TW", "en": "mine.en"},
        ),
        ([row(3, "mine"), row(4, "mine.en", template_type=None)], {"": "mine", "en": "mine.en"}),
        ([row(3, "mine"), row(4, "mine.en", is_active=0)], {"": "mine"}),
        ([row(3, "mine"), row(4, "mine.en", " ")], {"": "mine"}),
        ([*TWO, row(3, TEXT_TEMPLATE + ".en")], {"": TEXT_TEMPLATE, "en": TEXT_TEMPLATE + ".en"}),
        ([row(3, TEXT_TEMPLATE + ".en")], {"": TEXT_TEMPLATE, "en": TEXT_TEMPLATE + ".en"}),
        ([row(3, "mine", is_active=0), row(4, "mine.en"), *TWO], {"": TEXT_TEMPLATE}),
        ([row(3, "match.new")], {"": "match.new"}),
        ([row(3, "mine"), row(4, "mine.v2")], {"": "mine.v2"}),
    ],
    ids=[
        "two translations",
        "a translation need not repeat the type",
        "one that is switched off",
        "a blank one",
        "of the default text",
        "of the default text that the host does not have",
        "of a template that is switched off",
        "a name that only looks like a translation",
        "a name that does not",
    ],
)
def test_translations(rows: list[dict[str, object]], expected: dict[str, str]) -> None:
    """NAME.en is NAME in English, never a template of its own, as long as there is a NAME."""
    assert expected == names(dict(in_force(rows).text))


def test_a_name_and_its_locale() -> None:
    """The last point parts them, if what follows is written as a locale and what precedes is a template."""
    assert base_of("a.b.zh-Hant-TW", {"a.b"}) == ("a.b", "zh-Hant-TW")
    assert base_of("a.zh_TW", {"a"}) is None
    assert base_of("a.EN", {"a"}) is None


def test_other_kinds() -> None:
    """A card is chosen where cards are asked for, may leave its content blank, and the text stays known."""
    rows = [row(3, "mine"), row(4, "card", "", template_type=" MiniProgram ", title_template="T")]

    assert names(dict(in_force(rows).single)) == {"": "mine"}
    wanted = in_force(rows, "miniprogram")
    assert (wanted.single[""].name, wanted.single[""].title, wanted.text[""].name) == ("card", "T", "mine")
    assert names(dict(in_force(TWO, "miniprogram").single)) == {"": TEXT_TEMPLATE}


def test_the_digest() -> None:
    """It is nobody's single match."""
    rows = [*TWO, row(3, "many", "{n}. {profile_name}", template_type="digest", title_template="{count} 个")]
    wanted = in_force(rows)

    assert names(dict(wanted.text)) == {"": TEXT_TEMPLATE}
    made = worded(wanted.digest[""]).wording
    assert made.title == compile_template("{count} 个", ("count",))
    assert in_force(TWO).digest == {}


def test_what_cannot_be_read_is_left_out_and_told() -> None:
    """Each with its name and what stands in for it; a detail alone is left out alone."""
    read = opened(
        {
            "": Source("mine", "text", "{nobody}"),
            "en": Source("mine.en", "text", "{profile_name}", detail="{"),
            "fr": Source("mine.fr", "text", "}"),
        }
    )

    assert [*read.ready] == ["en"]
    assert read.ready["en"].wording.detail is None
    assert [complaint.split(":")[0] for complaint in read.complaints] == [
        "template 'mine'",
        "template 'mine.en'",
        "template 'mine.fr'",
    ]
    assert [complaint.rpartition("mended ")[2] for complaint in read.complaints] == [
        "the built-in text is sent",
        "查看 is answered as without it",
        "its readers get the text without a locale",
    ]


@pytest.mark.parametrize("config", ["[]", "{", "1", "[" * 100_000])
def test_a_config_is_an_object(config: str) -> None:
    """A card with any other is no card."""
    with pytest.raises(TemplateError, match="miniprogram_config: not a JSON object"):
        worded(Source("card", "miniprogram", "", config=config))


def test_a_text_has_no_use_for_a_config() -> None:
    """What a host keeps in that column of a text row stops no message."""
    assert worded(Source("mine", "text", "x", title="{", config="{")).wording.config == {}


def test_a_hash_is_of_the_whole_template() -> None:
    """A plain text keeps the hash it had when a template was its text; any other part makes another."""
    assert BUILT_IN.digest == "e9d4f0bda77ce3ef520aaa5febfd76769354d00ba609d732416433a89fc24326"
    parts = {"content": "a", "title": "b", "detail": "c", "config": "{}"}
    sources = [Source("n", "link", **{**parts, key: "z"}) for key in parts]
    assert len({source.digest for source in [*sources, Source("n", "link", **parts)]}) == 5


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("", "mine"),
        ("zh-CN", "mine.zh"),
        ("zh-TW", "mine.zh-TW"),
        ("zh-tw", "mine.zh-TW"),
        ("zh-Hant-TW", "mine.zh"),
        ("zh", "mine.zh"),
        ("en-GB", "mine"),
        ("e", "mine"),
    ],
)
def test_a_readers_language(locale: str, expected: str) -> None:
    """The nearest there is: the very locale, its language, what has no locale."""
    read = opened({"": source("mine"), "zh": source("mine.zh"), "zh-tw": source("mine.zh-TW")})
    wordings = {key: item.wording for key, item in read.ready.items()}

    assert Languages(wordings.pop(""), wordings).of(locale).name == expected


def source(name: str) -> Source:
    """A plain text that says its name."""
    return Source(name, "text", name)


def test_a_kind_that_no_row_has() -> None:
    """Plain text goes out, and the operator is told which row is missing."""
    made = assembled(TWO, "miniprogram")

    assert made.book().wording_for(Reader("u")).name == TEXT_TEMPLATE
    [complaint] = made.complaints
    assert complaint.startswith("KFPUSH_MESSAGE_KIND is miniprogram, and no active row")
    assert assembled(TWO).complaints == ()


def test_a_card_that_makes_no_message() -> None:
    """Its text goes out, and what is wrong with the card is told."""
    card = row(4, "card", template_type="miniprogram", miniprogram_config="{}")
    made = assembled([row(3, "mine"), card], "miniprogram")

    assert made.book().wording_for(Reader("u")).name == "mine"
    [complaint] = made.complaints
    assert "template 'card': miniprogram_config: appid is missing" in complaint
