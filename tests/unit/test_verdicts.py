"""What a decision makes of a row's date."""

from datetime import UTC, datetime, timedelta

import pytest

from consumer.facts import Candidate
from consumer.ledger.deliveries import Waiting
from consumer.verdicts import changes, verdict_of
from schemas.decisions import Defer, Reason
from schemas.events import match_from
from schemas.times import from_text, maybe_text

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROW = Waiting(
    Candidate("m", 1, "u", 0.9, NOON + timedelta(days=7), NOON),
    match_from({"match_id": "m", "user_id": "u", "profile_name": "x", "score": 0.9}),
    Reason.QUIET_HOURS,
    NOON,
    "waiting",
    generation=0,
    entry_id=None,
    person="p",
)


@pytest.mark.parametrize("microseconds", [0, 1, 999, 1000, 999_999])
def test_a_row_is_due_no_moment_before_its_date(microseconds: int) -> None:
    """Dates are kept in milliseconds: one that was cut would be due, and put off to the same date again."""
    until = NOON + timedelta(microseconds=microseconds)
    verdict = verdict_of(Defer(until, Reason.QUIET_HOURS), ROW, "p")

    assert verdict.due_at is not None
    assert from_text(str(maybe_text(verdict.due_at))) >= until
    assert from_text(str(maybe_text(verdict.due_at))) == verdict.due_at
    assert changes(verdict, ROW) == (microseconds > 0)


def test_a_row_is_due_at_its_expiry_at_the_latest() -> None:
    """A date behind it never comes."""
    verdict = verdict_of(Defer(NOON + timedelta(days=9), Reason.QUIET_HOURS), ROW, "p")

    assert verdict.due_at == ROW.candidate.expires_at
