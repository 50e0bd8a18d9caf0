"""Wishes to hear nothing more, or to hear again, from before kfpush first listened at an account.

They are obeyed, though nothing else of that time is.  A wish to hear again takes back nothing but a stop that
this same reading has found: whoever stopped somebody since then knew better.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from consumer import preferences
from consumer.inbound import inbox
from consumer.inbound.heard import Heard
from consumer.inbound.sessions import Bound
from consumer.ledger import waking
from schemas.database import Transaction
from schemas.states import Effect


def obey_history(
    tx: Transaction, account: str, heard: Sequence[Heard], bound: Mapping[str, Bound], now: datetime
) -> bool:
    """Obey them in their order; tell whether any changed anything."""
    has_changed = False
    for one in heard:
        if not one.is_history or one.effect not in {Effect.STOPPED, Effect.RESUMED} or one.recipient is None:
            continue
        phone = one.recipient.external_userid
        who = bound.get(phone, Bound((phone,), phone))
        if one.effect is Effect.RESUMED:
            stopped_at = inbox.stopped_before(tx, phone, one.at)
            if stopped_at is None or not preferences.are_stopped_since(tx, who.user_ids, stopped_at):
                inbox.did(tx, account, [(one.item.key, Effect.TOO_LATE)])
                continue
        has_changed |= choose(tx, who.user_ids, {who.person, phone}, now, stop=one.effect is Effect.STOPPED)
    return has_changed


def choose(
    tx: Transaction, user_ids: Collection[str], people: Collection[str], now: datetime, *, stop: bool
) -> bool:
    """Stop these users, or not any more; what waits is decided again."""
    changed = [preferences.choose(tx, user_id, {"stop": int(stop)}, now) for user_id in user_ids]
    if any(changed):
        waking.wake(tx, people, user_ids, now)
    return any(changed)
