"""The book of wordings: which template is in force, and which of its languages a reader gets.  Pure.

A row of ``push_templates`` named ``NAME.zh-TW`` is the template ``NAME`` in another language: a reader of
zh-TW gets ``NAME.zh-TW``, else ``NAME.zh``, else ``NAME``.  A template that cannot be read stops no message:
the built-in text goes out instead, and a complaint says what is wrong with which template.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Protocol

from consumer.configs import KEYS, problems_of
from consumer.templates import (
    DEFAULT_TEMPLATES,
    FIELDS,
    HEAD_FIELDS,
    TEXT_TEMPLATE,
    Template,
    compile_template,
)
from schemas.errors import TemplateError

TEXT: Final = "text"
DIGEST: Final = "digest"
"""The template_type of many matches in one message: ``title_template`` is its head, once, and
``content_template`` one line a match."""

_BESIDES: Final = ("title_template", "detail_template", "miniprogram_config")
_TRANSLATED: Final = re.compile(r"(?P<base>.+)\.(?P<locale>[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?)")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who will read a letter; ``locale`` is as ``push_settings`` has it (zh-TW, en), empty for none."""

    user_id: str
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Wording:
    """A template ready to render, and which version of it this is.

    ``kind`` is its template_type; ``template`` its content.  ``detail`` words the answer to 查看N, ``config``
    is the parsed ``miniprogram_config``.  ``variant`` and ``experiment`` are empty without an experiment.
    """

    name: str
    version: int
    template: Template
    kind: str = TEXT
    title: Template | None = None
    detail: Template | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    variant: str = ""
    experiment: str = ""
    locale: str = ""


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
class Worded:
    """A source, what was made of it, and what is wrong with the parts that were left out."""

    source: Source
    wording: Wording
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Languages:
    """One template in every language that it has; ``others`` by the locale in lower case."""

    base: Wording
    others: Mapping[str, Wording] = field(default_factory=dict)

    def all(self) -> tuple[Wording, ...]:
        """Every wording of it."""
        return (self.base, *self.others.values())

    def of(self, locale: str) -> Wording:
        """Choose by locale, the nearest first: zh-Hant-TW, zh-Hant, zh, and what has no locale."""
        if not self.others:
            return self.base
        wanted = locale.lower()
        while wanted:
            found = self.others.get(wanted)
            if found is not None:
                return found
            wanted = wanted.rpartition("-")[0]
        return self.base


class Varying(Protocol):
    """An experiment on one template: who reads which wording of it, and who nothing."""

    def wording_for(self, user_id: str) -> Wording:
        """Choose the wording of the variant that a user belongs to."""
        ...

    def holds_out(self, user_id: str) -> bool:
        """Whether a user is sent nothing while it runs."""
        ...


@dataclass(frozen=True, slots=True)
class Book:
    """The wordings in force, and what was wrong with those that should be.

    ``text`` is what goes out as plain text: the same as ``single`` unless that is of another kind.
    """

    single: Languages
    text: Languages
    digest: Languages | None = None
    complaints: tuple[str, ...] = ()
    trials: Mapping[str, Varying] = field(default_factory=dict)
    """The experiments that run on these wordings, by the name of the template that each varies."""

    def wording_for(self, reader: Reader) -> Wording:
        """Choose how one match is worded for this reader."""
        return self._varied(self.single.of(reader.locale), reader)

    def plain_for(self, reader: Reader) -> Wording:
        """Choose the plain text for this reader, whatever kind single matches have."""
        return self._varied(self.text.of(reader.locale), reader)

    def digest_for(self, reader: Reader) -> Wording | None:
        """Choose the operator's digest for this reader; None: they wrote none."""
        return None if self.digest is None else self._varied(self.digest.of(reader.locale), reader)

    def holds_out(self, reader: Reader) -> bool:
        """Whether an experiment on a wording of theirs wants this reader to be sent nothing."""
        if not self.trials:
            return False
        theirs = {each.of(reader.locale).name for each in (self.single, self.text, self.digest) if each}
        return any(name in theirs and trial.holds_out(reader.user_id) for name, trial in self.trials.items())

    def _varied(self, wording: Wording, reader: Reader) -> Wording:
        """Give the reader's variant, where an experiment runs; who reads a translation is in none."""
        trial = self.trials.get(wording.name)
        return wording if trial is None else trial.wording_for(reader.user_id)


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


@lru_cache(maxsize=256)
def worded(source: Source) -> Worded:
    """Make a source ready to render; its version is not known here and is 0.

    Where its detail cannot be read, the rest still holds.

    Raises:
        TemplateError: its content, its title or its config cannot be used.

    """
    template = compile_template(source.content, may_be_empty=source.kind != TEXT)
    wording = Wording(source.name, 0, template, source.kind)
    if source.kind != TEXT:
        fields = HEAD_FIELDS if source.kind == DIGEST else FIELDS
        wording = replace(
            wording,
            title=_part(source.title, "title_template", fields),
            config=_parsed(source.config),
        )
    if source.kind in KEYS and (problems := problems_of(source.kind, wording.config)):
        raise TemplateError(f"miniprogram_config: {'; '.join(problems)}")
    try:
        return Worded(source, replace(wording, detail=_part(source.detail, "detail_template", FIELDS)))
    except TemplateError as error:
        complaint = f"template {source.name!r}: {error}. Until it is mended 查看 is answered as without it"
        return Worded(source, wording, (complaint,))


def _part(text: str, column: str, fields: Sequence[str]) -> Template | None:
    if not text:
        return None
    try:
        return compile_template(text, fields, may_be_empty=True)
    except TemplateError as error:
        raise TemplateError(f"{column}: {error}") from None


def _parsed(config: str) -> Mapping[str, object]:
    if not config:
        return {}
    try:
        parsed = json.loads(config)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise TemplateError(
            'miniprogram_config: not a JSON object like {"appid": "wx...", "pagepath": "..."}'
        )
    return parsed


@dataclass(frozen=True, slots=True)
class Opened:
    """One template's languages made ready, by locale, and what is wrong with those that were left out."""

    ready: Mapping[str, Worded]
    complaints: tuple[str, ...] = ()


def opened(sources: Mapping[str, Source]) -> Opened:
    """Make one template's sources ready."""
    ready: dict[str, Worded] = {}
    complaints: list[str] = []
    for locale, source in sources.items():
        try:
            ready[locale] = worded(source)
            complaints += ready[locale].complaints
        except TemplateError as error:
            complaints.append(
                f"template {source.name!r}: {error}. Until it is mended {_instead(locale, source.kind)}"
            )
    return Opened(ready, tuple(complaints))


@dataclass(frozen=True, slots=True)
class Assembled:
    """What the rows of ``push_templates`` come to, each by locale; ``digest`` may lack what has no locale."""

    single: Mapping[str, Worded]
    text: Mapping[str, Worded]
    digest: Mapping[str, Worded]
    complaints: tuple[str, ...]

    def book(self) -> Book:
        """Open the book, of versions that nobody knows: for who only looks."""
        single, text, digest = (
            {locale: replace(item.wording, locale=locale) for locale, item in found.items()}
            for found in (self.single, self.text, self.digest)
        )
        return Book(
            Languages(single.pop(""), single),
            Languages(text.pop(""), text),
            Languages(digest.pop(""), digest) if "" in digest else None,
            self.complaints,
        )


def assembled(rows: Sequence[Mapping[str, object]], kind: str = TEXT) -> Assembled:
    """Make ready what is in force; what cannot be read gives way to plain text, and that to the built-in."""
    wanted = in_force(rows, kind)
    text, digest = opened(wanted.text), opened(wanted.digest)
    texts = {"": worded(BUILT_IN), **text.ready}
    complaints = [*text.complaints, *digest.complaints]
    singles: Mapping[str, Worded] = texts
    if wanted.single is not wanted.text:
        single = opened(wanted.single)
        complaints += single.complaints
        singles = {"": texts[""], **single.ready}
    elif kind != TEXT:
        complaints.append(
            f"KFPUSH_MESSAGE_KIND is {kind}, and no active row of push_templates has that template_type."
            " Until one has, plain text is sent"
        )
    return Assembled(singles, texts, digest.ready, tuple(complaints))


def _instead(locale: str, kind: str) -> str:
    if locale:
        return "its readers get the text without a locale"
    return {TEXT: "the built-in text is sent", DIGEST: "the built-in digest is sent"}.get(
        kind, "plain text is sent"
    )
