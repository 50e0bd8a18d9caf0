"""Gathers how one user stands: what they wish, where they can be reached, what waits.  Writes nothing."""

from __future__ import annotations

from consumer import outlook
from consumer.gather import HostInputs, read_host
from consumer.ledger import counts, summaries
from consumer.preferences import settings_of
from ops.looking import prospects
from ops.looking.habits import Summing, habits_of
from ops.looking.lookout import Lookout
from ops.looking.standing import UserStanding, Waiting
from schemas import host_values
from schemas.database import Transaction
from schemas.times import maybe_from_text


async def user_standing(look: Lookout, user_id: str) -> UserStanding:
    """Tell how a user stands.

    Raises:
        StorageError: a database does not answer, or was not migrated.

    """
    inputs = await look.app.read(lambda tx: read_host(tx, [user_id], []))
    return await look.own.read(lambda tx: _standing(tx, look, inputs, user_id))


def _standing(tx: Transaction, look: Lookout, inputs: HostInputs, user_id: str) -> UserStanding:
    found = outlook.of_user(tx, inputs, user_id, look.rules, look.now)
    host, own = inputs.preferences.get(user_id), settings_of(tx, [user_id]).get(user_id)
    row = summaries.of_user(tx, user_id)
    summing = None if row is None else Summing(row.due_at, row.told_at, row.result)
    chosen = own.get("timezone") if own else None
    zone = str(chosen) if host_values.zone(chosen) else look.rules.user_zone
    return UserStanding(
        user_id,
        look.now,
        zone,
        host,
        own,
        prospects.prospect_of(found, user_id, None, None, look.now),
        tuple(
            Waiting(row["status"], row["reason"] or "", row["n"], maybe_from_text(row["due_at"]))
            for row in counts.pending_of_user(tx, user_id)
        ),
        counts.sending_of_user(tx, user_id),
        habits_of(
            found.person,
            found.person.users[user_id].preferences,
            zone,
            look.now,
            names_an_hour=not host_values.is_unset((host or {}).get("preferred_time")),
        ),
        summing,
    )
