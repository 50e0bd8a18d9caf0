"""What news does to a window, and what a failure means: the rules, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from consumer.facts import ServiceState, Window
from consumer.inbound import failures, talk
from consumer.inbound.failures import Then, failure_of
from consumer.inbound.puller import wait_after
from consumer.inbound.sessions import host_text
from consumer.wechat.syncing import NotPulled
from ops.telling.failtypes import FAIL_TYPES
from schemas.decisions import Reason, RecipientKey
from schemas.states import PauseScope
from schemas.times import parse_host_time

NOON = datetime.fromisoformat("2026-11-22T12:00+08:00")
EARLIER, LATER = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
SPOKE = Window(RecipientKey("wk1", "wm1"), opened_at=NOON)


def held(state: ServiceState, at: datetime = NOON) -> Window:
    """A window whose session was seen in a state."""
    return Window(SPOKE.recipient, opened_at=EARLIER, service_state=state, state_at=at)


def test_a_word_moves_a_window_forward_only() -> None:
    """An older word that comes later changes nothing."""
    assert talk.spoke(SPOKE, LATER).opened_at == LATER
    assert talk.spoke(SPOKE, EARLIER) == SPOKE
    assert talk.spoke(Window(SPOKE.recipient), EARLIER).opened_at == EARLIER


def test_a_tap_moves_none() -> None:
    """It is an answer, and whoever taps takes messages; an older one is no news."""
    tapped = replace(SPOKE, tapped_at=LATER)
    assert talk.spoke(SPOKE, LATER, reopens=False) == tapped
    assert talk.spoke(tapped, NOON, reopens=False) == tapped
    assert not talk.spoke(talk.refuses(SPOKE, LATER), LATER, reopens=False).muted


def test_who_refuses_is_left_alone_until_they_speak() -> None:
    """A refusal older than the last word is over already."""
    muted = talk.refuses(SPOKE, LATER)
    assert muted.muted
    assert not talk.spoke(muted, LATER + timedelta(seconds=1)).muted
    assert talk.refuses(SPOKE, EARLIER) == SPOKE


def test_a_word_from_before_the_refusal_does_not_take_it_back() -> None:
    """It may come late, after the news of the refusal, and says nothing of what came after it."""
    muted = talk.refuses(SPOKE, LATER)
    late = talk.spoke(muted, LATER - timedelta(seconds=1))
    assert late.muted
    assert late.opened_at == LATER - timedelta(seconds=1)
    assert talk.refuses(muted, LATER - timedelta(seconds=1)).muted_at == LATER  # older news of the same


@pytest.mark.parametrize(
    ("change_type", "state"),
    [(1, ServiceState.HUMAN), (2, ServiceState.HUMAN), (4, ServiceState.HUMAN), (3, ServiceState.ENDED)],
)
def test_servicers_change_the_state(change_type: int, state: ServiceState) -> None:
    """Taken, passed on, taken again: a person holds it; ended: nobody does."""
    changed = talk.changed(SPOKE, change_type, LATER)
    assert (changed.service_state, changed.state_at) == (state, LATER)
    assert talk.changed(changed, 3, NOON) == changed  # older news


@pytest.mark.parametrize("change_type", [None, 0, 5])
def test_a_change_nobody_knows_changes_nothing(change_type: int | None) -> None:
    """A number of WeChat's that is new to us is no reason to park anybody."""
    assert talk.changed(SPOKE, change_type, LATER) == SPOKE


def test_a_servicer_who_writes_holds_it() -> None:
    """Whoever told us, and also after an end."""
    assert talk.servicer_spoke(SPOKE, NOON).held_by_human
    assert talk.servicer_spoke(held(ServiceState.ENDED), LATER).held_by_human
    assert talk.servicer_spoke(held(ServiceState.ENDED, LATER), NOON).has_ended


def test_a_word_after_the_end_begins_anew() -> None:
    """A word before it does not; neither does a tap."""
    ended = held(ServiceState.ENDED)
    assert talk.spoke(ended, LATER).service_state == ServiceState.NEW
    assert talk.spoke(ended, EARLIER).has_ended
    assert talk.spoke(ended, LATER, reopens=False).has_ended


@pytest.mark.parametrize("state", [ServiceState.HUMAN, ServiceState.POOL])
def test_no_session_lasts_longer_than_48_hours(state: ServiceState) -> None:
    """Of whose end nobody told: a word after so long is in a new one."""
    almost = NOON + timedelta(hours=48, seconds=-1)
    assert talk.spoke(held(state), almost).held_by_human
    assert talk.spoke(held(state), NOON + timedelta(hours=48)).service_state == ServiceState.NEW


def test_a_window_is_used_up_once() -> None:
    """The one that the attempt began with; a later word has five of its own."""
    used = talk.used_up(SPOKE, NOON, LATER)
    assert used.is_exhausted
    assert not talk.spoke(used, LATER).is_exhausted
    assert not talk.used_up(SPOKE, EARLIER, LATER).is_exhausted
    assert talk.used_up(used, EARLIER, LATER) == used


def test_a_window_used_up_by_somebody_else() -> None:
    """Of another sender's message only the moment is known: a word since then is not concerned."""
    assert talk.used_up(SPOKE, None, LATER).is_exhausted
    assert talk.used_up(SPOKE, None, EARLIER) == SPOKE
    assert talk.used_up(Window(SPOKE.recipient), None, NOON).exhausted is None


def test_a_closed_session() -> None:
    """fail_type 5 is an end, unless a word came since."""
    assert talk.ended(SPOKE, LATER).has_ended
    assert talk.ended(SPOKE, EARLIER) == SPOKE


EXPECTED = {
    0: (Then.DEAD, Reason.UNDELIVERED, None),
    1: (Then.AFTER_THE_PAUSE, Reason.PAUSED, PauseScope.ACCOUNT),
    2: (Then.AFTER_THE_PAUSE, Reason.PAUSED, PauseScope.CORP),
    4: (Then.AFTER_A_WORD, Reason.NO_SLOT, None),
    5: (Then.AFTER_A_WORD, Reason.SESSION_ENDED, None),
    6: (Then.AFTER_A_WORD, Reason.NO_SLOT, None),
    7: (Then.AFTER_THE_PAUSE, Reason.PAUSED, PauseScope.CORP),
    8: (Then.AFTER_THE_PAUSE, Reason.PAUSED, PauseScope.CORP),
    9: (Then.AFTER_THE_PAUSE, Reason.PAUSED, PauseScope.CORP),
    10: (Then.AFTER_A_WORD, Reason.MUTED, None),
    11: (Then.AFTER_THE_PAUSE, Reason.PAUSED, PauseScope.CORP),
    12: (Then.AS_TEXT, Reason.KIND_REFUSED, None),
    13: (Then.AFTER_THE_PAUSE, Reason.PAUSED, PauseScope.ACCOUNT),
}


@pytest.mark.parametrize("fail_type", [*EXPECTED, 3, 99, None])
def test_every_fail_type(fail_type: int | None) -> None:
    """Each of WeChat's numbers has its consequence; any other is a dead letter."""
    failure = failure_of(fail_type)
    expected = EXPECTED.get(-1 if fail_type is None else fail_type, EXPECTED[0])
    assert (failure.then, failure.reason, failure.stops) == expected
    assert failure.uses_up == (fail_type in {4, 5, 6})
    assert failure.ends == (fail_type == 5)
    assert failure.mutes == (fail_type == 10)


def test_every_fail_type_is_told() -> None:
    """In both languages."""
    assert tuple(sorted(FAIL_TYPES)) == failures.known_types() == tuple(sorted(EXPECTED))


@pytest.mark.parametrize(
    ("problem", "failed", "seconds"),
    [
        (NotPulled("timed out"), 1, 1),
        (NotPulled("timed out"), 3, 4),
        (NotPulled("timed out"), 30, 60),
        (NotPulled("refused", -1), 1, 1),
        (NotPulled("refused", 60020), 30, 60),
        (NotPulled("refused", 45009), 1, 75),
        (NotPulled("refused", 95004), 3, 4),
        (NotPulled("refused", 95004), 30, 300),
        (NotPulled("refused", 99999), 30, 300),
    ],
)
def test_waits(problem: NotPulled, failed: int, seconds: float) -> None:
    """Who is throttled rests for a minute; an account that is not ours is asked for more and more rarely."""
    assert wait_after(problem, failed, 0.5) == timedelta(seconds=seconds)


def test_a_rest_is_a_minute_at_least() -> None:
    """Whatever the dice say."""
    assert wait_after(NotPulled("refused", 45009), 1, 0.0) == timedelta(seconds=60)


@pytest.mark.parametrize(
    ("like", "written"),
    [
        (None, "2026-11-22 04:00:00"),
        ("", "2026-11-22 04:00:00"),
        ("2026-11-20 09:00:00", "2026-11-22 04:00:00"),
        ("1795316400", "2026-11-22 04:00:00"),
        ("2026-11-20T09:00:00.123456", "2026-11-22T12:00:00"),
        ("2026-11-20T09:00:00+00:00", "2026-11-22T12:00:00+08:00"),
        ("2026-11-20T09:00:00Z", "2026-11-22T12:00:00+08:00"),
        (datetime.fromisoformat("2026-11-20T09:00:00"), "2026-11-22T12:00:00"),
    ],
)
def test_the_hosts_times_are_written_as_it_writes_them(like: object, written: str) -> None:
    """And read back as the instant that they were."""
    zone = ZoneInfo("Asia/Shanghai")
    assert host_text(NOON.astimezone(UTC), like, zone) == written
    assert parse_host_time(written, zone, NOON) == NOON
