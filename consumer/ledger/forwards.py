"""The table ``push_forwards``: what users said to the application, until it has heard it.

A row is kept only as long as it has to be: it goes with the application's 2xx, and what was given up loses
its words.  Lease and dates are the wall's.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from schemas.database import Transaction, marks
from schemas.times import from_text, to_text

GIVE_UP_AFTER: Final = timedelta(days=1)
"""What the application has not heard for a day is old news."""

OFTEN: Final = 5
"""After so many failures a word holds up no other of its conversation."""

LOOKED_AT: Final = 200
"""So many due words are looked at in one transaction."""

TURN: Final = timedelta(seconds=1)
"""A word behind one that is due itself is looked at again after so long, unless its turn comes first."""

REMEMBERED: Final = timedelta(days=7)
"""So long the row of what was given up tells that there was something."""


@dataclass(frozen=True, slots=True)
class Word:
    """What is to be forwarded: one item of one conversation, as the application will read it."""

    open_kfid: str
    item_key: str
    external_userid: str
    user_ids: Sequence[str]
    spoken_at: datetime
    item: Mapping[str, object] = field(repr=False)

    @property
    def body(self) -> str:
        """The JSON text, the same at every try."""
        told = {
            "type": "kf.message",
            "id": f"{self.open_kfid}:{self.item_key}",
            "open_kfid": self.open_kfid,
            "external_userid": self.external_userid,
            "user_ids": list(self.user_ids),
            "spoken_at": to_text(self.spoken_at),
            "item": dict(self.item),
        }
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        # Half an emoji, where somebody cut a text, fits into no column.
        return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Forward:
    """One row that somebody is about to try; ``name`` is what makes it one."""

    id: int
    name: str
    body: str = field(repr=False)
    queued_at: datetime
    attempts: int


def queue(tx: Transaction, words: Sequence[Word], wall: datetime) -> None:
    """Write down what is to be forwarded, due at once; what is there already stays as it is."""
    stamp = to_text(wall)
    tx.many(
        "INSERT INTO push_forwards (open_kfid, item_key, external_userid, body, queued_at, due_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (open_kfid, item_key) DO NOTHING",
        [(word.open_kfid, word.item_key, word.external_userid, word.body, stamp, stamp) for word in words],
    )


def are_due(tx: Transaction, wall: datetime) -> bool:
    """Whether anything is to be tried, for who does not want to be the only writer in vain."""
    return (
        tx.one(
            "SELECT 1 FROM push_forwards WHERE gave_up_at IS NULL AND due_at <= ? LIMIT 1", (to_text(wall),)
        )
        is not None
    )


def take(tx: Transaction, wall: datetime, lease: timedelta, limit: int) -> tuple[list[Forward], bool]:
    """Take due rows, of each conversation only the first that is left: nobody overtakes a word.

    But for one that the application refused often, which may be what it cannot read.  Only so many rows are
    looked at; those that stand behind another are put off until its turn, so that a long queue of theirs is
    not looked at again and again.  Tells whether there may be more.
    """
    rows = tx.rows(
        "SELECT id, open_kfid, item_key, body, queued_at, attempts, (SELECT earlier.due_at FROM push_forwards"
        " AS earlier WHERE earlier.external_userid = f.external_userid AND earlier.open_kfid = f.open_kfid"
        " AND earlier.id < f.id AND earlier.attempts < ? AND earlier.gave_up_at IS NULL"
        " ORDER BY earlier.id LIMIT 1) AS behind FROM push_forwards AS f"
        " WHERE gave_up_at IS NULL AND due_at <= ? ORDER BY due_at, id LIMIT ?",
        (OFTEN, to_text(wall), LOOKED_AT),
    )
    later = to_text(wall + TURN)
    tx.many(
        "UPDATE push_forwards SET due_at = ? WHERE id = ?",
        [(max(row["behind"], later), row["id"]) for row in rows if row["behind"] is not None],
    )
    free = [row for row in rows if row["behind"] is None][:limit]
    ids = tuple(row["id"] for row in free)
    if ids:
        tx.execute(
            f"UPDATE push_forwards SET due_at = ?, attempts = attempts + 1 WHERE id IN ({marks(ids)})",
            (to_text(wall + lease), *ids),
        )
    taken = [
        Forward(
            row["id"],
            f"{row['open_kfid']}:{row['item_key']}",
            row["body"],
            from_text(row["queued_at"]),
            row["attempts"] + 1,
        )
        for row in free
    ]
    return taken, len(rows) == LOOKED_AT


def heard(tx: Transaction, ids: Collection[int], wall: datetime) -> None:
    """The application has these: nothing of them is kept, and who stood behind them has its turn."""
    values = tuple(ids)
    if not values:
        return
    conversations = tx.rows(
        f"SELECT DISTINCT open_kfid, external_userid FROM push_forwards WHERE id IN ({marks(values)})", values
    )
    tx.execute(f"DELETE FROM push_forwards WHERE id IN ({marks(values)})", values)
    now = to_text(wall)
    tx.many(
        "UPDATE push_forwards SET due_at = ? WHERE due_at > ? AND attempts = 0 AND id = (SELECT min(id)"
        " FROM push_forwards WHERE external_userid = ? AND open_kfid = ? AND gave_up_at IS NULL"
        " AND attempts < ?)",
        [(now, now, row["external_userid"], row["open_kfid"], OFTEN) for row in conversations],
    )


def put_off(tx: Transaction, later: Sequence[tuple[int, datetime, str]]) -> None:
    """Try these again then (wall), for this cause."""
    tx.many(
        "UPDATE push_forwards SET due_at = ?, cause = ? WHERE id = ? AND gave_up_at IS NULL",
        [(to_text(until), cause, row_id) for row_id, until, cause in later],
    )


def give_up(tx: Transaction, lost: Sequence[tuple[int, str]], wall: datetime) -> None:
    """Nobody will hear these: their words are forgotten, the rest for a week not."""
    tx.many(
        "UPDATE push_forwards SET gave_up_at = ?, cause = ?, body = NULL, due_at = NULL"
        " WHERE id = ? AND gave_up_at IS NULL",
        [(to_text(wall), cause, row_id) for row_id, cause in lost],
    )
    tx.execute("DELETE FROM push_forwards WHERE gave_up_at <= ?", (to_text(wall - REMEMBERED),))
