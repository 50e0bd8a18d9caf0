"""The table ``push_settings``: preferences the host has no column for (time zone, stop, locale)."""

from __future__ import annotations

from collections.abc import Collection

from schemas.database import Transaction, marks


def settings_of(tx: Transaction, user_ids: Collection[str]) -> dict[str, dict[str, object]]:
    """Read the rows of these users; who has none is not in the answer."""
    values = tuple(user_ids)
    rows = tx.rows(
        f"SELECT user_id, timezone, stop, locale FROM push_settings WHERE user_id IN ({marks(values)})",
        values,
    )
    return {row["user_id"]: dict(row) for row in rows}
