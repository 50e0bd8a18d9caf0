"""The table ``push_pauses``: what is paused (the whole corp, or one KF account), why, and when it is probed.

A pause that kfpush made is ended by the first answer that contradicts it; one that a person made, by a person
or its own end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from consumer.backoff import probe_delay
from schemas.database import Transaction
from schemas.decisions import Reason
from schemas.states import PauseScope
from schemas.times import from_text, maybe_from_text, to_text

BY_KFPUSH: Final = "kfpush"
LONGEST_LOOK: Final = timedelta(seconds=60)
"""What a pause without a probe or an end holds back is looked at again after this long."""

THROTTLE_REST: Final = timedelta(seconds=60)
"""WeChat blocks for as long as the window that was exceeded, a minute at least; trying sooner prolongs it."""


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause; ``target`` is the open_kfid of an account, empty for the corp."""

    scope: PauseScope
    target: str
    reason: Reason
    errcode: int | None
    author: str
    paused_at: datetime
    until: datetime | None
    probes: int
    probe_at: datetime | None

    def may_probe(self, now: datetime) -> bool:
        """Whether one push may try now, though paused."""
        return self.author == BY_KFPUSH and self.probe_at is not None and self.probe_at <= now

    def looks_again_at(self, now: datetime) -> datetime:
        """When to decide again about what this pause holds back."""
        return self.probe_at or self.until or now + LONGEST_LOOK


def active(tx: Transaction, now: datetime) -> list[Pause]:
    """Read the pauses in force."""
    rows = tx.rows("SELECT * FROM push_pauses WHERE until IS NULL OR until > ?", (to_text(now),))
    return [
        Pause(
            PauseScope(row["scope"]),
            row["target"],
            Reason(row["reason"]),
            row["errcode"],
            row["author"],
            from_text(row["paused_at"]),
            maybe_from_text(row["until"]),
            row["probes"],
            maybe_from_text(row["probe_at"]),
        )
        for row in rows
    ]


def begin(
    tx: Transaction, scope: PauseScope, target: str, reason: Reason, errcode: int | None, now: datetime
) -> bool:
    """Pause by ourselves, to be probed; one that is in force stays.  Tell whether this one is new."""
    return (
        tx.execute(
            "INSERT INTO push_pauses (scope, target, reason, errcode, author, paused_at, probes, probe_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT (scope, target) DO UPDATE SET"
            " reason = excluded.reason, errcode = excluded.errcode, author = excluded.author,"
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
        "UPDATE push_pauses SET probes = probes + 1, probe_at = ? WHERE scope = ? AND target = ?",
        (to_text(probe_at), pause.scope, pause.target),
    )
    return probe_at


def _rest(reason: Reason, probes: int) -> timedelta:
    return THROTTLE_REST if reason is Reason.THROTTLED else probe_delay(probes)


def end(tx: Transaction, pauses: Iterable[Pause]) -> None:
    """End pauses that kfpush made; a person's stays."""
    tx.many(
        "DELETE FROM push_pauses WHERE scope = ? AND target = ? AND author = ?",
        [(pause.scope, pause.target, BY_KFPUSH) for pause in pauses],
    )
