"""A person at noon in Shanghai with an open window and nothing in the way; tests say what differs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from consumer.facts import Candidate, Person, User, Window
from schemas.decisions import RecipientKey
from schemas.preferences import BatchMode, Preferences, QuietHours, Unreadable

SHANGHAI = ZoneInfo("Asia/Shanghai")
KF = RecipientKey("wk1", "wm1")
PHONES = frozenset({"wm1"})


def at(text: str) -> datetime:
    """An instant of November 2026 by Shanghai's clock: ``22 12:00``."""
    return datetime.fromisoformat(f"2026-11-{text}+08:00")


NOON = at("22 12:00")

LIKES = Preferences(
    enabled=True,
    stopped=False,
    daily_limit=10,
    min_score=0.7,
    quiet=None,
    zone=SHANGHAI,
    batch_mode=BatchMode.IMMEDIATE,
    preferred_time=time(9),
)


def likes(quiet: str | None = None, **more: object) -> Preferences:
    """What a user wants; times as text."""
    if "preferred_time" in more:
        more["preferred_time"] = time.fromisoformat(str(more["preferred_time"]))
    return replace(LIKES, quiet=QuietHours.parse(quiet) if quiet else None, **more)  # type: ignore[arg-type]


def window(opened: str | None = "22 11:00", recipient: RecipientKey = KF, **more: object) -> Window:
    """A window, opened at eleven o'clock."""
    return replace(Window(recipient, at(opened) if opened else None), **more)  # type: ignore[arg-type]


def person(
    *windows: Window,
    preferences: Preferences | Unreadable = LIKES,
    today: int = 0,
    paused: Mapping[str, datetime] | None = None,
    kept_back: int = 0,
) -> Person:
    """One person with one user_id, ``u1``."""
    return Person(
        windows, {"u1": User(preferences, today, PHONES)}, paused or {}, kept_back, timedelta(seconds=8)
    )


def match(match_id: str = "m1", **more: object) -> Candidate:
    """A match made this morning that expires in a week."""
    base = Candidate(match_id, 1, "u1", 0.85, at("29 08:00"), at("22 08:00"))
    return replace(base, **more)  # type: ignore[arg-type]
