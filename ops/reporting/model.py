"""A report as plain values.  The names of the fields are the keys of ``kfpush report --json``.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ops.reporting.tally import Line, Rate
from ops.reporting.verdict import Compared, People, Split


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, and how opens are understood."""

    since: datetime
    until: datetime
    by: str | None
    template: str | None
    experiment: str | None
    timezone: str
    reply_minutes: float
    stop_hours: float


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The matches that came in the range, by where they stand now."""

    arrived: int
    decided: int
    by_status: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Hour:
    """One local hour of the day: messages that were delivered in it, and opened at any time."""

    hour: int
    opened: Rate


@dataclass(frozen=True, slots=True)
class Trial:
    """An experiment, counted by people."""

    name: str
    template: str
    is_running: bool
    started_at: datetime
    ended_at: datetime | None
    holdout: float
    people: Mapping[str, People]
    """By variant; those who were held out, under ``held_out``, only ``dealt`` and ``converted``."""
    versions: Mapping[str, tuple[int, ...]]
    """By variant, the versions of the words that were sent: more than one, and they were edited meanwhile."""
    split: Split
    compared: tuple[Compared, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything."""

    now: datetime
    asked: Asked
    arrivals: Arrivals | None
    """None where only some messages were asked for: a match that did not go has no template."""
    total: Line
    groups: tuple[Line, ...]
    best_hours: tuple[Hour, ...]
    experiments: tuple[str, ...]
    """Those that messages of the range were part of."""
    trial: Trial | None = None
