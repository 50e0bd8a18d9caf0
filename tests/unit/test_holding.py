"""Holding: what may go, and is kept for a message with others; every instant worked out by hand."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from consumer.facts import Candidate, Person, Window
from consumer.holding import INTERVALS, SMOOTHING, TOLD_WAIT, leaves_quiet_at
from consumer.planner import plan
from schemas.decisions import Decision, Defer, Park, Reason, Send
from schemas.preferences import BatchMode
from tests.unit.people_at_noon import NOON, at, likes, match, person, window

NIGHT = "22:00-08:00"
SMART = likes(batch_mode=BatchMode.SMART)
IMMEDIATE = likes(batch_mode=BatchMode.IMMEDIATE)
DAILY = likes(batch_mode=BatchMode.DAILY)
MINUTE = timedelta(minutes=1)
LAST_GOOD = at("24 10:48:52")
"""The window closes at 11:00, less a minute, less eight seconds for an attempt; and ten minutes before."""


def weak(**more: object) -> Candidate:
    """A match that is good and no more, just made."""
    return match(**{"score": 0.75, "created_at": NOON, **more})  # type: ignore[arg-type]


def strong(**more: object) -> Candidate:
    """A match that is worth a message, just made."""
    return match(**{"score": 0.85, "created_at": NOON, **more})  # type: ignore[arg-type]


def decided(facts: Person, *rows: Candidate, now: datetime = NOON) -> Decision:
    """What is decided about all of these alike."""
    [decision] = {item.decision for item in plan(facts, rows, now)}
    return decision


def smart(*windows: Window, **more: object) -> Person:
    """Somebody whose few messages are spent with care, as everybody's are who chose nothing."""
    return person(*windows or (window(),), **{"preferences": SMART, **more})  # type: ignore[arg-type]


def pushed(used: int, minutes_ago: float = 600, **more: object) -> Window:
    """A window in which so many messages went unanswered, the last of them so long ago."""
    more = {"used": used, "unanswered": used, "pushed_at": NOON - minutes_ago * MINUTE, **more}
    return replace(window("22 01:00"), **more)  # type: ignore[arg-type]


def test_a_strong_match_goes_at_once() -> None:
    """While there are messages enough for all that is expected."""
    assert isinstance(decided(smart(), strong()), Send)
    assert isinstance(decided(smart(pushed(1)), strong()), Send)


def test_what_is_strong_is_a_setting() -> None:
    """Three quarters may be strong."""
    assert isinstance(decided(replace(smart(), strong_score=0.75), weak()), Send)


def test_a_weak_match_is_held_for_a_day_at_most() -> None:
    """Unless something else goes before."""
    assert decided(smart(), weak()) == Defer(at("23 12:00"), Reason.HELD)
    assert isinstance(decided(smart(), weak(), now=at("23 12:00")), Send)


def test_a_weak_match_goes_with_the_next_strong_one() -> None:
    """One message for both."""
    [together] = plan(smart(), [weak(match_id="w"), strong(match_id="s")], NOON)

    assert isinstance(together.decision, Send)
    assert [row.match_id for row in together.matches] == ["s", "w"]


def test_nothing_is_held_past_the_last_good_moment() -> None:
    """A match that comes a day before the end waits for that, and what comes after it does not wait."""
    late = weak(created_at=at("23 20:00"))

    assert decided(smart(), late, now=at("23 20:00")) == Defer(LAST_GOOD, Reason.HELD)
    assert isinstance(decided(smart(), late, now=LAST_GOOD), Send)


def test_the_last_good_moment_is_before_the_quiet_hours_that_swallow_the_end() -> None:
    """A window that closes at five in the morning has its last good moment before ten at night."""
    facts = person(window("22 05:00"), preferences=likes(NIGHT, batch_mode=BatchMode.SMART))

    assert decided(facts, weak(created_at=at("23 20:00")), now=at("23 20:00")) == Defer(
        at("23 21:50"), Reason.HELD
    )


def test_the_last_message_is_kept_for_the_end() -> None:
    """However strong what comes meanwhile; then all of it goes."""
    facts = smart(pushed(4))
    end = at("24 00:48:52")

    assert decided(facts, strong(), weak(match_id="w")) == Defer(end, Reason.KEPT)
    assert isinstance(decided(facts, strong(), weak(match_id="w"), now=end), Send)


def test_a_window_of_one_message_gives_it_to_what_comes_first() -> None:
    """The host sends four itself: there is no other to go before the last."""
    assert isinstance(decided(person(window(), preferences=IMMEDIATE, kept_back=4), weak()), Send)


def test_who_has_just_spoken_gets_what_is_held() -> None:
    """Two are worth it; one waits for company."""
    spoke = window("22 11:59:58")

    assert isinstance(decided(smart(spoke), weak(match_id="a"), weak(match_id="b")), Send)
    assert decided(smart(spoke), weak()) == Defer(at("23 12:00"), Reason.HELD)


def test_so_many_that_no_more_have_room_are_not_held() -> None:
    """There is nothing to wait for."""
    assert isinstance(decided(smart(), *(weak(match_id=f"m{n}") for n in range(60))), Send)
    held = decided(smart(), *(weak(match_id=f"m{n}") for n in range(29)))
    assert held == Defer(at("23 12:00"), Reason.HELD)


def test_strong_matches_wait_for_each_other_where_messages_are_scarce() -> None:
    """Two messages are left of five after eleven hours, and three came unanswered: the next has company."""
    facts = smart(pushed(3))

    decision = decided(facts, strong())

    # 1.534 days are left, of which 1.071 pass before a word, on average: 0.536 for each message; in which
    # 3.6 matches in 1.458 days make 1.322; 0.536 x (1.322 - 0.5) = 0.440 days.
    assert isinstance(decision, Defer)
    assert decision.reason is Reason.HELD
    assert abs(decision.until - at("22 22:34")) < MINUTE
    # The second makes both go sooner, each paying for half of the waiting.
    both = decided(facts, strong(), strong(match_id="other"))
    assert isinstance(both, Defer)
    assert both.until < decision.until
    assert isinstance(decided(facts, strong(), now=decision.until), Send)


@pytest.mark.parametrize(("unanswered", "minutes"), [(1, 15), (2, 30), (3, 60), (4, 120)])
def test_the_more_go_unanswered_the_longer_the_pause(unanswered: int, minutes: int) -> None:
    """What comes meanwhile shares the next; sixty matches would not wait otherwise."""
    assert INTERVALS[unanswered] == minutes * MINUTE
    rows = [weak(match_id=f"m{n}") for n in range(60)]
    facts = smart(replace(pushed(unanswered, minutes - 1), used=1))

    assert decided(facts, *rows) == Defer(NOON + MINUTE, Reason.SPACED)
    assert isinstance(decided(facts, *rows, now=NOON + MINUTE), Send)


def test_a_tap_is_an_answer() -> None:
    """Nothing is unanswered then, and nothing is spaced."""
    assert decided(smart(pushed(1, 5)), strong()) == Defer(NOON + 10 * MINUTE, Reason.SPACED)
    assert isinstance(decided(smart(pushed(1, 5, unanswered=0)), strong()), Send)


def test_who_wants_everything_at_once_has_it_so() -> None:
    """Until one message is left: that is kept, unless eight wait for it."""
    facts = person(pushed(3, 1), preferences=IMMEDIATE)
    last = person(pushed(4, 1), preferences=IMMEDIATE)

    assert isinstance(decided(facts, weak()), Send)
    assert decided(last, weak()) == Defer(at("24 00:48:52"), Reason.KEPT)
    assert isinstance(decided(last, *(weak(match_id=f"m{n}") for n in range(8))), Send)


def test_who_wants_them_once_a_day_has_one_message_then() -> None:
    """All that came since yesterday, weak or strong, at nine."""
    facts = person(window(), preferences=DAILY)
    rows = [weak(match_id="a", created_at=at("22 13:00")), strong(match_id="b", created_at=at("22 20:00"))]

    assert decided(facts, *rows, now=at("22 20:00")) == Defer(at("23 09:00"), Reason.BATCH_MODE)
    [together] = plan(facts, rows, at("23 09:00"))
    assert (len(together.matches), type(together.decision)) == (2, Send)


def test_a_day_that_comes_after_the_window_is_the_last_good_moment() -> None:
    """Nine o'clock would be too late for a window that closes at eight."""
    facts = person(window("22 08:00"), preferences=DAILY)
    row = weak(created_at=at("23 13:00"))

    assert decided(facts, row, now=at("23 13:00")) == Defer(at("24 07:48:52"), Reason.BATCH_MODE)
    assert isinstance(decided(facts, row, now=at("24 07:48:52")), Send)


@pytest.mark.parametrize("wishes", [SMART, IMMEDIATE, DAILY])
@pytest.mark.parametrize("opened", [window(), pushed(4, 1)], ids=["fresh", "last"])
def test_an_urgent_match_passes_all_holding(wishes: object, opened: Window) -> None:
    """Batching, the last message, the pause after others; and what is held goes with it."""
    facts = person(opened, preferences=wishes)  # type: ignore[arg-type]

    assert isinstance(decided(facts, weak(urgent=True)), Send)


def test_an_urgent_match_passes_no_gate() -> None:
    """Neither quiet hours nor a limit, a closed window, or the last slot."""
    urgent = weak(urgent=True)
    night, quiet = at("22 23:00"), likes(NIGHT)

    assert decided(person(window(), preferences=quiet), urgent, now=night) == Defer(
        at("23 08:00"), Reason.QUIET_HOURS
    )
    assert decided(person(window(), today=10), urgent) == Defer(at("23 00:00"), Reason.DAILY_LIMIT)
    assert decided(person(window(used=5)), urgent) == Park(Reason.NO_SLOT)
    assert decided(person(window("20 11:00")), urgent) == Park(Reason.WINDOW_CLOSED)


def test_who_leaves_quiet_hours_has_a_minute_of_their_own() -> None:
    """The same whenever one asks, another for somebody else and on another day."""
    quiet = likes(NIGHT)
    ann, bob = (replace(person(window(), preferences=quiet), name=name) for name in ("ann", "bob"))
    eight = at("23 08:00")

    hers, his = (leaves_quiet_at(who, quiet, eight) for who in (ann, bob))

    assert eight <= hers < eight + SMOOTHING
    assert hers != his
    assert leaves_quiet_at(ann, quiet, at("24 08:00")) - at("24 08:00") != hers - eight
    assert decided(ann, weak(), now=at("22 23:00")) == Defer(hers, Reason.QUIET_HOURS)
    assert decided(ann, weak(), now=eight) == Defer(hers, Reason.SMOOTHED)
    assert isinstance(decided(ann, weak(), now=hers), Send)


def test_the_minute_after_quiet_hours_is_one_that_is_not_quiet() -> None:
    """Somebody who is awake for ten minutes a day has them."""
    wishes = likes("09:10-09:00")
    facts = replace(person(window(), preferences=wishes), name="ann")

    decision = decided(facts, weak())

    assert isinstance(decision, Defer)
    assert at("23 09:00") <= decision.until < at("23 09:05")
    assert isinstance(decided(facts, weak(), now=decision.until), Send)


def test_what_is_new_does_not_wait_for_the_turn_after_the_quiet_hours() -> None:
    """And takes along what does."""
    facts = replace(person(window(), preferences=likes(NIGHT)), name="ann")
    new = weak(match_id="new", created_at=at("23 08:00:10"))

    [together] = plan(facts, [weak(), new], at("23 08:00:20"))

    assert (len(together.matches), type(together.decision)) == (2, Send)


def test_an_hour_in_the_night_is_never_promised() -> None:
    """A hold that ends while it is quiet ends at this person's turn after it."""
    facts = replace(person(window(), preferences=likes(NIGHT, batch_mode=BatchMode.SMART)), name="ann")
    row = weak(created_at=at("22 02:00"))

    decision = decided(facts, row)

    assert decision == Defer(leaves_quiet_at(facts, likes(NIGHT), at("23 08:00")), Reason.HELD)


def test_a_strong_match_that_expires_has_its_own_last_moment() -> None:
    """While more than one message is left; a weak one has none of its own."""
    soon = at("22 18:00")
    facts = smart(pushed(3))

    assert decided(facts, strong(expires_at=at("22 12:30"))) == Defer(at("22 12:19:52"), Reason.HELD)
    assert decided(facts, weak(expires_at=soon)) == Defer(at("23 12:00"), Reason.HELD)


def test_what_was_told_of_is_for_who_wants_messages_daily_the_next_days() -> None:
    """Not two hours later: one message a day is what they asked for."""
    facts = person(pushed(1, 60), preferences=DAILY)
    told = weak(told=True, created_at=at("21 20:00"))

    assert decided(facts, told) == Defer(at("23 09:00"), Reason.MORE)
    assert timedelta(hours=2) == TOLD_WAIT
