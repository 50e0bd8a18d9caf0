"""The table ``push_deliveries``: where each match (revision) stands.

A transition has a name and says in its WHERE from which states it may be made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from consumer.facts import Candidate, Earlier
from schemas.database import Row, Transaction, marks
from schemas.decisions import Reason
from schemas.events import MatchCreated, match_from_ledger
from schemas.states import DeliveryStatus
from schemas.times import from_text, maybe_from_text, maybe_text, to_text

MOST_PER_USER: Final = 500
"""So many rows of one user_id are planned at once, soonest expiry first."""

Key = tuple[str, int]
"""(match_id, revision)"""

PENDING: Final = "status IN ('waiting', 'parked')"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that plan may decide about."""

    candidate: Candidate
    match: MatchCreated
    reason: str | None
    due_at: datetime | None
    status: str
    generation: int
    entry_id: str | None
    person: str | None
    plain: bool = False
    """WeChat refused another kind of message for it: it goes as text."""
    fallback_of: int | None = None
    """The push that was refused so."""

    @property
    def key(self) -> Key:
        """The (match_id, revision) pair."""
        return self.candidate.match_id, self.candidate.revision


def count_due(tx: Transaction, now: datetime, most: int) -> int:
    """Count due rows, but not beyond ``most``."""
    row = tx.one(
        "SELECT count(*) AS n FROM"
        f" (SELECT 1 FROM push_deliveries WHERE {PENDING} AND due_at <= ? LIMIT ?) AS due",
        (to_text(now), most),
    )
    return int(row["n"]) if row else 0


def due_users(tx: Transaction, now: datetime, rows: int) -> tuple[str, ...]:
    """Tell whose rows have been due longest, looking at so many rows."""
    found = tx.rows(
        f"SELECT user_id FROM push_deliveries WHERE {PENDING} AND due_at <= ? ORDER BY due_at LIMIT ?",
        (to_text(now), rows),
    )
    return tuple(dict.fromkeys(row["user_id"] for row in found))


def waiting_users(tx: Transaction, after: str, limit: int) -> tuple[str, ...]:
    """Page through the users who have something parked (they wait for a word of theirs)."""
    rows = tx.rows(
        f"SELECT DISTINCT user_id FROM push_deliveries WHERE {PENDING} AND user_id > ?"
        " ORDER BY user_id LIMIT ?",
        (after, limit),
    )
    return tuple(row["user_id"] for row in rows)


COLUMNS: Final = (
    "match_id, revision, user_id, intent_id, event, reason, due_at, expires_at, status, generation, entry_id,"
    " person, withdrawn_at, released, alone, plain, fallback_of, created_at"
)
MOST_AT_ONCE: Final = 1000
"""So many rows of several users at most are loaded by one query; if there are more, user by user."""


def pending_of(tx: Transaction, user_ids: Collection[str], now: datetime) -> list[Waiting]:
    """Load what waits or is parked for these users, soonest expiry first.

    Of somebody with more than ``MOST_PER_USER``, what is due comes before what is not, or it would stay due.
    """
    rows = pending_rows(tx, [user_ids], now)
    return understood(tx, [row for user_id in user_ids for row in rows[user_id]])


def pending_rows(
    tx: Transaction, people: Sequence[Collection[str]], now: datetime, enough: int = MOST_AT_ONCE
) -> dict[str, list[Row]]:
    """Read what waits or is parked for each of these people's users, not understood yet; see ``pending_of``.

    Where there is much, the users of whoever comes after ``enough`` rows are not in the answer.
    """
    values = tuple(user_id for user_ids in people for user_id in user_ids)
    found: dict[str, list[Row]] = {user_id: [] for user_id in values}
    if not values:
        return found
    rows = tx.rows(
        f"SELECT {COLUMNS} FROM push_deliveries WHERE {PENDING} AND user_id IN ({marks(values)})"
        " AND due_at IS NOT NULL LIMIT ?",
        (*values, MOST_AT_ONCE + 1),
    )
    if len(rows) > MOST_AT_ONCE:
        return _one_by_one(tx, people, now, enough)
    for row in rows:
        found[row["user_id"]].append(row)
    for user_id, listed in found.items():
        if len(listed) > MOST_PER_USER:
            found[user_id] = _pending_rows(tx, user_id, now)
    return found


def _one_by_one(
    tx: Transaction, people: Sequence[Collection[str]], now: datetime, enough: int
) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for user_ids in people:
        if sum(map(len, found.values())) >= enough:
            break
        found |= {user_id: _pending_rows(tx, user_id, now) for user_id in user_ids}
    return found


def _pending_rows(tx: Transaction, user_id: str, now: datetime) -> list[Row]:
    rows: list[Row] = []
    for condition in ("due_at <= ?", "due_at > ?"):
        rows += tx.rows(
            f"SELECT {COLUMNS} FROM push_deliveries"
            f" WHERE {PENDING} AND user_id = ? AND {condition}"
            " ORDER BY expires_at, created_at, match_id LIMIT ?",
            (user_id, to_text(now), MOST_PER_USER - len(rows)),
        )
    return rows


def understood(tx: Transaction, rows: Sequence[Row]) -> list[Waiting]:
    """Understand pending rows, soonest expiry first."""
    earlier = _earlier(tx, [(row["match_id"], row["revision"]) for row in rows])
    loaded = [_waiting(row, earlier.get((row["match_id"], row["revision"]))) for row in rows]
    loaded.sort(key=lambda row: (row.candidate.expires_at, row.candidate.created_at, row.key))
    return loaded


def _earlier(tx: Transaction, keys: Collection[Key]) -> dict[Key, Earlier]:
    """Tell what became of the earlier revisions of matches that were scored again."""
    again = [key for key in keys if key[1] > 1]
    if not again:
        return {}
    ids = tuple({match_id for match_id, _ in again})
    rows = tx.rows(
        "SELECT match_id, revision, status, event FROM push_deliveries"
        f" WHERE match_id IN ({marks(ids)}) AND status IN ('sending', 'sent') ORDER BY match_id, revision",
        ids,
    )
    found: dict[Key, Earlier] = {}
    for match_id, revision in again:
        before = [row for row in rows if row["match_id"] == match_id and row["revision"] < revision]
        sent = [row for row in before if row["status"] == "sent"]
        found[match_id, revision] = Earlier(
            in_flight=any(row["status"] == "sending" for row in before),
            sent_score=match_from_ledger(sent[-1]["event"]).score if sent else None,
        )
    return found


def _waiting(row: Row, earlier: Earlier | None = None) -> Waiting:
    match = match_from_ledger(row["event"])
    candidate = Candidate(
        match_id=row["match_id"],
        revision=row["revision"],
        user_id=row["user_id"],
        score=match.score,
        expires_at=from_text(row["expires_at"]),
        created_at=from_text(row["created_at"]),
        intent_id=row["intent_id"],
        withdrawn=row["withdrawn_at"] is not None,
        earlier=earlier,
        released=bool(row["released"]) or row["reason"] == Reason.RELEASED,
        urgent=bool(match.urgent_reason),
        told=row["reason"] == Reason.MORE,
        alone=bool(row["alone"]),
    )
    return Waiting(
        candidate,
        match,
        row["reason"],
        maybe_from_text(row["due_at"]),
        row["status"],
        row["generation"],
        row["entry_id"],
        row["person"],
        bool(row["plain"]),
        row["fallback_of"],
    )


def as_it_came(row: Row) -> Candidate:
    """The match of a row as it was when it had just come, whatever became of it."""
    return replace(_waiting(row).candidate, withdrawn=False, released=False, told=False, alone=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A pending row's new place: waiting until, parked until its expiry at the latest, or dropped."""

    key: Key
    status: str
    reason: Reason
    due_at: datetime | None
    person: str


def place(tx: Transaction, verdicts: Iterable[Verdict], now: datetime) -> None:
    """Defer, park or drop rows that are still pending; those that a message told of are released no more."""
    stamp = to_text(now)
    tx.many(
        "UPDATE push_deliveries SET status = ?, reason = ?, due_at = ?, person = ?, updated_at = ?,"
        f" released = released * ? WHERE match_id = ? AND revision = ? AND {PENDING}",
        [
            (
                item.status,
                item.reason,
                maybe_text(item.due_at),
                item.person,
                stamp,
                int(item.reason is not Reason.MORE),
                *item.key,
            )
            for item in verdicts
        ],
    )


def set_aside(
    tx: Transaction, user_ids: Collection[str], until: datetime, reason: Reason, now: datetime
) -> int:
    """Defer whatever of these users is due, without reading it: it may be what nobody can read."""
    values = tuple(user_ids)
    return tx.execute(
        "UPDATE push_deliveries SET status = 'waiting', reason = ?, due_at = ?, updated_at = ?"
        f" WHERE {PENDING} AND due_at <= ? AND user_id IN ({marks(values)})",
        (reason, to_text(until), to_text(now), to_text(now), *values),
    )


def reserve(tx: Transaction, reserved: Iterable[tuple[Key, int, str]], now: datetime) -> None:
    """Give pending rows to pushes (key, push id, person): they are not free again before those end."""
    stamp = to_text(now)
    tx.many(
        "UPDATE push_deliveries SET status = 'sending', reason = NULL, due_at = NULL, push_id = ?,"
        " person = ?, generation = generation + 1, updated_at = ?"
        f" WHERE match_id = ? AND revision = ? AND {PENDING}",
        [(push_id, person, stamp, *key) for key, push_id, person in reserved],
    )


def sent(tx: Transaction, push_ids: Sequence[int], now: datetime) -> None:
    """Note that these pushes' matches went out, also those given up before the good news came.

    And those taken up again since: the next message of what has no newer push would be a second one.  But
    none of a message of which WeChat said, before its acceptance was noted, that it did not arrive.
    """
    tx.execute(
        "UPDATE push_deliveries SET status = 'sent', reason = NULL, due_at = NULL, updated_at = ?"
        " WHERE push_id IN"
        f" (SELECT id FROM push_messages WHERE id IN ({marks(push_ids)}) AND status IN ('sent', 'recalled'))"
        " AND status IN ('sending', 'dead', 'dropped', 'waiting', 'parked')",
        (to_text(now), *push_ids),
    )


def freed(
    tx: Transaction, push_id: int, reason: Reason, now: datetime, wait: timedelta = timedelta(0)
) -> None:
    """Let the matches of an ended push be planned again, from now or after ``wait``."""
    tx.execute(
        "UPDATE push_deliveries SET status = 'waiting', reason = ?, due_at = ?, updated_at = ?"
        " WHERE push_id = ? AND status = 'sending'",
        (reason, to_text(now + wait), to_text(now), push_id),
    )


def times_sent(tx: Transaction, push_id: int) -> int:
    """Tell how many messages have named the matches of this push, of the one that most have named."""
    row = tx.one("SELECT max(generation) AS n FROM push_deliveries WHERE push_id = ?", (push_id,))
    return (row["n"] if row else None) or 0


def undelivered(
    tx: Transaction,
    push_id: int,
    status: DeliveryStatus,
    reason: Reason,
    due_at: datetime | None,
    now: datetime,
) -> None:
    """Take up again, or bury, the matches of a message that did not arrive; parked till expiry at most."""
    parked = status is DeliveryStatus.PARKED
    tx.execute(
        f"UPDATE push_deliveries SET status = ?, reason = ?, due_at = {'expires_at' if parked else '?'},"
        " released = ?, updated_at = ? WHERE push_id = ? AND"
        " (status IN ('sending', 'sent') OR (status = 'dead' AND reason = ?))",
        (
            status,
            reason,
            *(() if parked else (maybe_text(due_at),)),
            int(reason is Reason.RELEASED),
            to_text(now),
            push_id,
            Reason.OUTCOME_UNKNOWN,
        ),
    )


def parted(tx: Transaction, push_id: int, now: datetime) -> None:
    """Let the matches of an ended push be planned again, each by itself from now on."""
    tx.execute(
        "UPDATE push_deliveries SET status = 'waiting', reason = ?, released = 0, alone = 1, due_at = ?,"
        " updated_at = ?"
        " WHERE push_id = ? AND status = 'sending'",
        (Reason.ALONE, to_text(now), to_text(now), push_id),
    )


def replaced(
    tx: Transaction, push_id: int, reason: Reason, due_at: datetime, now: datetime, *, plain: bool
) -> None:
    """Let the matches of a push that was refused for its kind be planned again, ``plain`` as text."""
    tx.execute(
        "UPDATE push_deliveries SET status = 'waiting', reason = ?, plain = ?, fallback_of = ?, due_at = ?,"
        " updated_at = ? WHERE push_id = ? AND status = 'sending'",
        (reason, int(plain), push_id, to_text(due_at), to_text(now), push_id),
    )


def made_plain(tx: Transaction, push_id: int) -> None:
    """Note that what this push carried goes as text, should it go again."""
    tx.execute("UPDATE push_deliveries SET plain = 1, fallback_of = ? WHERE push_id = ?", (push_id, push_id))


def buried(tx: Transaction, push_id: int, reason: Reason, now: datetime) -> None:
    """Make dead letters of a push's matches."""
    _end(tx, push_id, "dead", reason, now)


def dropped(tx: Transaction, push_id: int, reason: Reason, now: datetime) -> None:
    """Drop the matches of a push that was given up because a gate closed for good."""
    _end(tx, push_id, "dropped", reason, now)


def _end(tx: Transaction, push_id: int, status: str, reason: Reason, now: datetime) -> None:
    tx.execute(
        "UPDATE push_deliveries SET status = ?, reason = ?, due_at = NULL, updated_at = ?"
        " WHERE push_id = ? AND status = 'sending'",
        (status, reason, to_text(now), push_id),
    )


def redriven(tx: Transaction, keys: Iterable[Key], now: datetime) -> None:
    """Let a person take up what had ended; a match whose push is still on its way is left alone."""
    tx.many(
        "UPDATE push_deliveries SET status = 'waiting', reason = ?, due_at = ?, updated_at = ?"
        " WHERE match_id = ? AND revision = ? AND status IN ('dead', 'dropped', 'sent')"
        " AND NOT EXISTS (SELECT 1 FROM push_messages WHERE push_messages.id = push_deliveries.push_id"
        " AND push_messages.status IN ('sending', 'unknown'))",
        [(Reason.FRESH, to_text(now), to_text(now), *key) for key in keys],
    )


def closed(tx: Transaction, keys: Iterable[Key], now: datetime) -> None:
    """Let a person close dead letters for good: neither a replay nor a backfill takes them up again."""
    tx.many(
        "UPDATE push_deliveries SET status = 'dropped', reason = ?, due_at = NULL, updated_at = ?"
        " WHERE match_id = ? AND revision = ? AND status = 'dead'",
        [(Reason.CLOSED, to_text(now), *key) for key in keys],
    )


def intents_of(tx: Transaction, keys: Collection[Key]) -> dict[Key, str]:
    """Tell the intents of these matches; a match without one is not in the answer."""
    ids = tuple({match_id for match_id, _ in keys})
    if not ids:
        return {}
    rows = tx.rows(
        f"SELECT match_id, revision, intent_id FROM push_deliveries WHERE match_id IN ({marks(ids)})"
        " AND intent_id IS NOT NULL",
        ids,
    )
    return {(row["match_id"], row["revision"]): row["intent_id"] for row in rows}


def entries_of(tx: Transaction, push_ids: Collection[int]) -> list[str]:
    """List the stream entries whose walk these pushes end."""
    ids = tuple(push_ids)
    rows = tx.rows(
        f"SELECT entry_id FROM push_deliveries WHERE push_id IN ({marks(ids)}) AND entry_id IS NOT NULL",
        ids,
    )
    return [row["entry_id"] for row in rows]


def of_match(tx: Transaction, match_id: str) -> list[Row]:
    """Read every revision of a match."""
    return tx.rows("SELECT * FROM push_deliveries WHERE match_id = ? ORDER BY revision", (match_id,))


def of_push(tx: Transaction, push_id: int) -> list[Candidate]:
    """Read the matches that an open push carries."""
    rows = tx.rows("SELECT * FROM push_deliveries WHERE push_id = ? ORDER BY expires_at", (push_id,))
    return [_waiting(row).candidate for row in rows]
