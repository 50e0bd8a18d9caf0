"""A push whose lease is over: tried again, frozen, or given up."""

from datetime import timedelta

import pytest

from consumer.facts import Candidate, Person
from consumer.retry import GiveUp, judge_retry
from schemas.decisions import Defer, Park, Reason, RecipientKey, Send
from tests.unit.people_at_noon import KF, NOON, at, likes, match, person, window

OTHER = RecipientKey("wk2", "wm1")
JUST_NOW = at("22 11:59")


def test_open_gates_mean_another_try() -> None:
    """The same gates as before a first send, and the same ends."""
    assert judge_retry(person(window(used=4)), KF, [match()], JUST_NOW, NOON) == Send(KF, at("24 10:58:52"))


@pytest.mark.parametrize(
    ("reserved_at", "expected"),
    [
        (at("19 12:00:00.001"), Send(KF, at("24 10:58:52"))),
        (at("19 12:00"), GiveUp()),
        (at("18 12:00"), GiveUp()),
    ],
)
def test_given_up_after_72_hours(reserved_at: object, expected: object) -> None:
    """No retry can settle it any more, whatever the gates say."""
    assert judge_retry(person(window()), KF, [match()], reserved_at, NOON) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (person(window(), preferences=likes("11:00-13:00")), Defer(at("22 13:00"), Reason.QUIET_HOURS)),
        (person(window(), today=10), Defer(at("23 00:00"), Reason.DAILY_LIMIT)),
        (person(window(), paused={"wk1": at("22 12:01")}), Defer(at("22 12:01"), Reason.PAUSED)),
        (person(window("20 11:00")), Park(Reason.WINDOW_CLOSED)),
        (person(window(used=5)), Park(Reason.NO_SLOT)),
        (person(window(exhausted=at("22 11:00"))), Park(Reason.NO_SLOT)),
        (person(window(muted=True)), Park(Reason.MUTED)),
        (person(), Park(Reason.NO_SESSION)),
    ],
)
def test_closed_gates_leave_it_frozen(facts: Person, expected: object) -> None:
    """A date or a condition: the letter waits, it is not given up."""
    assert judge_retry(facts, KF, [match()], JUST_NOW, NOON) == expected


def test_only_its_own_recipient_counts() -> None:
    """Another account of the same person may be wide open: these bytes go to the one they name."""
    facts = person(window("20 11:00"), window("22 11:59", OTHER))

    assert judge_retry(facts, KF, [match()], JUST_NOW, NOON) == Park(Reason.WINDOW_CLOSED)
    assert judge_retry(facts, OTHER, [match()], JUST_NOW, NOON) == Send(OTHER, at("24 11:57:52"))
    assert judge_retry(facts, RecipientKey("wk3", "wm1"), [match()], JUST_NOW, NOON) == Park(
        Reason.NO_SESSION
    )


@pytest.mark.parametrize(
    ("facts", "rows", "reason"),
    [
        (person(window()), [match(expires_at=NOON)], Reason.EXPIRED),
        (person(window(), preferences=likes(stopped=True)), [match()], Reason.STOPPED),
        (person(window()), [match("a", score=0.1), match("b", expires_at=NOON)], Reason.BELOW_MIN_SCORE),
    ],
)
def test_a_drop_gives_it_up(facts: Person, rows: list[Candidate], reason: Reason) -> None:
    """Nothing of it may go any more: its matches end for that reason, their outcome unknown."""
    assert judge_retry(facts, KF, rows, JUST_NOW, NOON) == GiveUp(reason)


def test_one_match_that_may_go_carries_the_others() -> None:
    """The bytes are one: what carries several goes when its first one may."""
    facts = person(window())
    rows = [match("a", score=0.1), match("b"), match("c", expires_at=NOON)]

    assert judge_retry(facts, KF, rows, JUST_NOW, NOON) == Send(KF, at("24 10:58:52"))


def test_giving_up_comes_before_a_drop() -> None:
    """After 72 hours the reason is that nobody knows, not that the match expired meanwhile."""
    long_ago = NOON - timedelta(hours=72)

    assert judge_retry(person(window()), KF, [match(expires_at=NOON)], long_ago, NOON) == GiveUp(None)
