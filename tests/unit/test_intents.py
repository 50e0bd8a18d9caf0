"""What the host's intents limit, in every form a host may write it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from consumer.facts import Intent
from consumer.intents import read_intents

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")


def row(**more: object) -> dict[str, object]:
    """An active intent of five a day."""
    return {"id": 3, "max_push_per_day": 5, "status": "active", "expire_at": None} | more


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, Intent(is_active=True, daily_limit=5, today=2)),
        ({"max_push_per_day": None}, Intent(is_active=True, daily_limit=5, today=2)),
        ({"max_push_per_day": " 7 "}, Intent(is_active=True, daily_limit=7, today=2)),
        ({"max_push_per_day": 0}, Intent(is_active=True, daily_limit=0, today=2)),
        ({"status": None}, Intent(is_active=True, daily_limit=5, today=2)),
        ({"status": "Active "}, Intent(is_active=True, daily_limit=5, today=2)),
        ({"status": "paused"}, Intent(is_active=False, daily_limit=5, today=2)),
        ({"status": 7}, Intent(is_active=False, daily_limit=5, today=2)),
        ({"expire_at": "2026-11-22T12:00:00"}, Intent(is_active=False, daily_limit=5, today=2)),
        ({"expire_at": "2026-11-22T12:00:01"}, Intent(is_active=True, daily_limit=5, today=2)),
        ({"expire_at": "2026-11-22"}, Intent(is_active=True, daily_limit=5, today=2)),
        ({"expire_at": "2026-11-21"}, Intent(is_active=False, daily_limit=5, today=2)),
        ({"expire_at": "2027-01-01 00:00:00"}, Intent(is_active=True, daily_limit=5, today=2)),
    ],
)
def test_a_row(more: dict[str, object], expected: Intent) -> None:
    """What is unset is FriendAI's default; an intent past its end is as good as switched off."""
    assert read_intents([row(**more)], {"3": 2, "4": 9}, SHANGHAI, NOW) == ({"3": expected}, [])


def test_a_limit_nobody_understands() -> None:
    """It is told by its column, and no number takes its place."""
    found, complaints = read_intents([row(max_push_per_day="many")], {}, SHANGHAI, NOW)

    assert found["3"].daily_limit is None
    assert complaints == [
        "user_intents.max_push_per_day of intent 3 cannot be understood; accepted: a whole number from 0"
    ]


def test_an_end_nobody_understands() -> None:
    """The intent goes on, for its matches have an end of their own; the text is told."""
    found, complaints = read_intents([row(expire_at="next year")], {}, SHANGHAI, NOW)

    assert found["3"].is_active
    assert complaints == ["user_intents.expire_at of intent 3: not a time: 'next year'"]
