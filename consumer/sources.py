"""The rows of ``push_templates``: what each is, and which of them are in force.  Pure.

A row named ``NAME.zh-TW`` is the template ``NAME`` in another language, as long as there is a ``NAME``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consumer.templates import DEFAULT_TEMPLATES, TEXT_TEMPLATE

TEXT: Final = "text"
DIGEST: Final = "digest"
"""The template_type of many matches in one message: ``title_template`` is its head, once, and
``content_template`` one line a match."""

_BESIDES: Final = ("title_template", "detail_template", "miniprogram_config")
_TRANSLATED: Final = re.compile(r"(?P<base>.+)\.(?P<locale>[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?)")


@dataclass(frozen=True, slots=True)
class Source:
    """A row of ``push_templates`` as kfpush understands it; an empty text is none."""

    name: str
    kind: str
    content: str
    title: str = ""
    detail: str = ""
    config: str = ""

    @property
    def digest(self) -> str:
        """The hash of all that decides how a letter of it looks."""
        whole = [self.kind, self.content, self.title, self.detail, self.config]
        # A plain text has the hash that it had before templates had more than a text.
        is_plain = whole == [TEXT, self.content, "", "", ""]
        return hashlib.sha256((self.content if is_plain else json.dumps(whole)).encode()).hexdigest()


BUILT_IN: Final = Source(TEXT_TEMPLATE, TEXT, DEFAULT_TEMPLATES[TEXT_TEMPLATE])
"""What goes out where the host has no template, or none that can be read."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The sources that rows ask for: of a single match, of plain text and of a digest, by locale."""

    single: Mapping[str, Source]
    text: Mapping[str, Source]
    digest: Mapping[str, Source]


def in_force(rows: Sequence[Mapping[str, object]], kind: str = TEXT) -> InForce:
    """Find what is in force among the rows of ``push_templates``, for single matches of this kind.

    Of each type the active row with the highest id that is neither one of FriendAI's two nor a translation;
    of texts, failing that, the active ``match_notification_text``, else our own text of that name.  A NULL
    ``is_active`` is active, as the column's default; a text with a blank content is none.  Each source comes
    with its translations; the source without a locale has the empty one, and may be missing but for a text.
    """
    names = {str(row["template_name"]) for row in rows}
    active: dict[str, Mapping[str, object]] = {}
    for row in sorted(rows, key=lambda row: rank(row["id"])):
        if is_active(row) and (type_of(row) not in {TEXT, DIGEST} or _text(row, "content_template")):
            active[str(row["template_name"])] = row

    def newest(wanted: str) -> dict[str, Source]:
        found = [
            name
            for name, row in active.items()
            if type_of(row) == wanted and name not in DEFAULT_TEMPLATES and base_of(name, names) is None
        ]
        return _translated(found[-1], wanted, active, names) if found else {}

    text = newest(TEXT) or _translated(TEXT_TEMPLATE, TEXT, active, names)
    if "" not in text:
        text[""] = BUILT_IN
    return InForce(text if kind == TEXT else newest(kind) or text, text, newest(DIGEST))


def _translated(
    base: str, kind: str, active: Mapping[str, Mapping[str, object]], names: Collection[str]
) -> dict[str, Source]:
    """Collect the source of this name and those of its translations, which may leave out their type."""
    found: dict[str, Source] = {}
    for name, row in active.items():
        translated = base_of(name, names)
        if name == base:
            locale = ""
        elif translated is not None and translated[0] == base:
            locale = translated[1].lower()
        else:
            continue
        source = source_of(row, kind)
        if source.content or kind not in {TEXT, DIGEST}:
            found[locale] = source
    return found


def source_of(row: Mapping[str, object], kind: str) -> Source:
    """Read a row as a template of this kind."""
    content = _text(row, "content_template")
    return Source(str(row["template_name"]), kind, content, *(_text(row, column) for column in _BESIDES))


def base_of(name: str, names: Collection[str]) -> tuple[str, str] | None:
    """Part ``NAME.zh-TW`` into the template it translates and the locale; None where there is no NAME."""
    found = _TRANSLATED.fullmatch(name)
    if found is None or (found["base"] not in names and found["base"] not in DEFAULT_TEMPLATES):
        return None
    return found["base"], found["locale"]


def is_active(row: Mapping[str, object]) -> bool:
    """Whether a row is switched on; NULL is what the column's default says."""
    return str(row.get("is_active")).lower() in {"1", "true", "none"}


def type_of(row: Mapping[str, object]) -> str:
    """Read a row's template_type, as operators write it."""
    return str(row.get("template_type") or "").strip().lower()


def rank(row_id: object) -> int:
    """Order ids as numbers; what is none comes first of all, and so never counts as the highest."""
    text = str(row_id)
    return int(text) if text.isascii() and text.isdigit() else -1


def _text(row: Mapping[str, object], column: str) -> str:
    """Read a column as text: NULL and what is only blanks are none."""
    value = row.get(column)
    if value is None or not str(value).strip():
        return ""
    return json.dumps(value) if isinstance(value, Mapping) else str(value)
