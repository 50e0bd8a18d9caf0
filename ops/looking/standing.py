"""How the whole stands, as plain values.  Pure: ``status`` gathers them, ``telling`` makes sentences.

The names of the fields are the keys of ``kfpush status --json``: they do not change.  No personal data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from ops.looking.habits import Habits, Summing
from ops.looking.journey import Halt, Looked, Prospect
from schemas.decisions import Reason
from schemas.states import DeliveryStatus, PauseScope, PushStatus

HEARD_WITHIN: Final = timedelta(seconds=30)
"""A consumer asks the stream every second; one that has not for so long is gone, or held up."""

MIRRORED_WITHIN: Final = timedelta(seconds=10)
"""A committed row that waits longer for its mirror has none."""

PLANNED_WITHIN: Final = timedelta(minutes=1)
"""A due row that waits longer is planned by nobody, unless something holds planning back."""

UNKNOWN_WITHIN: Final = timedelta(hours=1)
"""An outcome that stays unknown for longer is worth a look."""

READ_WITHIN: Final = timedelta(minutes=2)
"""News of WeChat's that waits for longer is read by nobody, or cannot be."""

HELD_BACK: Final = 2000
"""So many due rows and intake reads no more: that is back-pressure, not a dead consumer."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """Rows the mirror has not come to, and rows not yet seen to have arrived; each with its oldest."""

    unmirrored: int
    unmirrored_since: datetime | None
    uncarried: int
    uncarried_since: datetime | None


@dataclass(frozen=True, slots=True)
class Consumer:
    """A member of the group; ``heard_at`` is when it last asked for entries."""

    name: str
    pending: int
    heard_at: datetime


@dataclass(frozen=True, slots=True)
class Stream:
    """What Redis holds; with a ``problem``, it is away and nothing else is known."""

    problem: str | None
    is_embedded: bool
    length: int = 0
    lag: int | None = 0
    pending: int = 0
    pending_since: datetime | None = None
    consumers: tuple[Consumer, ...] = ()
    has_mirror: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """Matches that wait or are parked for one reason; ``looks_at`` is when the first is looked at."""

    status: str
    reason: str
    count: int
    looks_at: datetime | None


@dataclass(frozen=True, slots=True)
class Open:
    """Open pushes of one status, with the oldest reservation."""

    status: str
    count: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class Lately:
    """How the latest pushes and non-sends ended, as far back as was looked: a bounded number of rows."""

    pushes: int
    since: datetime | None
    by_status: dict[str, int]
    by_errcode: dict[str, int]
    dropped_since: datetime | None
    dropped: dict[str, int]


@dataclass(frozen=True, slots=True)
class KfAccount:
    """A KF account: when it was last read to its end, and since when news of WeChat's waits to be read."""

    open_kfid: str
    read_at: datetime | None
    waiting_since: datetime | None
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class Dead:
    """Dead letters of one reason; ``example`` is one match, if its id can be read."""

    reason: str
    count: int
    example: str | None


@dataclass(frozen=True, slots=True)
class Trying:
    """An experiment that runs; ``holdout`` is the share of users who are sent nothing meanwhile."""

    name: str
    template: str
    started_at: datetime
    holdout: float


@dataclass(frozen=True, slots=True)
class Ledger:
    """kfpush's own tables, counted.  ``totals`` are over all there ever was, and only on request."""

    waiting: tuple[Waiting, ...]
    sending: int
    open: tuple[Open, ...]
    lately: Lately
    last_sent_at: datetime | None
    windows_open: int
    windows_exhausted: int
    pauses: tuple[Halt, ...]
    dead: tuple[Dead, ...]
    totals: dict[str, dict[str, int]] | None
    accounts: tuple[KfAccount, ...] = ()
    not_understood: int = 0
    """Inbound items that are kept raw."""
    experiments: tuple[Trying, ...] = ()


@dataclass(frozen=True, slots=True)
class UserStanding:
    """How a user stands; ``host`` and ``own`` are the rows as they are, None where there is none.

    The names of the fields are the keys of ``kfpush user show --json``: they do not change.
    """

    user_id: str
    now: datetime
    timezone: str
    host: Mapping[str, object] | None
    own: Mapping[str, object] | None
    prospect: Prospect
    waiting: tuple[Waiting, ...]
    sending: int
    habits: Habits | None = None
    summary: Summing | None = None

    @property
    def is_known(self) -> bool:
        """Whether anything at all is known of this user."""
        return bool(self.host or self.own or self.prospect.conversations or self.waiting or self.sending)


class Need(StrEnum):
    """What needs a person."""

    DATABASE = "database"
    REDIS = "redis"
    MIRROR = "mirror"
    CONSUMER = "consumer"
    PAUSE = "pause"
    UNKNOWN = "unknown"
    DEAD = "dead"
    UPGRADE = "upgrade"
    PREFERENCES = "preferences"
    FAULT = "fault"
    NEWS = "news"
    WORDING = "wording"


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything on one screen; None where a database could not be looked into."""

    now: datetime
    timezone: str
    is_sandbox: bool
    looked: tuple[Looked, ...]
    outbox: Outbox | None
    stream: Stream
    ledger: Ledger | None
    wording: tuple[str, ...] = ()
    """What is wrong with the templates in force, and with the list of words, as planning complains of it."""


def needs(standing: Standing) -> tuple[Need, ...]:
    """Tell what needs a person, most urgent first; nothing, and all is well."""
    found = []
    if any(item.problem for item in standing.looked):
        found.append(Need.DATABASE)
    if standing.stream.problem:
        found.append(Need.REDIS)
    if _lacks_mirror(standing):
        found.append(Need.MIRROR)
    if _lacks_consumer(standing):
        found.append(Need.CONSUMER)
    if standing.ledger is not None:
        found += _in_the_ledger(standing.ledger, standing.now)
    if standing.wording:
        found.append(Need.WORDING)
    return tuple(found)


def _lacks_mirror(standing: Standing) -> bool:
    outbox, stream = standing.outbox, standing.stream
    if outbox is None or outbox.unmirrored_since is None or stream.problem or stream.has_mirror:
        return False
    return standing.now - outbox.unmirrored_since > MIRRORED_WITHIN


def _lacks_consumer(standing: Standing) -> bool:
    """Whether something waits for a consumer and none has asked for anything lately."""
    stream, ledger = standing.stream, standing.ledger
    is_heard = any(standing.now - item.heard_at <= HEARD_WITHIN for item in stream.consumers)
    if stream.problem or is_heard:
        return False
    waiting = ledger.waiting if ledger else ()
    due = sum(item.count for item in waiting if item.looks_at is not None and item.looks_at <= standing.now)
    is_paused = ledger is not None and any(halt.scope == PauseScope.CORP for halt in ledger.pauses)
    overdue = any(item.looks_at and standing.now - item.looks_at > PLANNED_WITHIN for item in waiting)
    return (bool(stream.lag) and due < HELD_BACK) or (overdue and not is_paused)


def _in_the_ledger(ledger: Ledger, now: datetime) -> list[Need]:
    reasons = {item.reason for item in ledger.waiting}
    lost = [item for item in ledger.open if item.status == PushStatus.UNKNOWN]
    checks = {
        Need.PAUSE: any(is_for_a_person(halt) for halt in ledger.pauses),
        Need.DEAD: bool(ledger.dead),
        Need.UNKNOWN: any(now - item.oldest_at > UNKNOWN_WITHIN for item in lost),
        Need.PREFERENCES: Reason.UNREADABLE_PREFERENCES in reasons,
        Need.FAULT: Reason.PLANNING_FAILED in reasons,
        Need.UPGRADE: Reason.NEEDS_UPGRADE in reasons,
        Need.NEWS: any(is_behind(account, now) for account in ledger.accounts),
    }
    return [need for need, is_needed in checks.items() if is_needed]


def is_behind(account: KfAccount, now: datetime) -> bool:
    """Whether WeChat's news waits for longer than any pull takes; of an account taken away nothing is read.

    Of several notices only the last is kept, so one that is young may not be the first that waits.
    """
    if account.waiting_since is None or account.is_revoked:
        return False
    read_at = account.read_at or account.waiting_since
    return now - min(account.waiting_since, read_at) > READ_WITHIN


def is_for_a_person(halt: Halt) -> bool:
    """Whether a pause needs anybody: one for going too fast ends by itself, and so does one with an end."""
    return halt.reason != Reason.THROTTLED and halt.until is None


def of_status(ledger: Ledger, status: DeliveryStatus) -> tuple[Waiting, ...]:
    """Take what waits, or what is parked."""
    return tuple(item for item in ledger.waiting if item.status == status)
