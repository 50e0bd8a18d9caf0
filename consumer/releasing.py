"""What a user's word does for what waits: whatever was parked for it goes as one message.  Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from schemas.decisions import Reason

RELEASE_AFTER: Final = timedelta(seconds=1.5)
"""So long after a word what waited for it is decided: people write in several short messages."""

AWAITS_A_WORD: Final = (
    Reason.NO_SESSION,
    Reason.WINDOW_CLOSED,
    Reason.NO_SLOT,
    Reason.MUTED,
    Reason.HUMAN_SERVICER,
    Reason.SESSION_ENDED,
    Reason.MORE,
)
