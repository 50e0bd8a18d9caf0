"""Gathers one match's journey: from the outbox, the ledger, and where it matters the stream.  Writes nothing.

What is decided now is computed by the policy itself, on the facts of this moment, so that the answer is about
the present and not about what some round once wrote down.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from consumer import deadletters, outlook
from consumer.gather import HostInputs, read_host
from consumer.ledger import deliveries, lookup, pushes, timeline
from consumer.preferences import settings_of
from ops import migrate
from ops.looking import prospects
from ops.looking.journey import Buried, Committed, Journey, Looked, Place, Prospect, Push, Revision, Turn
from ops.looking.lookout import Lookout, problem_of
from ops.looking.tries import push_of
from producer import outbox
from producer.stream import MatchStream, parse_id
from schemas import database, host_values
from schemas.database import Transaction
from schemas.decisions import Reason
from schemas.errors import RedisUnavailable
from schemas.events import event_key, revision_in, withdrawal_key
from schemas.states import PENDING_DELIVERY, DeliveryStatus
from schemas.times import from_text, maybe_from_text

Row = Mapping[str, Any]

_UNDECIDED: Final = (*PENDING_DELIVERY, DeliveryStatus.SENDING)


@dataclass(frozen=True, slots=True)
class Ledger:
    """kfpush's own rows about a match."""

    deliveries: Sequence[Row] = ()
    pushes: Sequence[Row] = ()
    lines: Sequence[Row] = ()
    buried: Sequence[Row] = ()
    zones: Mapping[str, str] = field(default_factory=dict)


async def explain(look: Lookout, match_id: str, *, with_text: bool = False) -> Journey:
    """Tell everything about a match; a database that is missing is named, and the other one asked.

    Raises:
        StorageError: a database is there and does not answer.

    """
    looked = (
        Looked("push_outbox", look.app.place, await problem_of(look.app, migrate.APP)),
        Looked("push_deliveries", look.own.place, await problem_of(look.own, migrate.OWN)),
    )
    app_problem, own_problem = (item.problem for item in looked)
    events = [] if app_problem else await look.app.read(lambda tx: outbox.of_match(tx, match_id))
    ledger = Ledger() if own_problem else await look.own.read(lambda tx: _ledger(tx, match_id))
    arrived = {
        *(row["event_key"] for row in ledger.buried),
        *(event_key(match_id, row["revision"]) for row in ledger.deliveries),
        *(withdrawal_key(match_id, row["revision"]) for row in ledger.deliveries if row["withdrawn_at"]),
    }
    missing = [row["stream_id"] for row in events if row["stream_id"] and row["event_key"] not in arrived]
    places = {} if own_problem else await _places(look, missing)
    committed = [_committed(row, places) for row in _dicts(events)]
    prospects = await _prospects(look, ledger, app_problem)
    keys = {*arrived, *(item.event_key for item in committed)}
    numbers = {number for key in keys if (number := revision_in(key, match_id)) is not None}
    revisions = []
    for number in sorted(numbers):
        mine = [item for item in committed if revision_in(item.event_key, match_id) == number]
        revision = _revision(look, ledger, (match_id, number), mine, with_text=with_text)
        revisions.append(replace(revision, prospect=prospects.get(number)))
    return Journey(match_id, look.now, looked, tuple(revisions))


def _ledger(tx: Transaction, match_id: str) -> Ledger:
    rows = _dicts(deliveries.of_match(tx, match_id))
    sent = _dicts(lookup.of_match(tx, match_id))
    lines = _dicts(timeline.of_match(tx, match_id, [row["id"] for row in sent]))
    chosen = settings_of(tx, {row["user_id"] for row in rows})
    zones = {user: str(row["timezone"]) for user, row in chosen.items() if host_values.zone(row["timezone"])}
    return Ledger(rows, sent, lines, _dicts(deadletters.of_match(tx, match_id)), zones)


def _dicts(rows: Sequence[database.Row]) -> list[Row]:
    return [dict(row) for row in rows]


async def _places(look: Lookout, entries: Sequence[str]) -> dict[str, Place]:
    """Ask the stream where events are that went there and are in no table; nothing, if Redis is away."""
    if not entries:
        return {}
    stream = MatchStream(look.redis, look.keys.matches, look.keys.mirror_lease)
    try:
        position = await stream.position()
        pending = await stream.pending_among(entries)
    except RedisUnavailable:
        return {}
    ahead = {entry for entry in entries if position.is_ahead(parse_id(entry))}
    return {
        entry: Place.PENDING if entry in pending else Place.AHEAD if entry in ahead else Place.NOWHERE
        for entry in entries
    }


async def _prospects(look: Lookout, ledger: Ledger, app_problem: str | None) -> dict[int, Prospect]:
    """Decide anew, on present facts, about every revision that is not at its end."""
    open_rows = [row for row in ledger.deliveries if row["status"] in _UNDECIDED]
    newer = [row for row in open_rows if not row["user_id"]]
    rows = [row for row in open_rows if row["user_id"]]
    told = {row["revision"]: prospects.without(None, reason=Reason.NEEDS_UPGRADE) for row in newer}
    if app_problem:
        return {**told, **{row["revision"]: prospects.without(app_problem) for row in rows}}
    if rows:
        users = {row["user_id"] for row in rows}
        phones = {row["external_userid"] for row in ledger.pushes}
        inputs = await look.app.read(lambda tx: read_host(tx, users, phones))
        leases = {row["id"]: row["lease_until"] for row in ledger.pushes}
        told |= await look.own.read(
            lambda tx: {row["revision"]: _prospect(tx, look, inputs, row, leases) for row in rows}
        )
    return told


def _prospect(
    tx: Transaction, look: Lookout, inputs: HostInputs, row: Row, leases: Mapping[int, str | None]
) -> Prospect:
    """Decide about one revision: as a match that waits, or as the push that carries it."""
    user_id, push_id = row["user_id"], row["push_id"]
    score = json.loads(row["event"]).get("score")
    if row["status"] == DeliveryStatus.SENDING:
        [push] = pushes.load(tx, [push_id]).values()
        found = outlook.of_push(tx, inputs, push, look.rules, look.now)
        return prospects.prospect_of(found, user_id, score, _business(look, leases.get(push_id)), look.now)
    found = outlook.of_match(tx, inputs, user_id, (row["match_id"], row["revision"]), look.rules, look.now)
    return prospects.prospect_of(found, user_id, score, maybe_from_text(row["due_at"]), look.now)


def _business(look: Lookout, wall_text: str | None) -> datetime | None:
    """When, in business time, an instant of the wall comes."""
    return None if wall_text is None else look.now + (from_text(wall_text) - look.wall)


def _committed(row: Row, places: Mapping[str, Place]) -> Committed:
    return Committed(
        row["event_key"],
        row["event_type"],
        from_text(row["created_at"]),
        maybe_from_text(row["mirrored_at"]),
        row["stream_id"],
        maybe_from_text(row["carried_at"]),
        places.get(row["stream_id"]),
    )


def _revision(
    look: Lookout, ledger: Ledger, key: tuple[str, int], committed: Sequence[Committed], *, with_text: bool
) -> Revision:
    """Put one revision's rows together."""
    match_id, number = key
    row: Row = next((row for row in ledger.deliveries if row["revision"] == number), {})
    lines = [line for line in ledger.lines if line["match_id"] == match_id and line["revision"] == number]
    named = [push for push in ledger.pushes if [match_id, number] in json.loads(push["matches"])]
    user_id = row["user_id"] if row else None
    return Revision(
        revision=number,
        user_id=user_id or None,
        intent_id=row["intent_id"] if row else None,
        timezone=ledger.zones.get(user_id or "", look.rules.user_zone),
        status=row["status"] if row else None,
        reason=row["reason"] if row else None,
        arrived_at=from_text(row["created_at"]) if row else None,
        updated_at=from_text(row["updated_at"]) if row else None,
        expires_at=maybe_from_text(row["expires_at"]) if row else None,
        entry_id=row["entry_id"] if row else None,
        committed=tuple(committed),
        turns=tuple(_turn(line) for line in lines),
        pushes=tuple(_push(look, ledger, push, with_text=with_text) for push in named),
        buried=tuple(
            _buried(item) for item in ledger.buried if revision_in(item["event_key"], match_id) == number
        ),
        prospect=None,
    )


def _push(look: Lookout, ledger: Ledger, row: Row, *, with_text: bool) -> Push:
    lines = [line for line in ledger.lines if line["push_id"] == row["id"]]
    return push_of(row, lines, _business(look, row["lease_until"]), with_text=with_text)


def _turn(line: Row) -> Turn:
    return Turn(
        from_text(line["at"]),
        line["entry"],
        line["reason"],
        maybe_from_text(line["until"]),
        line["detail"],
        line["author"],
    )


def _buried(row: Row) -> Buried:
    return Buried(
        from_text(row["buried_at"]),
        row["reason"],
        row["error"],
        row["entry_id"],
        row["deliveries"],
        maybe_from_text(row["redriven_at"]),
        maybe_from_text(row["dropped_at"]),
    )
