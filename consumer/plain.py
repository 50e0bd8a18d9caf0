"""Messages of no match's own, as the policy sees them: by windows, slots, stops and pauses alone.  Pure.

No limit counts them and no batch waits for them; quiet hours are asked only where one keeps to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from consumer.facts import Candidate, Person, Window
from schemas.decisions import RecipientKey
from schemas.preferences import BatchMode, Preferences, Unreadable

LIFETIME: Final = timedelta(minutes=10)
"""A message that somebody waits for is offered again for so long."""

NO_LIMIT: Final = 10**9


def as_match(
    person: Person, user_id: str, reserved_at: datetime, *, keeps_quiet: bool
) -> tuple[Person, Candidate]:
    """Describe the message as a match, and the person as somebody who wants just that."""
    user = person.users[user_id]
    wishes = _only_stops(user.preferences, keeps_quiet=keeps_quiet)
    users = {**person.users, user_id: replace(user, preferences=wishes, today=0, intents={})}
    return replace(person, users=users), _message(user_id, reserved_at)


def as_answer(
    person: Person,
    user_id: str,
    matches: Sequence[Candidate],
    reserved_at: datetime,
    *,
    although_stopped: bool,
) -> tuple[Person, list[Candidate]]:
    """Describe an answer, and whom it answers: somebody who asked for it is awake and wants it.

    The matches that it carries are judged as what they are, without limits; one that carries none is judged
    as a match that expires in ten minutes.  ``although_stopped`` is for the word that tells of the stop.
    """
    user = person.users[user_id]
    wishes = _only_stops(user.preferences, keeps_quiet=False)
    wishes = replace(wishes, enabled=True, stopped=wishes.stopped and not although_stopped)
    intents = {name: replace(intent, daily_limit=NO_LIMIT) for name, intent in user.intents.items()}
    users = {**person.users, user_id: replace(user, preferences=wishes, today=0, intents=intents)}
    answered = replace(person, users=users, windows=_for_answers(person))
    return answered, list(matches) or [_message(user_id, reserved_at)]


def as_summary(
    person: Person, user_id: str, matches: Sequence[Candidate], reserved_at: datetime
) -> tuple[Person, list[Candidate]]:
    """Describe a daily summary, and whom it is for: its own hour has come, so no batch is waited for.

    Everything else holds as for any match; one that carries none is judged as a match of the best score.
    """
    user = person.users[user_id]
    if isinstance(user.preferences, Preferences):
        wishes = replace(user.preferences, batch_mode=BatchMode.IMMEDIATE)
        person = replace(person, users={**person.users, user_id: replace(user, preferences=wishes)})
    return person, list(matches) or [_message(user_id, reserved_at)]


def as_asked_for(person: Person) -> Person:
    """Describe a person who asks for what waits: no hour is too late for it, and no limit counts it."""
    users = {
        user_id: replace(
            user,
            preferences=user.preferences
            if isinstance(user.preferences, Unreadable)
            else replace(user.preferences, daily_limit=NO_LIMIT, quiet=None, batch_mode=BatchMode.IMMEDIATE),
            intents={name: replace(intent, daily_limit=NO_LIMIT) for name, intent in user.intents.items()},
        )
        for user_id, user in person.users.items()
    }
    return replace(person, users=users, windows=_for_answers(person))


def only_at(person: Person, recipient: RecipientKey) -> Person:
    """The person as far as one conversation is concerned."""
    return replace(
        person, windows=tuple(window for window in person.windows if window.recipient == recipient)
    )


def _for_answers(person: Person) -> tuple[Window, ...]:
    """The windows, with what is kept for answers."""
    return tuple(replace(window, for_taps=0) if window.for_taps else window for window in person.windows)


def _message(user_id: str, reserved_at: datetime) -> Candidate:
    return Candidate(
        match_id="",
        revision=1,
        user_id=user_id,
        score=1.0,
        expires_at=reserved_at + LIFETIME,
        created_at=reserved_at,
    )


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
