"""Sets what kfpush itself keeps for a user, and wakes what that concerns."""

from __future__ import annotations

from collections.abc import Mapping

from consumer import audit, host, outcomes, preferences
from consumer.audit import Act
from consumer.ledger import pushes, waking
from consumer.outcomes import Outcome, Told
from ops.acting import Hands
from schemas.database import Transaction
from schemas.times import to_text


async def set_wishes(hands: Hands, user_id: str, wishes: Mapping[str, str | int | None], act: Act) -> bool:
    """Store wishes that were checked, and wake what they concern, in one transaction; tell if any changed.

    The application hears of a stop, and of its end, in its feed.
    """
    sessions = await hands.app.read(lambda tx: host.sessions_around(tx, [user_id], []).sessions)
    phones = {item.recipient.external_userid for item in sessions if item.user_id == user_id}
    now, wall = hands.now(), hands.wall()

    def work(tx: Transaction) -> bool:
        if not preferences.choose(tx, user_id, wishes, now):
            return False
        waking.wake(tx, (), [user_id], now)
        pushes.wake(tx, phones | {user_id}, wall)
        audit.note(tx, act, 1, now)
        return True

    is_changed = await hands.own.exclusive(work)
    if is_changed and "stop" in wishes:
        told = Told.OPTED_OUT if wishes["stop"] else Told.OPTED_IN
        outcome = Outcome(f"{act.author}:{user_id}:{to_text(now)}", told, user_id, now, reason="by_hand")
        await hands.app.exclusive(lambda tx: outcomes.note(tx, [outcome]))
    return is_changed
