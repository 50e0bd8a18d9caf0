"""How long each kind of retry waits."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.backoff import doubled, probe_delay, reconnect_delay, spread, unknown_retry_delay

SECOND = timedelta(seconds=1)
jitters = st.floats(0, 1, exclude_max=True)
MIDDLE = 0.5
"""The jitter at which a delay is exactly its base."""


def test_unknown_retries_double_to_a_minute() -> None:
    """1, 2, 4 ... 60 s, as documented, when chance is in the middle."""
    delays = [unknown_retry_delay(attempt, MIDDLE) / SECOND for attempt in range(1, 10)]
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_probes_double_to_a_minute_without_chance() -> None:
    """The first probe comes after a second, counted from no probe at all."""
    assert [probe_delay(probes) / SECOND for probes in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_reconnects_double_to_ten_seconds() -> None:
    """A daemon looks again after a tenth of a second, and at last every ten."""
    delays = [reconnect_delay(failures, MIDDLE) / SECOND for failures in range(1, 10)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]


@pytest.mark.parametrize(("jitter", "seconds"), [(0, 6.0), (0.25, 7.0), (0.5, 8.0), (0.75, 9.0)])
def test_jitter_spreads_a_quarter_to_both_sides(jitter: float, seconds: float) -> None:
    """The formula is base * (0.75 + jitter / 2)."""
    assert timedelta(seconds=seconds) == spread(8 * SECOND, jitter)


@given(st.integers(1, 10**12), jitters)
def test_delays_stay_in_their_interval(nth: int, jitter: float) -> None:
    """No number of failures waits nothing, overflows or waits for ever."""
    base = doubled(nth, SECOND, 60 * SECOND)
    assert SECOND <= base <= 60 * SECOND
    assert 0.75 * base <= unknown_retry_delay(nth, jitter) <= 1.25 * base
    assert timedelta(seconds=0.075) <= reconnect_delay(nth, jitter) <= timedelta(seconds=12.5)
    assert SECOND <= probe_delay(nth) <= 60 * SECOND


@given(st.integers(1, 10**6), jitters, jitters)
def test_delays_never_shrink(nth: int, jitter: float, other: float) -> None:
    """A later wait with the same luck is no shorter, nor is one with more jitter."""
    assert unknown_retry_delay(nth, jitter) <= unknown_retry_delay(nth + 1, jitter)
    low, high = sorted((jitter, other))
    assert unknown_retry_delay(nth, low) <= unknown_retry_delay(nth, high)


@pytest.mark.parametrize(
    "call",
    [
        lambda: unknown_retry_delay(0, MIDDLE),
        lambda: reconnect_delay(0, MIDDLE),
        lambda: probe_delay(-1),
        lambda: unknown_retry_delay(1, 1.0),
        lambda: unknown_retry_delay(1, -0.1),
        lambda: unknown_retry_delay(1, float("nan")),
    ],
    ids=["attempt 0", "failures 0", "probes -1", "jitter 1", "jitter -0.1", "jitter nan"],
)
def test_senseless_arguments_are_refused(call: Callable[[], timedelta]) -> None:
    """A wait of the noughth try, or jitter out of its interval, is a mistake of the caller."""
    with pytest.raises(ValueError, match=r"counted from 1|at least 0 and below 1"):
        call()
