"""What happened since one last looked: read from the ledger, for a person who watches.  Writes nothing.

A look costs what is new, not what is there: by the keys of lines and pushes, and the pushes still open.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from consumer import counting, windows
from consumer.ledger import pushes, usage
from schemas.database import Row, Transaction, marks
from schemas.decisions import Reason, RecipientKey
from schemas.states import OPEN_PUSH, Entry, PushStatus
from schemas.times import maybe_from_text, to_text

PAGE: Final = 500
MOST_OPEN: Final = 500
"""So many open pushes are followed at once; of more, the oldest end unseen."""

_DEAD: Final = frozenset(
    {Reason.CONTENT_REFUSED, Reason.RECIPIENT_REFUSED, Reason.UNCLASSIFIED, Reason.OUTCOME_UNKNOWN}
)


class What(StrEnum):
    """What can happen to a match; and what concerns none: an answer, or the summary of a day."""

    SENT = "sent"
    ANSWERED = "answered"
    SUMMED_UP = "summed_up"
    WAITING = "waiting"
    PARKED = "parked"
    UNKNOWN = "unknown"
    FAILED = "failed"
    DROPPED = "dropped"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class News:
    """One thing that happened to one match; ``left`` is how many messages the window then still had.

    What went in one message has one ``push_id``; an answer, or a summary, may have no match.
    """

    at: str
    what: What
    match_id: str
    revision: int
    recipient: RecipientKey | None = None
    reason: str | None = None
    until: datetime | None = None
    errcode: int | None = None
    left: int | None = None
    push_id: int | None = None


_GONE: Final = frozenset({What.SENT, What.ANSWERED, What.SUMMED_UP})
_WITHOUT_A_MATCH: Final = {pushes.ANSWER: What.ANSWERED, pushes.SUMMARY: What.SUMMED_UP}
_OF_PUSH: Final = {Entry.UNKNOWN: What.UNKNOWN, Entry.FAILED: What.FAILED}
_OF_LINE: Final = {Entry.DEFERRED: What.WAITING, Entry.PARKED: What.PARKED, Entry.DROPPED: What.DROPPED}


class Watcher:
    """Remembers where it last looked; ``slots_kept_back`` are the messages left to the host."""

    def __init__(self, slots_kept_back: int) -> None:
        self._kept_back = slots_kept_back
        self._last_line = 0
        self._last_push = 0
        self._open: set[int] = set()

    def begin(self, tx: Transaction) -> None:
        """Take all that is there for known, but for how the open pushes will end."""
        self._last_line = _last(tx, "push_timeline")
        self._last_push = _last(tx, "push_messages")
        still_open = tx.rows(
            "SELECT id FROM push_messages WHERE status IN ('sending', 'unknown')"
            " ORDER BY lease_until LIMIT ?",
            (MOST_OPEN,),
        )
        self._follow(row["id"] for row in still_open)

    def look(self, tx: Transaction) -> list[News]:
        """Tell what happened since, oldest first; at most a page or so, the rest at the next look."""
        lines = tx.rows(
            "SELECT * FROM push_timeline WHERE id > ? ORDER BY id LIMIT ?", (self._last_line, PAGE)
        )
        fresh = _pushes_after(tx, self._last_push)
        followed = tuple(self._open)
        rows = [*_pushes(tx, followed), *fresh]
        self._last_line = lines[-1]["id"] if lines else self._last_line
        self._last_push = fresh[-1]["id"] if fresh else self._last_push
        self._open.clear()
        self._follow(row["id"] for row in rows if row["status"] in OPEN_PUSH)
        named = {row["push_id"] for row in lines if row["push_id"] is not None}
        news = [item for row in rows for item in _of_push(row)]
        news += _of_lines(lines, {row["id"]: row for row in _pushes(tx, tuple(named))})
        news.sort(key=lambda item: item.at)
        return self._with_left(tx, news)

    def _follow(self, ids: Iterable[int]) -> None:
        self._open.update(sorted(ids)[-MOST_OPEN:])

    def _with_left(self, tx: Transaction, news: Sequence[News]) -> list[News]:
        """Fill in what each window had left after each message: counted now, and back from the last one.

        A message of the window before this one is left without: that window is over.
        """
        phones = {item.recipient.external_userid for item in news if item.what in _GONE and item.recipient}
        listed = [window for opened in windows.load(tx, phones).values() for window in opened]
        since = {window.recipient: window.opened_at for window in listed if window.opened_at}
        if not since:
            return list(news)
        uses = usage.read(tx, phones, (), min(since.values()))
        left = {
            window.recipient: counting.counted(window, uses).slots_left(self._kept_back) for window in listed
        }
        after: dict[int | None, int] = {}  # what one message left behind, whatever number of matches it had
        told: list[News] = []
        for item in reversed(news):
            counts = item.what in _GONE and item.recipient in since
            if counts and item.recipient and item.at >= to_text(since[item.recipient]):
                if item.push_id not in after:
                    after[item.push_id] = left[item.recipient]
                    left[item.recipient] += 1
                told.append(replace(item, left=after[item.push_id]))
            else:
                told.append(item)
        return told[::-1]


def _of_lines(lines: Sequence[Row], named: dict[int, Row]) -> list[News]:
    news: list[News] = []
    for line in lines:
        if line["entry"] in _OF_LINE and line["match_id"] is not None:
            until = maybe_from_text(line["until"])
            what = _OF_LINE[Entry(line["entry"])]
            news.append(
                News(line["at"], what, line["match_id"], line["revision"], reason=line["reason"], until=until)
            )
        elif line["entry"] in _OF_PUSH and line["push_id"] in named:
            news += _about(named[line["push_id"]], _OF_PUSH[Entry(line["entry"])], line["at"])
    return news


def _of_push(row: Row) -> list[News]:
    """Tell how a push ended, if it is for good: what its end freed is planned, and told, again."""
    if row["status"] == PushStatus.SENT:
        return _about(row, What.SENT, row["settled_at"])
    ended = row["status"] in {PushStatus.REFUSED, PushStatus.GIVEN_UP}
    return _about(row, What.DEAD, row["settled_at"]) if ended and row["reason"] in _DEAD else []


def _about(row: Row, what: What, at: str) -> list[News]:
    recipient = RecipientKey(row["open_kfid"], row["external_userid"])
    about = [
        News(
            at, what, match_id, revision, recipient, row["reason"], errcode=row["errcode"], push_id=row["id"]
        )
        for match_id, revision in json.loads(row["matches"])
    ]
    if not about and what is What.SENT and row["kind"] in _WITHOUT_A_MATCH:
        return [News(at, _WITHOUT_A_MATCH[row["kind"]], "", 1, recipient, push_id=row["id"])]
    return about


def _last(tx: Transaction, table: str) -> int:
    row = tx.one(f"SELECT max(id) AS id FROM {table}")
    return (row["id"] if row else None) or 0


_SELECT: Final = (
    "SELECT id, kind, open_kfid, external_userid, matches, status, reason, errcode, settled_at"
    " FROM push_messages"
)


def _pushes_after(tx: Transaction, push_id: int) -> list[Row]:
    return tx.rows(f"{_SELECT} WHERE id > ? ORDER BY id LIMIT ?", (push_id, PAGE))


def _pushes(tx: Transaction, ids: Sequence[int]) -> list[Row]:
    return tx.rows(f"{_SELECT} WHERE id IN ({marks(ids)}) ORDER BY id", ids)
