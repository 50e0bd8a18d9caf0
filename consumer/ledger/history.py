"""The ledger as it tells of a span of the past: for who asks what another plan would have made of it.

Reads only.  Nothing here serves the hot path: a span is found by reading the whole of ``push_deliveries``,
in pages, for no index leads there; what belongs to people is found by theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from consumer.ledger.deliveries import COLUMNS, Key
from schemas.database import Row, Transaction, marks
from schemas.states import Effect, Entry
from schemas.times import to_text

_WORDS = (Effect.WORD, Effect.ASKED, Effect.TOO_LATE, Effect.STOPPED, Effect.RESUMED, Effect.TAPPED)

_IN_SPAN = (
    "created_at < ? AND expires_at > ? AND user_id <> ''"
    " AND (created_at >= ? OR updated_at >= ? OR status IN ('waiting', 'parked', 'sending'))"
)
"""What came in the span, or was still undecided when it began."""


def _span(since: datetime, until: datetime) -> tuple[str, ...]:
    return to_text(until), to_text(since), to_text(since), to_text(since)


def users_between(
    tx: Transaction, since: datetime, until: datetime, only: str | None = None
) -> list[tuple[str, int]]:
    """Tell whose matches came, or still waited, in the span, and how many; ``only`` names one user_id."""
    rows = tx.rows(
        f"SELECT user_id, count(*) AS n FROM push_deliveries WHERE {_IN_SPAN}"
        f"{' AND user_id = ?' if only is not None else ''} GROUP BY user_id ORDER BY user_id",
        (*_span(since, until), *([] if only is None else [only])),
    )
    return [(row["user_id"], row["n"]) for row in rows]


def matches_between(
    tx: Transaction, since: datetime, until: datetime, after: Key, limit: int
) -> Sequence[Row]:
    """Read a page of those matches, by key."""
    return tx.rows(
        f"SELECT {COLUMNS}, updated_at FROM push_deliveries"
        f" WHERE (match_id, revision) > (?, ?) AND {_IN_SPAN} ORDER BY match_id, revision LIMIT ?",
        (*after, *_span(since, until), limit),
    )


def messages_between(
    tx: Transaction, phones: Collection[str], since: datetime, until: datetime
) -> Sequence[Row]:
    """Read the messages, of every kind, that these people's conversations accepted in the span."""
    values = tuple(phones)
    return tx.rows(
        "SELECT id, open_kfid, external_userid, user_id, kind, template, msgtype, status, matches,"
        f" accepted_at, window_opened_at FROM push_messages WHERE external_userid IN ({marks(values)})"
        " AND accepted_at >= ? AND accepted_at < ?",
        (*values, to_text(since), to_text(until)),
    )


def words_between(
    tx: Transaction, phones: Collection[str], since: datetime, until: datetime, *, with_taps: bool
) -> Sequence[Row]:
    """Read when these people spoke in the span; ``with_taps``: a tap on a menu counts as a word."""
    values = tuple(phones)
    return tx.rows(
        "SELECT open_kfid, external_userid, send_time FROM kf_inbound"
        f" WHERE external_userid IN ({marks(values)}) AND send_time >= ? AND send_time < ?"
        f" AND effect IN ({marks(_WORDS)})"
        f"{'' if with_taps else ' AND tapped = 0'}",
        (*values, to_text(since), to_text(until), *_WORDS),
    )


def windows_of(tx: Transaction, phones: Collection[str]) -> Sequence[Row]:
    """Read when these people's windows opened last."""
    values = tuple(phones)
    return tx.rows(
        "SELECT open_kfid, external_userid, opened_at FROM kf_windows"
        f" WHERE external_userid IN ({marks(values)}) AND opened_at IS NOT NULL",
        values,
    )


def stops_of(tx: Transaction, user_ids: Collection[str]) -> dict[str, str]:
    """Tell which of these users have stopped, and since when."""
    values = tuple(user_ids)
    rows = tx.rows(
        f"SELECT user_id, updated_at FROM push_settings WHERE stop = 1 AND user_id IN ({marks(values)})",
        values,
    )
    return {row["user_id"]: row["updated_at"] for row in rows}


def put_off_between(
    tx: Transaction, match_ids: Collection[str], since: datetime, until: datetime
) -> Sequence[Row]:
    """Read which of these matches were deferred or parked in the span, and why; each reason once."""
    values = tuple(match_ids)
    return tx.rows(
        "SELECT DISTINCT match_id, revision, entry, reason FROM push_timeline"
        f" WHERE match_id IN ({marks(values)}) AND at >= ? AND at < ? AND entry IN (?, ?)",
        (*values, to_text(since), to_text(until), Entry.DEFERRED, Entry.PARKED),
    )
