"""Rows of the ledger become the story of one push: its attempts, and what each ended in.  Pure.

The timeline names every attempt that was not accepted; an acceptance, and an attempt whose end nobody wrote
down, are told by what the push's own row says of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from consumer.endings import GIVE_UP_AFTER
from consumer.wechat.errcodes import REPEATED_MSGID
from ops.looking.journey import Ended, Push, Try
from schemas.events import event_key
from schemas.kf import words_of
from schemas.receipts import RefusalKind
from schemas.states import OPEN_PUSH, Entry, PushStatus
from schemas.times import from_text, maybe_from_text

Row = Mapping[str, Any]

_UNKNOWN: Final = re.compile(r"attempt (?P<number>\d+): (?P<cause>.*)")
_ACCEPTED: Final = (PushStatus.SENT, PushStatus.FAILED, PushStatus.RECALLED)


_AFTERWARDS: Final = (Entry.FAILED, Entry.RECALLED)


def push_of(row: Row, lines: Sequence[Row], next_try_at: datetime | None, *, with_text: bool) -> Push:
    """Read a push; ``lines`` are its own of the timeline, ``next_try_at`` is in business time."""
    reserved_at = from_text(row["reserved_at"])
    is_open = row["status"] in OPEN_PUSH
    body = json.loads(row["body"])
    afterwards = next((line for line in lines if line["entry"] in _AFTERWARDS), None)
    return Push(
        id=row["id"],
        msgid=row["msgid"],
        open_kfid=row["open_kfid"],
        external_userid=row["external_userid"],
        status=row["status"],
        reason=row["reason"],
        errcode=row["errcode"],
        template=row["template"],
        version=row["version"],
        variant=row["variant"] or None,
        experiment=row["experiment"] or None,
        carried=tuple(event_key(match_id, revision) for match_id, revision in json.loads(row["matches"])),
        reserved_at=reserved_at,
        # What was given up keeps a place among the slots, but nobody knows of an acceptance.
        accepted_at=maybe_from_text(row["accepted_at"]) if row["status"] in _ACCEPTED else None,
        settled_at=maybe_from_text(row["settled_at"]),
        next_try_at=next_try_at if is_open and row["holder"] is None else None,
        gives_up_at=reserved_at + GIVE_UP_AFTER if is_open else None,
        tries=tries_of(row, lines),
        text=words_of(body) if with_text else None,
        failed_at=from_text(afterwards["at"]) if afterwards else None,
        fail_type=int(afterwards["detail"]) if afterwards and afterwards["detail"] else None,
        msgtype=str(body.get("msgtype", "text")),
        fallback_of=row["fallback_of"],
    )


def tries_of(row: Row, lines: Sequence[Row]) -> tuple[Try, ...]:
    """Tell every attempt of a push, in order."""
    begun = {1: from_text(row["reserved_at"]), row["attempts"]: from_text(row["tried_at"])}
    told = {item.number: item for line in lines if (item := _told(line, begun)) is not None}
    silent = [number for number in range(1, row["attempts"] + 1) if number not in told]
    for number in silent:
        is_last = number == silent[-1]
        if row["status"] in _ACCEPTED and is_last:
            ended = Ended.REPEATED if row["errcode"] == REPEATED_MSGID else Ended.ACCEPTED
            told_at = maybe_from_text(row["settled_at"])
        elif row["status"] in OPEN_PUSH and number == row["attempts"] and row["holder"] is not None:
            ended, told_at = Ended.UNDER_WAY, None
        else:
            ended, told_at = Ended.UNTOLD, None
        told[number] = Try(number, ended, begun.get(number), told_at)
    return tuple(told[number] for number in sorted(told))


def _told(line: Row, begun: Mapping[int, datetime]) -> Try | None:
    """Read one line as the end of an attempt; None if it speaks of none."""
    at = from_text(line["at"])
    if line["entry"] == Entry.UNKNOWN:
        found = _UNKNOWN.fullmatch(line["detail"] or "")
        if found is None:
            return None
        number = int(found["number"])
        return Try(number, Ended.UNKNOWN, begun.get(number), at, cause=found["cause"])
    number = line["attempt"]
    if number is None:
        return None
    code = int(line["detail"]) if line["detail"] else None
    if line["entry"] == Entry.NOT_SENT:
        return Try(number, Ended.NOT_SENT, begun.get(number), at, errcode=code, cause=line["reason"])
    kind = line["reason"] or RefusalKind.UNCLASSIFIED
    return Try(number, Ended.REFUSED, begun.get(number), at, errcode=code, kind=kind)
