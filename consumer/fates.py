"""What may become of an event that comes again.  Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Fate(StrEnum):
    """What becomes of one event."""

    MISSING = "missing"
    """The ledger does not know it: it becomes a row."""
    PARKED = "parked"
    DROPPED = "dropped"
    WAITING = "waiting"
    """These three are decided again at once."""
    SENT = "sent"
    SENDING = "sending"
    DEAD = "dead"
    """A dead letter: it belongs to ``dead redrive``."""
    WITHDRAWN = "withdrawn"
    """The application took the match back."""
    CONVERTED = "converted"
    """A conversion that is counted already."""
    CLOSED = "closed"
    """A person closed it for good."""
    UNSETTLED = "unsettled"
    """Nobody knows whether WeChat has it: it belongs to ``dead redrive --resend``."""
    NEEDS_UPGRADE = "needs_upgrade"
    ON_ITS_WAY = "on_its_way"
    """On the stream, and no consumer has stored it yet: it comes by itself."""
    REPEATED = "repeated"
    """The same event was met before in this run."""
    UNREADABLE = "unreadable"
    """It would be a dead letter."""

    @property
    def is_added(self) -> bool:
        """Whether the event is put on the stream again."""
        return self in _ADDED


_ADDED: Final = {Fate.MISSING, Fate.PARKED, Fate.DROPPED, Fate.WAITING}
