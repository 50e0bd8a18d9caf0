"""Messages counted: what WeChat took, what was opened as far as that shows, what came of it.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from ops.reporting.statistics import Count, wilson
from schemas.opens import Proxy
from schemas.states import PushStatus

_TAKEN: Final = (PushStatus.SENT, PushStatus.FAILED, PushStatus.RECALLED)
_OPEN: Final = (PushStatus.SENDING, PushStatus.UNKNOWN, PushStatus.GIVEN_UP)
_REPORTING: Final = ("miniprogram", "link")
"""What leads to a page of the application's, which can report that it was opened."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a report sees it; ``converted`` is how many of its matches were."""

    status: str
    msgtype: str
    matches: int
    opened: frozenset[Proxy] = frozenset()
    converted: int = 0

    @property
    def is_delivered(self) -> bool:
        """Whether WeChat took it and said nothing else afterwards."""
        return self.status in {PushStatus.SENT, PushStatus.RECALLED}

    @property
    def shows(self) -> frozenset[Proxy]:
        """Which proxies could have told of it at all.

        Not whichever did: among messages of which a proxy is not expected to tell, the few of which it told
        would be all there are, every one of them opened.
        """
        return _shows(self.msgtype, min(self.matches, 2))


@lru_cache(maxsize=256)
def _shows(msgtype: str, matches: int) -> frozenset[Proxy]:
    """Which proxies could tell of a message of this type with no match, one, or (2) several."""
    shows = {
        Proxy.VIEWED: matches > 0,
        Proxy.TAPPED: msgtype == "msgmenu" or matches > 1,  # its own items, or the list's that answers 查看
        Proxy.MINIPROGRAM: msgtype in _REPORTING,
        Proxy.REPLIED: True,
    }
    return frozenset(proxy for proxy, can in shows.items() if can)


@dataclass
class Tally:
    """The counts of one group of messages."""

    tried: int = 0
    taken: int = 0
    failed: int = 0
    refused: int = 0
    not_sent: int = 0
    unknown: int = 0
    delivered: int = 0
    opened: int = 0
    """By whichever proxy."""
    matches: int = 0
    """Of the delivered messages; so is all that follows."""
    converted: int = 0
    stopped: int = 0
    by_proxy: Counter[Proxy] = field(default_factory=Counter)
    could: Counter[Proxy] = field(default_factory=Counter)

    def add(self, message: Message) -> None:
        """Count one more message."""
        self.tried += 1
        self.taken += message.status in _TAKEN
        self.failed += message.status == PushStatus.FAILED
        self.refused += message.status == PushStatus.REFUSED
        self.not_sent += message.status == PushStatus.NOT_SENT
        self.unknown += message.status in _OPEN
        if not message.is_delivered:
            return
        self.delivered += 1
        self.opened += bool(message.opened)
        self.matches += message.matches
        self.converted += message.converted
        for proxy in message.shows:
            self.could[proxy] += 1
            self.by_proxy[proxy] += proxy in message.opened


@dataclass(frozen=True, slots=True)
class Rate:
    """``yes`` of ``of``, the share, and Wilson's 95 % interval of it; without a share where ``of`` is 0."""

    yes: int
    of: int
    rate: float | None
    low: float
    high: float


def rate_of(yes: int, of: int) -> Rate:
    """Make a rate of two counts."""
    count = Count(yes, of)
    interval = wilson(count)
    return Rate(yes, of, count.rate, interval.low, interval.high)


@dataclass(frozen=True, slots=True)
class Line:
    """One group, counted: a line of a report."""

    name: str
    tried: int
    taken: int
    failed: int
    refused: int
    not_sent: int
    unknown: int
    delivered: int
    opened: Rate
    by_proxy: Mapping[str, Rate]
    """Each of the messages that it could have told of."""
    matches: int
    converted: Rate
    """Of the matches."""
    stopped: Rate


def line_of(name: str, tally: Tally) -> Line:
    """Make a line of a tally."""
    return Line(
        name,
        tally.tried,
        tally.taken,
        tally.failed,
        tally.refused,
        tally.not_sent,
        tally.unknown,
        tally.delivered,
        rate_of(tally.opened, tally.delivered),
        {proxy: rate_of(tally.by_proxy[proxy], tally.could[proxy]) for proxy in Proxy},
        tally.matches,
        rate_of(tally.converted, tally.matches),
        rate_of(tally.stopped, tally.delivered),
    )
