"""Counts what callbacks were, and tells of refusals without letting a stranger fill the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from producer.callback.refusal import ADVICE, Cause

TELL_EVERY: Final = 60.0
"""Seconds for which refusals of one cause are only counted once one was told."""

log = structlog.get_logger(__name__)


class Tally:
    """Numbers since the start; ``monotonic`` is in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._counts: Counter[str] = Counter()
        self._untold: Counter[Cause] = Counter()
        self._tell_at: dict[Cause, float] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """How many there were of each: checks, notices, accounts, foreign, refused."""
        return self._counts

    def count(self, what: str) -> None:
        """One more."""
        self._counts[what] += 1

    def refused(self, cause: Cause) -> None:
        """One more that was refused."""
        self._counts["refused"] += 1
        self._untold[cause] += 1
        now = self._monotonic()
        if now >= self._tell_at.get(cause, now):
            log.warning(
                "callback.refused", cause=cause.value, times=self._untold.pop(cause), advice=ADVICE[cause]
            )
            self._tell_at[cause] = now + TELL_EVERY
