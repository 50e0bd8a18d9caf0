"""Templates: what a match looks like on the phone.

A template is text with ``{field}`` in it and nothing else: no attributes, indexes, conversions, format specs
or positions, so whoever may edit a template can neither reach into objects nor ask for a gigabyte of padding.
``{{`` and ``}}`` write braces.  Values are put in once and never read as templates.  A line on which there
are only fields, all of which came out empty, is left out: no explanation leaves no hole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Final, Protocol

from consumer.cut import ELLIPSIS, TEXT_BYTES, cut_to_bytes
from consumer.profile import PROFILE_FIELDS, profile_values
from schemas.errors import TemplateError

TEMPLATE_BYTES: Final = 8 * 1024
MOST_FIELDS: Final = 64
VALUE_CHARACTERS: Final = 4096
"""More of a value is never looked at; no message holds half of it."""

MATCH_FIELDS: Final = (
    "profile_name",
    "intent_name",
    "score",
    "explanation",
    "matched_conditions",
    "match_id",
    "n",
)
FIELDS: Final = (*MATCH_FIELDS, *PROFILE_FIELDS)
HEAD_FIELDS: Final = ("count", "intent_name")
"""What the head of a digest may say: how many matches it carries, and the intent if they share one."""

_NEVER_EMPTY: Final = frozenset({"profile_name", "score", "match_id", "n", "count"})

TEXT_TEMPLATE: Final = "match_notification_text"
SIMPLE_TEMPLATE: Final = "match_notification_simple"
DEFAULT_TEMPLATES: Final[Mapping[str, str]] = {
    TEXT_TEMPLATE: (
        "🎯 找到匹配的联系人\n"
        "\n"
        "【{profile_name}】符合您的意图【{intent_name}】\n"
        "匹配度：{score}%\n"
        "{explanation}\n"
        "\n"
        '回复"查看{n}"了解详情'
    ),
    SIMPLE_TEMPLATE: '{profile_name} 符合您的意图「{intent_name}」（{score}%），回复"查看1"了解详情',
}
"""The bodies of FriendAI's two rows, for a host that has none."""

_BRACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_LINE_END = re.compile(r"\r\n|[\r\u2028\u2029]")
_UNUSUAL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069\ufeff]")
"""Whatever ``_printable`` changes; most texts have nothing of it."""
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, lone surrogates, and the marks that turn the direction of all text behind them."""

Part = tuple[str, str | None]
"""Fixed words, and the field behind them if there is one."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was found good: its lines, each a row of parts, and the fields that stand in them."""

    lines: tuple[tuple[Part, ...], ...]
    fields: frozenset[str]

    def render(self, values: Mapping[str, str | None]) -> str:
        """Put the values in; None or nothing is empty.  The text may be longer than a message holds."""
        return self._filled({name: _cleaned(values.get(name)) for name in self.fields})

    def render_within(self, values: Mapping[str, str | None], limit: int = TEXT_BYTES) -> str:
        """Render into at most ``limit`` bytes of UTF-8, cutting the longest value before anything else.

        So a long explanation loses its end, and not the message its last line, which says how to answer.
        """
        cleaned = {name: _cleaned(values.get(name)) for name in self.fields}
        text = self._filled(cleaned)
        if len(text.encode()) <= limit:
            return text
        used = [name for line in self.lines for _, name in line if name]
        for name in sorted(set(used), key=lambda name: (-len(cleaned[name].encode()), name)):
            excess = len(self._filled(cleaned).encode()) - limit
            if excess <= 0:
                break
            room = len(cleaned[name].encode()) - math.ceil(excess / used.count(name))
            cleaned[name] = cut_to_bytes(cleaned[name], room) if room >= len(ELLIPSIS.encode()) else ""
        return cut_to_bytes(self._filled(cleaned), limit)

    def _filled(self, cleaned: Mapping[str, str]) -> str:
        rendered = []
        for line in self.lines:
            text = "".join([words + (cleaned[name] if name else "") for words, name in line])
            if text.strip() or len(line) == 1:  # one part: a line without fields, blank on purpose
                rendered.append(text)
        return "\n".join(rendered)


def compile_template(text: str, fields: Sequence[str] = FIELDS, *, may_be_empty: bool = False) -> Template:
    """Check a template that may name these ``fields``, and make it ready to render.

    Raises:
        TemplateError: saying what is wrong, on which line and column, and which fields exist.

    """
    if len(text) > TEMPLATE_BYTES or len(text.encode(errors="replace")) > TEMPLATE_BYTES:
        raise TemplateError(
            f"the template is longer than {TEMPLATE_BYTES} bytes; a message holds {TEXT_BYTES}"
        )
    lines = _printable(text).split("\n")
    parsed = tuple(_parts(line, number, fields) for number, line in enumerate(lines, start=1))
    parts = [part for line in parsed for part in line]
    template = Template(parsed, frozenset(name for _, name in parts if name is not None))
    if sum(name is not None for _, name in parts) > MOST_FIELDS:
        raise TemplateError(
            f"the template has more than {MOST_FIELDS} fields; a message has no room for them"
        )
    if not may_be_empty and not any(words.strip() or name in _NEVER_EMPTY for words, name in parts):
        raise TemplateError("the message could come out empty; add some words of your own, or {profile_name}")
    return template


def _parts(line: str, number: int, fields: Sequence[str]) -> tuple[Part, ...]:
    parts: list[Part] = []
    words, position = "", 0
    for found in _BRACE.finditer(line):
        words += line[position : found.start()]
        position = found.end()
        if found[0] in {"{{", "}}"}:
            words += found[0][0]
        elif found[1] in fields:
            parts.append((words, found[1]))
            words = ""
        else:
            raise TemplateError(
                f"line {number}, column {found.start() + 1}: {_wrong(found[1], fields)}: {found[0][:40]!r}"
                f"{_meant(found[1], fields)}; the fields are {', '.join(f'{{{name}}}' for name in fields)}",
            )
    return (*parts, (words + line[position:], None))


def _meant(name: str | None, fields: Sequence[str]) -> str:
    near = get_close_matches((name or "")[:40].strip().lower(), fields, 1)
    return f", did you mean {{{near[0]}}}?" if near else ""


def _wrong(name: str | None, fields: Sequence[str]) -> str:
    if name is None:
        return "a brace without its partner (write {{ or }} for a brace)"
    if not name.strip() or name.strip().isdigit():
        return "a field needs a name"
    if name.strip() in fields:
        return "no space inside the braces"
    if set(name) & set(".[!:"):
        return "attributes, indexes, conversions and format specs are not allowed"
    return "no such field"


class Matched(Protocol):
    """What ``match_values`` asks of an event; ``score`` is 0..1."""

    @property
    def profile_name(self) -> str: ...  # noqa: D102
    @property
    def intent_name(self) -> str: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102
    @property
    def explanation(self) -> str: ...  # noqa: D102
    @property
    def matched_conditions(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def match_id(self) -> str: ...  # noqa: D102
    @property
    def model_extra(self) -> dict[str, object] | None: ...  # noqa: D102


def match_values(event: Matched, n: int) -> dict[str, str]:
    """Write a match as template values; ``n`` is its place in the push, from 1.  Names become one line.

    Profile fields are there as far as the match carries them.
    """
    conditions = (_one_line(condition) for condition in event.matched_conditions)
    return {
        "profile_name": _one_line(event.profile_name),
        "intent_name": _one_line(event.intent_name),
        "score": whole_percent(event.score),
        "explanation": event.explanation.strip(),
        "matched_conditions": "、".join(condition for condition in conditions if condition),
        "match_id": event.match_id,
        "n": str(n),
        **profile_values(event),
    }


@lru_cache(maxsize=1024)
def whole_percent(score: float) -> str:
    """Write 0..1 as whole percent, half up, of the digits the number is written with: 0.845 is 85.

    The nearest float to 0.845 lies a little below it; people read what was written.
    """
    return str((Decimal(repr(float(score))) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def _one_line(text: str) -> str:
    return " ".join(text[:VALUE_CHARACTERS].split())


def _cleaned(value: str | None) -> str:
    return _printable((value or "")[:VALUE_CHARACTERS])


def _printable(text: str) -> str:
    if _UNUSUAL.search(text) is None:
        return text
    return _UNPRINTABLE.sub("", _LINE_END.sub("\n", text).replace("\t", " "))
