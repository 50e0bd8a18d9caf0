"""The user's wall clock, judged on ordinary days and on the days when it jumps."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.quiet import day_start, is_quiet, next_day_start, next_local_time, quiet_from, quiet_until
from schemas.preferences import QuietHours

MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)

SHANGHAI, BERLIN, NEW_YORK = "Asia/Shanghai", "Europe/Berlin", "America/New_York"
LORD_HOWE, HAVANA, SAO_PAULO = "Australia/Lord_Howe", "America/Havana", "America/Sao_Paulo"
ST_JOHNS, TORONTO, APIA, NUUK = "America/St_Johns", "America/Toronto", "Pacific/Apia", "America/Nuuk"


def when(text: str) -> datetime:
    """An instant, written as the user's clock and its offset at that moment."""
    return datetime.fromisoformat(text)


def local(zone: ZoneInfo, instant: datetime) -> datetime:
    """What the user's clock reads."""
    return instant.astimezone(zone).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("zone", "quiet", "now", "expected"),
    [
        # the night in Shanghai: start inclusive, end exclusive, to the minute
        (SHANGHAI, "22:00-08:00", "2026-05-01T21:59:59.999999+08:00", False),
        (SHANGHAI, "22:00-08:00", "2026-05-01T22:00+08:00", True),
        (SHANGHAI, "22:00-08:00", "2026-05-02T00:00+08:00", True),
        (SHANGHAI, "22:00-08:00", "2026-05-02T07:59:59.999999+08:00", True),
        (SHANGHAI, "22:00-08:00", "2026-05-02T08:00+08:00", False),
        (SHANGHAI, "22:30-08:00", "2026-05-01T22:29+08:00", False),
        (SHANGHAI, "22:00-08:00", "2026-05-01T14:00+00:00", True),
        # within one day, and from and to midnight
        (SHANGHAI, "12:00-13:00", "2026-05-01T12:59+08:00", True),
        (SHANGHAI, "12:00-13:00", "2026-05-01T13:00+08:00", False),
        (SHANGHAI, "22:00-24:00", "2026-05-01T23:59+08:00", True),
        (SHANGHAI, "22:00-24:00", "2026-05-02T00:00+08:00", False),
        (SHANGHAI, "00:00-08:00", "2026-05-02T00:00+08:00", True),
        # the repeated hour is judged by what the clock reads, twice
        (BERLIN, "22:00-02:30", "2026-10-25T02:29+02:00", True),
        (BERLIN, "22:00-02:30", "2026-10-25T02:30+02:00", False),
        (BERLIN, "22:00-02:30", "2026-10-25T02:00+01:00", True),
        (BERLIN, "22:00-02:30", "2026-10-25T02:30+01:00", False),
    ],
)
def test_is_quiet(zone: str, quiet: str, now: str, expected: bool) -> None:  # noqa: FBT001
    """The wall clock decides."""
    assert expected is is_quiet(QuietHours.parse(quiet), ZoneInfo(zone), when(now))


@pytest.mark.parametrize(
    ("zone", "quiet", "now", "expected"),
    [
        (SHANGHAI, "22:00-08:00", "2026-05-01T23:00+08:00", "2026-05-02T08:00+08:00"),
        (SHANGHAI, "22:00-08:00", "2026-05-02T07:59:59.5+08:00", "2026-05-02T08:00+08:00"),
        (SHANGHAI, "22:00-08:00", "2026-05-02T08:00+08:00", "2026-05-02T08:00+08:00"),
        (SHANGHAI, "22:00-24:00", "2026-05-01T23:00+08:00", "2026-05-02T00:00+08:00"),
        # nights that are an hour shorter or longer
        (BERLIN, "22:00-08:00", "2026-03-28T22:00+01:00", "2026-03-29T08:00+02:00"),
        (BERLIN, "22:00-08:00", "2026-10-24T22:00+02:00", "2026-10-25T08:00+01:00"),
        (NEW_YORK, "22:00-08:00", "2026-03-07T22:00-05:00", "2026-03-08T08:00-04:00"),
        (NEW_YORK, "22:00-08:00", "2026-10-31T22:00-04:00", "2026-11-01T08:00-05:00"),
        (LORD_HOWE, "22:00-08:00", "2026-10-03T22:00+10:30", "2026-10-04T08:00+11:00"),
        (LORD_HOWE, "22:00-08:00", "2026-04-04T22:00+11:00", "2026-04-05T08:00+10:30"),
        # an end that the clock skips is reached at the jump
        (BERLIN, "22:00-02:30", "2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00"),
        (NEW_YORK, "22:00-02:30", "2026-03-08T00:00-05:00", "2026-03-08T03:00-04:00"),
        (LORD_HOWE, "22:00-02:15", "2026-10-04T01:59+10:30", "2026-10-04T02:30+11:00"),
        # an end in the repeated hour ends both times
        (BERLIN, "22:00-02:30", "2026-10-25T02:10+02:00", "2026-10-25T02:30+02:00"),
        (BERLIN, "22:00-02:30", "2026-10-25T02:10+01:00", "2026-10-25T02:30+01:00"),
        (LORD_HOWE, "22:00-01:45", "2026-04-05T01:40+11:00", "2026-04-05T01:45+11:00"),
        (LORD_HOWE, "22:00-01:45", "2026-04-05T01:40+10:30", "2026-04-05T01:45+10:30"),
        # an end that the clock is set back from is reached the second time
        (BERLIN, "22:00-03:00", "2026-10-25T02:59+02:00", "2026-10-25T03:00+01:00"),
        (LORD_HOWE, "22:00-02:00", "2026-04-05T01:59+11:00", "2026-04-05T02:00+10:30"),
    ],
)
def test_quiet_until(zone: str, quiet: str, now: str, expected: str) -> None:
    """Quiet ends when the user's clock says so."""
    assert when(expected) == quiet_until(QuietHours.parse(quiet), ZoneInfo(zone), when(now))


@pytest.mark.parametrize(
    ("zone", "quiet", "now", "expected"),
    [
        (SHANGHAI, "22:00-08:00", "2026-05-01T21:00:00.25+08:00", "2026-05-01T22:00+08:00"),
        (SHANGHAI, "22:00-08:00", "2026-05-01T22:00+08:00", "2026-05-01T22:00+08:00"),
        (SHANGHAI, "22:00-08:00", "2026-05-01T23:30+08:00", "2026-05-01T23:30+08:00"),
        (SHANGHAI, "22:00-08:00", "2026-05-02T08:00+08:00", "2026-05-02T22:00+08:00"),
        # a start that the clock skips is reached at the jump; a whole span in the gap does not happen
        (BERLIN, "02:15-06:00", "2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"),
        (BERLIN, "02:00-03:00", "2026-03-29T01:00+01:00", "2026-03-30T02:00+02:00"),
        # the clock is set back into the quiet
        (BERLIN, "22:00-02:30", "2026-10-25T02:40+02:00", "2026-10-25T02:00+01:00"),
        (BERLIN, "02:30-06:00", "2026-10-25T02:10+01:00", "2026-10-25T02:30+01:00"),
    ],
)
def test_quiet_from(zone: str, quiet: str, now: str, expected: str) -> None:
    """Quiet begins when the user's clock says so; inside it, now."""
    assert when(expected) == quiet_from(QuietHours.parse(quiet), ZoneInfo(zone), when(now))


def test_no_quiet_hours_are_never_quiet() -> None:
    """Without quiet hours every instant is open and no quiet begins."""
    now = when("2026-05-01T23:00+08:00")
    zone = ZoneInfo(SHANGHAI)
    assert not is_quiet(None, zone, now)
    assert now == quiet_until(None, zone, now)
    assert quiet_from(None, zone, now) is None


@pytest.mark.parametrize(
    ("zone", "now", "start", "following"),
    [
        (SHANGHAI, "2026-05-01T00:00+08:00", "2026-05-01T00:00+08:00", "2026-05-02T00:00+08:00"),
        (SHANGHAI, "2026-05-01T23:59:59+08:00", "2026-05-01T00:00+08:00", "2026-05-02T00:00+08:00"),
        (BERLIN, "2026-03-29T12:00+02:00", "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"),
        (NEW_YORK, "2026-11-01T12:00-05:00", "2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00"),
        # midnight is skipped; midnight comes twice; 23:30 is followed by 00:30
        (SAO_PAULO, "2018-11-04T12:00-02:00", "2018-11-04T01:00-02:00", "2018-11-05T00:00-02:00"),
        (SAO_PAULO, "2018-11-03T12:00-03:00", "2018-11-03T00:00-03:00", "2018-11-04T01:00-02:00"),
        (HAVANA, "2025-11-02T00:30-05:00", "2025-11-02T00:00-04:00", "2025-11-03T00:00-05:00"),
        (TORONTO, "1919-03-30T12:00-05:00", "1919-03-30T00:00-05:00", "1919-03-31T00:30-04:00"),
        (TORONTO, "1919-03-31T12:00-04:00", "1919-03-31T00:30-04:00", "1919-04-01T00:00-04:00"),
        # midnight is set back into the day before; a whole day is skipped
        (SAO_PAULO, "2018-02-17T23:30-02:00", "2018-02-17T00:00-02:00", "2018-02-18T00:00-03:00"),
        (ST_JOHNS, "2006-10-28T23:30-03:30", "2006-10-28T00:00-02:30", "2006-10-29T00:00-03:30"),
        (ST_JOHNS, "2006-10-29T12:00-03:30", "2006-10-29T00:00-02:30", "2006-10-30T00:00-03:30"),
        (APIA, "2011-12-29T12:00-10:00", "2011-12-29T00:00-10:00", "2011-12-31T00:00+14:00"),
    ],
)
def test_days_begin_where_the_users_calendar_turns(zone: str, now: str, start: str, following: str) -> None:
    """Usually at midnight, but not every day has one, and some have two."""
    assert when(start) == day_start(ZoneInfo(zone), when(now))
    assert when(following) == next_day_start(ZoneInfo(zone), when(now))


@pytest.mark.parametrize(
    ("zone", "at", "now", "expected"),
    [
        (SHANGHAI, time(9), "2026-05-01T08:00+08:00", "2026-05-01T09:00+08:00"),
        (SHANGHAI, time(9), "2026-05-01T09:00+08:00", "2026-05-01T09:00+08:00"),
        (SHANGHAI, time(9), "2026-05-01T09:00:00.000001+08:00", "2026-05-02T09:00+08:00"),
        (SHANGHAI, time(0), "2026-05-01T00:01+08:00", "2026-05-02T00:00+08:00"),
        (BERLIN, time(9), "2026-03-28T10:00+01:00", "2026-03-29T09:00+02:00"),
        # skipped: at the jump; read twice: the first time only
        (BERLIN, time(2, 30), "2026-03-29T00:00+01:00", "2026-03-29T03:00+02:00"),
        (BERLIN, time(2, 30), "2026-10-25T00:00+02:00", "2026-10-25T02:30+02:00"),
        (BERLIN, time(2, 30), "2026-10-25T02:40+02:00", "2026-10-26T02:30+01:00"),
        (LORD_HOWE, time(2, 15), "2026-10-04T01:00+10:30", "2026-10-04T02:30+11:00"),
    ],
)
def test_next_local_time(zone: str, at: time, now: str, expected: str) -> None:
    """A preferred time comes once on every local date."""
    assert when(expected) == next_local_time(at, ZoneInfo(zone), when(now))


SHANGHAI_ZONE = ZoneInfo(SHANGHAI)


@pytest.mark.parametrize(
    "call",
    [
        lambda now: is_quiet(QuietHours.parse("22:00-08:00"), SHANGHAI_ZONE, now),
        lambda now: day_start(SHANGHAI_ZONE, now),
        lambda now: next_day_start(SHANGHAI_ZONE, now),
        lambda now: next_local_time(time(9), SHANGHAI_ZONE, now),
    ],
    ids=["is_quiet", "day_start", "next_day_start", "next_local_time"],
)
def test_an_instant_without_a_zone_is_refused(call: Callable[[datetime], object]) -> None:
    """A naive datetime would be read in the server's zone; that mistake is loud."""
    with pytest.raises(ValueError, match="without a zone"):
        call(datetime(2026, 5, 1, 12))  # noqa: DTZ001 - on purpose


JUMPING = (BERLIN, NEW_YORK, LORD_HOWE, HAVANA, NUUK, "America/Santiago", "Asia/Beirut", "Africa/Casablanca")
STEADY = (SHANGHAI, "UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "America/Phoenix")
DAY = timedelta(days=1)
DAYS = [datetime(2024, 1, 1, tzinfo=UTC) + DAY * day for day in range(3 * 365)]
JUMPS = [
    (zone, day)
    for zone in map(ZoneInfo, JUMPING)
    for day in DAYS
    if day.astimezone(zone).utcoffset() != (day + DAY).astimezone(zone).utcoffset()
]
"""Zones, and the days (in UTC) on which their clocks jump."""

Moment = tuple[ZoneInfo, datetime]
anywhere: st.SearchStrategy[Moment] = st.tuples(
    st.sampled_from(JUMPING + STEADY).map(ZoneInfo),
    # since 2012 no zone has skipped a date
    st.datetimes(datetime(2012, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
near_jumps: st.SearchStrategy[Moment] = st.builds(
    lambda jump, minutes, seconds: (jump[0], jump[1] + minutes * MINUTE + timedelta(seconds=seconds)),
    st.sampled_from(JUMPS),
    st.integers(-36 * 60, 36 * 60),
    st.sampled_from([0.0, 0.000001, 30.5, 59.999999]),
)
moments = anywhere | near_jumps
clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 45, 59]))
spans = st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: QuietHours(*pair))


def minutes_between(now: datetime, end: datetime) -> Iterator[datetime]:
    """``now``, every minute after it that begins before ``end``, and the last instant before ``end``."""
    if now < end:
        yield now
        at = now.replace(second=0, microsecond=0) + MINUTE
        while at < end:
            yield at
            at += MINUTE
        yield end - INSTANT


def jumped(zone: ZoneInfo, instant: datetime) -> bool:
    """Whether the clock jumps at this instant."""
    return (instant - INSTANT).astimezone(zone).utcoffset() != instant.astimezone(zone).utcoffset()


def test_there_are_jumps_to_test_with() -> None:
    """Two a year in every zone that has them: the properties below meet them all the time."""
    assert len(JUMPS) == len(JUMPING) * 6


@given(moments, spans)
@settings(deadline=None)
def test_everything_before_quiet_until_is_quiet_and_it_is_not(moment: Moment, quiet: QuietHours) -> None:
    """The answer is open, and nothing sooner is."""
    zone, now = moment
    until = quiet_until(quiet, zone, now)
    assert until >= now
    assert until.tzinfo is UTC
    assert not is_quiet(quiet, zone, until)
    assert all(is_quiet(quiet, zone, at) for at in minutes_between(now, until))


@given(moments, spans)
@settings(deadline=None)
def test_everything_before_quiet_from_is_open_and_it_is_not(moment: Moment, quiet: QuietHours) -> None:
    """The answer is quiet, and nothing sooner is: a message may leave at any moment before it."""
    zone, now = moment
    begins = quiet_from(quiet, zone, now)
    assert begins is not None
    assert begins >= now
    assert begins.tzinfo is UTC
    assert is_quiet(quiet, zone, begins)
    assert not any(is_quiet(quiet, zone, at) for at in minutes_between(now, begins))


@given(moments)
@settings(deadline=None)
def test_the_next_day_is_the_next_date_and_nothing_sooner_is(moment: Moment) -> None:
    """The answer has tomorrow's date, and all before it is today."""
    zone, now = moment
    today = local(zone, now).date()
    following = next_day_start(zone, now)
    assert following > now
    assert following.tzinfo is UTC
    assert local(zone, following).date() == today + DAY
    assert all(local(zone, at).date() == today for at in minutes_between(now, following))


@given(moments)
@settings(deadline=None)
def test_the_day_begins_with_its_first_instant(moment: Moment) -> None:
    """All from the answer to now is today, and just before it was not."""
    zone, now = moment
    today = local(zone, now).date()
    start = day_start(zone, now)
    assert start <= now
    assert start.tzinfo is UTC
    assert all(local(zone, at).date() == today for at in minutes_between(start, now))
    assert local(zone, start - INSTANT).date() < today
    assert start == next_day_start(zone, start - INSTANT)
    assert start == day_start(zone, start)


@given(moments, clocks)
@settings(deadline=None)
def test_a_local_time_is_met_or_jumped_over(moment: Moment, at: time) -> None:
    """The clock reads it, or the instant is a jump that skipped it; and it comes again a day later."""
    zone, now = moment
    found = next_local_time(at, zone, now)
    assert now <= found <= now + 26 * timedelta(hours=1)
    assert found.tzinfo is UTC
    if local(zone, found).time() != at:
        assert jumped(zone, found)
        before = local(zone, found - INSTANT)
        assert before < datetime.combine(before.date() + DAY * (at < before.time()), at) < local(zone, found)
    again = next_local_time(at, zone, found + INSTANT)
    assert timedelta(hours=22) <= again - found <= timedelta(hours=26)


@given(moments, spans, st.sampled_from([SHANGHAI, NEW_YORK]).map(ZoneInfo))
@settings(deadline=None)
def test_the_zone_of_now_does_not_matter(moment: Moment, quiet: QuietHours, other: ZoneInfo) -> None:
    """An instant is an instant, in whatever zone it is written."""
    zone, now = moment
    elsewhere = now.astimezone(other)
    assert is_quiet(quiet, zone, now) is is_quiet(quiet, zone, elsewhere)
    assert quiet_until(quiet, zone, now) == quiet_until(quiet, zone, elsewhere)
    assert quiet_from(quiet, zone, now) == quiet_from(quiet, zone, elsewhere)
    assert next_day_start(zone, now) == next_day_start(zone, elsewhere)
    assert day_start(zone, now) == day_start(zone, elsewhere)
