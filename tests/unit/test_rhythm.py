"""A person's learnt hours, with expectations worked out by hand."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer import rhythm
from consumer.facts import Person, Window
from consumer.rhythm import HALF_LIFE, Basis, Rhythm, best_instant, best_time, heard, joined
from schemas.decisions import RecipientKey
from schemas.preferences import QuietHours

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
INDIA = ZoneInfo("Asia/Kolkata")
NINE = time(9)
NIGHT = QuietHours(time(22), time(8))
NOON = datetime.fromisoformat("2026-11-22T12:00:00+08:00")


def spoken(*texts: str) -> Rhythm | None:
    """Words at these instants, in this order."""
    found: Rhythm | None = None
    for text in texts:
        found = heard(found, datetime.fromisoformat(text))
    return found


EVENINGS = tuple(
    f"2026-11-{day}T20:{minute:02}:00+08:00" for day, minute in ((18, 10), (19, 40), (20, 5), (21, 30))
)


def test_four_evenings_are_a_habit() -> None:
    """Who spoke at about eight on four evenings is best reached at eight."""
    chosen = best_time(spoken(*EVENINGS), SHANGHAI, NIGHT, NINE, NOON)
    assert (chosen.at, chosen.basis) == (time(20), Basis.LEARNT)
    assert round(chosen.hours) == 4
    assert round(chosen.days) == 4


def test_nothing_heard_is_said() -> None:
    """Of somebody who never spoke there is nothing to learn from, and the fallback stands."""
    assert best_time(None, SHANGHAI, None, NINE, NOON) == rhythm.Chosen(NINE, Basis.SILENT)


def test_one_evening_is_no_habit() -> None:
    """Five hours of talk on one day are thin, as are three on three days."""
    one_day = spoken(*(f"2026-11-21T{hour}:30:00+08:00" for hour in (10, 12, 14, 16, 20)))
    assert best_time(one_day, SHANGHAI, None, NINE, NOON).basis is Basis.THIN
    assert best_time(spoken(*EVENINGS[:3]), SHANGHAI, None, NINE, NOON).basis is Basis.THIN


def test_a_burst_counts_once() -> None:
    """Twenty words within one hour say no more than one of them."""
    burst = spoken(*(f"2026-11-21T20:{minute:02}:00+08:00" for minute in range(20)))
    assert burst is not None
    assert burst.hours[12] == 1.0
    assert burst.total == burst.days == 1.0


def test_words_spread_evenly_choose_no_hour() -> None:
    """Where every hour of the day is spoken in alike, none stands out."""
    found: Rhythm | None = None
    for day in (19, 20, 21):
        for hour in range(9, 22):
            found = heard(found, datetime.fromisoformat(f"2026-11-{day}T{hour:02}:15:00+08:00"))
    assert best_time(found, SHANGHAI, None, NINE, NOON).basis is Basis.EVEN


def test_quiet_hours_are_never_chosen() -> None:
    """Who speaks at eleven in the evening and at noon, but is not to be disturbed from ten, gets noon."""
    nights = [f"2026-11-{day}T23:10:00+08:00" for day in (16, 17, 18, 19, 20, 21)]
    noons = [f"2026-11-{day}T12:10:00+08:00" for day in (17, 18, 19, 20, 21)]
    found = spoken(*sorted([*nights, *noons]))
    assert best_time(found, SHANGHAI, None, NINE, NOON).at == time(23)
    assert best_time(found, SHANGHAI, NIGHT, NINE, NOON).at == time(12)
    only_nights = best_time(spoken(*nights), SHANGHAI, NIGHT, NINE, NOON)
    assert (only_nights.at, only_nights.basis) == (NINE, Basis.EVEN)


def test_hours_beside_count_half() -> None:
    """Words a little before and a little after eight are one habit, not two."""
    around = spoken(
        "2026-11-17T19:55:00+08:00",
        "2026-11-18T20:05:00+08:00",
        "2026-11-19T21:10:00+08:00",
        "2026-11-20T19:50:00+08:00",
        "2026-11-21T13:00:00+08:00",
        "2026-11-21T21:05:00+08:00",
    )
    assert best_time(around, SHANGHAI, NIGHT, NINE, NOON).at == time(20)


def test_a_changed_zone_keeps_its_meaning() -> None:
    """The same instants are half past five in the afternoon in India, and morning in New York."""
    found = spoken(*EVENINGS)
    assert best_time(found, INDIA, None, NINE, NOON).at == time(17, 30)
    assert best_time(found, NEW_YORK, None, NINE, NOON).at == time(7)


def test_summer_time_moves_the_hour() -> None:
    """Noon of UTC is seven in New York's winter and eight in its summer."""
    winter = spoken(*EVENINGS)
    summer = spoken(*(f"2026-07-{day}T12:10:00+00:00" for day in (11, 12, 13, 14)))
    assert best_time(winter, NEW_YORK, None, NINE, NOON).at == time(7)
    july = datetime(2026, 7, 15, tzinfo=UTC)
    assert best_time(summer, NEW_YORK, None, NINE, july).at == time(8)


def test_a_habit_given_up_fades() -> None:
    """Ten evenings of two months ago weigh less than five mornings of this week."""
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    found: Rhythm | None = None
    for day in range(10):
        found = heard(found, now - timedelta(days=70 - day, hours=1))
    for day in range(5):
        found = heard(found, now - timedelta(days=5 - day, hours=11))
    assert found is not None
    assert best_time(found, ZoneInfo("UTC"), None, NINE, now).at == time(1)
    late = best_time(found, ZoneInfo("UTC"), None, NINE, now + 3 * HALF_LIFE)
    assert late.basis is Basis.THIN


def test_an_older_word_counts_as_what_it_weighs() -> None:
    """A word of four weeks ago that is heard of now counts half, whichever order they came in."""
    then, now = datetime(2026, 10, 25, 3, tzinfo=UTC), datetime(2026, 11, 22, 3, tzinfo=UTC)
    late, early = heard(heard(None, now), then), heard(heard(None, then), now)
    assert late == early
    assert (late.hours[3], late.days) == (1.5, 1.5)


def test_conversations_of_one_person_are_one_rhythm() -> None:
    """Two KF accounts that one person writes to are learnt from together."""
    one = RecipientKey("wk1", "wmA")
    two = RecipientKey("wk2", "wmA")
    windows = (
        Window(one, hours=_column(*EVENINGS[:2])),
        Window(two, hours=_column(*EVENINGS[2:])),
        Window(RecipientKey("wk3", "wmA")),
    )
    found = Person(windows, {}).rhythm
    assert found is not None
    assert found.total == pytest.approx(4, abs=0.2)
    assert Person((), {}).rhythm is None
    assert joined([]) is None


def test_waiting_pays_until_the_best_hour() -> None:
    """What may wait until midnight waits for eight in the evening; what may wait until six does not wait."""
    found = spoken(*EVENINGS)
    eight = datetime.fromisoformat("2026-11-22T20:00:00+08:00")
    assert best_instant(found, SHANGHAI, NIGHT, NOON, NOON + timedelta(hours=12)) == eight
    assert best_instant(found, SHANGHAI, NIGHT, NOON, NOON + timedelta(hours=6)) is None
    assert best_instant(None, SHANGHAI, NIGHT, NOON, NOON + timedelta(hours=12)) is None
    inside = eight + timedelta(minutes=20)
    assert best_instant(found, SHANGHAI, NIGHT, inside, inside + timedelta(hours=3)) == inside
    until_ten = QuietHours(time(19), time(22))
    assert best_instant(found, SHANGHAI, until_ten, NOON, NOON + timedelta(hours=12)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        '{"at": "never", "days": 1, "hours": {"1": 1}}',
        '{"at": "2026-11-22T04:00:00.000Z", "days": 1, "hours": {"24": 1}}',
        '{"at": "2026-11-22T04:00:00.000Z", "days": 1, "hours": {"1": -1}}',
        '{"at": "2026-11-22T04:00:00.000Z", "days": NaN, "hours": {"1": 1}}',
        '{"at": "2026-11-22T04:00:00.000Z", "days": 1}',
    ],
)
def test_an_unreadable_column_is_learnt_anew(text: str) -> None:
    """What cannot be read is as nothing; the next word begins a new one."""
    assert rhythm.from_column(text) is None
    assert rhythm.with_one_more(text, NOON) == rhythm.with_one_more(None, NOON)


def test_the_column_is_short_and_plain() -> None:
    """Hours in which nothing was heard are not written."""
    assert _column("2026-11-22T12:00:00+08:00") == (
        '{"at": "2026-11-22T04:00:00.000Z", "days": 1.0, "hours": {"4": 1.0}}'
    )


def test_a_word_in_the_same_hour_writes_nothing() -> None:
    """A second word of the hour leaves the very text that was there."""
    column = _column("2026-11-22T12:00:00+08:00")
    assert rhythm.with_one_more(column, NOON + timedelta(minutes=59)) is column


def test_local_hours_begin_at_midnight() -> None:
    """The chart runs from midnight to midnight by the user's clock."""
    found = spoken(*EVENINGS)
    assert found is not None
    hours = rhythm.by_local_hour(found, SHANGHAI, NOON)
    assert [at for at, _ in hours] == [time(hour) for hour in range(24)]
    assert [round(count) for _, count in hours] == [0] * 20 + [4] + [0] * 3


INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ZONES = st.sampled_from([SHANGHAI, NEW_YORK, INDIA, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")])
QUIETS = st.none() | st.builds(
    QuietHours, st.times().map(lambda at: at.replace(microsecond=0)), st.just(time(12, 34, 56))
)


@given(st.lists(INSTANTS, max_size=40), ZONES, QUIETS, INSTANTS)
def test_a_choice_is_never_quiet(
    words: list[datetime], zone: ZoneInfo, quiet: QuietHours | None, now: datetime
) -> None:
    """Whatever was heard: a learnt time is no quiet one, its basis is told, and no count goes wrong."""
    found: Rhythm | None = None
    for word in words:
        found = heard(found, word)
    chosen = best_time(found, zone, quiet, NINE, now)
    assert chosen.at == NINE or chosen.is_learnt
    if chosen.is_learnt and quiet is not None:
        is_in = chosen.at >= quiet.start, chosen.at < quiet.end
        assert not (all(is_in) if quiet.start < quiet.end else any(is_in))
    if found is not None:
        assert 0 < found.total <= len(words)
        assert found.days <= found.total + 1e-9
        again = rhythm.from_column(rhythm.to_column(found))
        assert again is not None
        assert again.hours == pytest.approx(found.hours, abs=0.002)
    instant = best_instant(found, zone, quiet, now, now + timedelta(hours=30))
    assert instant is None or now <= instant <= now + timedelta(hours=24)


def _column(*texts: str) -> str | None:
    found = spoken(*texts)
    return rhythm.to_column(found) if found else None
