"""``kfpush backfill``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import click

from consumer.fates import Fate
from ops.acting import Hands
from ops.again import events
from ops.cli.coming_again import Asked, Range, run
from ops.cli.working import acts, instant, tells
from producer import backfill
from producer.backfill import Selection, Status
from producer.stream import MatchStream
from schemas.times import to_text


@click.command("backfill")
@click.option("--since", metavar="WHEN", help="Committed since then: an ISO time, or how long ago (2h).")
@click.option("--until", metavar="WHEN", help="Committed until then: an ISO time, or how long ago (2h).")
@click.option(
    "--from-id", type=click.IntRange(0, 2**63 - 1), metavar="ID", help="From this row of push_outbox on."
)
@click.option(
    "--to-id", type=click.IntRange(0, 2**63 - 1), metavar="ID", help="Up to this row of push_outbox."
)
@click.option(
    "--status",
    type=click.Choice([status.value for status in Status]),
    help="Only what the mirror has not taken, is not seen to have arrived, or the ledger misses.",
)
@click.option("--all", "everything", is_flag=True, help="The whole outbox; needed when nothing else chooses.")
@click.option("--no-wait", is_flag=True, help="Do not wait for consumers between pages.")
@acts
@tells
def command(
    *,
    since: str | None,
    until: str | None,
    from_id: int | None,
    to_id: int | None,
    status: str | None,
    everything: bool,
    **how: Any,  # noqa: ANN401 - click's
) -> None:
    r"""Let events of the outbox come again, by time of commit, id or status; the consumers go on meanwhile.

    Only tells what would happen to each match, unless --yes is given.  What the ledger misses becomes a
    match; what is parked, was dropped or waits is decided anew, unless only what is missing is asked for.
    What was sent, is being sent or is a dead letter is left.  What Redis lost, a running mirror brings back
    by itself; this is for a ledger that lost something, or for looking at matches again.  Repeatable.

    \b
    Examples:
      kfpush backfill --all
      kfpush backfill --status missing-from-ledger --yes --why "ledger restored from last night"
      kfpush backfill --since 2026-11-22T08:00 --until 2026-11-22T09:30 --yes
      kfpush backfill --from-id 1200 --to-id 1300 --yes

    \b
    Exit codes: as of `kfpush replay`.
    """
    given: dict[str, object] = {
        key: value
        for key, value in {
            "since": since,
            "until": until,
            "from_id": from_id,
            "to_id": to_id,
            "status": status,
        }.items()
        if value is not None
    }
    if everything == bool(given):
        raise click.UsageError("Say which events: --since, --until, --from-id, --to-id, --status, or --all.")
    asked = Asked("backfill", given=given or {"all": True}, **how)

    async def chosen(hands: Hands, stream: MatchStream) -> Range:
        zone, now = ZoneInfo(hands.settings.user_timezone), hands.wall()
        selection = Selection(
            Status(status) if status else Status.ALL,
            instant(since, zone, now) if since else None,
            instant(until, zone, now) if until else None,
            from_id or 0,
            to_id,
        )
        # What is committed from now on comes by itself.
        newest = await hands.app.read(backfill.last_id)
        bounded = replace(selection, to_id=newest if to_id is None else min(to_id, newest))
        total = await hands.app.read(lambda tx: backfill.count(tx, bounded))
        pages = events(hands.app, bounded, await stream.position())
        wanted = {Fate.MISSING} if bounded.status is Status.MISSING else None
        return Range(pages, total, lambda following: _rest(bounded, following), wanted)

    run(asked, chosen)


def _rest(selection: Selection, following: str) -> list[str]:
    """Write the options that choose what is left."""
    words = ["--from-id", following, "--to-id", str(selection.to_id)]
    words += ["--since", to_text(selection.since)] if selection.since else []
    words += ["--until", to_text(selection.until)] if selection.until else []
    return words + (["--status", selection.status.value] if selection.status is not Status.ALL else [])
