"""The table ``push_messages``, as it counts: what takes a slot of a window, or a message of a day."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

from consumer.counting import Use
from consumer.ledger.pushes import MENU, OPEN
from schemas.database import Row, Transaction, marks
from schemas.decisions import RecipientKey
from schemas.kf_kinds import Kind
from schemas.states import PushStatus
from schemas.times import maybe_from_text, to_text


def read(
    tx: Transaction,
    external_userids: Collection[str],
    user_ids: Collection[str],
    accepted_since: datetime,
) -> list[Use]:
    """Read what counts against these recipients' slots and these users' limits."""
    found: dict[int, Use] = {}
    for column, values in (("external_userid", tuple(external_userids)), ("user_id", tuple(user_ids))):
        # An open push has no acceptance: said too, that the index finds it among all that somebody ever got.
        is_open = f"accepted_at IS NULL AND {OPEN}"
        for condition, more in ((is_open, ()), ("accepted_at >= ?", (to_text(accepted_since),))):
            for row in tx.rows(
                "SELECT id, open_kfid, external_userid, user_id, kind, template, msgtype, status,"
                " accepted_at, window_opened_at, reserved_at FROM push_messages"
                f" WHERE {column} IN ({marks(values)}) AND {condition}",
                (*values, *more),
            ):
                found[row["id"]] = use_of(row)
    return list(found.values())


def use_of(row: Row) -> Use:
    """Understand a row as it counts."""
    accepted_at = None if row["status"] in ("sending", "unknown") else row["accepted_at"]
    return Use(
        row["id"],
        RecipientKey(row["open_kfid"], row["external_userid"]),
        row["user_id"],
        row["kind"],
        maybe_from_text(accepted_at),
        maybe_from_text(row["window_opened_at"]),
        row["status"] == PushStatus.FAILED,
        row["template"] == MENU or row["msgtype"] == Kind.MSGMENU,
        None if accepted_at is not None else maybe_from_text(row["reserved_at"]),
    )


def carded(tx: Transaction, external_userids: Collection[str], since: datetime) -> set[RecipientKey]:
    """Tell who was sent a business card since then, or one that WeChat refused: it takes one in 48 hours."""
    values = tuple(external_userids)
    found: set[RecipientKey] = set()
    for condition in ("accepted_at > ?", "accepted_at IS NULL AND status <> 'not_sent' AND tried_at > ?"):
        rows = tx.rows(
            "SELECT open_kfid, external_userid FROM push_messages"
            f" WHERE external_userid IN ({marks(values)}) AND {condition} AND msgtype = ?",
            (*values, to_text(since), Kind.BUSINESS_CARD),
        )
        found |= {RecipientKey(row["open_kfid"], row["external_userid"]) for row in rows}
    return found


def carried_by(tx: Transaction, ids: Collection[int]) -> dict[int, list[tuple[str, int]]]:
    """Tell which matches (match_id, revision) each of these pushes carries."""
    values = tuple(ids)
    rows = (
        tx.rows(f"SELECT id, matches FROM push_messages WHERE id IN ({marks(values)})", values) if ids else []
    )
    return {
        row["id"]: [(match_id, number) for match_id, number in json.loads(row["matches"])] for row in rows
    }
