"""The policy, gate by gate, in every order that matters; all times are Shanghai's, in November 2026."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from consumer.facts import Candidate, Earlier, Person, ServiceState
from consumer.policy import judge
from schemas.decisions import Decision, Defer, Drop, Park, Reason, RecipientKey, Send
from schemas.preferences import BatchMode, Unreadable
from tests.unit.people_at_noon import KF, NOON, at, likes, match, person, window

NIGHT = "22:00-08:00"
DAILY = BatchMode.DAILY
UNREADABLE = Unreadable(enabled=True, stopped=False, complaints=("quiet_hours",))
OTHER = RecipientKey("wk2", "wm1")
SECOND = "2026-11-22T12:00:08.001+08:00"


def test_nothing_in_the_way() -> None:
    """A message goes at once, and before the window's end less a margin and a send timeout."""
    assert judge(person(window()), match(), NOON) == Send(KF, at("24 10:58:52"))


@pytest.mark.parametrize(
    ("facts", "row", "reason"),
    [
        (person(window()), match(expires_at=at("22 12:00")), Reason.EXPIRED),
        # eight seconds are what an attempt may take
        (person(window()), match(expires_at=at("22 12:00:08")), Reason.EXPIRED),
        (person(window(), preferences=likes(stopped=True)), match(), Reason.STOPPED),
        (person(window(), preferences=likes(enabled=False)), match(), Reason.PUSH_DISABLED),
        (person(window()), match(score=0.6999), Reason.BELOW_MIN_SCORE),
        # what can never go is dropped, whatever else is closed or unreadable
        (person(), match(expires_at=at("22 11:00")), Reason.EXPIRED),
        (person(preferences=likes(stopped=True)), match(), Reason.STOPPED),
        (person(window("20 11:00"), preferences=likes(enabled=False)), match(), Reason.PUSH_DISABLED),
        (person(window(used=5)), match(score=0.1), Reason.BELOW_MIN_SCORE),
        (person(window(), preferences=likes("11:00-13:00", stopped=True)), match(), Reason.STOPPED),
        (person(preferences=replace(UNREADABLE, stopped=True)), match(), Reason.STOPPED),
        (person(window(), preferences=replace(UNREADABLE, enabled=False)), match(), Reason.PUSH_DISABLED),
        (person(window(), preferences=UNREADABLE), match(expires_at=NOON), Reason.EXPIRED),
        # the first of several reasons
        (person(preferences=likes(stopped=True, enabled=False)), match(expires_at=NOON), Reason.EXPIRED),
        (person(preferences=likes(stopped=True, enabled=False)), match(score=0), Reason.STOPPED),
        (person(preferences=likes(enabled=False)), match(score=0), Reason.PUSH_DISABLED),
    ],
)
def test_dropped(facts: Person, row: Candidate, reason: Reason) -> None:
    """What can never go is dropped."""
    assert judge(facts, row, NOON) == Drop(reason)


@pytest.mark.parametrize(
    ("more", "decision"),
    [
        ({"withdrawn": True}, Drop(Reason.WITHDRAWN)),
        ({"earlier": Earlier(in_flight=True, sent_score=None)}, Park(Reason.OLDER_IN_FLIGHT)),
        # what is on its way may be what the user saw last: nothing is dropped before it ends
        ({"earlier": Earlier(in_flight=True, sent_score=0.85)}, Park(Reason.OLDER_IN_FLIGHT)),
        ({"earlier": Earlier(in_flight=False, sent_score=0.85)}, Drop(Reason.UNCHANGED)),
        ({"earlier": Earlier(in_flight=False, sent_score=0.8)}, Drop(Reason.UNCHANGED)),
        ({"earlier": Earlier(in_flight=False, sent_score=0.9)}, Drop(Reason.UNCHANGED)),
        ({"earlier": Earlier(in_flight=False, sent_score=0.7999)}, Send(KF, at("24 10:58:52"))),
        ({"earlier": Earlier(in_flight=False, sent_score=None)}, Send(KF, at("24 10:58:52"))),
        # what is over is over
        ({"withdrawn": True, "expires_at": NOON}, Drop(Reason.WITHDRAWN)),
        ({"earlier": Earlier(in_flight=True, sent_score=None), "score": 0.1}, Drop(Reason.BELOW_MIN_SCORE)),
    ],
)
def test_scored_again_or_taken_back(more: dict[str, Any], decision: Decision) -> None:
    """What was withdrawn, what waits for an earlier revision, and what is not worth saying twice."""
    assert judge(person(window()), match(**more), NOON) == decision


def test_the_floor_itself_passes() -> None:
    """A score equal to min_score is not below it."""
    assert isinstance(judge(person(window()), match(score=0.7), NOON), Send)


@pytest.mark.parametrize(
    "facts", [person(), person(window()), person(window("20 11:00")), person(window(used=5))]
)
def test_unreadable_preferences_wait_an_hour(facts: Person) -> None:
    """Nothing is sent on a guess, whatever the window; a known floor is not known either."""
    unreadable = replace(facts, users={"u1": replace(facts.users["u1"], preferences=UNREADABLE)})

    assert judge(unreadable, match(score=0.1), NOON) == Defer(at("22 13:00"), Reason.UNREADABLE_PREFERENCES)


HUMAN, POOL = int(ServiceState.HUMAN), int(ServiceState.POOL)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (person(), Reason.NO_SESSION),
        (person(window(None)), Reason.NO_SESSION),
        (person(window("20 11:00")), Reason.WINDOW_CLOSED),
        # 48 hours less a minute less a send timeout: the very last moment is too late
        (person(window("20 12:01:08")), Reason.WINDOW_CLOSED),
        (person(window(muted=True)), Reason.MUTED),
        (person(window(service_state=HUMAN)), Reason.HUMAN_SERVICER),
        (person(window(service_state=POOL)), Reason.HUMAN_SERVICER),
        (person(window(used=5)), Reason.NO_SLOT),
        (person(window(used=9)), Reason.NO_SLOT),
        (person(window(used=3), kept_back=2), Reason.NO_SLOT),
        (person(window(exhausted=at("22 11:00"))), Reason.NO_SLOT),
        (person(window(exhausted=at("22 11:30"))), Reason.NO_SLOT),
        # a condition comes before a clock: no date would be true
        (person(window(used=5), preferences=likes("11:00-13:00")), Reason.NO_SLOT),
        (person(window("20 11:00"), today=10), Reason.WINDOW_CLOSED),
        (person(window(used=5), paused={"wk1": at("22 12:01")}), Reason.NO_SLOT),
        # the first of several conditions
        (person(window("20 11:00", muted=True)), Reason.WINDOW_CLOSED),
        (person(window(muted=True, service_state=HUMAN, used=5)), Reason.MUTED),
        (person(window(service_state=HUMAN, used=5)), Reason.HUMAN_SERVICER),
        (person(window(service_state=int(ServiceState.ENDED))), Reason.SESSION_ENDED),
        # each account has its own hindrance: the one that is nearest to sending is named
        (person(window(used=5), window("20 11:00", OTHER)), Reason.NO_SLOT),
        (person(window(muted=True), window("20 11:00", OTHER)), Reason.MUTED),
        (person(window(muted=True), window(None, OTHER, service_state=HUMAN)), Reason.MUTED),
        (person(window(service_state=HUMAN), window(recipient=OTHER, used=5)), Reason.NO_SLOT),
    ],
)
def test_parked(facts: Person, reason: Reason) -> None:
    """What needs a condition is parked."""
    assert judge(facts, match(), NOON) == Park(reason)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (person(window("20 12:01:08.001")), Send(KF, at("22 12:00:00.001"))),
        (person(window(service_state=int(ServiceState.NEW))), Send(KF, at("24 10:58:52"))),
        (person(window(service_state=int(ServiceState.ASSISTANT))), Send(KF, at("24 10:58:52"))),
        (person(window(used=4)), Send(KF, at("24 10:58:52"))),
        (person(window(used=2), kept_back=2), Send(KF, at("24 10:58:52"))),
        # WeChat's word was about an earlier window
        (person(window(exhausted=at("22 10:59"))), Send(KF, at("24 10:58:52"))),
        (person(window(), today=9), Send(KF, at("24 10:58:52"))),
        (person(window(), preferences=likes(NIGHT)), Send(KF, at("22 21:59:52"))),
    ],
)
def test_sent(facts: Person, expected: Send) -> None:
    """What is open is open; the nearest end says by when the bytes have to leave."""
    assert judge(facts, match(), NOON) == expected


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        # the account that was written to last
        ((window("22 11:00"), window("22 11:01", OTHER)), "wk2"),
        ((window("22 11:01"), window("22 11:00", OTHER)), "wk1"),
        # of equals the first by name, in whatever order they come
        ((window(), window(recipient=OTHER)), "wk1"),
        ((window(recipient=OTHER), window()), "wk1"),
        # but only among those that are open, unmuted, free and have slots left
        ((window("21 11:00"), window("22 11:00", OTHER, used=5)), "wk1"),
        ((window("21 11:00"), window("22 11:00", OTHER, exhausted=at("22 11:00"))), "wk1"),
        ((window("21 11:00"), window("22 11:00", OTHER, muted=True)), "wk1"),
        ((window("21 11:00"), window("22 11:00", OTHER, service_state=HUMAN)), "wk1"),
        ((window("21 11:00"), window(None, OTHER)), "wk1"),
        ((window("19 11:00"), window("21 11:00", OTHER, used=4)), "wk2"),
    ],
)
def test_the_account_chosen(accounts: tuple[object, ...], expected: str) -> None:
    """Open with slots left, then latest opened, then open_kfid."""
    decision = judge(person(*accounts), match(), NOON)  # type: ignore[arg-type]

    assert isinstance(decision, Send)
    assert decision.recipient.open_kfid == expected


def test_a_paused_account_is_passed_over() -> None:
    """Another account of the same person goes on; with none left the match waits for the next look."""
    both = (window("22 11:01"), window("22 11:00", OTHER))

    one = judge(person(*both, paused={"wk1": at("22 12:01")}), match(), NOON)
    none = judge(person(*both, paused={"wk1": at("22 12:02"), "wk2": at("22 12:01")}), match(), NOON)

    assert one == Send(OTHER, at("24 10:58:52"))
    assert none == Defer(at("22 12:01"), Reason.PAUSED)


@pytest.mark.parametrize(
    ("now", "preferences", "today", "expected"),
    [
        # one gate
        ("22 23:00", likes(NIGHT), 0, Defer(at("23 08:00"), Reason.QUIET_HOURS)),
        ("23 07:59:59", likes(NIGHT), 0, Defer(at("23 08:00"), Reason.QUIET_HOURS)),
        ("22 12:00", likes(), 10, Defer(at("23 00:00"), Reason.DAILY_LIMIT)),
        ("22 12:00", likes(daily_limit=0), 0, Defer(at("23 00:00"), Reason.DAILY_LIMIT)),
        ("22 12:00", likes(batch_mode=DAILY), 0, Send(KF, at("24 10:58:52"))),
        (
            "22 12:00",
            likes(batch_mode=DAILY, preferred_time="18:30"),
            0,
            Defer(at("22 18:30"), Reason.BATCH_MODE),
        ),
        (
            "22 12:00",
            likes(batch_mode=DAILY, preferred_time="07:30"),
            0,
            Defer(at("23 07:30"), Reason.BATCH_MODE),
        ),
        (
            "22 12:00",
            likes(batch_mode=BatchMode.SMART, preferred_time="18:30"),
            0,
            Send(KF, at("24 10:58:52")),
        ),
        # a limit and quiet hours: eight o'clock, not midnight
        ("22 12:00", likes(NIGHT), 10, Defer(at("23 08:00"), Reason.QUIET_HOURS)),
        ("22 23:00", likes(NIGHT), 10, Defer(at("23 08:00"), Reason.QUIET_HOURS)),
        ("22 12:00", likes("00:00-06:30"), 10, Defer(at("23 06:30"), Reason.QUIET_HOURS)),
        ("22 12:00", likes("22:00-24:00"), 10, Defer(at("23 00:00"), Reason.DAILY_LIMIT)),
        ("23 01:00", likes(NIGHT), 10, Defer(at("24 08:00"), Reason.QUIET_HOURS)),
        # a daily hour inside quiet hours, and one behind a limit
        (
            "22 12:00",
            likes(NIGHT, batch_mode=DAILY, preferred_time="23:00"),
            0,
            Defer(at("23 08:00"), Reason.QUIET_HOURS),
        ),
        (
            "22 12:00",
            likes(batch_mode=DAILY, preferred_time="18:30"),
            10,
            Defer(at("23 00:00"), Reason.DAILY_LIMIT),
        ),
        (
            "22 12:00",
            likes("11:00-19:00", batch_mode=DAILY, preferred_time="18:30"),
            0,
            Defer(at("22 19:00"), Reason.QUIET_HOURS),
        ),
        (
            "22 12:00",
            likes("22:00-12:30", batch_mode=DAILY, preferred_time="13:30"),
            0,
            Defer(at("22 13:30"), Reason.BATCH_MODE),
        ),
        # a message on its way when the quiet begins waits as well
        ("22 21:59:51.999", likes(NIGHT), 0, Send(KF, at("22 21:59:52"))),
        ("22 21:59:52", likes(NIGHT), 0, Defer(at("23 08:00"), Reason.QUIET_HOURS)),
        ("22 21:59:59", likes(NIGHT), 0, Defer(at("23 08:00"), Reason.QUIET_HOURS)),
        ("23 08:00", likes(NIGHT), 0, Send(KF, at("23 21:59:52"))),
    ],
)
def test_clock_gates(now: str, preferences: object, today: int, expected: Decision) -> None:
    """``until`` is the earliest instant at which every clock gate is open."""
    facts = person(window(), preferences=preferences, today=today)  # type: ignore[arg-type]

    assert judge(facts, match(), at(now)) == expected


@pytest.mark.parametrize(
    ("opened", "now", "preferences", "today", "expected"),
    [
        # the window ends at 07:59:00, 08:00:07 or 08:00:09, as kfpush reckons
        ("21 08:00:00", "22 23:00", likes(NIGHT), 0, Park(Reason.WINDOW_CLOSED)),
        ("21 08:01:08", "22 23:00", likes(NIGHT), 0, Park(Reason.WINDOW_CLOSED)),
        ("21 08:01:08.001", "22 23:00", likes(NIGHT), 0, Defer(at("23 08:00"), Reason.QUIET_HOURS)),
        ("20 20:00", "22 12:00", likes(), 10, Park(Reason.WINDOW_CLOSED)),
        # an hour that comes too late: now is the last good moment, if nothing else is closed
        (
            "20 20:00",
            "22 12:00",
            likes(batch_mode=DAILY, preferred_time="21:00"),
            0,
            Send(KF, at("22 19:58:52")),
        ),
        (
            "20 20:00",
            "22 12:00",
            likes("13:00-14:00", batch_mode=DAILY, preferred_time="21:00"),
            0,
            Send(KF, at("22 12:59:52")),
        ),
        (
            "20 20:00",
            "22 12:00",
            likes("11:00-14:00", batch_mode=DAILY, preferred_time="21:00"),
            0,
            Park(Reason.WINDOW_CLOSED),
        ),
        (
            "20 20:00",
            "22 12:00",
            likes(batch_mode=DAILY, preferred_time="21:00"),
            10,
            Park(Reason.WINDOW_CLOSED),
        ),
        # pushed behind the window by quiet hours alone
        (
            "20 20:00",
            "22 12:00",
            likes("17:00-21:00", batch_mode=DAILY, preferred_time="18:00"),
            0,
            Send(KF, at("22 16:59:52")),
        ),
    ],
)
def test_clock_gates_and_the_windows_end(
    opened: str, now: str, preferences: object, today: int, expected: Decision
) -> None:
    """What would open after the window's end parks; a mere wish for an hour gives way."""
    facts = person(window(opened), preferences=preferences, today=today)  # type: ignore[arg-type]

    assert judge(facts, match(), at(now)) == expected


@pytest.mark.parametrize(
    ("row", "preferences", "expected"),
    [
        (match(expires_at=datetime.fromisoformat(SECOND)), likes(), "2026-11-22T12:00:00.001+08:00"),
        (match(expires_at=at("22 18:00")), likes(), "2026-11-22T17:59:52+08:00"),
        (match(expires_at=at("22 18:00")), likes("17:00-19:00"), "2026-11-22T16:59:52+08:00"),
        (match(expires_at=at("22 16:00")), likes("17:00-19:00"), "2026-11-22T15:59:52+08:00"),
    ],
)
def test_send_by(row: Candidate, preferences: object, expected: str) -> None:
    """The earliest of window end, quiet start and expiry, less the send timeout."""
    decision = judge(person(window(), preferences=preferences), row, NOON)  # type: ignore[arg-type]

    assert decision == Send(KF, datetime.fromisoformat(expected))


def test_a_date_beyond_the_expiry_is_still_a_date() -> None:
    """A match that expires while it waits is deferred first and dropped when its time is over."""
    facts = person(window(), preferences=likes(NIGHT))
    row = match(expires_at=at("23 02:00"))

    assert judge(facts, row, at("22 23:00")) == Defer(at("23 08:00"), Reason.QUIET_HOURS)
    assert judge(facts, row, at("23 02:00")) == Drop(Reason.EXPIRED)


def test_each_user_has_own_preferences() -> None:
    """Two user_ids of one person share windows and nothing else."""
    facts = person(window(), preferences=likes(stopped=True))
    both = replace(facts, users={**facts.users, "u2": replace(facts.users["u1"], preferences=likes())})

    assert judge(both, match(), NOON) == Drop(Reason.STOPPED)
    assert judge(both, match(user_id="u2"), NOON) == Send(KF, at("24 10:58:52"))
