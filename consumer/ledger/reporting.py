"""The tables ``push_messages`` and ``push_deliveries``, as reports count them.  Reads only, by index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from consumer.ledger.pushes import UNASKED
from schemas.database import Row, Transaction, marks
from schemas.decisions import Reason
from schemas.times import to_text

PAGE: Final = 2000
_COLUMNS: Final = (
    "id, open_kfid, external_userid, user_id, matches, template, version, variant, experiment, msgtype,"
    " status, reserved_at, accepted_at"
)
_COUNTED: Final = f"kind IN ({marks(UNASKED)}) AND reserved_at >= ? AND reserved_at < ?"


@dataclass(frozen=True, slots=True)
class Range:
    """From when, and until before when, messages were reserved."""

    since: datetime
    until: datetime

    @property
    def texts(self) -> tuple[str, str]:
        """Both ends as stored."""
        return to_text(self.since), to_text(self.until)


def bounds(tx: Transaction, wanted: Range) -> tuple[int, int]:
    """Tell between which ids (after, up to) a range lies: no index leads with a time, but ids rise with it.

    Some twenty rows are looked at.  A clock that was put back, which only the sandbox's is, can mislead it.
    """
    # Apart, each is looked up at an end of the key; together, SQLite reads a whole index.
    row = tx.one(
        "SELECT (SELECT min(id) FROM push_messages) AS low, (SELECT max(id) FROM push_messages) AS high"
    )
    if row is None or row["low"] is None:
        return 0, 0
    since, until = wanted.texts
    return _before(tx, since, row["low"], row["high"]), _before(tx, until, row["low"], row["high"])


def _before(tx: Transaction, at: str, low: int, high: int) -> int:
    """Find the last id of those reserved before an instant."""
    low, high = low - 1, high + 1
    while high - low > 1:
        middle = (low + high) // 2
        row = tx.one("SELECT reserved_at FROM push_messages WHERE id >= ? ORDER BY id LIMIT 1", (middle,))
        if row is not None and row["reserved_at"] < at:
            low = middle
        else:
            high = middle
    return low


def in_range(tx: Transaction, wanted: Range, after: int, last: int) -> list[Row]:
    """Read a page of what was reserved in a range, by id; ``last`` is the highest id to look at."""
    return tx.rows(
        f"SELECT {_COLUMNS} FROM push_messages WHERE id > ? AND id <= ? AND {_COUNTED} ORDER BY id LIMIT ?",
        (after, last, *UNASKED, *wanted.texts, PAGE),
    )


def of_experiment(tx: Transaction, name: str, wanted: Range, after: tuple[str, int]) -> list[Row]:
    """Read a page of an experiment's messages, user by user: (user_id, id) is where to go on."""
    return tx.rows(
        f"SELECT {_COLUMNS} FROM push_messages WHERE experiment = ? AND experiment <> ''"
        f" AND (user_id, id) > (?, ?) AND {_COUNTED} ORDER BY user_id, id LIMIT ?",
        (name, *after, *UNASKED, *wanted.texts, PAGE),
    )


def arrived(tx: Transaction, wanted: Range) -> list[Row]:
    """Count the matches that came in a range, by where they stand now; reads the whole table, once."""
    return tx.rows(
        "SELECT status, coalesce(reason, '') AS reason, count(*) AS n FROM push_deliveries"
        " WHERE created_at >= ? AND created_at < ? AND user_id <> ''"
        " GROUP BY status, coalesce(reason, '') ORDER BY status, reason",
        wanted.texts,
    )


def held_out(tx: Transaction, wanted: Range, after: tuple[str, str]) -> list[Row]:
    """Read a page of the matches that an experiment held back, user by user, and which were converted."""
    return tx.rows(
        "SELECT d.user_id, d.match_id, c.match_id AS converted FROM push_deliveries d"
        " LEFT JOIN push_conversions c ON c.match_id = d.match_id"
        " WHERE d.reason = 'held_out' AND d.status = 'dropped' AND d.updated_at >= ? AND d.updated_at < ?"
        " AND (d.user_id, d.match_id) > (?, ?) ORDER BY d.user_id, d.match_id LIMIT ?",
        (*wanted.texts, *after, PAGE),
    )


def undecided(status: str, reason: str) -> bool:
    """Whether nothing has been decided about matches that stand so."""
    fresh = (Reason.FRESH, Reason.RELEASED, Reason.ALONE, Reason.NEEDS_UPGRADE)
    return status in {"waiting", "parked"} and reason in fresh


def stops(tx: Transaction, since: datetime, until: datetime) -> Iterator[tuple[str, str, str]]:
    """Tell who wished to hear nothing more, at which account and when, in the order of time."""
    rows = tx.rows(
        "SELECT open_kfid, external_userid, send_time FROM kf_inbound WHERE effect = 'stopped'"
        " AND send_time >= ? AND send_time < ? ORDER BY send_time",
        (to_text(since), to_text(until)),
    )
    for row in rows:
        yield row["open_kfid"], row["external_userid"], row["send_time"]
