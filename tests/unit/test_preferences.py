"""What hosts write into preference columns, and what it means."""

from datetime import time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import UnreadablePreference
from schemas.preferences import BatchMode, Preferences, QuietHours, Unreadable, read_preferences

SHANGHAI = "Asia/Shanghai"
NIGHT = QuietHours(time(22), time(8))
UNTOUCHED = Preferences(
    enabled=True,
    stopped=False,
    daily_limit=10,
    min_score=0.7,
    quiet=None,
    zone=ZoneInfo(SHANGHAI),
    batch_mode=BatchMode.SMART,
    preferred_time=time(9),
)
HOST_COLUMNS = ("enable_push", "daily_limit", "quiet_hours", "batch_mode", "min_score", "preferred_time")
OWN_COLUMNS = ("timezone", "stop", "locale")


def shown(value: object) -> str:
    """Name a case by its value, types told apart."""
    return repr(value)[:60]


def host_value(column: str, value: object) -> object:
    """What a readable host column comes out as."""
    read = read_preferences({column: value}, None, SHANGHAI)
    assert isinstance(read, Preferences)
    return getattr(read, {"enable_push": "enabled", "quiet_hours": "quiet"}.get(column, column))


@pytest.mark.parametrize(
    "text",
    [
        "22:00-08:00",
        "22:00~08:00",
        "22:00-8:00",
        " 22:00 - 08:00 ",
        "22 : 00 - 08 : 00",
        "22:00:00-08:00:00",
        "２２：００－０８：００",
        "22：00～08：00",
        "22：00—08：00",
        "22：00——08：00",
        "22:00–08:00",
        "22:00至08:00",
        "22:00 到 08:00",
        "\u300022:00\u3000至\u300008:00",
        '{"start": "22:00", "end": "08:00"}',
        '{"end": "8:00", "start": "22：00"}',
        '["22:00","08:00"]',
    ],
    ids=shown,
)
def test_quiet_hours_are_read_in_every_spelling(text: str) -> None:
    """People and programs write the same night in many ways."""
    assert QuietHours.parse(text) == NIGHT
    assert host_value("quiet_hours", text) == NIGHT


@pytest.mark.parametrize(
    ("text", "quiet"),
    [
        ("22:00-24:00", QuietHours(time(22), time(0))),
        ("24:00-08:00", QuietHours(time(0), time(8))),
        ("00:00-06:30", QuietHours(time(0), time(6, 30))),
        ("12:30-13:45", QuietHours(time(12, 30), time(13, 45))),
    ],
)
def test_quiet_hours_keep_their_minutes_and_end_the_day(text: str, quiet: QuietHours) -> None:
    """Minutes count, and 24:00 is midnight."""
    assert quiet == QuietHours.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "晚上",
        "22:00",
        "22-8",
        "22:00-08:00-09:00",
        "22:00-08:00,12:00-13:00",
        "25:00-08:00",
        "22:60-08:00",
        "24:01-08:00",
        "-22:00-08:00",
        "22:00:30-08:00",
        "22:00 08:00",
        "10pm-8am",
        "off",
        "22:00-22:00",
        "00:00-24:00",
        "٢٢:٠٠-٠٨:٠٠",
        "[",
        "[[[[",
        "[22, 8]",
        '["22:00"]',
        '["22:00", "08:00", "09:00"]',
        '{"start": "22:00"}',
        '{"start": "22:00", "end": null}',
        '{"start": "22:00", "end": "08:00", "enabled": false}',
        "22:00-08:00" + " " * 300,
    ],
    ids=shown,
)
def test_other_quiet_hours_are_refused(text: str) -> None:
    """What is not surely understood is never guessed, equal times included."""
    with pytest.raises(UnreadablePreference, match=r"quiet_hours .* accepted: 22:00-08:00"):
        QuietHours.parse(text)
    assert isinstance(read_preferences({"quiet_hours": text}, None, SHANGHAI), Unreadable)


def test_a_span_of_no_length_cannot_be_made() -> None:
    """Nothing or the whole day: nobody can tell, so the type does not hold it."""
    with pytest.raises(UnreadablePreference, match="22:00-22:00"):
        QuietHours(time(22), time(22))


@pytest.mark.parametrize("unset", [None, "", "  ", "null", "{}", "[]"])
def test_unset_columns_and_missing_rows_mean_the_defaults(unset: object) -> None:
    """NULL, blank and no row at all are one thing: nothing was chosen."""
    assert read_preferences(None, None, SHANGHAI) == UNTOUCHED
    assert read_preferences({}, {}, SHANGHAI) == UNTOUCHED
    host = dict.fromkeys(HOST_COLUMNS, unset)
    assert read_preferences(host, dict.fromkeys(OWN_COLUMNS, unset), SHANGHAI) == UNTOUCHED


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("enable_push", 0, False),
        ("enable_push", "0", False),
        ("enable_push", "False", False),
        ("enable_push", False, False),
        ("enable_push", 1, True),
        ("enable_push", "1", True),
        ("enable_push", "true", True),
        ("enable_push", True, True),
        ("daily_limit", 0, 0),
        ("daily_limit", 3, 3),
        ("daily_limit", "3", 3),
        ("daily_limit", "１２", 12),
        ("daily_limit", 3.0, 3),
        ("daily_limit", Decimal(3), 3),
        ("min_score", 0, 0.0),
        ("min_score", "0.85", 0.85),
        ("min_score", Decimal("0.5"), 0.5),
        ("min_score", 1, 1.0),
        ("batch_mode", "immediate", BatchMode.IMMEDIATE),
        ("batch_mode", " Daily ", BatchMode.DAILY),
        ("preferred_time", "7:30", time(7, 30)),
        ("preferred_time", "07：30", time(7, 30)),
        ("preferred_time", "07:30:00", time(7, 30)),
        ("preferred_time", time(7, 30), time(7, 30)),
    ],
    ids=shown,
)
def test_columns_are_read_as_databases_give_them(column: str, value: object, expected: object) -> None:
    """SQLite and PostgreSQL disagree about types; the meaning is the same."""
    found = host_value(column, value)
    assert expected == found
    assert type(expected) is type(found)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("enable_push", 2),
        ("enable_push", "yes"),
        ("enable_push", b"1"),
        ("daily_limit", -1),
        ("daily_limit", "-1"),
        ("daily_limit", 2.5),
        ("daily_limit", "many"),
        ("daily_limit", "1e3"),
        ("daily_limit", "1_0"),
        ("daily_limit", True),
        ("daily_limit", "9" * 5000),
        ("min_score", 70),
        ("min_score", -0.1),
        ("min_score", "70%"),
        ("min_score", float("nan")),
        ("min_score", float("inf")),
        ("min_score", "nan"),
        ("min_score", Decimal("NaN")),
        ("min_score", Decimal("sNaN")),
        ("quiet_hours", 22),
        ("quiet_hours", b"22:00-08:00"),
        ("batch_mode", "weekly"),
        ("batch_mode", 1),
        ("preferred_time", "nine"),
        ("preferred_time", "9"),
        ("preferred_time", 9),
    ],
    ids=shown,
)
def test_unreadable_columns_are_named(column: str, value: object) -> None:
    """A complaint tells the column, the text, cut short, and what would be accepted."""
    read = read_preferences({column: value}, None, SHANGHAI)
    assert isinstance(read, Unreadable)
    assert read.message.startswith(f"{column} {str(value)[:40]!r} cannot be understood; accepted: ")
    assert len(read.message) < 200


@pytest.mark.parametrize(
    "zone",
    [
        "Asia",
        "Asia/Beijing",
        "Asia/Shanghai/",
        "+08:00",
        "UTC+8",
        "../Asia/Shanghai",
        "/etc/passwd",
        "localtime",
        "Factory",
        "posixrules",
        "right/Asia/Shanghai",
        "zone.tab",
        "\0",
        "\udc80",
        "x" * 5000,
        8,
        b"Asia/Shanghai",
    ],
    ids=shown,
)
def test_an_unknown_zone_is_unreadable(zone: object) -> None:
    """Without a zone nobody knows the user's night; the server's own zone and odd files are no answer."""
    read = read_preferences(None, {"timezone": zone}, SHANGHAI)
    assert isinstance(read, Unreadable)
    assert read.message.startswith("timezone ")
    assert read.message.endswith("accepted: an IANA name such as Asia/Shanghai")


def test_the_users_zone_goes_before_the_default() -> None:
    """The default zone serves only users without their own, and is itself checked."""
    read = read_preferences(None, {"timezone": " Europe/Berlin "}, "nowhere")
    assert isinstance(read, Preferences)
    assert ZoneInfo("Europe/Berlin") == read.zone
    assert isinstance(read_preferences(None, None, "nowhere"), Unreadable)


def test_every_unreadable_column_is_reported_at_once() -> None:
    """The operator repairs a row in one visit."""
    host = dict.fromkeys(HOST_COLUMNS, "？")
    read = read_preferences(host, {"timezone": "？", "stop": "？"}, SHANGHAI)
    assert isinstance(read, Unreadable)
    columns = {complaint.split()[0] for complaint in read.complaints}
    assert {*HOST_COLUMNS, "timezone", "stop"} == columns


@pytest.mark.parametrize(
    ("enable_push", "stop", "enabled", "stopped"),
    [
        (1, 1, True, True),
        (0, 0, False, False),
        (None, None, True, False),
        ("0", "true", False, True),
        ("maybe", "maybe", True, False),
    ],
    ids=shown,
)
def test_a_known_stop_holds_beside_unreadable_quiet_hours(
    enable_push: object,
    stop: object,
    *,
    enabled: bool,
    stopped: bool,
) -> None:
    """A user who said stop stays stopped, whatever else cannot be read."""
    host = {"enable_push": enable_push, "quiet_hours": "at night"}
    read = read_preferences(host, {"stop": stop}, SHANGHAI)
    assert isinstance(read, Unreadable)
    assert (enabled, stopped) == (read.enabled, read.stopped)


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(),
    st.binary(),
    st.times(),
    st.lists(st.integers(), max_size=2),
    st.from_regex(r" ?[0-9]{1,2}[:：][0-9]{2} ?[-~—至] ?[0-9]{1,2}[:：][0-9]{2}", fullmatch=True),
    st.sampled_from(["[" * 150, '{"start":' * 20, "Asia/Tokyo", "daily", "0.5"]),
)


@given(
    st.none() | st.dictionaries(st.sampled_from(HOST_COLUMNS), values),
    st.none() | st.dictionaries(st.sampled_from(OWN_COLUMNS), values),
)
# on a new machine the first text of all takes Hypothesis a second: it builds its table of characters
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_row_can_break_the_reading(
    host: dict[str, object] | None,
    own: dict[str, object] | None,
) -> None:
    """Whatever stands in a row, the answer is preferences or complaints, never an exception."""
    read = read_preferences(host, own, SHANGHAI)
    if isinstance(read, Unreadable):
        assert read.complaints
    else:
        assert read.daily_limit >= 0
        assert 0 <= read.min_score <= 1


whole_minutes = st.times().map(lambda at: at.replace(second=0, microsecond=0))


@given(whole_minutes, whole_minutes, st.sampled_from("-~—–至到－～"), st.sampled_from(["", " ", "\u3000"]))
def test_what_is_written_is_read_back(start: time, end: time, dash: str, space: str) -> None:
    """Every span survives being written, in our form and in the users'."""
    if start == end:
        return
    quiet = QuietHours(start, end)
    assert quiet == QuietHours.parse(str(quiet))
    assert quiet == QuietHours.parse(f"{start:%H：%M}{space}{dash}{space}{end:%H:%M}")
