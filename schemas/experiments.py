"""An experiment: one template in several wordings, each for its share of the users.

Immutable once started: whoever wants it otherwise ends it and starts another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

CONTROL: Final = "control"
"""The variant that is the template itself, untouched; every experiment has it."""

MOST_VARIANTS: Final = 8
LARGEST_HOLDOUT: Final = 0.5
"""Of all users; more than half sent nothing is a pause, not an experiment."""

IN_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
"""Names of experiments and of variants: they stand in reports, tables and commands."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One wording.  A text that is None is the template's own; of the control all are."""

    name: str
    weight: float = 1.0
    content: str | None = None
    title: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """When an experiment was stopped, by whom, and why."""

    at: datetime
    author: str
    why: str


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment.  ``holdout`` (0 to below 1) is the share of users who are sent nothing meanwhile.

    Who belongs where is drawn with ``salt``: experiments with the same one deal the same people alike.
    """

    name: str
    template: str
    salt: str
    variants: tuple[Variant, ...]
    holdout: float
    started_at: datetime
    author: str
    note: str
    ended: Ended | None = None

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self.ended is None


def variants_as_text(variants: Sequence[Variant]) -> str:
    """Write variants as they are stored."""
    fields = ("name", "weight", "content", "title", "detail")
    kept = [{name: getattr(each, name) for name in fields} for each in variants]
    return json.dumps(kept, ensure_ascii=False)


def variants_from_text(text: str) -> tuple[Variant, ...]:
    """Read variants as they were stored."""
    return tuple(Variant(**each) for each in json.loads(text))
