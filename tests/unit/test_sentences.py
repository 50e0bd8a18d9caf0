"""Every code has a sentence, in English and in Chinese."""

import re
import string
from collections.abc import Iterator, Mapping
from enum import StrEnum

import pytest

from ops.telling import sentences, status_texts, texts
from ops.telling.sentences import REASONS, Language, Text, full, language_of, short
from schemas.decisions import Reason
from schemas.receipts import NotSentCause, RefusalKind
from schemas.states import DeliveryStatus, Entry, PauseScope, PushStatus

CHINESE = re.compile("[\u4e00-\u9fff]")


def every_text() -> Iterator[tuple[str, Text]]:
    """Name every text that anything is told with."""
    for reason, meaning in REASONS.items():
        yield f"{reason}.short", meaning.short
        yield f"{reason}.full", meaning.full
    for module in (sentences, texts, status_texts):
        for name, value in vars(module).items():
            if isinstance(value, Text):
                yield f"{module.__name__}.{name}", value
            elif isinstance(value, Mapping) and value and isinstance(next(iter(value.values())), Text):
                yield from ((f"{name}.{key}", text) for key, text in value.items())


TEXTS = dict(every_text())


def places(text: str) -> set[str]:
    """Tell which facts a text asks for."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_both_languages(reason: Reason) -> None:
    """Whoever asks why a match did not go is told, in words, whichever of the two languages they read."""
    assert full(reason, "en").endswith(".")
    assert full(reason, "zh").endswith("。")
    assert not CHINESE.search(full(reason, "en") + short(reason, "en"))
    assert CHINESE.search(full(reason, "zh"))
    assert CHINESE.search(short(reason, "zh"))


@pytest.mark.parametrize(
    ("codes", "table"),
    [
        (RefusalKind, sentences.KINDS),
        (NotSentCause, sentences.CAUSES),
        (Entry, sentences.ENTRIES),
        (DeliveryStatus, sentences.DELIVERIES),
        (PushStatus, sentences.PUSHES),
        (PauseScope, sentences.SCOPES),
    ],
)
def test_every_other_code_has_both_languages(codes: type[StrEnum], table: Mapping[StrEnum, Text]) -> None:
    """A refusal, a cause, a line of the timeline, a status, a scope: none is shown as a bare code."""
    assert set(table) == set(codes)


@pytest.mark.parametrize("name", TEXTS)
def test_both_languages_tell_the_same_facts(name: str) -> None:
    """A fact that one language tells is not left out in the other, and neither is empty."""
    text = TEXTS[name]

    assert places(text.en) == places(text.zh)
    assert text.en.strip()
    assert text.zh.strip()
    assert not CHINESE.search(text.en)


def test_a_reason_of_a_newer_kfpush_stands_for_itself() -> None:
    """A ledger may hold a reason that this code does not know yet; asking about it must not fail."""
    assert short("solar_flare", "en") == "solar_flare"
    assert full("solar_flare", "zh") == "solar_flare."


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
    ],
)
def test_the_language_is_the_terminals(environment: dict[str, str], language: Language) -> None:
    """LC_ALL stands above LC_MESSAGES, and that above LANG; an empty one says nothing."""
    assert language_of(environment) == language
