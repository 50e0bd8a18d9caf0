"""Gathers how the whole stands: outbox, stream, ledger.  Writes nothing.

Counts are over what waits, is open or is dead, which small indexes hold; of what has ended, only the latest
thousand rows are looked at, unless all are asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from consumer import deadletters, host, pauses, windows
from consumer.book import assembled
from consumer.experiments import table, trial
from consumer.inbound import cursors, inbox
from consumer.ledger import counts, lookup, timeline
from ops import migrate
from ops.looking import standing
from ops.looking.carrier import look_at_stream
from ops.looking.journey import Looked
from ops.looking.lookout import Lookout, problem_of
from ops.looking.media import files
from ops.looking.prospects import halt_of
from ops.looking.standing import Dead, KfAccount, Lately, Ledger, Open, Standing, Trying, Waiting
from producer import outbox
from schemas.database import Row, Transaction
from schemas.errors import InvalidEvent
from schemas.events import split_key
from schemas.kf_kinds import Kind
from schemas.states import Entry, PushStatus
from schemas.times import from_text, maybe_from_text

LATELY: Final = 1000
"""So many of the latest pushes, and of the latest lines of the timeline, are looked at."""


async def status(look: Lookout, *, with_totals: bool = False) -> Standing:
    """Tell how everything stands; what is missing or away is said, not raised.

    Raises:
        StorageError: a database is there and does not answer.

    """
    looked = (
        Looked("push_outbox", look.app.place, await problem_of(look.app, migrate.APP)),
        Looked("push_deliveries", look.own.place, await problem_of(look.own, migrate.OWN)),
    )
    app_problem, own_problem = (item.problem for item in looked)
    ledger = None
    if own_problem is None:
        ledger = await look.own.read(lambda tx: _ledger(tx, look, with_totals=with_totals))
    return Standing(
        now=look.now,
        timezone=look.settings.user_timezone,
        is_sandbox=look.settings.sandboxed,
        looked=looked,
        outbox=None if app_problem else _outbox(await look.app.read(outbox.backlog), look),
        stream=await look_at_stream(look),
        ledger=ledger,
        wording=(
            *(() if app_problem else await _wording(look, is_known=own_problem is None)),
            *(() if app_problem or own_problem else await _files(look)),
        ),
    )


async def _wording(look: Lookout, *, is_known: bool) -> tuple[str, ...]:
    """Tell what planning would complain of: what cannot be read of templates, experiments, lists of words."""
    ready = assembled(await look.app.read(host.templates), look.rules.message_kind)
    running = await look.own.read(table.running) if is_known else []
    tried = trial.prepared(running, ready)
    return (*ready.complaints, *tried.complaints, *look.rules.words.content.complaints)


async def _files(look: Lookout) -> tuple[str, ...]:
    """Tell which files that templates show cannot be shown."""
    if look.rules.message_kind == Kind.TEXT:
        return ()
    return tuple(
        item.problem or f"{item.file}: errcode {item.errcode}"
        for item in await files(look)
        if item.is_needed and item.stand.is_for_a_person
    )


def _outbox(backlog: outbox.Backlog, look: Lookout) -> standing.Outbox:
    """Describe the backlog; the application's times are the wall's."""

    def business(instant: datetime | None) -> datetime | None:
        return None if instant is None else look.now + (instant - look.wall)

    return standing.Outbox(
        backlog.unmirrored,
        business(backlog.unmirrored_since),
        backlog.uncarried,
        business(backlog.uncarried_since),
    )


def _ledger(tx: Transaction, look: Lookout, *, with_totals: bool) -> Ledger:
    """Count our own tables, and see how the KF accounts stand; what pullers write is the wall's time."""

    def business(text: str | None) -> datetime | None:
        return None if text is None else look.now + (from_text(text) - look.wall)

    accounts = tuple(
        KfAccount(
            row["open_kfid"],
            business(row["polled_at"]),
            business(row["waiting_since"]),
            row["revoked_at"] is not None,
        )
        for row in cursors.standing(tx)
    )
    counted = count(tx, look.now, with_totals=with_totals)
    return replace(counted, accounts=accounts, not_understood=inbox.count_raw(tx))


def count(tx: Transaction, now: datetime, *, with_totals: bool = False) -> Ledger:
    """Count kfpush's own tables."""
    recent = lookup.latest(tx, LATELY)
    accepted = [row["accepted_at"] for row in recent if row["status"] == PushStatus.SENT]
    is_open, is_exhausted = windows.count_open(tx, now)
    return Ledger(
        waiting=tuple(
            Waiting(row["status"], row["reason"] or "", row["n"], maybe_from_text(row["due_at"]))
            for row in counts.pending_by_reason(tx)
        ),
        sending=counts.count_sending(tx),
        open=tuple(
            Open(row["status"], row["n"], from_text(row["oldest_at"]))
            for row in counts.open_pushes_by_status(tx)
        ),
        lately=_lately(recent, timeline.latest(tx, LATELY)),
        last_sent_at=maybe_from_text(max(accepted, default=None)),
        windows_open=is_open,
        windows_exhausted=is_exhausted,
        pauses=tuple(halt_of(pause) for pause in pauses.active(tx, now)),
        experiments=tuple(
            Trying(each.name, each.template, each.started_at, each.holdout) for each in table.running(tx)
        ),
        dead=(
            *(Dead(row["reason"], row["n"], row["example"]) for row in counts.dead_by_reason(tx)),
            *(
                Dead(row["reason"], row["n"], _match(row["example"]))
                for row in deadletters.count_by_reason(tx)
            ),
        ),
        totals=_totals(tx) if with_totals else None,
    )


def _lately(recent: Sequence[Row], lines: Sequence[Row]) -> Lately:
    dropped = [row for row in lines if row["entry"] == Entry.DROPPED]
    codes = [str(row["errcode"]) for row in recent if row["errcode"] and row["status"] != PushStatus.SENT]
    return Lately(
        pushes=len(recent),
        since=from_text(recent[-1]["reserved_at"]) if recent else None,
        by_status=dict(Counter(row["status"] for row in recent).most_common()),
        by_errcode=dict(Counter(codes).most_common()),
        dropped_since=from_text(lines[-1]["at"]) if dropped else None,
        dropped=dict(Counter(row["reason"] for row in dropped).most_common()),
    )


def _match(key: str | None) -> str | None:
    try:
        return None if key is None else split_key(key)[0]
    except InvalidEvent:
        return None


def _totals(tx: Transaction) -> dict[str, dict[str, int]]:
    """Count everything there ever was; reads both tables from end to end."""
    by_reason = counts.deliveries_by_status(tx)
    return {
        "deliveries": {
            f"{row['status']}:{row['reason']}" if row["reason"] else row["status"]: row["n"]
            for row in by_reason
        },
        "pushes": {row["status"]: row["n"] for row in counts.pushes_by_status(tx)},
    }
