"""The policy: may this match go to this person now, and if not, why and until when.

A meaning, not an order of calls: what can never go is dropped, what needs a condition is parked, what
needs time is deferred to the earliest instant at which *every* clock gate is open.  Pure; ``now`` is the
business clock.  A gate that leaves no time to send (``send_timeout``) counts as closed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from consumer.facts import Candidate, Intent, Person, User, Window
from consumer.quiet import is_quiet, next_day_start, next_local_time, quiet_from, quiet_until
from schemas.decisions import Decision, Defer, Drop, Park, Reason, Send
from schemas.preferences import BatchMode, Preferences, Unreadable

UNREADABLE_RETRY: Final = timedelta(hours=1)
"""Unreadable preferences are looked at again after this long."""

SCORE_MOVED: Final = 0.05
"""A match that was sent is announced again only if its score moved by more than this, as FriendAI does."""

_MOST_ROUNDS: Final = 16
"""More alternations of clock gates than a week has; beyond it something never opens."""


def judge(person: Person, match: Candidate, now: datetime) -> Decision:  # noqa: PLR0911 - one line an ending
    """Decide about one match of one person."""
    user = person.users[match.user_id]
    intent = user.intents.get(match.intent_id) if match.intent_id is not None else None
    ended = _dropped(user, intent, match, now + person.send_timeout) or _behind(match)
    if ended is not None:
        return ended
    if isinstance(user.preferences, Unreadable) or (intent is not None and intent.daily_limit is None):
        return Defer(now + UNREADABLE_RETRY, Reason.UNREADABLE_PREFERENCES)
    left = usable(person, user, now)
    if isinstance(left, Park):
        return left
    paused_until = _paused_until(person, left)
    if paused_until is not None:
        # The other gates are asked from there on: nobody is looked at in vain when the pause is probed.
        until, _ = _clocks(
            user, user.preferences, intent, match, now, person.send_timeout, start=paused_until
        )
        return Defer(until, Reason.PAUSED)
    chosen = _best(person, left, now)
    assert chosen.closes_at is not None  # noqa: S101 - an open window has an end
    until, reason = _clocks(user, user.preferences, intent, match, now, person.send_timeout)
    if until <= now:
        return Send(chosen.recipient, _send_by(person, user.preferences, chosen, match, now))
    if until + person.send_timeout < chosen.closes_at:
        return Defer(until, reason)
    without_batching, _ = _clocks(
        user, user.preferences, intent, match, now, person.send_timeout, batching=False
    )
    if without_batching <= now:
        # Its hour would come after the window: now is the last good moment.
        return Send(chosen.recipient, _send_by(person, user.preferences, chosen, match, now))
    return Park(Reason.WINDOW_CLOSED)


def _behind(match: Candidate) -> Park | Drop | None:
    """Tell what an earlier revision of the same match makes of this one."""
    if match.earlier is None:
        return None
    if match.earlier.in_flight:
        return Park(Reason.OLDER_IN_FLIGHT)
    if match.earlier.sent_score is not None and not has_moved(match.earlier.sent_score, match.score):
        return Drop(Reason.UNCHANGED)
    return None


def has_moved(before: float, score: float) -> bool:
    """Whether a score differs from one that was sent by enough to tell the user again."""
    return round(abs(score - before), 9) > SCORE_MOVED


def _dropped(  # noqa: PLR0911 - one line an ending
    user: User, intent: Intent | None, match: Candidate, sent_at: datetime
) -> Drop | None:
    preferences = user.preferences
    if match.withdrawn or (intent is not None and not intent.is_active):
        return Drop(Reason.WITHDRAWN)
    if match.blocked:
        return Drop(Reason.BLOCKED_CONTENT)
    if match.expires_at <= sent_at:
        return Drop(Reason.EXPIRED)
    if preferences.stopped:
        return Drop(Reason.STOPPED)
    if not preferences.enabled:
        return Drop(Reason.PUSH_DISABLED)
    if isinstance(preferences, Preferences) and match.score < preferences.min_score:
        return Drop(Reason.BELOW_MIN_SCORE)
    return None


def usable(person: Person, user: User, now: datetime) -> list[Window] | Park:
    """Find the user's KF accounts that are open with slots left, paused or not."""
    own = [window for window in person.windows if window.recipient.external_userid in user.phones]
    known = [window for window in own if window.opened_at is not None]
    if not known:
        return Park(Reason.NO_SESSION)
    opened = [window for window in known if (window.closes_at or now) - person.send_timeout > now]
    if not opened:
        return Park(Reason.WINDOW_CLOSED)
    heard = [window for window in opened if not window.muted]
    if not heard:
        return Park(Reason.MUTED)
    free = [window for window in heard if not window.held_by_human]
    if not free:
        return Park(Reason.HUMAN_SERVICER)
    going_on = [window for window in free if not window.has_ended]
    if not going_on:
        return Park(Reason.SESSION_ENDED)
    left = [window for window in going_on if window.slots_left(person.slots_kept_back) > 0]
    return left or Park(Reason.NO_SLOT)


def _paused_until(person: Person, left: list[Window]) -> datetime | None:
    """Tell until when at least nothing may go on any of these accounts; None if something may."""
    paused = [person.paused.get(window.recipient.open_kfid) for window in left]
    ends = [until for until in paused if until is not None]
    account = min(ends) if len(ends) == len(left) else None
    return max(filter(None, (person.held, account)), default=None)


def _best(person: Person, left: list[Window], now: datetime) -> Window:
    """Choose among them: what is not paused, then latest opened, then open_kfid."""
    working = [window for window in left if window.recipient.open_kfid not in person.paused]
    working.sort(key=lambda window: window.recipient.open_kfid)
    return max(working, key=lambda window: window.opened_at or now)


def _clocks(
    user: User,
    preferences: Preferences,
    intent: Intent | None,
    match: Candidate,
    now: datetime,
    send_timeout: timedelta,
    *,
    batching: bool = True,
    start: datetime | None = None,
) -> tuple[datetime, Reason]:
    """Find the earliest instant from ``start`` (now) at which every clock gate is open, and the last one."""
    instant, reason = start or now, Reason.FRESH
    for _ in range(_MOST_ROUNDS):
        for gate_reason, opens_at in (
            (
                Reason.DAILY_LIMIT,
                _limit_opens((user.today, preferences.daily_limit), preferences, now, instant),
            ),
            (Reason.INTENT_LIMIT, _intent_opens(intent, preferences, now, instant)),
            (Reason.BATCH_MODE, _batch_opens(preferences, match, instant) if batching else instant),
            (Reason.QUIET_HOURS, _quiet_opens(preferences, instant, send_timeout)),
        ):
            if opens_at > instant:
                instant, reason = opens_at, gate_reason
                break
        else:
            return instant, reason
    return instant, reason


def _limit_opens(
    used: tuple[int, int], preferences: Preferences, now: datetime, instant: datetime
) -> datetime:
    """``used`` is how many of how many.

    Only today's messages are known; a limit of 0 opens never, so it is looked at again every midnight.
    """
    today, limit = used
    if today < limit:
        return instant
    return max(instant, next_day_start(preferences.zone, now))


def _intent_opens(
    intent: Intent | None, preferences: Preferences, now: datetime, instant: datetime
) -> datetime:
    if intent is None or intent.daily_limit is None:
        return instant
    return _limit_opens((intent.today, intent.daily_limit), preferences, now, instant)


def hour_of(preferences: Preferences, match: Candidate) -> datetime:
    """When the user who wants matches once a day wants this one."""
    return next_local_time(preferences.preferred_time, preferences.zone, match.created_at)


def _batch_opens(preferences: Preferences, match: Candidate, instant: datetime) -> datetime:
    if preferences.batch_mode is not BatchMode.DAILY or match.urgent:
        return instant
    return max(instant, hour_of(preferences, match))


def _quiet_opens(preferences: Preferences, instant: datetime, send_timeout: timedelta) -> datetime:
    """A message that could still be on its way when the quiet begins waits for the quiet's end."""
    if preferences.quiet is None:
        return instant
    for moment in (instant, instant + send_timeout):
        if is_quiet(preferences.quiet, preferences.zone, moment):
            return quiet_until(preferences.quiet, preferences.zone, moment)
    return instant


def _send_by(
    person: Person,
    preferences: Preferences,
    window: Window,
    match: Candidate,
    now: datetime,
) -> datetime:
    """Tell by when the bytes must have left: every gate is still open a send timeout later."""
    ends = [match.expires_at, window.closes_at or now]
    if preferences.quiet is not None:
        quiet_at = quiet_from(preferences.quiet, preferences.zone, now)
        if quiet_at is not None:
            ends.append(quiet_at)
    return min(ends) - person.send_timeout
