"""The table ``kf_media``: which bytes have which media_id, until when, and who is uploading what.

A row is a file's bytes as one type, whatever names it has.  Who uploads holds the row's lease; all others
wait for what comes of it.  ``expires_at`` is business time, ``lease_until`` wall time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.database import Row, Transaction, marks
from schemas.media import LIFE
from schemas.times import from_text, to_text

Key = tuple[str, str]
"""(sha256 in hex, type)"""

RENEW_BEFORE: Final = timedelta(hours=12)
"""What would die sooner is uploaded again: a frozen message may wait for the end of quiet hours."""

LEAST_LEFT: Final = timedelta(hours=1)
"""A message is not begun with what dies sooner: its retries must find it alive."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file: its bytes' hash, what it is uploaded as, its name and its size."""

    sha256: str
    type: str
    filename: str
    size: int

    @property
    def key(self) -> Key:
        """What its row is found by."""
        return self.sha256, self.type


@dataclass(frozen=True, slots=True)
class Kept:
    """A row, for people."""

    item: Item
    media_id: str | None
    created_at: datetime | None
    expires_at: datetime | None
    is_uploading: bool
    failures: int
    errcode: int | None
    cause: str | None


def ready(tx: Transaction, keys: Collection[Key], now: datetime) -> dict[Key, str]:
    """Tell the media_ids of those of these files that a message may name now."""
    found = _rows(tx, keys)
    least = to_text(now + LEAST_LEFT)
    return {
        (row["sha256"], row["type"]): row["media_id"]
        for row in found
        if row["media_id"] is not None and row["expires_at"] > least
    }


def wanting(tx: Transaction, keys: Collection[Key], now: datetime, wall: datetime) -> set[Key]:
    """Tell which of these files want uploading, and nobody is at it, or has just failed."""
    renew, stamp = to_text(now + RENEW_BEFORE), to_text(wall)
    rows = {(row["sha256"], row["type"]): row for row in _rows(tx, keys)}
    return {
        key
        for key in keys
        if (row := rows.get(key)) is None
        or (
            (row["expires_at"] is None or row["expires_at"] <= renew)
            and (row["lease_until"] is None or row["lease_until"] <= stamp)
        )
    }


def claim(tx: Transaction, item: Item, holder: str, lease: timedelta, now: datetime, wall: datetime) -> bool:
    """Take a file to upload; tell whether it is ours.  In an exclusive transaction."""
    if item.key not in wanting(tx, [item.key], now, wall):
        return False
    tx.execute(
        "INSERT INTO kf_media (sha256, type, filename, bytes, holder, lease_until, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sha256, type) DO UPDATE SET"
        " filename = excluded.filename, holder = excluded.holder, lease_until = excluded.lease_until,"
        " updated_at = excluded.updated_at",
        (
            *item.key,
            item.filename,
            item.size,
            holder,
            to_text(wall + lease),
            to_text(now),
        ),
    )
    return True


def stored(tx: Transaction, key: Key, media_id: str, uploaded_at: datetime, now: datetime) -> None:
    """Note a media_id; whoever uploaded it, the one that lives longest is kept."""
    expires_at = to_text(uploaded_at + LIFE)
    tx.execute(
        "UPDATE kf_media SET media_id = ?, created_at = ?, expires_at = ?, holder = NULL, lease_until = NULL,"
        " failures = 0, errcode = NULL, cause = NULL, updated_at = ?"
        " WHERE sha256 = ? AND type = ? AND (expires_at IS NULL OR expires_at < ?)",
        (media_id, to_text(uploaded_at), expires_at, to_text(now), *key, expires_at),
    )


def failed(
    tx: Transaction,
    key: Key,
    holder: str,
    errcode: int | None,
    cause: str,
    again_at: datetime,
    now: datetime,
) -> None:
    """Note that an upload came to nothing, and let nobody try again before then (wall)."""
    tx.execute(
        "UPDATE kf_media SET holder = NULL, lease_until = ?, failures = failures + 1, errcode = ?, cause = ?,"
        " updated_at = ? WHERE sha256 = ? AND type = ? AND holder = ?",
        (to_text(again_at), errcode, cause, to_text(now), *key, holder),
    )


def failures(tx: Transaction, key: Key) -> int:
    """Tell how often in a row this file could not be uploaded."""
    row = tx.one("SELECT failures FROM kf_media WHERE sha256 = ? AND type = ?", key)
    return 0 if row is None else int(row["failures"])


def lost(tx: Transaction, media_ids: Collection[str], now: datetime) -> bool:
    """Forget media_ids that WeChat does not know (any more); tell whether any of them is, or was, ours."""
    values = tuple(media_ids)
    if values:
        tx.execute(
            "UPDATE kf_media SET lost_media_id = media_id, media_id = NULL, created_at = NULL,"
            f" expires_at = NULL, updated_at = ? WHERE media_id IN ({marks(values)})",
            (to_text(now), *values),
        )
    return are_ours(tx, values)


def are_ours(tx: Transaction, media_ids: Collection[str]) -> bool:
    """Whether any of these lost media_ids came of an upload of ours: it can go up again."""
    values = tuple(media_ids)
    return bool(values and tx.one(f"SELECT 1 FROM kf_media WHERE lost_media_id IN ({marks(values)})", values))


def forget(tx: Transaction, key: Key) -> bool:
    """Drop a row, for a person; tell whether it was there."""
    return tx.execute("DELETE FROM kf_media WHERE sha256 = ? AND type = ?", key) == 1


def prune(tx: Transaction, before: datetime) -> None:
    """Forget what died long ago, and nobody has wanted since."""
    tx.execute("DELETE FROM kf_media WHERE holder IS NULL AND updated_at < ?", (to_text(before),))


def listed(tx: Transaction, wall: datetime) -> list[Kept]:
    """Read all rows, by name."""
    stamp = to_text(wall)
    return [
        Kept(
            Item(row["sha256"], row["type"], row["filename"], row["bytes"]),
            row["media_id"],
            None if row["created_at"] is None else from_text(row["created_at"]),
            None if row["expires_at"] is None else from_text(row["expires_at"]),
            row["holder"] is not None and row["lease_until"] > stamp,
            row["failures"],
            row["errcode"],
            row["cause"],
        )
        for row in tx.rows("SELECT * FROM kf_media ORDER BY filename, type, sha256")
    ]


def _rows(tx: Transaction, keys: Collection[Key]) -> list[Row]:
    hashes = tuple({sha256 for sha256, _ in keys})
    if not hashes:
        return []
    rows = tx.rows(
        "SELECT sha256, type, media_id, expires_at, holder, lease_until FROM kf_media"
        f" WHERE sha256 IN ({marks(hashes)})",
        hashes,
    )
    return [row for row in rows if (row["sha256"], row["type"]) in keys]
