"""A message that carries no match, as the policy sees one: by windows, slots, stops and pauses alone.  Pure.

No limit counts it and no batch waits for it; quiet hours are asked only where it keeps to them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from consumer.facts import Candidate, Person
from schemas.preferences import BatchMode, Preferences, Unreadable

LIFETIME: Final = timedelta(minutes=10)
"""A message that somebody waits for is offered again for so long."""


def as_match(
    person: Person, user_id: str, reserved_at: datetime, *, keeps_quiet: bool
) -> tuple[Person, Candidate]:
    """Describe the message as a match, and the person as somebody who wants just that."""
    user = person.users[user_id]
    wishes = _only_stops(user.preferences, keeps_quiet=keeps_quiet)
    users = {**person.users, user_id: replace(user, preferences=wishes, today=0, intents={})}
    match = Candidate(
        match_id="",
        revision=1,
        user_id=user_id,
        score=1.0,
        expires_at=reserved_at + LIFETIME,
        created_at=reserved_at,
    )
    return replace(person, users=users), match


def _only_stops(preferences: Preferences | Unreadable, *, keeps_quiet: bool) -> Preferences | Unreadable:
    if isinstance(preferences, Unreadable):
        if keeps_quiet:
            return preferences  # whether it is quiet now cannot be told
        quiet, zone = None, ZoneInfo("UTC")
    else:
        quiet, zone = preferences.quiet if keeps_quiet else None, preferences.zone
    return Preferences(
        enabled=preferences.enabled,
        stopped=preferences.stopped,
        daily_limit=1,
        min_score=0.0,
        quiet=quiet,
        zone=zone,
        batch_mode=BatchMode.IMMEDIATE,
        preferred_time=time(9),
    )
