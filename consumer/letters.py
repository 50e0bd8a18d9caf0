"""Dead letters of both kinds as one list, and a person's acts on them: redrive and drop.

Entries that nobody could read stand raw in ``push_dead_letters``; matches that WeChat refused for good, or
of whose message nobody learnt, are rows of ``push_deliveries``.  They are listed by when they were buried.
An act reads its batch and changes it in one exclusive transaction, so two operators at once double nothing,
and one who was interrupted begins again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from consumer import audit, deadletters, overtaking
from consumer.audit import Act
from consumer.intake import sort, store
from consumer.ledger import deliveries, timeline
from consumer.ledger.timeline import Line
from consumer.redrive import Judged, Kind, Letter, judge, judge_close
from consumer.stream import Delivered
from schemas.database import Row, Transaction, marks
from schemas.decisions import Reason
from schemas.errors import InvalidEvent
from schemas.events import event_key, split_key
from schemas.states import DeliveryStatus, Entry
from schemas.times import from_text, maybe_from_text, to_text

BATCH: Final = 100
"""So many letters share one transaction: others may write again within some milliseconds."""

_ENTRY_ID: Final = re.compile(r"\d+-\d+")
_MATCH: Final = (
    "SELECT d.match_id, d.revision, d.user_id, d.intent_id, d.status, d.reason, d.updated_at, d.expires_at,"
    " d.withdrawn_at,"
    " (SELECT max(n.revision) FROM push_deliveries n WHERE n.match_id = d.match_id AND n.user_id <> '')"
    " AS newest,"
    " d.push_id, m.status AS push_status, m.errcode AS errcode"
    " FROM push_deliveries d LEFT JOIN push_messages m ON m.id = d.push_id"
)
_ENTRY: Final = (
    "SELECT id, event_key, entry_id, reason, error, raw, deliveries, buried_at, redriven_at, dropped_at,"
    " closed_by, closed_why FROM push_dead_letters"
)
_OF_ENTRIES: Final = (Reason.UNREADABLE_EVENT, Reason.POISON)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters.  With ``names``, those and no others, dead or not; instants are of the burial."""

    names: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    user_id: str | None = None

    @property
    def are_entries(self) -> bool:
        """Whether an entry may be among them: nobody knows whose an unreadable one is."""
        return self.user_id is None and (not self.reasons or bool({*self.reasons} & {*_OF_ENTRIES}))

    @property
    def are_matches(self) -> bool:
        """Whether a match may be among them."""
        return not self.reasons or bool({*self.reasons} - {*_OF_ENTRIES})


@dataclass(frozen=True, slots=True)
class Place:
    """After which letter to go on: its instant, as stored, and its name."""

    at: str
    name: str

    def __str__(self) -> str:
        """Write the form that ``read_place`` reads."""
        return f"{self.at}/{self.name}"


def read_place(text: str) -> Place:
    """Read ``2026-11-22T04:00:00.000Z/42:1``.

    Raises:
        ValueError: it is not one.

    """
    at, slash, name = text.partition("/")
    if not slash or not (is_entry(name) or _key(name)):
        raise ValueError(text)
    return Place(to_text(from_text(at)), name)


def is_entry(name: str) -> bool:
    """Whether a letter's name is a stream entry's id; a match's key ends with its revision."""
    return _ENTRY_ID.fullmatch(name) is not None


def page(tx: Transaction, wanted: Wanted, after: Place | None, limit: int) -> list[Letter]:
    """Read letters, the longest dead first; by name, all at once in the order asked for."""
    if wanted.names:
        return [] if after else _named(tx, wanted.names)
    found = _entries(tx, wanted, after, limit) if wanted.are_entries else []
    found += _matches(tx, wanted, after, limit) if wanted.are_matches else []
    # Within one moment entries come first, and each table's rows keep the order that the database gave them.
    found.sort(key=lambda letter: (letter.at, letter.kind))
    return found[:limit]


def place_of(letter: Letter) -> Place:
    """Tell where to go on after a letter."""
    return Place(to_text(letter.at), letter.name)


def event_of(tx: Transaction, letter: Letter) -> str | None:
    """Read what a match says, as the JSON that the ledger keeps."""
    if letter.kind is Kind.ENTRY:
        return None
    row = tx.one("SELECT event FROM push_deliveries WHERE match_id = ? AND revision = ?", _key_of(letter))
    return None if row is None else str(row["event"])


def counts(tx: Transaction, wanted: Wanted) -> dict[str, int]:
    """Count the dead letters by reason."""
    told: dict[str, int] = {}
    for table, are_there, conditions in (
        ("push_dead_letters", wanted.are_entries, [deadletters.OPEN]),
        ("push_deliveries d", wanted.are_matches, ["d.status = 'dead'"]),
    ):
        if are_there:
            more, values = _conditions(wanted, is_match=table != "push_dead_letters")
            rows = tx.rows(
                f"SELECT reason, count(*) AS n FROM {table} WHERE {' AND '.join([*conditions, *more])}"
                " GROUP BY reason ORDER BY reason",
                values,
            )
            told |= {row["reason"]: row["n"] for row in rows}
    return told


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch came to; ``at`` is where to go on, None when there is no more."""

    judged: tuple[Judged, ...]
    at: Place | None
    number: int | None = None
    """The act's row of the audit, once there is one."""


@dataclass(frozen=True, slots=True)
class Redrive:
    """Takes letters up again.  ``resend`` also those that may have been seen; ``act`` None only looks."""

    wanted: Wanted
    resend: bool
    act: Act | None

    def batch(self, tx: Transaction, after: Batch | None, now: datetime) -> Batch:
        """Judge the next letters and, unless this only looks, move those that may."""
        letters = page(tx, self.wanted, after.at if after else None, BATCH)
        judged = tuple(judge(letter, now, resend=self.resend) for letter in letters)
        number = after.number if after else None
        moved = [item.letter for item in judged if item.fate.is_moved]
        if self.act and moved:
            entries, matches = _parted(moved)
            deliveries.redriven(tx, [key for key, _ in matches], now)
            overtaking.supersede(tx, {match_id for (match_id, _), _ in matches}, now)
            # The very walk of a fresh entry; what it stores is due now.
            store(tx, sort([Delivered(entry.name, entry.fields) for entry in entries]), now)
            names = [entry.name for entry in entries]
            deadletters.redriven(tx, names, self.act.author, self.act.why, now)
            number = _noted(tx, self.act, moved, "resend" if self.resend else "redrive", number, now)
        return _batch(judged, number)


@dataclass(frozen=True, slots=True)
class Close:
    """Closes letters for good; ``act`` None only looks."""

    wanted: Wanted
    act: Act | None

    def batch(self, tx: Transaction, after: Batch | None, now: datetime) -> Batch:
        """Look at the next letters and, unless this only looks, close those that are dead."""
        letters = page(tx, self.wanted, after.at if after else None, BATCH)
        judged = tuple(judge_close(letter) for letter in letters)
        number = after.number if after else None
        moved = [item.letter for item in judged if item.fate.is_moved]
        if self.act and moved:
            entries, matches = _parted(moved)
            deliveries.closed(tx, [key for key, _ in matches], now)
            deadletters.dropped(tx, [entry.name for entry in entries], self.act.author, self.act.why, now)
            number = _noted(tx, self.act, moved, "drop", number, now)
        return _batch(judged, number)


def _batch(judged: tuple[Judged, ...], number: int | None) -> Batch:
    return Batch(judged, place_of(judged[-1].letter) if judged else None, number)


def _parted(letters: Sequence[Letter]) -> tuple[list[Letter], list[tuple[deliveries.Key, Letter]]]:
    """Part entries from matches with their keys."""
    entries = [letter for letter in letters if letter.kind is Kind.ENTRY]
    matches = [(_key_of(letter), letter) for letter in letters if letter.kind is Kind.MATCH]
    return entries, matches


def _key_of(letter: Letter) -> deliveries.Key:
    assert letter.match_id is not None  # noqa: S101 - a letter that is a match has its key
    assert letter.revision is not None  # noqa: S101 - the same
    return letter.match_id, letter.revision


def _noted(
    tx: Transaction, act: Act, moved: Sequence[Letter], did: str, number: int | None, now: datetime
) -> int:
    """Write the act into the audit, and into the story of every match it touched."""
    timeline.note(
        tx,
        [
            Line(
                Entry.PERSON,
                match_id=letter.match_id,
                revision=letter.revision,
                reason=did,
                detail=act.why,
                author=act.author,
            )
            for letter in moved
            if letter.match_id is not None
        ],
        now,
    )
    if number is None:
        return audit.note(tx, act, len(moved), now)
    audit.count_on(tx, number, len(moved))
    return number


def _named(tx: Transaction, names: Sequence[str]) -> list[Letter]:
    keys = dict.fromkeys(key for name in names if not is_entry(name) and (key := _key(name)))
    ids = tuple(dict.fromkeys(match_id for match_id, _ in keys))
    found = [_match(row) for row in tx.rows(f"{_MATCH} WHERE d.match_id IN ({marks(ids)})", ids)]
    entries = tuple(name for name in names if is_entry(name))
    found += [_entry(row) for row in tx.rows(f"{_ENTRY} WHERE entry_id IN ({marks(entries)})", entries)]
    by_name = {letter.name: letter for letter in found}
    return [by_name[name] for name in dict.fromkeys(names) if name in by_name]


def _entries(tx: Transaction, wanted: Wanted, after: Place | None, limit: int) -> list[Letter]:
    conditions, values = _conditions(wanted, is_match=False)
    if after and is_entry(after.name):
        conditions.append("(buried_at, entry_id) > (?, ?)")
        values += [after.at, after.name]
    elif after:
        conditions.append("buried_at > ?")
        values.append(after.at)
    where = " AND ".join([deadletters.OPEN, *conditions])
    rows = tx.rows(f"{_ENTRY} WHERE {where} ORDER BY buried_at, entry_id LIMIT ?", (*values, limit))
    return [_entry(row) for row in rows]


def _matches(tx: Transaction, wanted: Wanted, after: Place | None, limit: int) -> list[Letter]:
    conditions, values = _conditions(wanted, is_match=True)
    key = _key(after.name) if after and not is_entry(after.name) else None
    if after and key:
        conditions.append("(d.updated_at, d.match_id, d.revision) > (?, ?, ?)")
        values += [after.at, *key]
    elif after:
        conditions.append("d.updated_at >= ?")
        values.append(after.at)
    where = " AND ".join(["d.status = 'dead'", *conditions])
    rows = tx.rows(
        f"{_MATCH} WHERE {where} ORDER BY d.updated_at, d.match_id, d.revision LIMIT ?", (*values, limit)
    )
    return [_match(row) for row in rows]


def _conditions(wanted: Wanted, *, is_match: bool) -> tuple[list[str], list[object]]:
    """Write the filter for one of the two tables."""
    prefix, at = ("d.", "d.updated_at") if is_match else ("", "buried_at")
    conditions: list[str] = []
    values: list[object] = []
    if wanted.reasons:
        conditions.append(f"{prefix}reason IN ({marks(wanted.reasons)})")
        values += wanted.reasons
    for sign, instant in ((">=", wanted.since), ("<=", wanted.until)):
        if instant is not None:
            conditions.append(f"{at} {sign} ?")
            values.append(to_text(instant))
    if is_match and wanted.user_id is not None:
        conditions.append("d.user_id = ?")
        values.append(wanted.user_id)
    return conditions, values


def _match(row: Row) -> Letter:
    return Letter(
        event_key(row["match_id"], row["revision"]),
        Kind.MATCH,
        from_text(row["updated_at"]),
        row["status"],
        row["reason"] or "",
        match_id=row["match_id"],
        revision=row["revision"],
        user_id=row["user_id"],
        intent_id=row["intent_id"],
        expires_at=maybe_from_text(row["expires_at"]),
        is_overtaken=row["withdrawn_at"] is not None or (row["newest"] or 0) > row["revision"],
        push_id=row["push_id"],
        push_status=row["push_status"],
        errcode=row["errcode"],
    )


def _entry(row: Row) -> Letter:
    key = _key(row["event_key"] or "")
    closed_at = row["redriven_at"] or row["dropped_at"]
    status = "redriven" if row["redriven_at"] else "dropped" if row["dropped_at"] else DeliveryStatus.DEAD
    return Letter(
        row["entry_id"],
        Kind.ENTRY,
        from_text(row["buried_at"]),
        status,
        row["reason"],
        match_id=key[0] if key else None,
        revision=key[1] if key else None,
        error=row["error"],
        deliveries=row["deliveries"],
        fields=deadletters.fields_of(row["raw"]),
        closed_at=maybe_from_text(closed_at),
        closed_by=row["closed_by"],
        closed_why=row["closed_why"],
    )


def _key(name: str) -> deliveries.Key | None:
    try:
        return split_key(name)
    except InvalidEvent:
        return None
