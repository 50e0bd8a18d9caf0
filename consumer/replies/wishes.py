"""What a word of the user's asks of the host's own columns, and the feed's lines about coming and going.

One transaction on the application's database, made by whoever pulls before it writes anything of its own.
Everything is *set*, never changed by so much, so a page that is pulled again after a crash does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from consumer import outcomes
from consumer.outcomes import Outcome, Told
from consumer.replies.asked import Asked, Command, Daily, Immediate, NoQuiet, Quiet, Resume, Stop
from schemas.database import Transaction, is_storage
from schemas.preferences import BatchMode, QuietHours

TABLE: Final = "user_push_preferences"


def apply(tx: Transaction, asked: Sequence[Asked], now: datetime) -> frozenset[tuple[str, str]]:
    """Set what these words ask for, in their order; tell which could not be set, by (open_kfid, inbound_key).

    That is where the host's table has no such column, or one that does not take the value.
    """
    columns = tx.columns(TABLE) if any(columns_of(item.command) for item in asked) else frozenset()
    refused: set[tuple[str, str]] = set()
    told: list[Outcome] = []
    for item in asked:
        values = columns_of(item.command)
        if values and not _set(tx, item, values, columns, now):
            refused.add((item.recipient.open_kfid, item.inbound_key))
        if isinstance(item.command, Stop | Resume):
            told += _coming_or_going(item)
    outcomes.note(tx, told)
    return frozenset(refused)


def columns_of(command: Command) -> Mapping[str, str | int | None]:
    """Write a wish as the host's columns have it; nothing for what is no wish about them."""
    match command:
        case Quiet(start, end):
            return {"quiet_hours": str(QuietHours(start, end))}
        case NoQuiet():
            return {"quiet_hours": None}
        case Daily(at):
            return {"batch_mode": BatchMode.DAILY.value, "preferred_time": f"{at:%H:%M}"}
        case Immediate():
            return {"batch_mode": BatchMode.IMMEDIATE.value}
        case Resume():
            return {"enable_push": 1}
    return {}


def _set(
    tx: Transaction,
    item: Asked,
    values: Mapping[str, str | int | None],
    columns: frozenset[str],
    now: datetime,
) -> bool:
    """Set columns of all who share the phone; tell whether the host's table took them."""
    if not values.keys() <= columns:
        return False
    row = dict(values)
    if "updated_at" in columns:
        row["updated_at"] = f"{now:%Y-%m-%d %H:%M:%S}"  # as the host's CURRENT_TIMESTAMP writes it
    sets = ", ".join(f"{name} = ?" for name in row)
    try:
        with tx.savepoint():
            for user_id in item.user_ids:
                sql = f"UPDATE {TABLE} SET {sets} WHERE user_id = ?"
                if tx.execute(sql, (*row.values(), user_id)) == 0 and not isinstance(item.command, Resume):
                    names = ", ".join(("user_id", *row))
                    tx.execute(
                        f"INSERT INTO {TABLE} ({names}) VALUES (?{', ?' * len(row)})",
                        (user_id, *row.values()),
                    )
    except Exception as error:
        if is_storage(error):
            raise
        return False
    return True


def _coming_or_going(item: Asked) -> list[Outcome]:
    told = Told.OPTED_OUT if isinstance(item.command, Stop) else Told.OPTED_IN
    return [
        Outcome(f"{item.recipient.open_kfid}:{item.inbound_key}:{user_id}", told, user_id, item.spoken_at)
        for user_id in item.user_ids
    ]
