"""What of the contact a match may say, and what it may not, whatever it carries."""

import pytest

from consumer.profile import PROFILE_FIELDS, profile_values
from consumer.templates import compile_template, match_values
from schemas.events import match_from


def found(**more: object) -> dict[str, str]:
    """The profile fields of a match that carries this."""
    said: dict[str, object] = {"match_id": 1, "user_id": "u", "profile_name": "张", "score": 1}
    return profile_values(match_from(said | more))


def test_from_a_profile_or_from_the_top() -> None:
    """The profile object is asked first; an empty object says nothing."""
    assert found(company="甲", age=30, profile={"company": "乙"}) == {"company": "乙", "age": "30"}
    assert found(profile=None, company="甲") == {"company": "甲"}
    assert found(profile={"company": ""}, company="甲") == {"company": "甲"}
    assert found() == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["AI", " 创业 ", "", 5, None, {}], "AI、创业、5"),
        ('["AI", "创业"]', "AI、创业"),
        ("[not JSON", "[not JSON"),
        ("[" * 100_000, "[" * 500),
        (" 两\n行 ", "两 行"),
        (1.5, "1.5"),
        (0, "0"),
        (None, ""),
        (True, ""),
        ({"a": 1}, ""),
    ],
)
def test_values(value: object, expected: str) -> None:
    """Texts, numbers and lists of them, on one line; FriendAI keeps tags as JSON in a text."""
    assert expected == profile_values(_Carrier({"tags": value})).get("tags", "")


class _Carrier:
    def __init__(self, extra: dict[str, object]) -> None:
        self.model_extra: dict[str, object] | None = extra


def test_what_is_never_said() -> None:
    """A number to call, what somebody owns, what somebody wrote."""
    never = {"phone", "asset_level", "raw_message_content", "raw_ai_response"}

    assert not never & {*PROFILE_FIELDS}
    assert found(**dict.fromkeys(never, "x"), profile=dict.fromkeys(never, "x")) == {}


def test_in_a_template() -> None:
    """As any field; a line whose fields are all empty is left out."""
    event = match_from(
        {"match_id": 1, "user_id": "u", "profile_name": "张三", "score": 1, "profile": {"position": "CTO"}}
    )
    template = compile_template("{profile_name}\n{company}\n{position}，{location}")

    assert template.render(match_values(event, 1)) == "张三\nCTO，"
