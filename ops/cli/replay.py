"""``kfpush replay``."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from ops.acting import Hands
from ops.again import entries, name
from ops.cli.coming_again import Asked, Range, run
from ops.cli.working import acts, instant, tells
from producer.stream import BEGINNING, MatchStream, StreamId, parse_id

_ID: Final = re.compile(r"[0-9]{10,15}(-[0-9]{1,18})?")
"""Milliseconds, perhaps with a number: ids as Redis writes them; fewer digits are a year."""


@click.command("replay")
@click.option("--from", "first", metavar="WHERE", help="From this entry's id, or this time, on.")
@click.option("--to", "last", metavar="WHERE", help="Up to this entry's id, or this time.")
@click.option("--all", "everything", is_flag=True, help="Everything on the stream.")
@click.option("--no-wait", is_flag=True, help="Do not wait for consumers between pages.")
@acts
@tells
def command(
    *,
    first: str | None,
    last: str | None,
    everything: bool,
    **how: Any,  # noqa: ANN401 - click's
) -> None:
    r"""Let a range of the stream come again, by entry id or by time; the consumers go on meanwhile.

    Only tells what would happen to each match, unless --yes is given.  What the ledger misses becomes a
    match; what is parked, was dropped or waits is decided anew.  What was sent, is being sent or is a dead
    letter is left: a replay of everything ever sent sends nothing.  Between pages it waits for the consumers,
    so that new matches do not stand behind old ones.  Repeatable.

    \b
    Examples:
      kfpush replay --all
      kfpush replay --from 2h --yes --why "consumers ran with a wrong clock"
      kfpush replay --from 2026-11-22T08:00 --to 2026-11-22T09:30 --yes
      kfpush replay --from 1763800000000-0 --to 1763803600000 --yes

    \b
    Exit codes:
      0    done, or told what would be
      2    wrong usage
      3    some entries cannot be read; they are told and left
      4    the database did not do what was asked
      5    Redis is away
      130  interrupted; the command that goes on from there is told
    """
    if everything == bool(first or last):
        raise click.UsageError("Say which entries: --from and --to, or --all.")
    given: dict[str, object] = {key: value for key, value in (("from", first), ("to", last)) if value}
    asked = Asked("replay", given=given or {"all": True}, **how)

    async def chosen(hands: Hands, stream: MatchStream) -> Range:
        zone, now = ZoneInfo(hands.settings.user_timezone), hands.wall()
        position = await stream.position()
        start = _place(first, zone, now, is_end=False) if first else BEGINNING
        end = _place(last, zone, now, is_end=True) if last else position.last_generated
        if last and end < start:
            raise click.UsageError("--from lies behind --to.")
        # What this run itself adds lies behind.
        end = min(end, position.last_generated)
        total = await stream.length() if everything else 0
        return Range(
            entries(stream, start, end, position),
            total,
            lambda following: ["--from", following, "--to", name(end)],
        )

    run(asked, chosen)


def _place(text: str, zone: ZoneInfo, now: datetime, *, is_end: bool) -> StreamId:
    """Read an entry's id, or the place on the stream of an instant; the server's clock numbers entries."""
    if _ID.fullmatch(text):
        milliseconds, sequence = parse_id(text)
        return milliseconds, sequence if "-" in text or not is_end else 2**63
    milliseconds = max(0, int(instant(text, zone, now).timestamp() * 1000))  # no entry is older than 1970
    return milliseconds, 2**63 if is_end else 0
