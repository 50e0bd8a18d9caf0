"""The table ``kf_inbound``: every inbound item once, and what it did.

It is what makes a page that comes twice harmless.  What was said is not kept, but for what nobody understood.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from consumer.inbound.heard import Heard
from schemas.database import Row, Transaction, marks
from schemas.kf_reading import as_text
from schemas.states import Effect
from schemas.times import to_text

LONGEST_RAW: Final = 16_384
"""So many characters of an item that nobody understood are kept."""

_AT_ONCE: Final = 200
_WISHES: Final = (Effect.STOPPED, Effect.RESUMED)
_COLUMNS: Final = (
    "open_kfid, item_key, external_userid, send_time, origin, msgtype, event_type, tapped, effect, raw,"
    " received_at"
)


def known(tx: Transaction, account: str, keys: Collection[str]) -> frozenset[str]:
    """Tell which of these items of an account came before."""
    values = tuple(keys)
    rows = tx.rows(
        f"SELECT item_key FROM kf_inbound WHERE open_kfid = ? AND item_key IN ({marks(values)})",
        (account, *values),
    )
    return frozenset(row["item_key"] for row in rows)


def add(tx: Transaction, account: str, heard: Sequence[Heard], now: datetime) -> frozenset[str]:
    """Store items; tell which are new, by key: only these have effects."""
    added: set[str] = set()
    for start in range(0, len(heard), _AT_ONCE):
        some = heard[start : start + _AT_ONCE]
        values = [value for one in some for value in _row(account, one, now)]
        rows = tx.rows(
            f"INSERT INTO kf_inbound ({_COLUMNS}) VALUES"
            f" {', '.join(['(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'] * len(some))}"
            " ON CONFLICT (open_kfid, item_key) DO NOTHING RETURNING item_key",
            values,
        )
        added |= {row["item_key"] for row in rows}
    return frozenset(added)


def _row(account: str, one: Heard, now: datetime) -> tuple[object, ...]:
    item = one.item
    return (
        account,
        item.key,
        item.external_userid,
        to_text(one.at),
        item.origin,
        item.msgtype,
        item.event_type,
        int(item.is_click),
        one.effect,
        as_text(item.raw)[:LONGEST_RAW] if one.is_kept_raw else None,
        to_text(now),
    )


def about(tx: Transaction, account: str, pushes: Iterable[tuple[str, int]]) -> None:
    """Note which push each of these items is about: (key, push id)."""
    tx.many(
        "UPDATE kf_inbound SET push_id = ? WHERE open_kfid = ? AND item_key = ?",
        [(push_id, account, key) for key, push_id in pushes],
    )


def answered(tx: Transaction, account: str, endings: Iterable[tuple[str, str]]) -> None:
    """Note what came of words that asked for something: (key, ending)."""
    tx.many(
        "UPDATE kf_inbound SET answer = ? WHERE open_kfid = ? AND item_key = ?",
        [(ending, account, key) for key, ending in endings],
    )


def did(tx: Transaction, account: str, effects: Iterable[tuple[str, Effect]]) -> None:
    """Correct what items did: (key, effect)."""
    tx.many(
        "UPDATE kf_inbound SET effect = ? WHERE open_kfid = ? AND item_key = ?",
        [(effect, account, key) for key, effect in effects],
    )


def overruled(tx: Transaction, heard: Iterable[Heard]) -> frozenset[str]:
    """Tell which wishes, to hear nothing more or to hear again, a later one undid before they came, by key.

    Accounts are read apart and late: what somebody said last is what they wish, not what came last.
    """
    wishes = [one for one in heard if one.effect in _WISHES and one.recipient is not None]
    phones = tuple({one.recipient.external_userid for one in wishes if one.recipient})
    if not wishes:
        return frozenset()
    rows = tx.rows(
        "SELECT external_userid, effect, max(send_time) AS said_at FROM kf_inbound"
        f" WHERE external_userid IN ({marks(phones)}) AND send_time > ? AND effect IN ({marks(_WISHES)})"
        " GROUP BY external_userid, effect",
        (*phones, to_text(min(one.at for one in wishes)), *_WISHES),
    )
    said = {(row["external_userid"], row["effect"]): row["said_at"] for row in rows}
    undone_by = {Effect.STOPPED: Effect.RESUMED, Effect.RESUMED: Effect.STOPPED}
    return frozenset(
        one.item.key
        for one in wishes
        if one.recipient
        and said.get((one.recipient.external_userid, undone_by[one.effect]), "") > to_text(one.at)
    )


def stopped_before(tx: Transaction, external_userid: str, at: datetime) -> str | None:
    """Tell when their wish to hear nothing more was received, if it was the last such wish until then."""
    row = tx.one(
        "SELECT effect, received_at FROM kf_inbound WHERE external_userid = ? AND send_time < ?"
        " AND effect IN (?, ?) ORDER BY send_time DESC LIMIT 1",
        (external_userid, to_text(at), Effect.STOPPED, Effect.RESUMED),
    )
    return row["received_at"] if row is not None and row["effect"] == Effect.STOPPED else None


def count_raw(tx: Transaction) -> int:
    """Count the items that nobody understood and that are kept as they came."""
    row = tx.one("SELECT count(*) AS n FROM kf_inbound WHERE raw IS NOT NULL")
    return int(row["n"]) if row else 0


def of_phones(tx: Transaction, external_userids: Collection[str], limit: int) -> list[Row]:
    """Read the latest items of these people, newest first."""
    values = tuple(external_userids)
    return tx.rows(
        "SELECT open_kfid, external_userid, send_time, event_type, msgtype, tapped, effect, push_id"
        f" FROM kf_inbound WHERE external_userid IN ({marks(values)}) ORDER BY send_time DESC LIMIT ?",
        (*values, limit),
    )
