"""The demo's people: what is special about each, and what must become of their matches.  Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ops.up.contacts import CONTACTS, Contact
from schemas.decisions import Reason
from schemas.states import DeliveryStatus

ZONE: Final = ZoneInfo("Asia/Shanghai")
EVENING: Final = time(23, 30)
MORNING: Final = time(8, 0)
AFTER_THE_QUIET: Final = time(8, 15)
"""Everybody has had their turn by then."""
QUIET_HOURS: Final = "22:00-08:00"
HIGH_SCORE: Final = 0.9
LOW_SCORE: Final = 0.72


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a phone; ``silent`` is how long ago they last wrote."""

    name: str
    phone: str
    matches: Mapping[str, Contact]
    silent: timedelta = timedelta(0)
    quiet_hours: str | None = None
    min_score: float | None = None


LIN: Final = Person("小林", "wmXiaoLin", {"lin-1": CONTACTS[6]})
ZHOU: Final = Person("周周", "wmZhouZhou", {"zhou-1": CONTACTS[7]}, quiet_hours=QUIET_HOURS)
WU: Final = Person("老吴", "wmLaoWu", {"wu-1": CONTACTS[8]}, silent=timedelta(days=3))
HE: Final = Person("小何", "wmXiaoHe", {"he-1": replace(CONTACTS[9], score=LOW_SCORE)}, min_score=HIGH_SCORE)
MEI: Final = Person(
    "阿梅", "wmAMei", {f"mei-{n}": CONTACTS[n - 1] for n in range(1, 7)}, quiet_hours=QUIET_HOURS
)
LIU: Final = Person("大刘", "wmDaLiu", {"liu-1": CONTACTS[10]})

CAST: Final = (LIN, ZHOU, WU, HE, MEI, LIU)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must become of some matches of one person; ``case`` is the phrase that says why."""

    person: Person
    case: str
    matches: tuple[str, ...]
    status: DeliveryStatus
    reason: Reason | None = None
    until: datetime | None = None
    """At the earliest; people leave their quiet hours one after another."""
    messages: int | None = None
    """In how many messages they arrive; None: each in its own."""

    @property
    def arrives(self) -> int:
        """How often each of these matches is on the phone."""
        return 1 if self.status is DeliveryStatus.SENT else 0

    @property
    def messages_on_the_phone(self) -> int:
        """How many messages bring them."""
        return self.arrives * (self.messages or len(self.matches))


def at_night(morning: datetime) -> tuple[Expectation, ...]:
    """What must be so in the evening."""
    sent, parked = DeliveryStatus.SENT, DeliveryStatus.PARKED
    return (
        Expectation(LIN, "case_plain", ("lin-1",), sent),
        Expectation(
            ZHOU, "case_quiet", ("zhou-1",), DeliveryStatus.WAITING, Reason.QUIET_HOURS, until=morning
        ),
        Expectation(WU, "case_closed", ("wu-1",), parked, Reason.WINDOW_CLOSED),
        Expectation(HE, "case_score", ("he-1",), DeliveryStatus.DROPPED, Reason.BELOW_MIN_SCORE),
        Expectation(
            MEI, "case_six", tuple(MEI.matches), DeliveryStatus.WAITING, Reason.QUIET_HOURS, until=morning
        ),
        Expectation(LIU, "case_lost", ("liu-1",), sent),
    )


def in_the_morning() -> tuple[Expectation, ...]:
    """What must be so after the night."""
    return (
        Expectation(ZHOU, "case_morning", ("zhou-1",), DeliveryStatus.SENT),
        Expectation(MEI, "case_together", tuple(MEI.matches), DeliveryStatus.SENT, messages=1),
        Expectation(WU, "case_writes", ("wu-1",), DeliveryStatus.SENT),
    )
