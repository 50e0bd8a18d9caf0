"""Instants as text: ours sort as they follow, a host's are read with care."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import (
    UnreadableTime,
    from_text,
    maybe_from_text,
    maybe_text,
    not_before,
    parse_host_time,
    to_text,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (datetime(2026, 11, 22, 6, 0, tzinfo=UTC), "2026-11-22T06:00:00.000Z"),
        (datetime(2026, 11, 22, 6, 0, 1, 999_999, tzinfo=UTC), "2026-11-22T06:00:01.999Z"),
        (datetime(2026, 11, 22, 6, 0, tzinfo=SHANGHAI), "2026-11-21T22:00:00.000Z"),
        (datetime(1, 1, 8, tzinfo=UTC), "0001-01-08T00:00:00.000Z"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "9999-12-31T23:59:59.000Z"),
    ],
)
def test_to_text(instant: datetime, expected: str) -> None:
    """UTC, four digits of the year, milliseconds cut and not rounded, Z."""
    assert expected == to_text(instant)
    assert expected == maybe_text(instant)


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_date_that_is_written_is_no_moment_too_early(instant: datetime) -> None:
    """What is read back is the instant itself, or less than a millisecond later."""
    written = from_text(to_text(not_before(instant)))

    assert timedelta(0) <= written - instant < timedelta(milliseconds=1)
    assert not_before(written) == written


def test_no_instant() -> None:
    """None stays None, and an instant without a zone is not guessed at."""
    assert maybe_text(None) is None
    assert maybe_from_text(None) is None
    with pytest.raises(ValueError, match="without a zone"):
        to_text(datetime(2026, 11, 22))  # noqa: DTZ001 - the point


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_texts_sort_as_instants_do(one: datetime, other: datetime) -> None:
    """SQL may compare our times as text, in every year there is."""
    earlier, later = sorted((one, other))

    assert to_text(earlier) <= to_text(later)
    assert timedelta(0) <= one - from_text(to_text(one)) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # a space: SQL's CURRENT_TIMESTAMP, UTC whatever the host's zone
        ("2026-11-22 11:30:00", "2026-11-22T11:30:00+00:00"),
        ("2026-11-22 11:30:00.123", "2026-11-22T11:30:00.123+00:00"),
        ("  2026-11-22 11:30:00\n", "2026-11-22T11:30:00+00:00"),
        # a T without an offset: datetime.now().isoformat(), the host's own clock
        ("2026-11-22T19:30:00", "2026-11-22T11:30:00+00:00"),
        ("2026-11-22T19:30:00.123456", "2026-11-22T11:30:00.123456+00:00"),
        # an offset wins in either form
        ("2026-11-22T11:30:00Z", "2026-11-22T11:30:00+00:00"),
        ("2026-11-22T12:30:00+01:00", "2026-11-22T11:30:00+00:00"),
        ("2026-11-22 19:30:00+08:00", "2026-11-22T11:30:00+00:00"),
        # unix seconds
        (1795347000, "2026-11-22T11:30:00+00:00"),
        (1795347000.5, "2026-11-22T11:30:00.5+00:00"),
        # what a driver made of a TIMESTAMP column
        (datetime(2026, 11, 22, 11, 30), "2026-11-22T11:30:00+00:00"),  # noqa: DTZ001
        (datetime(2026, 11, 22, 19, 30, tzinfo=SHANGHAI), "2026-11-22T11:30:00+00:00"),
        # a clock that runs ahead a little is believed
        ("2026-11-22 12:05:00", "2026-11-22T12:05:00+00:00"),
        ("2000-01-01 00:00:00", "2000-01-01T00:00:00+00:00"),
    ],
)
def test_host_time(value: object, expected: str) -> None:
    """Each format that a host writes has one meaning."""
    found = parse_host_time(value, SHANGHAI, NOW)

    assert datetime.fromisoformat(expected) == found
    assert UTC is found.tzinfo


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        "2026-11-22 25:00:00",
        "22/11/2026 10:00",
        True,
        b"2026-11-22 11:30:00",
        float("nan"),
        1e20,
        "x" * 9999,
        # more than five minutes ahead: a wrong clock, or a wrong zone
        "2026-11-22 12:05:00.001",
        "2026-11-22T20:05:01",
        1795349101,
        "9999-12-31 23:59:59",
        # instants that UTC has not
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59-10:00",
        # zero dates: never
        "0001-01-01 00:00:00",
        "1970-01-01 00:00:00",
        0,
        "1999-12-31 23:59:59",
    ],
)
def test_unreadable_host_time(value: object) -> None:
    """What is no time, or cannot be believed, is unreadable and raises nothing else."""
    with pytest.raises(UnreadableTime) as unreadable:
        parse_host_time(value, SHANGHAI, NOW)

    assert len(str(unreadable.value)) < 120


def test_a_wrong_zone_is_hinted_at() -> None:
    """Eight hours ahead is what a wrong KFPUSH_HOST_TIMEZONE looks like."""
    with pytest.raises(UnreadableTime, match="KFPUSH_HOST_TIMEZONE"):
        parse_host_time("2026-11-22T20:00:00", ZoneInfo("UTC"), NOW)


@given(
    st.datetimes(min_value=datetime(2000, 1, 2), max_value=datetime(2026, 11, 21)),  # noqa: DTZ001
    st.integers(-14, 14),
    st.sampled_from(["Asia/Shanghai", "America/New_York", "UTC", "Australia/Lord_Howe"]),
)
def test_an_offset_beats_the_hosts_zone(local: datetime, hours: int, zone: str) -> None:
    """A time that names its offset means the same in every host zone."""
    offset = timezone(timedelta(hours=hours))
    text = local.replace(tzinfo=offset).isoformat()

    assert local.replace(tzinfo=offset) == parse_host_time(text, ZoneInfo(zone), NOW)
