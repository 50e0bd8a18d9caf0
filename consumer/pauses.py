"""The table ``push_pauses``: what is paused (corp, KF account, kind of push or message), by whom and why.

A pause that kfpush made is probed, and ended by the first answer that contradicts it; one that a person made
lets nothing through until a person or its own end lifts it.  Both may lie on the same thing.  A pause that is
over stays as a row until planning has woken what it held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from consumer.backoff import probe_delay
from schemas.database import Row, Transaction
from schemas.decisions import Reason
from schemas.states import BY_KFPUSH, PauseScope
from schemas.times import from_text, maybe_from_text, maybe_text, to_text

LONGEST_LOOK: Final = timedelta(minutes=10)
"""What is held back is looked at again after so long at the latest; the end of the pause wakes it sooner."""

THROTTLE_REST: Final = timedelta(seconds=60)
"""WeChat blocks for as long as the window that was exceeded, a minute at least; trying sooner prolongs it."""


KIND_REST: Final = timedelta(hours=1)
"""A kind of message that WeChat refuses is tried again after 1, 2, 4 ... hours, a day at most.

Somebody has to change something first, and every try is a refused call.
"""

UNDELIVERED_REST: Final = timedelta(minutes=10)
"""Every message that is tried while WeChat delivers nothing takes one of five from somebody."""


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause; ``target`` is the open_kfid of an account, or a kind of push; empty for the corp.

    ``note`` is a person's own reason.
    """

    scope: PauseScope
    target: str
    reason: Reason
    errcode: int | None
    author: str
    note: str | None
    paused_at: datetime
    until: datetime | None
    probes: int
    probe_at: datetime | None

    @property
    def is_ours(self) -> bool:
        """Whether kfpush made it by itself."""
        return self.author == BY_KFPUSH

    def may_probe(self, now: datetime) -> bool:
        """Whether one push may try now, though paused."""
        return self.is_ours and self.probe_at is not None and self.probe_at <= now

    def looks_again_at(self, now: datetime) -> datetime:
        """When to decide again about what this pause holds back."""
        return self.probe_at or self.until or now + LONGEST_LOOK


def corp_pause(active: Iterable[Pause]) -> Pause | None:
    """Find the pause of the corp that kfpush itself probes."""
    return next((pause for pause in active if pause.is_ours and pause.scope is PauseScope.CORP), None)


def paused_accounts(active: Iterable[Pause], now: datetime) -> dict[str, datetime]:
    """Tell which KF accounts are closed to planning now, and when each is looked at again."""
    found: dict[str, datetime] = {}
    for pause in active:
        if pause.scope is PauseScope.ACCOUNT and not pause.may_probe(now):
            until = pause.looks_again_at(now)
            found[pause.target] = max(found.get(pause.target, until), until)
    return found


def refused_kinds(active: Iterable[Pause], now: datetime) -> frozenset[str]:
    """Tell which msgtypes go as plain text now; one that may be probed is not among them."""
    return frozenset(
        pause.target for pause in active if pause.scope is PauseScope.MSGTYPE and not pause.may_probe(now)
    )


def held_until(active: Iterable[Pause], kind: str, now: datetime) -> datetime | None:
    """Tell until when at least a person holds back every push of a kind; None if nobody does."""
    return max(
        (pause.looks_again_at(now) for pause in active if not pause.is_ours and _covers(pause, kind)),
        default=None,
    )


def touching(active: Iterable[Pause], accounts: Collection[str], kind: str) -> tuple[Pause, ...]:
    """Choose the pauses that concern a push of this kind on one of these KF accounts."""
    return tuple(
        pause
        for pause in active
        if _covers(pause, kind) or (pause.scope is PauseScope.ACCOUNT and pause.target in accounts)
    )


def _covers(pause: Pause, kind: str) -> bool:
    return pause.scope is PauseScope.CORP or (pause.scope is PauseScope.KIND and pause.target == kind)


def active(tx: Transaction, now: datetime) -> list[Pause]:
    """Read the pauses in force, the oldest first."""
    rows = tx.rows(
        "SELECT * FROM push_pauses WHERE until IS NULL OR until > ?"
        " ORDER BY paused_at, scope, target, author",
        (to_text(now),),
    )
    return [_pause(row) for row in rows]


def _pause(row: Row) -> Pause:
    return Pause(
        PauseScope(row["scope"]),
        row["target"],
        Reason(row["reason"]),
        row["errcode"],
        row["author"],
        row["note"],
        from_text(row["paused_at"]),
        maybe_from_text(row["until"]),
        row["probes"],
        maybe_from_text(row["probe_at"]),
    )


def begin(
    tx: Transaction, scope: PauseScope, target: str, reason: Reason, errcode: int | None, now: datetime
) -> bool:
    """Pause by ourselves, to be probed; one that is in force stays.  Tell whether this one is new."""
    return (
        tx.execute(
            "INSERT INTO push_pauses (scope, target, reason, errcode, author, paused_at, probes, probe_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT (scope, target, author) DO UPDATE SET"
            " reason = excluded.reason, errcode = excluded.errcode,"
            " paused_at = excluded.paused_at, until = NULL, probes = 0, probe_at = excluded.probe_at"
            " WHERE push_pauses.until IS NOT NULL AND push_pauses.until <= excluded.paused_at",
            (scope, target, reason, errcode, BY_KFPUSH, to_text(now), to_text(now + _rest(reason, 0))),
        )
        == 1
    )


def probing(tx: Transaction, pause: Pause, now: datetime) -> datetime:
    """Note that one push probes now; tell when the next one may, after a doubled delay."""
    probe_at = now + _rest(pause.reason, pause.probes + 1)
    tx.execute(
        "UPDATE push_pauses SET probes = probes + 1, probe_at = ?"
        " WHERE scope = ? AND target = ? AND author = ?",
        (to_text(probe_at), pause.scope, pause.target, BY_KFPUSH),
    )
    return probe_at


def _rest(reason: Reason, probes: int) -> timedelta:
    match reason:
        case Reason.THROTTLED:
            return THROTTLE_REST
        case Reason.UNDELIVERED:
            return UNDELIVERED_REST
        case Reason.KIND_REFUSED:
            return min(KIND_REST * (1 << min(probes, 5)), timedelta(days=1))
        case _:
            return probe_delay(probes)


def end(tx: Transaction, pauses: Iterable[Pause], now: datetime) -> None:
    """End pauses that kfpush made; a person's stays."""
    tx.many(
        "UPDATE push_pauses SET until = ? WHERE scope = ? AND target = ? AND author = ?",
        [(to_text(now), pause.scope, pause.target, BY_KFPUSH) for pause in pauses],
    )


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants paused, why, and until when; without an end, until somebody lifts it."""

    scope: PauseScope
    target: str
    author: str
    note: str
    until: datetime | None


def hold(tx: Transaction, wish: Wish, now: datetime) -> bool:
    """Pause for a person; who pauses the same again changes reason and end.  Tell if anything changed."""
    before = [pause for pause in active(tx, now) if _is_of(pause, wish.scope, wish.target)]
    mine = next((pause for pause in before if pause.author == wish.author), None)
    if mine is not None and (mine.note, mine.until) == (wish.note, wish.until):
        return False
    tx.execute(
        "INSERT INTO push_pauses (scope, target, reason, author, note, paused_at, until, probes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (scope, target, author) DO UPDATE SET"
        " note = excluded.note, until = excluded.until, paused_at = excluded.paused_at",
        (
            wish.scope,
            wish.target,
            Reason.PAUSED,
            wish.author,
            wish.note,
            to_text(mine.paused_at if mine else now),
            maybe_text(wish.until),
        ),
    )
    return True


def lift(tx: Transaction, scope: PauseScope, target: str, now: datetime) -> list[Pause]:
    """End what people have paused, whoever did; planning wakes what it held.  Tell which these were.

    A kind of message that kfpush itself holds back ends too: a person may know that it works again.
    """
    spared = "" if scope is PauseScope.MSGTYPE else BY_KFPUSH
    lifted = [pause for pause in active(tx, now) if pause.author != spared and _is_of(pause, scope, target)]
    tx.execute(
        "UPDATE push_pauses SET until = ? WHERE scope = ? AND target = ? AND author <> ?"
        " AND (until IS NULL OR until > ?)",
        (to_text(now), scope, target, spared, to_text(now)),
    )
    return lifted


def _is_of(pause: Pause, scope: PauseScope, target: str) -> bool:
    return (pause.scope, pause.target) == (scope, target)


def are_over(tx: Transaction, now: datetime) -> bool:
    """Whether some pause is over that planning has not woken everything of."""
    return tx.one("SELECT 1 FROM push_pauses WHERE until <= ?", (to_text(now),)) is not None


def forget(tx: Transaction, now: datetime) -> None:
    """Forget the pauses that are over: everything they held is due."""
    tx.execute("DELETE FROM push_pauses WHERE until <= ?", (to_text(now),))
