"""``kfpush report``."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, cast
from zoneinfo import ZoneInfo

import click

from ops.cli.showing import show
from ops.cli.working import bar, instant, tells
from ops.environment import load_settings
from ops.logs import configure_logs
from ops.looking.journey import as_json as plain
from ops.looking.lookout import Lookout, looking
from ops.reporting.counting import By
from ops.reporting.model import Asked, Report
from ops.telling.report import told
from ops.telling.said import Teller
from ops.telling.sentences import Language, language_of

LOOKED_BACK: Final = timedelta(days=30)


@click.command("report")
@click.option(
    "--since", metavar="WHEN", help="From when: an ISO time, or so long ago (7d); else 30 days ago."
)
@click.option("--until", metavar="WHEN", help="Until before when; else now.")
@click.option("--experiment", metavar="NAME", help="One experiment, from its start to its end, by people.")
@click.option("--template", metavar="NAME", help="Only messages of this template.")
@click.option("--by", type=click.Choice([each.value for each in By]), help="Tell groups too.")
@click.option(
    "--stop-hours",
    default=24.0,
    type=click.FloatRange(min=0.1, max=720),
    show_default=True,
    help="How soon after a message a 退订 is put down to it.",
)
@click.option(
    "--svg", "svg_file", type=click.Path(dir_okay=False), help="Draw funnel and shares into this file too."
)
@tells
def command(
    *,
    since: str | None,
    until: str | None,
    experiment: str | None,
    template: str | None,
    by: str | None,
    stop_hours: float,
    svg_file: str | None,
    lang: str | None,
    as_json: bool,
) -> None:
    r"""Tell what became of messages: accepted, delivered, opened, converted; and what that decides.

    WeChat has no read receipt: every share of "opened" names what it was taken from, and of how many
    messages that could have shown it.  Shares come with 95 % intervals.  With --experiment, each variant
    stands beside the control, with a check of the split and a plain sentence on whether the data decide
    anything yet.  Nothing is changed.

    \b
    Examples:
      kfpush report
      kfpush report --since 7d --by template
      kfpush report --by hour --svg hours.svg
      kfpush report --experiment shorter --json | jq '.trial.compared[] | {variant, measure, verdict}'

    \b
    Exit codes: 0 told, 2 wrong usage, 4 the database does not answer.
    """
    configure_logs("warning", "auto")
    settings = load_settings()

    async def look() -> Report:
        async with looking(settings) as out:
            await _require(out)
            return await _reported(out, since, until, experiment, template, by, stop_hours)

    report = asyncio.run(look())
    language = cast("Language", lang) if lang else language_of(os.environ)
    if svg_file:
        from ops.reporting.drawing import svg

        try:
            Path(svg_file).write_text(svg(report, language), encoding="utf-8")
        except OSError as error:
            raise click.BadParameter(f"{svg_file}: {error.strerror}", param_hint="--svg") from None
    if as_json:
        click.echo(json.dumps(plain(report), ensure_ascii=False))
    else:
        show(told(report, Teller(language, settings.user_timezone, report.now)))


async def _require(out: Lookout) -> None:
    from ops import migrate

    await migrate.require_current(out.own, migrate.OWN)


async def _reported(
    out: Lookout,
    since: str | None,
    until: str | None,
    experiment: str | None,
    template: str | None,
    by: str | None,
    stop_hours: float,
) -> Report:
    from consumer.experiments import table
    from consumer.ledger import reporting
    from consumer.ledger.reporting import Range
    from ops.reporting.reading import report

    zone = ZoneInfo(out.settings.user_timezone)
    end = instant(until, zone, out.now) if until else out.now
    begin = instant(since, zone, out.now) if since else end - LOOKED_BACK
    if experiment:
        found = await out.own.read(lambda tx: table.named(tx, experiment))
        if found is None:
            raise click.BadParameter(
                f"there is no experiment {experiment!r}; see `kfpush experiment list`",
                param_hint="--experiment",
            )
        begin = begin if since else found.started_at
        end = end if until or found.ended is None else found.ended.at
    if begin >= end:
        raise click.BadParameter(f"{_text(begin)} is not before {_text(end)}", param_hint="--since")
    asked = Asked(
        begin,
        end,
        by or ("variant" if experiment else None),
        template,
        experiment,
        zone.key,
        out.settings.reply_counts_minutes,
        stop_hours,
    )
    after, last = await out.own.read(lambda tx: reporting.bounds(tx, Range(begin, end)))
    with bar("reading", last - after) as told:
        return await report(out, asked, By(asked.by) if asked.by else None, told)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
