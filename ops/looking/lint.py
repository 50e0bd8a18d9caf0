"""Lint: what is wrong with the rows of ``push_templates``, before a message tells it.  Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from consumer.bodies import needs_of
from consumer.book import Worded, worded
from consumer.content import Content
from consumer.digest import HEAD_BYTES
from consumer.sources import DIGEST, TEXT, Source, base_of, in_force, is_active, rank, source_of, type_of
from consumer.templates import DEFAULT_TEMPLATES, Template, match_values
from ops.looking.examples import TYPICAL, WORST
from schemas.errors import TemplateError
from schemas.kf import TEXT_BYTES
from schemas.kf_kinds import LINK_DESC, LINK_TITLE, MENU_BYTES, PROGRAM_TITLE, Kind

Level = Literal["error", "warning"]

PARTS: Final[Mapping[str, tuple[tuple[str, int], ...]]] = {
    TEXT: (("content", TEXT_BYTES),),
    DIGEST: (("title", HEAD_BYTES),),
    Kind.LINK: (("title", LINK_TITLE), ("content", LINK_DESC)),
    Kind.MINIPROGRAM: (("title", PROGRAM_TITLE),),
    Kind.MSGMENU: (("content", MENU_BYTES),),
}
"""What of each kind is read, and how many bytes of it WeChat shows."""

ANSWERED: Final = "查看"
"""What a text has to mention so that its reader knows how to answer."""

_HTML: Final = re.compile(r"[^?#]*\.html(?:[?#].*)?")


class Code(StrEnum):
    """What may be wrong.  The values are shown in --json: they never change."""

    UNREADABLE = "unreadable"
    BAD_DETAIL = "bad_detail"
    UNKNOWN_TYPE = "unknown_type"
    BLANK = "blank"
    TOO_LONG = "too_long"
    MISSING_FILE = "missing_file"
    BLOCKED = "blocked_word"
    CUT = "cut"
    NO_ANSWER = "no_answer"
    NO_HTML = "no_html"
    MASKED = "masked_word"
    NO_COUNT = "no_count"
    NO_BASE = "no_base"
    BASE_IS_OFF = "base_is_off"
    OVERSHADOWED = "overshadowed"
    INACTIVE = "inactive"


ERRORS: Final = frozenset(
    {
        Code.UNREADABLE,
        Code.BAD_DETAIL,
        Code.UNKNOWN_TYPE,
        Code.BLANK,
        Code.TOO_LONG,
        Code.MISSING_FILE,
        Code.BLOCKED,
    }
)
"""With one of these a template does not go out, or not as it was meant; the others are worth a thought."""


class State(StrEnum):
    """What a row is for now."""

    IN_FORCE = "in_force"
    TRANSLATION = "translation"
    OVERSHADOWED = "overshadowed"
    INACTIVE = "inactive"
    UNUSED = "unused"
    GIVEN = "given"
    """It is no row (yet)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; ``facts`` are what its sentence is told with."""

    code: Code
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """Whether it has to be mended."""
        return "error" if self.code in ERRORS else "warning"


@dataclass(frozen=True, slots=True)
class Size:
    """How many bytes a part takes with a typical match and with the longest values, of how many."""

    part: str
    typical: int
    worst: int
    limit: int


@dataclass(frozen=True, slots=True)
class Linted:
    """One template, what it is for, and what was found."""

    name: str
    kind: str
    locale: str
    state: State
    findings: tuple[Finding, ...]
    sizes: tuple[Size, ...] = ()
    content: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What is asked of the world beside the rows.

    ``kind`` is how single matches go; ``is_missing`` tells whether a file is not in the media folder.
    """

    content: Content = field(default_factory=Content)
    kind: str = TEXT
    is_missing: Callable[[str], bool] = lambda _: False


def lint(rows: Sequence[Mapping[str, object]], around: Around) -> list[Linted]:
    """Look at every row, in the order of their ids."""
    wanted = in_force(rows, around.kind)
    base = {found[""].name for found in (wanted.single, wanted.text, wanted.digest) if "" in found}
    used = {source.name for found in (wanted.single, wanted.text, wanted.digest) for source in found.values()}
    names = {str(row["template_name"]) for row in rows}
    active = {str(row["template_name"]) for row in rows if is_active(row)}
    linted = []
    for row in sorted(rows, key=lambda row: rank(row["id"])):
        name = str(row["template_name"])
        translated = base_of(name, names)
        if not is_active(row):
            state = State.INACTIVE
        elif name in used:
            state = State.IN_FORCE if name in base else State.TRANSLATION
        elif type_of(row) in {around.kind, TEXT, DIGEST} and not translated and name not in DEFAULT_TEMPLATES:
            state = State.OVERSHADOWED
        else:
            state = State.UNUSED
        source = source_of(row, _kind_of(row, translated, rows))
        findings = [*_found(source, around), *_placed(name, state, translated, active)]
        linted.append(
            Linted(
                name,
                source.kind,
                translated[1] if translated else "",
                state,
                tuple(findings),
                tuple(_sizes(source)),
                source.content,
            )
        )
    return linted


def sources(rows: Sequence[Mapping[str, object]]) -> list[Source]:
    """Read every row as what it is, used or not."""
    names = {str(row["template_name"]) for row in rows}
    return [source_of(row, _kind_of(row, base_of(str(row["template_name"]), names), rows)) for row in rows]


def _kind_of(
    row: Mapping[str, object], translated: tuple[str, str] | None, rows: Sequence[Mapping[str, object]]
) -> str:
    """A translation is of the kind of what it translates; FriendAI's two are texts whatever their type."""
    name = translated[0] if translated else str(row["template_name"])
    if name in DEFAULT_TEMPLATES:
        return TEXT
    base = next((other for other in rows if str(other["template_name"]) == name), row)
    return type_of(base)


def _placed(
    name: str, state: State, translated: tuple[str, str] | None, active: Collection[str]
) -> Iterator[Finding]:
    """What the other rows make of this one."""
    found = re.fullmatch(r"(.+)\.([a-z]{2}(?:-[A-Z]{2})?)", name)
    if found is not None and translated is None:
        yield Finding(Code.NO_BASE, {"base": found[1]})
    if translated is not None and translated[0] not in active and translated[0] not in DEFAULT_TEMPLATES:
        yield Finding(Code.BASE_IS_OFF, {"base": translated[0]})
    if state is State.OVERSHADOWED:
        yield Finding(Code.OVERSHADOWED)
    if state is State.INACTIVE:
        yield Finding(Code.INACTIVE)


def lint_source(source: Source, around: Around) -> Linted:
    """Look at one template by itself, as at a file."""
    findings = tuple(_found(source, around))
    return Linted(source.name, source.kind, "", State.GIVEN, findings, tuple(_sizes(source)), source.content)


def _found(source: Source, around: Around) -> Iterator[Finding]:
    if source.kind not in {DIGEST, *Kind}:
        yield Finding(Code.UNKNOWN_TYPE, {"kind": source.kind, "kinds": ", ".join([*Kind, DIGEST])})
        return
    if source.kind in {TEXT, DIGEST} and not source.content:
        yield Finding(Code.BLANK)
        return
    try:
        made = worded(source)
    except TemplateError as error:
        yield Finding(Code.UNREADABLE, {"why": str(error)})
        return
    for complaint in made.complaints:
        yield Finding(Code.BAD_DETAIL, {"why": complaint})
    yield from _said(made, around)
    yield from _sized(source)
    yield from _words(source, around.content)


def _said(made: Worded, around: Around) -> Iterator[Finding]:
    wording, source = made.wording, made.source
    if source.kind == TEXT and ANSWERED not in source.content:
        yield Finding(Code.NO_ANSWER)
    if source.kind == DIGEST and wording.title is not None and "count" not in wording.title.fields:
        yield Finding(Code.NO_COUNT)
    for need in needs_of(source.kind, wording.config):
        if around.is_missing(need.path):
            yield Finding(Code.MISSING_FILE, {"path": need.path})
    pagepath = wording.config.get("pagepath")
    if isinstance(pagepath, str) and not _HTML.fullmatch(pagepath):
        yield Finding(Code.NO_HTML, {"pagepath": pagepath})


def _sized(source: Source) -> Iterator[Finding]:
    templates = _templates(source)
    for size in _sizes(source):
        fixed = len(templates[size.part].render({}).encode())
        if fixed > size.limit:
            yield Finding(Code.TOO_LONG, {"part": size.part, "bytes": fixed, "limit": size.limit})
        elif size.typical > size.limit:
            yield Finding(Code.CUT, {"part": size.part, "bytes": size.typical, "limit": size.limit})


def _words(source: Source, content: Content) -> Iterator[Finding]:
    """What the operator's own list has against the template itself."""
    said = "\n".join(filter(None, (source.title, source.content, source.detail)))
    category = content.blocked_in(said)
    if category:
        yield Finding(Code.BLOCKED, {"category": category})
    masking = Content(masking=content.masking, shows_contacts=True)
    if masking.hidden(said) != said:
        yield Finding(Code.MASKED)


def _sizes(source: Source) -> Iterator[Size]:
    templates = _templates(source)
    typical = match_values(TYPICAL, 1) | {"count": "3"}
    for part, limit in PARTS.get(source.kind, ()):
        if part in templates:
            usual, most = (len(templates[part].render(values).encode()) for values in (typical, WORST))
            yield Size(part, usual, most, limit)


def _templates(source: Source) -> dict[str, Template]:
    try:
        wording = worded(source).wording
    except TemplateError:
        return {}
    return {"content": wording.template} | ({"title": wording.title} if wording.title else {})
