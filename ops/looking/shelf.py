"""What there is of templates, as plain values.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a template; ``pushes`` are those of it among the latest messages."""

    name: str
    version: int
    kind: str
    first_used_at: datetime
    last_used_at: datetime | None
    pushes: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """All of it; ``counted`` is how many messages were looked at."""

    rows: Sequence[Mapping[str, object]]
    versions: tuple[Version, ...]
    counted: int


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is read; ``limit`` is how many bytes WeChat shows of it, None where none is known."""

    name: str
    text: str
    bytes: int
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as it would go out.  ``blocked`` is the category of a word for which it would not."""

    name: str
    version: int | None
    kind: str
    locale: str
    parts: tuple[Part, ...]
    details: Part | None = None
    blocked: str = ""
    is_hidden: bool = False
    """Whether something of the match is masked in it."""
