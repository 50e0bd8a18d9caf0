"""The walk of one match, cut into numbered steps: the one list that every killing and stopping test uses.

A step is a place in the code and a moment there.  ``crashing`` ends or stops a real daemon at it; nothing in
the daemons knows of these steps.  A passage with nothing in hand (an empty list) does not count.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.kf import SEND_MSG


class Moment(StrEnum):
    """When, seen from a function."""

    BEFORE = "before"
    """It was called and has done nothing yet."""
    AFTER = "after"
    """It has done its work; inside a transaction that is still open, if it runs in one."""
    COMMITTED = "committed"
    """The transaction it ran in was committed, and nothing behind it was done."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``place`` is ``module:function`` or ``module:Class.method``."""

    number: int
    daemon: str
    story: str
    place: str
    moment: Moment
    about: str | None = None
    """Only a passage with this among its arguments counts: a transport carries more than messages."""

    def __str__(self) -> str:
        """Name the step as a test's id."""
        return f"{self.number}-{self.daemon}-{self.story.replace(' ', '_').replace(',', '')}"


_ADD = "producer.stream:MatchStream.add"
_PLAN = "consumer.plan:Round.run"
_POST = "consumer.wechat.transport:HttpTransport.post"
_SETTLE = "consumer.settle:settle"
_ACK = "consumer.stream:Stream.ack"
_TAKE_IN = "consumer.inbound.pull:take_in"

STEPS: Final = (
    Step(1, "mirror", "rows read, none on the stream", _ADD, Moment.BEFORE),
    Step(2, "mirror", "on the stream, not marked", _ADD, Moment.AFTER),
    Step(3, "mirror", "marked as mirrored", "producer.outbox:mark_mirrored", Moment.COMMITTED),
    Step(4, "consume", "entries read, not stored", "consumer.intake:sort", Moment.BEFORE),
    Step(5, "consume", "stored, what was known not acked", "consumer.intake:store", Moment.COMMITTED),
    Step(6, "consume", "planned, not committed", _PLAN, Moment.AFTER),
    Step(7, "consume", "planned and committed, nothing left", _PLAN, Moment.COMMITTED),
    Step(8, "consume", "deferred, not acked", _ACK, Moment.BEFORE),
    Step(9, "consume", "before the bytes leave", _POST, Moment.BEFORE, SEND_MSG),
    Step(10, "consume", "accepted by WeChat, not reported", _POST, Moment.AFTER, SEND_MSG),
    Step(11, "consume", "settled, not committed", _SETTLE, Moment.AFTER),
    Step(12, "consume", "settled and committed, not acked", _SETTLE, Moment.COMMITTED),
    Step(13, "consume", "settled and acked", _ACK, Moment.AFTER),
    Step(
        14, "consume", "history written, not marked", "consumer.ledger.pushes:mark_projected", Moment.BEFORE
    ),
    Step(15, "mirror", "lost ones added again, not marked", _ADD, Moment.AFTER),
    Step(16, "consume", "a retry's lease taken", "consumer.ledger.pushes:take_again", Moment.COMMITTED),
    Step(17, "consume", "an abandoned entry claimed", "consumer.stream:Stream.claim", Moment.AFTER),
    Step(18, "consume", "due ones read, not planned", "consumer.planning:read_host", Moment.BEFORE),
    Step(
        19,
        "consume",
        "an attempt begun, its time not checked",
        "consumer.wechat.client:KfClient.send",
        Moment.BEFORE,
    ),
)

INBOUND: Final = (
    Step(
        20,
        "consume",
        "an account's lease taken, nothing asked",
        "consumer.inbound.cursors:take",
        Moment.COMMITTED,
    ),
    Step(21, "consume", "a page read, nothing done", "consumer.inbound.pull:hear", Moment.AFTER),
    Step(
        22, "consume", "the host's rows written, not ours", "consumer.inbound.sessions:note", Moment.COMMITTED
    ),
    Step(23, "consume", "a page's effects done, not committed", _TAKE_IN, Moment.AFTER),
    Step(24, "consume", "a page's effects committed", _TAKE_IN, Moment.COMMITTED),
)
"""The steps of a pull."""

_HEARD = "consumer.ledger.forwards:heard"

FORWARDING: Final = (
    Step(25, "consume", "a word taken, not sent", "consumer.replies.forwarding:signed", Moment.BEFORE),
    Step(26, "consume", "the application heard it, not noted", _HEARD, Moment.BEFORE),
    Step(27, "consume", "heard and forgotten, not committed", _HEARD, Moment.AFTER),
)
"""The steps of a word on its way to the application."""

BY_NUMBER: Final = {step.number: step for step in (*STEPS, *INBOUND, *FORWARDING)}

EVERY_MATCH: Final = tuple(step for step in STEPS if step.number not in {15, 16, 17})
"""Steps that any fresh match passes; for the others something must have gone wrong before."""
