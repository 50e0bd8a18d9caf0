"""The book of wordings: which template is in force, and which of its languages a reader gets.  Pure.

A row of ``push_templates`` named ``NAME.zh-TW`` is the template ``NAME`` in another language: a reader of
zh-TW gets ``NAME.zh-TW``, else ``NAME.zh``, else ``NAME``.  A template that cannot be read stops no message:
the built-in text goes out instead, and a complaint says what is wrong with which template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol

from consumer.configs import KEYS, problems_of
from consumer.sources import BUILT_IN, DIGEST, TEXT, Source, in_force
from consumer.templates import FIELDS, HEAD_FIELDS, Template, compile_template
from schemas.errors import TemplateError


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
