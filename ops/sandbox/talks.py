"""One user and one KF account: what was said, and what may still be said.  Pure: the time is an argument."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from ops.sandbox.sessions import ENDED, NEW

WINDOW: Final = timedelta(hours=48)
MESSAGES_PER_WINDOW: Final = 5

Fate = Literal["failed", "recalled"]


@dataclass(frozen=True)
class Bubble:
    """One message on a phone's screen."""

    seq: int
    at: datetime
    sender: Literal["user", "kf", "servicer"]
    open_kfid: str
    external_userid: str
    msgid: str
    msgtype: str
    content: str | dict[str, object] = field(repr=False)
    menu_id: str | None = None
    """Set on a click: the text then is the menu item's."""


@dataclass
class Conversation:
    """One user and one KF account: what was said, and what may still be said."""

    open_kfid: str
    external_userid: str
    service_state: int = NEW
    servicer: str | None = None
    opened_at: datetime | None = None
    used: int = 0
    spoke_at: datetime | None = None
    """When the user last said something; a tap on a menu is no word of their own."""
    card_at: datetime | None = None
    """When the last business card came."""
    welcomed_at: datetime | None = None
    rejects: bool = False
    """Whether the user refuses messages: WeChat takes them all the same, and shows none."""
    bubbles: list[Bubble] = field(default_factory=list)
    fates: dict[int, Fate] = field(default_factory=dict)
    """What became later of bubbles, by their seq; those that failed are not on the phone."""

    def is_open(self, now: datetime) -> bool:
        """Whether the user's last word is younger than 48 hours."""
        return self.opened_at is not None and now - self.opened_at < WINDOW

    def state_at(self, now: datetime) -> int:
        """The session's state; it ends by itself with the window that it was opened by."""
        over = self.opened_at is not None and not self.is_open(now)
        return ENDED if over else self.service_state

    def shown(self) -> list[Bubble]:
        """The messages from the company that the phone shows."""
        return [each for each in self.bubbles if each.sender == "kf" and self.fates.get(each.seq) != "failed"]

    def left(self, now: datetime) -> int:
        """How many messages WeChat would still take."""
        return max(0, MESSAGES_PER_WINDOW - self.used) if self.is_open(now) else 0
