"""What was asked of the sandbox: the latest calls one by one, and exact counts of all of them."""

from collections import Counter, deque
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal

from ops.sandbox import errcodes
from ops.sandbox.clock import iso

KEPT: Final = 10_000


@dataclass(frozen=True)
class Call:
    """One call as it arrived and as it ended.  errcode is the rules' verdict, None if they were not asked."""

    seq: int
    at: datetime
    api: str
    open_kfid: object
    external_userid: object
    msgid: object
    errcode: int | None
    answered: int | None
    fault: int | None
    dropped: Literal["before", "after"] | None
    body_sha256: str


class CallLog:
    """Remembers calls.  Old ones fall out of the ring; the counts never forget."""

    def __init__(self) -> None:
        self._ring: deque[Call] = deque(maxlen=KEPT)
        self._arrived: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter()

    def arrive(self, api: str) -> int:
        """Count a call before anything can happen to it; the number is the call's own."""
        self._arrived[api] += 1
        return self._arrived.total()

    def sent(self) -> int:
        """How many send_msg calls have ended, one way or another."""
        return self._verdicts.total()

    def note(self, call: Call) -> None:
        """Remember how a call ended."""
        self._ring.append(call)
        if call.api != "send_msg":
            return
        self._verdicts["none" if call.errcode is None else str(call.errcode)] += 1
        self._counts["accepted"] += call.errcode == errcodes.OK
        self._counts["repeated"] += call.errcode == errcodes.REPEATED_MSGID
        self._counts["faulted"] += call.fault is not None
        self._counts["dropped_before"] += call.dropped == "before"
        self._counts["dropped_after"] += call.dropped == "after"

    def told(self, msgid: str | None = None, last: int = KEPT) -> dict[str, object]:
        """The log as JSON, narrowed to one msgid if wanted; the counts are always of everything."""
        calls = [call for call in self._ring if msgid in (None, call.msgid)]
        counts = ("accepted", "repeated", "faulted", "dropped_before", "dropped_after")
        return {
            "calls": [{**asdict(call), "at": iso(call.at)} for call in calls[max(0, len(calls) - last) :]],
            "counts": {
                "gettoken": self._arrived["gettoken"],
                "send_msg": self._arrived["send_msg"],
                "sync_msg": self._arrived["sync_msg"],
                "media_upload": self._arrived["media_upload"],
                **{name: self._counts[name] for name in counts},
                "by_errcode": dict(self._verdicts),
            },
        }
