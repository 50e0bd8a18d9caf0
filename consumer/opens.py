"""The table ``push_opens``: what somebody did who must have seen a message, once a message, match and proxy.

WeChat has no read receipt.  What is written here stands for one, and says what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from consumer.ledger.deliveries import Key
from consumer.ledger.pushes import UNASKED
from schemas.database import Row, Transaction, marks
from schemas.decisions import RecipientKey
from schemas.opens import Proxy
from schemas.times import to_text

WHOLE: Final = ""
"""The match_id of what was done about a message as a whole."""

_SEEN: Final = ("sent", "recalled", "given_up")
"""Where a message stands that is on a phone, or may be."""


@dataclass(frozen=True, slots=True)
class Open:
    """That a message was opened, as far as ``proxy`` tells; ``match_id`` says on whose account."""

    push_id: int
    proxy: Proxy
    at: datetime
    match_id: str = WHOLE


def note(tx: Transaction, opens: Sequence[Open]) -> None:
    """Write opens down; what was known stays as it was, with its first time."""
    tx.many(
        "INSERT INTO push_opens (push_id, match_id, proxy, at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (push_id, match_id, proxy) DO NOTHING",
        [(each.push_id, each.match_id, each.proxy, to_text(each.at)) for each in opens],
    )


def replied(tx: Transaction, words: Iterable[tuple[RecipientKey, datetime]], within: timedelta) -> None:
    """Note what people said soon after a message that they had not asked for: the newest one before it."""
    said = list(words)
    if not said:
        return
    phones = tuple({recipient.external_userid for recipient, _ in said})
    first = min(at for _, at in said) - within
    last = max(at for _, at in said)
    rows = tx.rows(
        "SELECT id, open_kfid, external_userid, accepted_at FROM push_messages"
        f" WHERE external_userid IN ({marks(phones)}) AND accepted_at >= ? AND accepted_at <= ?"
        f" AND kind IN ({marks(UNASKED)}) AND status IN ({marks(_SEEN)}) ORDER BY accepted_at, id",
        (*phones, to_text(first), to_text(last), *UNASKED, *_SEEN),
    )
    note(tx, [found for recipient, at in said if (found := _reply(rows, recipient, at, within))])


def _reply(rows: Sequence[Row], recipient: RecipientKey, at: datetime, within: timedelta) -> Open | None:
    since, until = to_text(at - within), to_text(at)
    newest = None
    for row in rows:
        is_theirs = (row["open_kfid"], row["external_userid"]) == (
            recipient.open_kfid,
            recipient.external_userid,
        )
        if is_theirs and since <= row["accepted_at"] <= until:
            newest = row["id"]
    return None if newest is None else Open(newest, Proxy.REPLIED, at)


@dataclass(frozen=True, slots=True)
class Reported:
    """What somebody outside says was opened: a push by its number or its msgid, or a match."""

    proxy: Proxy
    at: datetime
    push: str | None = None
    match_id: str = WHOLE


def report(tx: Transaction, reports: Sequence[Reported]) -> list[bool]:
    """Note what was reported from outside; tell of each whether there is such a message, in their order."""
    by_number = _pushes(tx, "id", {int(each.push) for each in reports if each.push and _is_number(each.push)})
    by_msgid = _pushes(
        tx, "msgid", {each.push for each in reports if each.push and not _is_number(each.push)}
    )
    by_match = _carriers(tx, {each.match_id for each in reports if each.push is None})
    opens: list[Open] = []
    for each in reports:
        if each.push is None:
            push_id = by_match.get(each.match_id)
        else:
            push_id = by_number.get(int(each.push)) if _is_number(each.push) else by_msgid.get(each.push)
        opens.append(Open(push_id or 0, each.proxy, each.at, each.match_id))
    note(tx, [each for each in opens if each.push_id])
    return [bool(each.push_id) for each in opens]


def _is_number(name: str) -> bool:
    """Whether a name is a push's number; a msgid of digits alone has as many as no number here ever has."""
    return name.isascii() and name.isdigit() and len(name) <= 18  # noqa: PLR2004 - what both engines count to


def _pushes(tx: Transaction, column: str, names: Collection[int | str]) -> Mapping[int | str, int]:
    values = tuple(names)
    if not values:
        return {}
    rows = tx.rows(
        f"SELECT id, {column} AS name FROM push_messages WHERE {column} IN ({marks(values)})", values
    )
    return {row["name"]: row["id"] for row in rows}


def _carriers(tx: Transaction, match_ids: Collection[str]) -> Mapping[str, int]:
    """Which message brought each match last."""
    values = tuple(match_ids)
    if not values:
        return {}
    rows = tx.rows(
        "SELECT match_id, push_id FROM push_deliveries"
        f" WHERE match_id IN ({marks(values)}) AND push_id IS NOT NULL ORDER BY revision",
        values,
    )
    return {row["match_id"]: row["push_id"] for row in rows}


def of_keys(tx: Transaction, keys: Collection[Key]) -> Mapping[Key, int]:
    """Tell which accepted message brought each of these revisions."""
    ids = tuple({match_id for match_id, _ in keys})
    if not ids:
        return {}
    rows = tx.rows(
        "SELECT match_id, revision, push_id FROM push_deliveries"
        f" WHERE match_id IN ({marks(ids)}) AND status = 'sent' AND push_id IS NOT NULL",
        ids,
    )
    return {(row["match_id"], row["revision"]): row["push_id"] for row in rows}


def between(tx: Transaction, first: int, last: int) -> list[Row]:
    """Read the opens of the messages with these numbers, both ends included."""
    return tx.rows(
        "SELECT push_id, match_id, proxy, at FROM push_opens WHERE push_id >= ? AND push_id <= ?",
        (first, last),
    )


def of_pushes(tx: Transaction, push_ids: Collection[int]) -> list[Row]:
    """Read the opens of these messages."""
    ids = tuple(push_ids)
    if not ids:
        return []
    return tx.rows(
        f"SELECT push_id, match_id, proxy, at FROM push_opens WHERE push_id IN ({marks(ids)})", ids
    )
