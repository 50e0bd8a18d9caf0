"""The table ``push_messages``: one row is one KF message, an immutable letter with a moving state.

A letter is written whole by ``write`` and its bytes never change.  Every transition is a conditional
UPDATE that only moves right (``schemas.states``); whoever makes it late or twice changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from consumer import counting
from schemas.database import Row, Transaction, marks
from schemas.decisions import Reason, RecipientKey
from schemas.states import PushStatus, sources_of
from schemas.times import from_text, maybe_from_text, maybe_text, to_text

MATCH: Final = counting.MATCH

ANSWER: Final = "answer"
"""The kind that answers what the user asked; it may carry matches, and no limit counts it."""

MENU: Final = "answer.menu"
"""The ``template`` of an answer with items to tap."""

SUMMARY: Final = counting.SUMMARY

UNASKED: Final = (MATCH, SUMMARY)
"""The kinds that nobody asked for: what reports are about."""

KINDS: Final = (MATCH, ANSWER, SUMMARY, "host")
"""Every kind of push there is: what a person may pause."""

_AS_JSON: Final = json.JSONEncoder(ensure_ascii=False).encode

OPEN: Final = "status IN ('sending', 'unknown')"
_FROZEN: Final = f"{OPEN} AND status = 'unknown' AND holder IS NULL"
"""Said in two ways, so that the index on open pushes serves it: SQLite infers no status from another."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A frozen message: who gets which bytes for which matches.  ``matches`` are (match_id, revision)."""

    msgid: str
    recipient: RecipientKey
    user_id: str
    person: str
    matches: tuple[tuple[str, int], ...]
    body: dict[str, object]
    kind: str = MATCH
    template: str | None = None
    version: int | None = None
    variant: str = ""
    experiment: str = ""
    """The experiment whose variant this is; none, and the template's own words."""
    fallback_of: int | None = None
    """The push that WeChat refused for its kind, whose matches this one carries."""

    @property
    def msgtype(self) -> str:
        """Which kind of message it is, as WeChat names it."""
        return str(self.body.get("msgtype", "text"))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send a letter: its number, until when it may leave, and the window it began with.

    ``send_by`` and ``tried_at`` are business time, ``lease_until`` wall time; they are never compared.
    """

    push_id: int
    number: int
    letter: Letter
    send_by: datetime
    lease_until: datetime
    window_opened_at: datetime | None
    tried_at: datetime


@dataclass(frozen=True, slots=True)
class Push:
    """A push as its row says."""

    id: int
    letter: Letter
    status: PushStatus
    attempts: int
    reserved_at: datetime
    tried_at: datetime
    accepted_at: datetime | None
    window_opened_at: datetime | None = None
    """The window that its last attempt began with."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter about to be reserved, by when it must have left, and the window it counts in."""

    letter: Letter
    send_by: datetime
    window_opened_at: datetime | None


_WRITTEN: Final = (
    "msgid, open_kfid, external_userid, user_id, person, kind, matches, body, msgtype, fallback_of,"
    " template, version, variant, experiment, status, send_by, attempts, holder, lease_until,"
    " window_opened_at, reserved_at, tried_at"
)
_ROW: Final = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'sending', ?, 1, ?, ?, ?, ?, ?)"
MOST_WRITTEN: Final = 100
"""So many letters in one statement."""


def write(
    tx: Transaction, drafts: Sequence[Draft], *, holder: str, lease_until: datetime, now: datetime
) -> list[Attempt | None]:
    """Reserve pushes: each letter, its slot and its first attempt, in one row; in the order of the drafts.

    None where the msgid is taken: nothing was written for that one.
    """
    ids: dict[str, int] = {}
    lease, stamp = to_text(lease_until), to_text(now)
    for start in range(0, len(drafts), MOST_WRITTEN):
        some = drafts[start : start + MOST_WRITTEN]
        values: list[object] = []
        for draft in some:
            letter = draft.letter
            values += (
                letter.msgid,
                letter.recipient.open_kfid,
                letter.recipient.external_userid,
                letter.user_id,
                letter.person,
                letter.kind,
                _AS_JSON(letter.matches),
                _AS_JSON(letter.body),
                letter.msgtype,
                letter.fallback_of,
                letter.template,
                letter.version,
                letter.variant,
                letter.experiment,
                to_text(draft.send_by),
                holder,
                lease,
                maybe_text(draft.window_opened_at),
                stamp,
                stamp,
            )
        rows = tx.rows(
            f"INSERT INTO push_messages ({_WRITTEN}) VALUES {', '.join([_ROW] * len(some))}"
            " ON CONFLICT (msgid) DO NOTHING RETURNING id, msgid",
            values,
        )
        ids |= {row["msgid"]: row["id"] for row in rows}
    return [
        Attempt(push_id, 1, draft.letter, draft.send_by, lease_until, draft.window_opened_at, now)
        if (push_id := ids.pop(draft.letter.msgid, None)) is not None
        else None
        for draft in drafts
    ]


def take_again(
    tx: Transaction,
    push: Push,
    *,
    send_by: datetime,
    holder: str,
    lease_until: datetime,
    window_opened_at: datetime | None,
    now: datetime,
) -> Attempt:
    """Take the lease of a push whose outcome is unknown, for one more attempt of the same bytes.

    Or for the first, of one that nobody has tried yet.
    """
    tx.execute(
        "UPDATE push_messages SET status = ?, attempts = attempts + 1, holder = ?, lease_until = ?,"
        f" send_by = ?, window_opened_at = ?, tried_at = ? WHERE id = ? AND {OPEN}",
        (
            PushStatus.UNKNOWN if push.attempts else PushStatus.SENDING,
            holder,
            to_text(lease_until),
            to_text(send_by),
            maybe_text(window_opened_at),
            to_text(now),
            push.id,
        ),
    )
    return Attempt(push.id, push.attempts + 1, push.letter, send_by, lease_until, window_opened_at, now)


def due(tx: Transaction, wall: datetime, limit: int) -> list[Push]:
    """Read open pushes that nobody holds any more, longest due first."""
    rows = tx.rows(
        f"SELECT * FROM push_messages WHERE {OPEN} AND lease_until <= ? ORDER BY lease_until LIMIT ?",
        (to_text(wall), limit),
    )
    return [_push(row) for row in rows]


def still_due(tx: Transaction, ids: Collection[int], wall: datetime) -> list[Push]:
    """Read those of these pushes that nobody has taken or ended since they were found due."""
    values = tuple(ids)
    rows = tx.rows(
        f"SELECT * FROM push_messages WHERE id IN ({marks(values)}) AND {OPEN} AND lease_until <= ?"
        " ORDER BY lease_until",
        (*values, to_text(wall)),
    )
    return [_push(row) for row in rows]


def load(tx: Transaction, ids: Collection[int]) -> dict[int, Push]:
    """Read pushes by id."""
    values = tuple(ids)
    rows = tx.rows(f"SELECT * FROM push_messages WHERE id IN ({marks(values)})", values)
    return {row["id"]: _push(row) for row in rows}


def _push(row: Row) -> Push:
    letter = Letter(
        msgid=row["msgid"],
        recipient=RecipientKey(row["open_kfid"], row["external_userid"]),
        user_id=row["user_id"],
        person=row["person"],
        matches=tuple((match_id, revision) for match_id, revision in json.loads(row["matches"])),
        body=json.loads(row["body"]),
        kind=row["kind"],
        template=row["template"],
        version=row["version"],
        variant=row["variant"],
        experiment=row["experiment"] or "",
        fallback_of=row["fallback_of"],
    )
    return Push(
        row["id"],
        letter,
        PushStatus(row["status"]),
        row["attempts"],
        from_text(row["reserved_at"]),
        from_text(row["tried_at"]),
        maybe_from_text(row["accepted_at"]),
        maybe_from_text(row["window_opened_at"]),
    )


def accept(tx: Transaction, accepted: Sequence[tuple[int, datetime, int]], now: datetime) -> None:
    """Note acceptances (push id, accepted_at, errcode): WeChat has the letter, whatever else was believed.

    The errcode is 0, or that of a repeated msgid: an acceptance whose moment nobody was told.
    """
    sources = sources_of(PushStatus.SENT)
    alike: dict[tuple[datetime, int], list[int]] = {}
    for push_id, accepted_at, errcode in accepted:
        alike.setdefault((accepted_at, errcode), []).append(push_id)
    for (accepted_at, errcode), ids in alike.items():
        tx.execute(
            "UPDATE push_messages SET status = 'sent', accepted_at = ?, settled_at = ?, projected_at = NULL,"
            " holder = NULL, lease_until = NULL, errcode = ?, reason = NULL"
            f" WHERE id IN ({marks(ids)}) AND status IN ({marks(sources)})",
            (to_text(accepted_at), to_text(now), errcode, *ids, *sources),
        )


def end(
    tx: Transaction,
    push_id: int,
    status: PushStatus,
    now: datetime,
    *,
    reason: Reason | None = None,
    errcode: int | None = None,
    accepted_at: datetime | None = None,
) -> bool:
    """End a push without acceptance (refused, not_sent, given_up); tell whether this call ended it."""
    sources = sources_of(status)
    changed = tx.execute(
        "UPDATE push_messages SET status = ?, reason = ?, errcode = ?, accepted_at = ?, settled_at = ?,"
        f" holder = NULL, lease_until = NULL WHERE id = ? AND status IN ({marks(sources)})",
        (status, reason, errcode, maybe_text(accepted_at), to_text(now), push_id, *sources),
    )
    return changed == 1


def fail(tx: Transaction, push_id: int, reason: Reason, at: datetime, now: datetime) -> bool:
    """Note WeChat's word that a message it took did not arrive; tell whether this call noted it.

    It keeps its slot: WeChat took it, at the latest when it said so.
    """
    sources = sources_of(PushStatus.FAILED)
    changed = tx.execute(
        "UPDATE push_messages SET status = 'failed', reason = ?, accepted_at = coalesce(accepted_at, ?),"
        " settled_at = coalesce(settled_at, ?), projected_at = NULL, holder = NULL, lease_until = NULL"
        f" WHERE id = ? AND status IN ({marks(sources)})",
        (reason, to_text(at), to_text(now), push_id, *sources),
    )
    return changed == 1


def recall(tx: Transaction, push_id: int) -> bool:
    """Note that a message was taken back; it still counts (WeChat).  Tell whether this call noted it."""
    sources = sources_of(PushStatus.RECALLED)
    changed = tx.execute(
        "UPDATE push_messages SET status = 'recalled', projected_at = NULL"
        f" WHERE id = ? AND status IN ({marks(sources)})",
        (push_id, *sources),
    )
    return changed == 1


def of_msgids(tx: Transaction, msgids: Collection[str]) -> dict[str, Push]:
    """Find pushes by msgid; what another sent is not in the answer."""
    values = tuple(msgids)
    rows = tx.rows(f"SELECT * FROM push_messages WHERE msgid IN ({marks(values)})", values) if values else []
    return {row["msgid"]: _push(row) for row in rows}


def freeze(
    tx: Transaction,
    push_id: int,
    attempt: int,
    until: datetime,
    *,
    reason: Reason | None = None,
    errcode: int | None = None,
) -> None:
    """Leave a push open, its outcome unknown, untouched until then (wall) or the next wake.

    Only the latest attempt may say when the next one is: an earlier one that reports late says nothing.
    """
    tx.execute(
        "UPDATE push_messages SET status = 'unknown', holder = NULL, lease_until = ?, reason = ?, errcode = ?"
        f" WHERE id = ? AND attempts = ? AND {OPEN}",
        (to_text(until), reason, errcode, push_id, attempt),
    )


def wake(tx: Transaction, external_userids: Collection[str], wall: datetime) -> None:
    """Make these recipients' unknown pushes due; one that is being tried right now is left to its holder."""
    values = tuple(external_userids)
    tx.execute(
        f"UPDATE push_messages SET lease_until = ? WHERE {_FROZEN} AND accepted_at IS NULL"
        f" AND lease_until > ? AND external_userid IN ({marks(values)})",
        (to_text(wall), to_text(wall), *values),
    )


def wake_paused(tx: Transaction, wall: datetime, limit: int) -> int:
    """Make due the frozen pushes that a pause that is over held, at most so many; tell how many."""
    return tx.execute(
        f"UPDATE push_messages SET lease_until = ? WHERE id IN (SELECT id FROM push_messages WHERE {_FROZEN}"
        " AND reason = ? AND lease_until > ? LIMIT ?)",
        (to_text(wall), Reason.PAUSED, to_text(wall), limit),
    )


def wake_all(tx: Transaction, wall: datetime) -> None:
    """Make every frozen push due: the business clock leapt, and their dates are the wall's."""
    tx.execute(
        f"UPDATE push_messages SET lease_until = ? WHERE {_FROZEN} AND lease_until > ?",
        (to_text(wall), to_text(wall)),
    )


def unknown_recipients(tx: Transaction, after: str, limit: int) -> tuple[str, ...]:
    """Page through those who have a push of unknown outcome (their next word settles it)."""
    rows = tx.rows(
        f"SELECT DISTINCT external_userid FROM push_messages WHERE {_FROZEN} AND external_userid > ?"
        " ORDER BY external_userid LIMIT ?",
        (after, limit),
    )
    return tuple(row["external_userid"] for row in rows)


def unprojected(tx: Transaction, limit: int) -> list[Row]:
    """Read settled pushes that the application's own screens do not show yet."""
    return tx.rows(
        "SELECT * FROM push_messages WHERE settled_at IS NOT NULL AND projected_at IS NULL"
        " ORDER BY id LIMIT ?",
        (limit,),
    )


def mark_projected(tx: Transaction, pushes: Collection[tuple[int, str]], now: datetime) -> None:
    """Note what was projected: (push id, the status that was)."""
    alike: dict[str, list[int]] = {}
    for push_id, status in pushes:
        alike.setdefault(status, []).append(push_id)
    for status, ids in alike.items():
        tx.execute(
            f"UPDATE push_messages SET projected_at = ? WHERE status = ? AND id IN ({marks(ids)})",
            (to_text(now), status, *ids),
        )
