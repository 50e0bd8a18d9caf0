"""The model that `kfpush bench spending` runs: small worlds, worked out by hand.

All times are those of Shanghai, from Monday 2 March 2026 on; quiet hours are 22:00 to 08:00.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.facts import SLOTS, Candidate, Window
from consumer.ledger.deliveries import MOST_PER_USER
from consumer.quiet import is_quiet
from ops.simulating.baselines import digests, first_come, floor
from ops.simulating.figures import Tally
from ops.simulating.living import GoesInCircles, live
from ops.simulating.regimes import PREFERENCES, RECIPIENT, REGIMES, START, USER, Regime, story
from ops.simulating.story import Lived, Story, Terms, Wishes, Withdrawal, Word
from schemas.decisions import Defer, Reason

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MOMENT = timedelta(seconds=1.5)


def at(day: int, clock: str) -> datetime:
    """An instant of the story: 0 is Monday."""
    hours, minutes = clock.split(":")
    return START + day * DAY + timedelta(hours=int(hours), minutes=int(minutes))


def comes(name: str, when: datetime, score: float = 0.9) -> Candidate:
    """A strong match that lives a week."""
    return Candidate(name, 1, USER, score, when + 7 * DAY, when)


def told(words: Sequence[datetime], *matches: Candidate, windows: tuple[Window, ...] = ()) -> Story:
    """A fortnight of the one user."""
    wishes = Wishes(PREFERENCES, frozenset({RECIPIENT.external_userid}))
    said = tuple(Word(when, RECIPIENT) for when in words)
    return Story(START, START + 14 * DAY, {USER: wishes}, said, matches, windows=windows)


def sent(lived: Lived) -> list[tuple[str, datetime]]:
    """What each message carried, and when it went."""
    return [(" ".join(match.match_id for match in item.matches), item.at) for item in lived.messages]


A_DAY_OF_THREE = told(
    [at(0, "10:00")],
    comes("early", at(0, "09:00")),
    comes("noon", at(0, "12:00")),
    comes("night", at(0, "23:00")),
)


def test_first_come_sends_each_by_itself() -> None:
    """One that waited goes with the word, one at noon at noon, one of the night when the night is over."""
    assert sent(first_come(A_DAY_OF_THREE)) == [
        ("early", at(0, "10:00")),
        ("noon", at(0, "12:00")),
        ("night", at(1, "08:00")),
    ]


def test_digests_go_with_the_word_and_at_nine() -> None:
    """The word brings what waited; all that came since waits for nine o'clock."""
    assert sent(digests(A_DAY_OF_THREE)) == [("early", at(0, "10:00")), ("noon night", at(1, "09:00"))]


def test_the_floor_counts_no_messages() -> None:
    """With no word but one, seven matches of one noon all go at that noon."""
    seven = [comes(f"{nth}", at(0, "12:00")) for nth in range(7)]

    assert sent(floor(told([at(0, "10:00")], *seven))) == [(f"{nth}", at(0, "12:00")) for nth in range(7)]


def test_first_come_parks_the_sixth_until_the_next_word() -> None:
    """Five go as they come; the sixth and seventh go singly when the user speaks again."""
    seven = [comes(f"{nth}", at(0, f"{11 + nth}:00")) for nth in range(7)]
    lived = first_come(told([at(0, "10:00"), at(1, "15:00")], *seven))

    assert sent(lived) == [
        *((f"{nth}", at(0, f"{11 + nth}:00")) for nth in range(5)),
        ("5", at(1, "15:00")),
        ("6", at(1, "15:00")),
    ]
    assert lived.hit_the_wall


def test_a_word_of_the_night_is_answered_in_the_morning() -> None:
    """A digest owed to a word at 23:00 goes at 08:00, and what comes at 08:30 goes at 09:00."""
    lived = digests(told([at(0, "23:00")], comes("old", at(0, "20:00")), comes("new", at(1, "08:30"))))

    assert sent(lived) == [("old", at(1, "08:00")), ("new", at(1, "09:00"))]
    assert not lived.hit_the_wall


@pytest.mark.parametrize("way", [first_come, digests, floor])
def test_no_way_sends_after_the_window(way: Callable[[Story], Lived]) -> None:
    """The window closes a minute early: what comes in its last minute has nobody to go to."""
    late = told([at(0, "09:00")], comes("in time", at(2, "08:58")), comes("late", at(2, "08:59")))
    expected = [] if way is digests else [("in time", at(2, "08:58"))]

    assert sent(way(late)) == expected


@pytest.mark.parametrize("way", [first_come, digests, floor])
def test_no_way_sends_what_is_over(way: Callable[[Story], Lived]) -> None:
    """A match of a week ago is dropped, though a word comes in the same minute."""
    lived = way(told([at(7, "12:00")], comes("old", at(0, "12:00")), comes("older", at(0, "13:00"))))

    assert sent(lived) == [("older", at(7, "12:00"))]
    assert lived.dropped == {("old", 1): Reason.EXPIRED}


def test_a_window_that_is_open_at_the_start() -> None:
    """Somebody who spoke the day before can be written to at once, until two days after that word."""
    before = told(
        [],
        comes("first", at(0, "12:00")),
        comes("second", at(1, "12:00")),
        windows=(Window(RECIPIENT, at(-1, "11:30")),),
    )

    assert sent(first_come(before)) == [("first", at(0, "12:00"))]


def test_figures_of_one_fortnight() -> None:
    """Waits of an hour, of none and of fourteen days come to their mean; weak matches count in the share."""
    three = told(
        [at(0, "10:00")],
        comes("early", at(0, "09:00")),
        comes("noon", at(0, "12:00")),
        comes("weak", at(0, "12:00"), 0.8),
        comes("never", at(3, "12:00")),
    )
    total = Tally()
    total.add(three, first_come(three))

    assert (total.people, total.matches, total.delivered, total.messages) == (1, 4, 3, 3)
    assert total.share == 0.75
    assert total.strong_delay == pytest.approx((1 + 0 + 14 * 24) / 3)
    assert total.delay == pytest.approx((1 + 0 + 0 + 14 * 24) / 4)
    assert (total + total).strong_delay == pytest.approx(total.strong_delay)
    assert (total + total).messages == 6


def test_the_planner_lives_by_the_wake_rule() -> None:
    """What was parked without a session goes as one message a moment after the word."""
    lived = live(told([at(0, "10:00")], *(comes(f"{nth}", at(0, f"0{nth}:00")) for nth in range(3))), Terms())

    assert sent(lived) == [("0 1 2", at(0, "10:00") + MOMENT)]
    assert lived.parked == {("0", 1), ("1", 1), ("2", 1)}


def test_the_planner_keeps_to_the_window() -> None:
    """What comes when the window is over is parked; when its week is over it is dropped."""
    lived = live(told([at(0, "10:00")], comes("late", at(2, "12:00"))), Terms())

    assert sent(lived) == []
    assert lived.parked == {("late", 1)}
    assert lived.dropped == {("late", 1): Reason.EXPIRED}


def test_a_newer_revision_takes_the_place_of_one_that_waits() -> None:
    """The older one is dropped where it waits, and a withdrawn one goes nowhere."""
    first = comes("again", at(0, "08:00"))
    newer = replace(first, revision=2, score=0.95, created_at=at(0, "09:00"))
    taken = comes("taken", at(0, "09:30"))
    waits = told([at(0, "10:00")], first, newer, taken)
    lived = live(replace(waits, withdrawals=(Withdrawal(at(0, "09:45"), "taken", 1),)), Terms())

    assert sent(lived) == [("again", at(0, "10:00") + MOMENT)]
    assert lived.messages[0].matches[0].revision == 2
    assert lived.dropped == {("again", 1): Reason.SUPERSEDED, ("taken", 1): Reason.WITHDRAWN}


def test_a_newer_revision_of_what_was_sent_needs_another_score() -> None:
    """The planner is told what was sent before: 0.9 again is nothing new."""
    first = comes("again", at(0, "09:00"))
    newer = replace(first, revision=2, created_at=at(1, "12:00"))
    lived = live(told([at(0, "10:00")], first, newer), Terms())

    assert lived.dropped == {("again", 2): Reason.UNCHANGED}


def test_going_in_circles_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planner that defers to the same instant again and again is a fault, not an endless loop."""
    from consumer.planner import Planned
    from ops.simulating import living

    monkeypatch.setattr(
        living,
        "plan",
        lambda _person, rows, now: tuple(Planned((row,), Defer(now, Reason.BATCH_MODE)) for row in rows),
    )
    with pytest.raises(GoesInCircles):
        live(A_DAY_OF_THREE, Terms())


def test_the_ledger_and_the_model_load_as_many_rows() -> None:
    """What the ledger gives the planner at once, the model gives it."""
    assert Terms().most_rows == MOST_PER_USER


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_a_die_draws_the_same_story(regime: Regime) -> None:
    """The same seed draws the same person, another seed another."""
    assert story(regime, Random(1)) == story(regime, Random(1))
    assert story(regime, Random(1)) != story(regime, Random(2))


def test_stories_are_as_the_regime_says() -> None:
    """Of many people, words, matches and strong ones come as often as they should."""
    drawn = [story(Regime(2, 2), Random(nth)) for nth in range(2000)]
    matches = [match for one in drawn for match in one.matches]
    words = sum(len(one.words) for one in drawn)
    counts = sorted(len(one.matches) for one in drawn)

    assert words / len(drawn) == pytest.approx(7, rel=0.03)
    assert len(matches) / len(drawn) == pytest.approx(28, rel=0.1)
    assert counts[len(counts) // 2] == pytest.approx(28 / 2.718**0.5, rel=0.12)  # a log-normal's median
    assert sum(match.score >= 0.85 for match in matches) / len(matches) == pytest.approx(0.3, rel=0.03)
    assert all(match.score >= PREFERENCES.min_score for match in matches)


WAYS: tuple[Callable[[Story], Lived], ...] = (lambda one: live(one, Terms()), first_come, digests)


@given(
    seed=st.integers(0, 10**9),
    gap=st.floats(0.2, 6),
    rate=st.floats(0.5, 12),
    way=st.sampled_from(range(len(WAYS))),
)
@settings(max_examples=60, deadline=None)
def test_what_no_way_ever_does(seed: int, gap: float, rate: float, way: int) -> None:
    """None in quiet hours, none outside a window, no sixth; no match twice, too soon or too late."""
    one = story(Regime(gap, rate), Random(seed))
    lived = WAYS[way](one)
    spoken = sorted(
        [*(word.at for word in one.words), *(window.opened_at or START for window in one.windows)]
    )
    used: Counter[datetime] = Counter()
    carried: Counter[str] = Counter()
    for message in lived.messages:
        window = max(when for when in spoken if when <= message.at)
        used[window] += 1
        assert not is_quiet(PREFERENCES.quiet, PREFERENCES.zone, message.at)
        assert message.at < window + timedelta(hours=48) - timedelta(seconds=60)
        assert message.at < one.end
        for match in message.matches:
            carried[match.match_id] += 1
            assert match.created_at <= message.at < match.expires_at
    assert all(number <= SLOTS for number in used.values())
    assert all(number == 1 for number in carried.values())
    assert not {(name, 1) for name in carried} & lived.dropped.keys()
    if way == 0:
        expired = {match.match_id for match in one.matches if match.expires_at < one.end} - carried.keys()
        assert {name for name, _ in lived.dropped} == expired


def test_the_floor_is_the_floor() -> None:
    """No way sends any match sooner than the floor does."""
    for seed in range(20):
        one = story(Regime(2, 4), Random(seed))
        soonest = {match.match_id: item.at for item in floor(one).messages for match in item.matches}
        for way in WAYS:
            for item in way(one).messages:
                assert all(soonest[match.match_id] <= item.at for match in item.matches)


def test_time_has_a_zone() -> None:
    """The story begins at midnight in Shanghai."""
    assert datetime(2026, 3, 2, tzinfo=PREFERENCES.zone).astimezone(UTC) == START
