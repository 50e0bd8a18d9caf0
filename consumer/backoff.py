"""Retry arithmetic: how long to wait before the next try.  Chance comes in as ``jitter``, 0 <= jitter < 1.

The base doubles, ``first * 2 ** (nth - 1)``, and stops growing at ``most``.  Jitter spreads it evenly over
``0.75 * base <= delay < 1.25 * base``, so that its mean is the documented delay and no herd forms.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

FIRST_RETRY: Final = timedelta(seconds=1)
LONGEST_RETRY: Final = timedelta(seconds=60)
FIRST_RECONNECT: Final = timedelta(seconds=0.1)
LONGEST_RECONNECT: Final = timedelta(seconds=10)

_ENOUGH_DOUBLINGS: Final = 16
"""2 ** 16 times any ``first`` is past its ``most``; more would only overflow."""


def unknown_retry_delay(attempt: int, jitter: float) -> timedelta:
    """Wait after ``attempt`` (from 1) ended unknown: 1, 2, 4 ... 60 s, spread by ``jitter``."""
    return spread(doubled(attempt, FIRST_RETRY, LONGEST_RETRY), jitter)


def probe_delay(probes: int) -> timedelta:
    """Wait before the next probe of a pause that has seen ``probes`` (from 0): 1, 2, 4 ... 60 s exactly."""
    return doubled(probes + 1, FIRST_RETRY, LONGEST_RETRY)


def reconnect_delay(failures: int, jitter: float) -> timedelta:
    """Wait after ``failures`` (from 1) in a row to reach a server: 0.1 ... 10 s, spread by ``jitter``."""
    return spread(doubled(failures, FIRST_RECONNECT, LONGEST_RECONNECT), jitter)


def doubled(nth: int, first: timedelta, most: timedelta) -> timedelta:
    """Tell the base delay of the ``nth`` wait, counted from 1."""
    if nth < 1:
        raise ValueError(f"waits are counted from 1, not {nth}")
    return min(first * (1 << min(nth - 1, _ENOUGH_DOUBLINGS)), most)


def spread(base: timedelta, jitter: float) -> timedelta:
    """Spread a base delay evenly: ``base * (0.75 + jitter / 2)``."""
    if not 0 <= jitter < 1:
        raise ValueError(f"jitter is at least 0 and below 1, not {jitter}")
    return base * (0.75 + jitter / 2)
