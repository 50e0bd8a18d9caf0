"""The price of a message, and the last good moment: numbers worked out by hand."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.quiet import awake_between
from consumer.spending import awake_in_a_day, last_good, price
from schemas.preferences import QuietHours
from tests.unit.people_at_noon import SHANGHAI, at

DAY = timedelta(days=1)
NIGHT = QuietHours.parse("22:00-08:00")


def test_a_fresh_window_has_messages_enough() -> None:
    """Five for two days, and one strong match: 0.253 days each, in which 0.40 come."""
    assert price(5, 2 * DAY, 1, timedelta(0)) == timedelta(0)


def test_where_messages_are_scarce_they_are_spaced() -> None:
    """One for a day of which 0.787 days pass: at 2.3 matches a day it costs 0.787 x (1.81 - 0.5) days."""
    assert price(1, DAY, 4, DAY) / DAY == pytest.approx(1.0309, abs=0.001)


def test_a_day_is_as_long_as_it_is_awake() -> None:
    """Somebody who sleeps ten hours has the same prices, in days of fourteen."""
    day = timedelta(hours=14)
    assert price(1, day, 4, day, day) / day == pytest.approx(price(1, DAY, 4, DAY) / DAY)


@given(st.integers(1, 5), st.floats(0, 2), st.integers(0, 40), st.floats(0, 2))
def test_fewer_messages_cost_more_and_so_do_more_matches(
    messages: int, left: float, seen: int, passed: float
) -> None:
    """Never less than nothing."""
    asked = price(messages, left * DAY, seen, passed * DAY)
    assert timedelta(0) <= price(messages + 1, left * DAY, seen, passed * DAY) <= asked
    assert asked <= price(messages, left * DAY, seen + 1, passed * DAY)


def test_how_much_of_a_day_is_awake() -> None:
    """Across midnight, within a day, and without quiet hours."""
    assert awake_in_a_day(NIGHT) == timedelta(hours=14)
    assert awake_in_a_day(QuietHours.parse("12:00-13:30")) == timedelta(hours=22.5)
    assert awake_in_a_day(None) == DAY


def test_how_much_of_a_time_is_awake() -> None:
    """From noon over a night and a half: ten hours, fourteen, and none of the second night's first half."""
    assert awake_between(NIGHT, SHANGHAI, at("22 12:00"), at("24 03:00")) == timedelta(hours=24)
    assert awake_between(NIGHT, SHANGHAI, at("22 23:00"), at("23 07:00")) == timedelta(0)
    assert awake_between(None, SHANGHAI, at("22 12:00"), at("24 03:00")) == timedelta(hours=39)


@pytest.mark.parametrize(
    ("end", "moment"),
    [("24 11:00", "24 10:50"), ("24 03:00", "23 21:50"), ("23 23:00", "23 21:50"), ("24 08:05", "23 21:50")],
)
def test_the_last_good_moment(end: str, moment: str) -> None:
    """Ten minutes before the end, or before the quiet hours that cover it."""
    assert last_good(NIGHT, SHANGHAI, at(end)) == at(moment)
