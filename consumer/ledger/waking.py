"""The table ``push_deliveries``, under the wake rule: whatever something changed for is due now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from consumer.ledger.deliveries import PENDING
from consumer.releasing import AWAITS_A_WORD, RELEASE_AFTER
from schemas.database import Transaction, marks
from schemas.decisions import Reason
from schemas.states import DeliveryStatus
from schemas.times import to_text


def wake(tx: Transaction, people: Collection[str], user_ids: Collection[str], now: datetime) -> None:
    """Make everything of these people due: something about them changed, plan decides again."""
    for column, values in (("person", tuple(people)), ("user_id", tuple(user_ids))):
        if values:
            tx.execute(
                f"UPDATE push_deliveries SET due_at = ? WHERE {PENDING} AND due_at > ?"
                f" AND {column} IN ({marks(values)})",
                (to_text(now), to_text(now), *values),
            )


def release(tx: Transaction, people: Collection[str], user_ids: Collection[str], now: datetime) -> None:
    """Wake these people because they have spoken: what was parked for their word goes as one message.

    That stays so although quiet hours, or a lost attempt, come between; also for what WeChat refused to take
    together: the one that it minds has had its turn by then, or will again.  All is decided at one instant,
    in a moment; another word meanwhile puts nothing off.
    """
    at = to_text(now + RELEASE_AFTER)
    for column, values in (("person", tuple(people)), ("user_id", tuple(user_ids))):
        if values:
            tx.execute(
                "UPDATE push_deliveries SET status = 'waiting', reason = ?, released = 1, alone = 0,"
                f" due_at = ? WHERE {PENDING} AND {column} IN ({marks(values)})"
                f" AND (status = 'parked' AND reason IN ({marks(AWAITS_A_WORD)}) OR reason = ?)",
                (Reason.RELEASED, at, *values, *AWAITS_A_WORD, Reason.MORE),
            )
    wake(tx, people, user_ids, now + RELEASE_AFTER)


def wake_all(tx: Transaction, now: datetime) -> None:
    """Make everything that waits or is parked due: the business clock leapt, maybe back behind its dates."""
    tx.execute(
        f"UPDATE push_deliveries SET due_at = ? WHERE {PENDING} AND due_at > ?", (to_text(now), to_text(now))
    )


def wake_behind(tx: Transaction, push_ids: Collection[int], now: datetime) -> None:
    """Make due what waits for an earlier revision that these pushes carried."""
    ids = tuple(push_ids)
    if not ids:
        return
    tx.execute(
        "UPDATE push_deliveries SET due_at = ? WHERE reason = 'older_in_flight' AND status = 'parked'"
        f" AND match_id IN (SELECT match_id FROM push_deliveries WHERE push_id IN ({marks(ids)}))",
        (to_text(now), *ids),
    )


def wake_paused(tx: Transaction, now: datetime, limit: int) -> int:
    """Make due what a pause that is over held, at most so many rows; tell how many."""
    paused = f"status = '{DeliveryStatus.WAITING}' AND reason = '{Reason.PAUSED}' AND due_at > ?"
    return tx.execute(
        "UPDATE push_deliveries SET due_at = ? WHERE (match_id, revision) IN"
        f" (SELECT match_id, revision FROM push_deliveries WHERE {paused} LIMIT ?)",
        (to_text(now), to_text(now), limit),
    )
