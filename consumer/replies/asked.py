"""What a user may ask by a word or a tap, and one such asking.  Plain values that ``reading`` makes.

Command  View | More | Stop | Resume | Quiet | NoQuiet | Daily | Immediate | Summary | NoSummary | Help
         | Unclear | Other
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum

from schemas.decisions import RecipientKey


@dataclass(frozen=True, slots=True)
class View:
    """Tell all about one match: its number in the newest message, or its id; empty: the newest message's.

    ``by_id`` says that it is an id though it may look like a number: so a menu's item names a match.
    """

    which: str = ""
    by_id: bool = False


@dataclass(frozen=True, slots=True)
class More:
    """Show what still waits."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Send nothing more."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Send again."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Send nothing between two different times of the user's own day; it may cross midnight."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class NoQuiet:
    """Send at any hour."""


@dataclass(frozen=True, slots=True)
class Daily:
    """Send once a day, at this time of the user's own day."""

    at: time


@dataclass(frozen=True, slots=True)
class Immediate:
    """Send when there is something, not once a day."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Send a summary every day, at this time of the user's own day."""

    at: time


@dataclass(frozen=True, slots=True)
class NoSummary:
    """Send no daily summary."""


@dataclass(frozen=True, slots=True)
class Help:
    """Tell what may be asked."""


class Topic(StrEnum):
    """What an unclear wish is about."""

    QUIET = "quiet"
    DAILY = "daily"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Unclear:
    """A wish of ours whose times cannot be understood: the answer says how it is written."""

    about: Topic


@dataclass(frozen=True, slots=True)
class Other:
    """Nothing of ours: the application's to understand."""


Command = (
    View
    | More
    | Stop
    | Resume
    | Quiet
    | NoQuiet
    | Daily
    | Immediate
    | Summary
    | NoSummary
    | Help
    | Unclear
    | Other
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One customer's item with what it asks.

    ``user_ids`` are those bound to the recipient's external_userid, itself where nobody is; ``person`` is
    what the ledger calls them; ``inbound_key`` is the item's msgid, unique in its KF account; ``spoken_at``
    its send_time; ``item`` is the item as WeChat gave it, for the application, and never shown.
    """

    recipient: RecipientKey
    user_ids: tuple[str, ...]
    person: str
    inbound_key: str
    spoken_at: datetime
    command: Command
    item: Mapping[str, object] = field(default_factory=dict, repr=False)
    is_tap: bool = False
    """They tapped an item of a menu, and typed nothing."""
