"""How often one API may be called: so many a minute, so many an hour, and then a block as long as that.

Pure: the time is an argument.  WeChat names the figures and the block; that a minute begins with its first
call is this sandbox's reading.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ops.sandbox import errcodes
from ops.sandbox.switches import Switches

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)


@dataclass
class _Span:
    """A minute or an hour of one API."""

    began_at: datetime | None = None
    calls: int = 0
    blocked: bool = False

    def judge(self, length: timedelta, most: int, now: datetime) -> int:
        if self.began_at is None or not self.began_at <= now < self.began_at + length:
            self.began_at, self.calls, self.blocked = now, 0, False
        if self.blocked:
            return errcodes.TOO_MANY_CALLS
        self.calls += 1
        if self.calls > most:
            self.began_at, self.blocked = now, True  # the block lasts for as long again, from here
            return errcodes.TOO_MANY_CALLS
        return errcodes.OK


class Turnstile:
    """Counts the calls of each API.  A call that is turned away is not counted."""

    def __init__(self) -> None:
        self._spans: defaultdict[tuple[str, timedelta], _Span] = defaultdict(_Span)

    def judge(self, api: str, now: datetime, switches: Switches) -> int:
        """OK, or that there were too many."""
        for length, most in ((MINUTE, switches.calls_per_minute), (HOUR, switches.calls_per_hour)):
            if self._spans[api, length].judge(length, most, now) != errcodes.OK:
                return errcodes.TOO_MANY_CALLS
        return errcodes.OK

    def judge_tokenless(self, now: datetime, switches: Switches) -> int:
        """OK, or that sync_msg was called too often without a token."""
        span = self._spans["sync_msg without a token", MINUTE]
        return span.judge(MINUTE, switches.tokenless_per_minute, now)
