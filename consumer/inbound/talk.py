"""What happens in a conversation does to its window: words, taps, servicers, failures.  Pure.

Everything has its own time, and news may come late or twice: what is older than what is known changes
nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from consumer import rhythm
from consumer.facts import ServiceState, Window
from schemas.kf_items import Change

SESSION: Final = timedelta(hours=48)
"""WeChat: a session lasts so long from the consultation, or until it is ended (document/path/94698)."""

_HELD: Final = (Change.TAKEN, Change.TRANSFERRED, Change.TAKEN_AGAIN)


def spoke(window: Window, at: datetime, *, reopens: bool = True) -> Window:
    """The user said something, or, where it does not reopen, only tapped."""
    if reopens and (window.opened_at is None or at > window.opened_at):
        window = replace(window, opened_at=at)
    if not reopens and (window.tapped_at is None or at > window.tapped_at):
        window = replace(window, tapped_at=at)
    if window.muted and (window.muted_at is None or at >= window.muted_at):
        window = replace(window, muted=False, muted_at=None)
    if window.state_at is None or at < window.state_at or not reopens:
        return window
    # A word after the end begins a new session; so does one after the longest that a session can last, of
    # whose end nobody told us.
    is_over = window.has_ended or (window.held_by_human and at - window.state_at >= SESSION)
    return replace(window, service_state=ServiceState.NEW, state_at=at) if is_over else window


def heard(window: Window, at: datetime) -> Window:
    """Learn from a word or a tap at which hours the user has the phone in hand."""
    hours = rhythm.with_one_more(window.hours, at)
    return window if hours is window.hours else replace(window, hours=hours)


def servicer_spoke(window: Window, at: datetime) -> Window:
    """A servicer wrote in the client: a person holds the conversation, whoever told us of it or not."""
    return _in_state(window, ServiceState.HUMAN, at)


def changed(window: Window, change_type: int | None, at: datetime) -> Window:
    """A servicer took, passed on or ended the conversation."""
    if change_type in _HELD:
        return _in_state(window, ServiceState.HUMAN, at)
    return _in_state(window, ServiceState.ENDED, at) if change_type == Change.ENDED else window


def found(window: Window, state: ServiceState, at: datetime) -> Window:
    """WeChat was asked, and said how it is."""
    return _in_state(window, state, at)


def ended(window: Window, at: datetime) -> Window:
    """WeChat says that the session was closed; a word since then has begun another."""
    return window if _has_spoken_since(window, at) else _in_state(window, ServiceState.ENDED, at)


def refuses(window: Window, at: datetime) -> Window:
    """The user takes no messages, until they speak."""
    if _has_spoken_since(window, at):
        return window
    return replace(window, muted=True, muted_at=max(at, window.muted_at or at))


def used_up(window: Window, opened_at: datetime | None, at: datetime) -> Window:
    """WeChat took nothing more for the window that opened then; unknown, for the one that was open ``at``."""
    if opened_at is None and not _has_spoken_since(window, at):
        opened_at = window.opened_at
    if opened_at is None or (window.exhausted is not None and window.exhausted >= opened_at):
        return window
    return replace(window, exhausted=opened_at)


def _in_state(window: Window, state: ServiceState, at: datetime) -> Window:
    if window.state_at is not None and at < window.state_at:
        return window
    return replace(window, service_state=state, state_at=at)


def _has_spoken_since(window: Window, at: datetime) -> bool:
    return window.opened_at is not None and window.opened_at > at
