"""How many rows stand where: what ``status`` tells of deliveries and pushes.  Reads only."""

from __future__ import annotations

from typing import Final

from schemas.database import Row, Transaction

_PENDING: Final = "status IN ('waiting', 'parked')"
_OPEN: Final = "status IN ('sending', 'unknown')"


def pending_by_reason(tx: Transaction) -> list[Row]:
    """Count what waits and what is parked by reason, with the earliest date of each."""
    return tx.rows(
        "SELECT status, reason, count(*) AS n, min(due_at) AS due_at FROM push_deliveries"
        f" WHERE {_PENDING} GROUP BY status, reason ORDER BY status DESC, n DESC, reason",
    )


def pending_of_user(tx: Transaction, user_id: str) -> list[Row]:
    """Count what waits and what is parked for a user by reason, with the earliest date of each."""
    return tx.rows(
        "SELECT status, reason, count(*) AS n, min(due_at) AS due_at FROM push_deliveries"
        f" WHERE {_PENDING} AND user_id = ? GROUP BY status, reason ORDER BY status DESC, n DESC, reason",
        (user_id,),
    )


def sending_of_user(tx: Transaction, user_id: str) -> int:
    """Count a user's pushes that are on their way."""
    row = tx.one(f"SELECT count(*) AS n FROM push_messages WHERE {_OPEN} AND user_id = ?", (user_id,))
    return int(row["n"]) if row else 0


def count_sending(tx: Transaction) -> int:
    """Count the matches that open pushes carry."""
    row = tx.one(
        "SELECT count(*) AS n FROM push_deliveries WHERE push_id IN"
        " (SELECT id FROM push_messages WHERE status IN ('sending', 'unknown')) AND status = 'sending'",
    )
    return int(row["n"]) if row else 0


def dead_by_reason(tx: Transaction) -> list[Row]:
    """Count the dead letters among the matches by reason, with an example of each."""
    return tx.rows(
        "SELECT reason, count(*) AS n, min(match_id) AS example FROM push_deliveries WHERE status = 'dead'"
        " GROUP BY reason ORDER BY reason",
    )


def deliveries_by_status(tx: Transaction) -> list[Row]:
    """Count deliveries by status and reason; reads the whole table."""
    return tx.rows(
        "SELECT status, coalesce(reason, '') AS reason, count(*) AS n, min(due_at) AS due_at"
        " FROM push_deliveries GROUP BY status, coalesce(reason, '') ORDER BY status, reason",
    )


def open_pushes_by_status(tx: Transaction) -> list[Row]:
    """Count open pushes by status, with the oldest reservation of each."""
    return tx.rows(
        "SELECT status, count(*) AS n, min(reserved_at) AS oldest_at FROM push_messages"
        f" WHERE {_OPEN} GROUP BY status ORDER BY status",
    )


def pushes_by_status(tx: Transaction) -> list[Row]:
    """Count pushes by status; reads the whole table."""
    return tx.rows("SELECT status, count(*) AS n FROM push_messages GROUP BY status ORDER BY status")


def by_template(tx: Transaction, latest: int) -> list[Row]:
    """Count, among the latest messages, those of each template and version, with the latest of each."""
    return tx.rows(
        "SELECT template, version, count(*) AS n, max(reserved_at) AS last_at FROM (SELECT template, version,"
        " reserved_at FROM push_messages ORDER BY id DESC LIMIT ?) AS late WHERE version IS NOT NULL"
        " GROUP BY template, version",
        (latest,),
    )
