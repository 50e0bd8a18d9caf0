"""What a user's word does for what waits: whatever was parked for it goes as one message.  Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from schemas.decisions import Reason
from schemas.states import DeliveryStatus

RELEASE_AFTER: Final = timedelta(seconds=1.5)
"""So long after a word what waited for it is decided: people write in several short messages."""

AWAITS_A_WORD: Final = (
    Reason.NO_SESSION,
    Reason.WINDOW_CLOSED,
    Reason.NO_SLOT,
    Reason.MUTED,
    Reason.HUMAN_SERVICER,
    Reason.SESSION_ENDED,
)
"""Parked for one of these, a match waits for the user's word."""


def waits_for_a_word(status: str, reason: str | None) -> bool:
    """Whether the user's next word releases a match; one they were told of has a date besides."""
    return reason == Reason.MORE or (status == DeliveryStatus.PARKED and reason in AWAITS_A_WORD)
