"""What holds of every decision: nothing is sent through a closed gate, and every date is a true one."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.facts import Candidate, Person, User, Window
from consumer.policy import judge
from schemas.decisions import Defer, Park, Reason, RecipientKey, Send
from schemas.preferences import BatchMode, Preferences, QuietHours

ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
CLOCK_GATES = {Reason.QUIET_HOURS, Reason.DAILY_LIMIT, Reason.BATCH_MODE}

clock_times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))
# ordinary days, and the days on which these zones change their clocks
moments = st.datetimes(datetime(2026, 10, 24), datetime(2026, 11, 3), timezones=st.just(UTC))  # noqa: DTZ001
ago = st.floats(0, 47.5).map(lambda number: timedelta(hours=number))
T = TypeVar("T")
PHONES = frozenset({"wm1"})


TROUBLES = ("closed", "exhausted", "state", "muted", "used", "off", "today", "paused", "score", "expiry")
"""What may stand in the way; at most two at a time, so that something is decided by the clocks alone too."""


@st.composite
def situations(draw: st.DrawFn) -> tuple[Person, Candidate, datetime]:
    """Anything that plan may know of a person with up to three accounts, and one match."""
    now = draw(moments)
    trouble = draw(st.sets(st.sampled_from(TROUBLES), max_size=2))
    start, end = draw(clock_times), draw(clock_times)

    def either(name: str, bad: st.SearchStrategy[T], good: st.SearchStrategy[T]) -> T:
        return draw(bad if name in trouble else good)

    windows = [
        Window(
            RecipientKey(f"wk{number}", "wm1"),
            either("closed", st.none() | st.just(now - timedelta(hours=48)), ago.map(lambda ago: now - ago)),
            either("exhausted", ago.map(lambda ago: now - ago), st.none()),
            either("state", st.sampled_from([2, 3]), st.sampled_from([None, 0, 1, 4])),
            either("muted", st.just(True), st.just(False)),  # noqa: FBT003
            either("used", st.integers(4, 6), st.integers(0, 4)),
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    preferences = Preferences(
        enabled=either("off", st.booleans(), st.just(True)),  # noqa: FBT003
        stopped=either("off", st.booleans(), st.just(False)),  # noqa: FBT003
        daily_limit=draw(st.integers(1, 3)),
        min_score=0.7,
        quiet=None if start == end else QuietHours(start, end),
        zone=ZoneInfo(draw(st.sampled_from(ZONES))),
        batch_mode=draw(st.sampled_from(BatchMode)),
        preferred_time=draw(clock_times),
    )
    person = Person(
        tuple(windows),
        {"u1": User(preferences, either("today", st.integers(1, 3), st.just(0)), PHONES)},
        either("paused", st.just({"wk0": now + timedelta(seconds=30)}), st.just({})),
        either("used", st.sampled_from([0, 2, 4]), st.just(0)),
        timedelta(seconds=draw(st.sampled_from([1, 8, 45]))),
    )
    match = Candidate(
        "m1",
        1,
        "u1",
        either("score", st.sampled_from([0.0, 0.69]), st.sampled_from([0.7, 1.0])),
        now + draw(ago) * either("expiry", st.sampled_from([-1, 0]), st.just(3)),
        now - draw(ago),
    )
    return person, match, now


def preferences_of(person: Person) -> Preferences:
    """The only user's preferences."""
    found = person.users["u1"].preferences
    assert isinstance(found, Preferences)
    return found


def reads_quiet(preferences: Preferences, instant: datetime) -> bool:
    """What a person sees who looks at the clock on the wall and at the two times."""
    clock, quiet = instant.astimezone(preferences.zone).time(), preferences.quiet
    if quiet is None:
        return False
    if quiet.start < quiet.end:
        return quiet.start <= clock < quiet.end
    return not quiet.end <= clock < quiet.start


@settings(deadline=None, max_examples=400)
@given(situations(), st.floats(0.001, 0.999))
def test_every_decision_holds(situation: tuple[Person, Candidate, datetime], part: float) -> None:
    """A send fits into every gate; a date lies ahead, is the earliest, and opens every clock gate."""
    person, match, now = situation
    decision = judge(person, match, now)

    if isinstance(decision, Send):
        fits_into_every_gate(person, match, now, decision)
    if isinstance(decision, Defer):
        assert decision.until > now
    if isinstance(decision, Defer) and decision.reason in CLOCK_GATES:
        opens_every_clock_gate(person, match, now, decision)
        between = judge(person, match, now + (decision.until - now) * part)
        assert not isinstance(between, Send) or person.users["u1"].today > 0


def fits_into_every_gate(person: Person, match: Candidate, now: datetime, decision: Send) -> None:
    """From now until send_by plus the timeout nothing is closed: no message can arrive too late."""
    preferences, user = preferences_of(person), person.users["u1"]
    [window] = [window for window in person.windows if window.recipient == decision.recipient]
    last = decision.send_by + person.send_timeout

    assert now <= decision.send_by
    assert window.opened_at is not None
    assert last <= window.opened_at + timedelta(hours=48) - timedelta(seconds=60)
    assert last <= match.expires_at
    steps = [now + (last - now) * part / 97 for part in range(97)]
    assert not [step for step in steps if reads_quiet(preferences, step)]
    assert window.used + person.slots_kept_back < 5
    assert window.exhausted is None or window.exhausted < window.opened_at
    assert window.service_state not in {2, 3}
    assert not window.muted
    assert window.recipient.open_kfid not in person.paused
    assert user.today < preferences.daily_limit
    assert match.score >= 0.7
    assert (preferences.enabled, preferences.stopped) == (True, False)


def opens_every_clock_gate(person: Person, match: Candidate, now: datetime, decision: Defer) -> None:
    """When the date comes, only something that is no clock can still be in the way."""
    preferences, user = preferences_of(person), person.users["u1"]

    assert not reads_quiet(preferences, decision.until)
    assert not reads_quiet(preferences, decision.until + person.send_timeout)
    if user.today >= preferences.daily_limit:
        tomorrow = now.astimezone(preferences.zone).date() + timedelta(days=1)
        assert decision.until.astimezone(preferences.zone).date() >= tomorrow
    rested = replace(person, users={"u1": User(preferences, 0, PHONES)}, paused={})
    then = judge(rested, match, decision.until)
    assert not isinstance(then, Defer | Park)


@settings(deadline=None, max_examples=100)
@given(situations())
def test_without_slots_nothing_is_sent(situation: tuple[Person, Candidate, datetime]) -> None:
    """A person whose every window is full gets no message, whatever else is true."""
    person, match, now = situation
    full = tuple(replace(window, used=5) for window in person.windows)

    assert not isinstance(judge(replace(person, windows=full), match, now), Send)
