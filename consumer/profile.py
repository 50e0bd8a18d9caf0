"""The profile fields that a match may carry: what a template may say of the contact beside the match.  Pure.

They are FriendAI's columns, taken from the event's ``profile`` object or from its top level.  Left out on
purpose, whatever an event carries: phone numbers, wealth, and what somebody once wrote word for word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, Protocol

PROFILE_FIELDS: Final = (
    "company",
    "position",
    "location",
    "education",
    "age",
    "gender",
    "marital_status",
    "personality",
    "tags",
    "ai_summary",
)
LONGEST: Final = 500
"""Characters of one field that are looked at."""


class Carrying(Protocol):
    """What is asked of an event: its fields that the model does not name."""

    @property
    def model_extra(self) -> dict[str, object] | None: ...  # noqa: D102


def profile_values(event: Carrying) -> dict[str, str]:
    """Read the profile fields that an event carries; what is empty or no text, number or list is left out."""
    extra = event.model_extra
    if not extra:
        return {}
    inner = extra.get("profile")
    profile: Mapping[str, object] = inner if isinstance(inner, Mapping) else {}
    found = {name: _written(profile.get(name)) or _written(extra.get(name)) for name in PROFILE_FIELDS}
    return {name: text for name, text in found.items() if text}


def _written(value: object) -> str:
    """Write a value on one line; a list, also one written as JSON as FriendAI's tags are, joined by 、."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            parsed = value
        value = parsed if isinstance(parsed, list) else value
    if isinstance(value, list | tuple):
        return "、".join(filter(None, (_word(item) for item in value)))[:LONGEST]
    return _word(value)


def _word(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return " ".join(str(value)[:LONGEST].split())
