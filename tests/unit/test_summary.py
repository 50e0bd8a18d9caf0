"""The daily summary: when it is due by the user's clock, and what it says; worked out by hand."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.quiet import next_local_time
from consumer.summary import Day, next_occasion, recap_of, text_of, wish_of, written
from consumer.templates import compile_template, match_values
from schemas.events import match_from

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
EIGHT_PM = time(20)
TODAY = date(2026, 11, 22)


def people(*given: dict[str, object]) -> list[dict[str, str]]:
    """Matches as a message words them."""
    base: dict[str, object] = {
        "user_id": "u1",
        "profile_name": "张三",
        "score": 0.85,
        "intent_name": "合伙人",
    }
    return [match_values(match_from(base | {"match_id": n} | more), n) for n, more in enumerate(given, 1)]


def utc(text: str) -> datetime:
    """An instant of UTC."""
    return datetime.fromisoformat(f"{text}+00:00")


CHANGES = ("2026-03-08T07:00", "2026-11-01T06:00", "2026-04-04T15:00", "2026-10-03T15:30", "2026-09-06T04:00")
"""When clocks change in New York, on Lord Howe (by half an hour) and in Chile (at midnight)."""


@pytest.mark.parametrize(
    ("chosen", "default", "wish"),
    [
        (None, None, None),
        (None, EIGHT_PM, EIGHT_PM),
        ("", EIGHT_PM, EIGHT_PM),
        ("off", EIGHT_PM, None),
        ("OFF", EIGHT_PM, None),
        ("07:30", EIGHT_PM, time(7, 30)),
        ("07:30", None, time(7, 30)),
        ("soon", EIGHT_PM, None),
    ],
)
def test_whose_wish_counts(chosen: object, default: time | None, wish: time | None) -> None:
    """The user's own, else the operator's; one that cannot be read brings no message."""
    assert wish_of(chosen, default) == wish


@pytest.mark.parametrize(
    ("at", "zone", "now", "due"),
    [
        (EIGHT_PM, SHANGHAI, "2026-11-22T11:59:59", "2026-11-22T12:00"),
        (EIGHT_PM, SHANGHAI, "2026-11-22T12:00:00", "2026-11-23T12:00"),
        (EIGHT_PM, NEW_YORK, "2026-11-22T12:00:00", "2026-11-23T01:00"),
        # the clock jumps from 02:00 to 03:00 on 8 March: half past two is at the jump
        (time(2, 30), NEW_YORK, "2026-03-07T12:00:00", "2026-03-08T07:00"),
        (time(2, 30), NEW_YORK, "2026-03-08T07:00:00", "2026-03-09T06:30"),
        # and reads 01:30 twice on 1 November: once is enough
        (time(1, 30), NEW_YORK, "2026-10-31T12:00:00", "2026-11-01T05:30"),
        (time(1, 30), NEW_YORK, "2026-11-01T05:30:00", "2026-11-02T06:30"),
        (time(1, 30), NEW_YORK, "2026-11-01T06:00:00", "2026-11-02T06:30"),
        # eight in the evening is an hour earlier in UTC once summer time begins
        (EIGHT_PM, NEW_YORK, "2026-03-07T12:00:00", "2026-03-08T01:00"),
        (EIGHT_PM, NEW_YORK, "2026-03-08T12:00:00", "2026-03-09T00:00"),
    ],
)
def test_when_it_is_due(at: time, zone: ZoneInfo, now: str, due: str) -> None:
    """Once a local date, by the user's own clock, summer time or not."""
    assert next_occasion(at, zone, utc(now)) == utc(due)


@given(
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from(
        [SHANGHAI, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/Santiago"), ZoneInfo("UTC")]
    ),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
    | st.builds(
        lambda change, minutes: change + timedelta(minutes=minutes),
        st.sampled_from([utc(text) for text in CHANGES]),
        st.integers(-600, 600),
    ),
)
def test_it_is_the_same_clock_as_preferred_time(at: time, zone: ZoneInfo, now: datetime) -> None:
    """每天 20:00 and 每日小结 20:00 mean the same instant, on every day of a year."""
    due = next_occasion(at, zone, now)
    assert due == next_local_time(at, zone, now + timedelta(microseconds=1))
    assert now < due <= now + timedelta(hours=25)


def test_a_summary() -> None:
    """What was found, what was sent, what waits, and how to go on."""
    text = text_of(
        Day(found=5, sent=3),
        people({"explanation": "做过 CTO"}, {"profile_name": "李四"}),
        TODAY,
        more=4,
        is_wished=False,
    )
    assert text == (
        "📋 每日小结 · 11月22日\n"
        "新找到 5 位匹配的联系人，已发给您 3 位，以下 2 位等您查看\n"
        "\n"
        "1. 张三 · 85% · 合伙人\n"
        "做过 CTO\n"
        "\n"
        "2. 李四 · 85% · 合伙人\n"
        "\n"
        "回复「查看1」到「查看2」了解详情\n"
        "还有 4 个，回复「更多」\n"
        "回复「关闭小结」不再接收小结"
    )


def test_who_wished_for_it_is_not_told_how_to_end_it() -> None:
    """The one line more is for those who were never asked."""
    text = text_of(Day(0, 0), people({}), TODAY, more=0, is_wished=True)
    assert text == (
        "📋 每日小结 · 11月22日\n以下 1 位匹配的联系人等您查看\n\n"
        "1. 张三 · 85% · 合伙人\n\n回复「查看1」了解详情"
    )


def test_the_operators_words_for_a_match() -> None:
    """A digest of theirs words the matches of a summary too."""
    line = compile_template("{n}) {profile_name}")
    text = text_of(Day(1, 0), people({}), TODAY, line, more=0, is_wished=True)
    assert "\n\n1) 张三\n\n回复" in text


def test_a_day_after_which_nothing_waits() -> None:
    """Who was sent already is named once more, without numbers: 查看1 would mean another message."""
    text = recap_of(Day(1, 2), people({}, {"profile_name": "李四", "intent_name": ""}), TODAY)
    assert text == (
        "📋 每日小结 · 11月22日\n"
        "新找到 1 位匹配的联系人，已发给您 2 位\n"
        "\n"
        "· 张三 · 85% · 合伙人\n"
        "· 李四 · 85%\n"
        "\n"
        "回复「查看」可以再看最近一条消息里的匹配"
    )


@given(st.integers(1, 60), st.integers(0, 900), st.text("长😀 x", max_size=700), st.booleans())
def test_it_fits_into_a_message(count: int, more: int, words: str, is_wished: bool) -> None:  # noqa: FBT001
    """However much there is to say."""
    given: list[dict[str, object]] = [
        {"explanation": words, "intent_name": words[:500]} for _ in range(count)
    ]
    values = people(*given)
    assert len(text_of(Day(999, 999), values, TODAY, more=more, is_wished=is_wished).encode()) <= 2048
    assert len(recap_of(Day(999, 999), values, TODAY).encode()) <= 2048


def test_a_schedule_is_written_with_what_it_follows_from() -> None:
    """Another time or another zone is another schedule."""
    assert written(EIGHT_PM, NEW_YORK) == "20:00 America/New_York"
