"""What a table is: columns, keys and indexes, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Type = Literal["TEXT", "INTEGER", "REAL", "BLOB"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``default`` is a SQL literal or CURRENT_TIMESTAMP."""

    name: str
    type: Type
    not_null: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """One index; ``where`` makes it partial.  No index leads with a status (design: it costs 25 times)."""

    name: str
    columns: tuple[str, ...]
    where: str | None = None
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table. ``key`` is its primary key; ``auto`` says that the key counts by itself.

    One that is not ``made`` is the host's alone: where it is there, it is given our indexes and no more.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    auto: bool = False
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[Index, ...] = field(default=())
    made: bool = True


def text(name: str, *, required: bool = False, default: str | None = None) -> Column:
    """Declare a column of text."""
    return Column(name, "TEXT", not_null=required, default=default)


def integer(name: str, *, required: bool = False, default: str | None = None) -> Column:
    """Declare a column of whole numbers."""
    return Column(name, "INTEGER", not_null=required, default=default)
