"""``kfpush simulate``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TextIO, cast

import click

from ops.cli.running import until_asked
from ops.cli.working import INTERRUPTED, bar, instant, talk, tells
from schemas.preferences import BatchMode

if TYPE_CHECKING:
    from ops.simulating.changes import Change
    from ops.simulating.outcome import Compared
    from ops.telling.said import Teller
    from ops.telling.sentences import Language
    from schemas.settings import Settings

LOOKS_BACK = "14d"
WORTH_HELP = 3_000
"""From so many matches on, more processes than one are worth their start."""
_MODES = [mode.value for mode in BatchMode]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was told, as it was typed."""

    since: str
    until: str | None
    user_id: str | None
    settings: tuple[str, ...]
    host: dict[str, object]
    own: dict[str, object]
    only_unset: bool
    template: str | None

    @property
    def has_change(self) -> bool:
        """Whether anything was to be other than it is."""
        return bool(self.settings or self.host or self.own or self.template is not None)

    def as_json(self) -> dict[str, object]:
        """Write what was to be changed as plain values."""
        told = {"settings": list(self.settings), **self.host, **self.own, "only_unset": self.only_unset}
        return told if self.template is None else {**told, "template": self.template}


@click.command("simulate")
@click.option(
    "--since",
    default=LOOKS_BACK,
    show_default=True,
    metavar="WHEN",
    help="From then on: an ISO time, or so long ago.",
)
@click.option("--until", metavar="WHEN", help="Until then: the same; else now.")
@click.option(
    "--user", "user_id", metavar="USER_ID", help="Only this user (and who shares a phone with them)."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Another setting; may be given often.",
)
@click.option("--batch-mode", type=click.Choice(_MODES), help="Everybody's batch_mode.")
@click.option("--quiet", metavar="SPAN", help="Everybody's quiet hours, as 22:00-08:00, or none.")
@click.option("--daily-limit", type=click.IntRange(0), help="Everybody's daily_limit.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Everybody's min_score.")
@click.option("--preferred-time", metavar="TIME", help="Everybody's preferred_time, as 09:00.")
@click.option("--timezone", metavar="ZONE", help="Everybody's time zone, as Asia/Shanghai.")
@click.option("--only-unset", is_flag=True, help="The above only for users who chose nothing themselves.")
@click.option(
    "--template",
    type=click.File(encoding="utf-8-sig"),
    help="The text of one match, as content_template: tells how long texts come out.",
)
@tells
def command(  # noqa: PLR0913 - an option each
    *,
    since: str,
    until: str | None,
    user_id: str | None,
    settings: tuple[str, ...],
    batch_mode: str | None,
    quiet: str | None,
    daily_limit: int | None,
    min_score: float | None,
    preferred_time: str | None,
    timezone: str | None,
    only_unset: bool,
    template: TextIO | None,
    lang: str | None,
    as_json: bool,
) -> None:
    r"""Tell what another setting, or other preferences, would have made of a span of the past.

    What came, and when users spoke, is read from the ledger and lived once more under the planner of today:
    as things are, and with the change.  Both stand beside what really happened.  Nothing is changed by
    asking, nothing is sent, and Ctrl-C does no harm.

    \b
    Examples:
      kfpush simulate                                      # how well the model tells the last two weeks
      kfpush simulate --batch-mode daily --only-unset
      kfpush simulate --quiet 23:00-07:00 --since 30d
      kfpush simulate --set KFPUSH_STRONG_SCORE=0.9
      kfpush simulate --set KFPUSH_HOST_SLOTS=2 --since 2026-11-01 --until 2026-11-15
      kfpush simulate --template shorter.txt
      kfpush simulate --min-score 0.8 --json | jq '.changed.sent - .now.sent'

    \b
    Exit codes:
      0    simulated, whatever came out
      2    a wrong setting, preference or span
      4    a database does not answer
      130  interrupted; what was told is of the people up to then
    """
    from ops.logs import configure_logs

    configure_logs("warning", "auto")
    host: dict[str, object] = {
        "batch_mode": batch_mode,
        "quiet_hours": quiet,
        "daily_limit": daily_limit,
        "min_score": min_score,
        "preferred_time": preferred_time,
    }
    host = {name: value for name, value in host.items() if value is not None}
    if quiet is not None and quiet.strip().lower() == "none":
        host["quiet_hours"] = None
    own: dict[str, object] = {} if timezone is None else {"timezone": timezone}
    if only_unset and not host and not own:
        raise click.UsageError("--only-unset says for whom; say also what: --batch-mode, --quiet ...")
    asked = Asked(since, until, user_id, settings, host, own, only_unset, _text_of(template))
    compared, teller = asyncio.run(until_asked(lambda stop: _compare(asked, lang, stop), _stopping))
    if as_json:
        click.echo(json.dumps(_as_json(compared, asked), ensure_ascii=False))
    else:
        _show(compared, teller, has_change=asked.has_change)
    if not compared.is_whole:
        sys.exit(INTERRUPTED)


async def _compare(asked: Asked, lang: str | None, stop: asyncio.Event) -> tuple[Compared, Teller]:
    from zoneinfo import ZoneInfo

    from consumer import host
    from ops import migrate
    from ops.environment import load_settings
    from ops.looking.lookout import looking
    from ops.simulating.past import Span
    from ops.simulating.reading import Source, count, pasts
    from ops.simulating.texts import template_in_force
    from ops.simulating.whatif import compare
    from ops.telling.said import Teller
    from ops.telling.sentences import language_of

    settings = load_settings()
    now, changed = _changes(settings, asked)
    has_texts = asked.template is not None
    async with looking(settings) as look:
        zone = ZoneInfo(settings.user_timezone)
        until = instant(asked.until, zone, look.now) if asked.until else look.now
        span = Span(instant(asked.since, zone, look.now), until)
        if span.since >= span.until:
            raise click.UsageError("the span ends before it begins: --since must be before --until")
        await migrate.require_current(look.own, migrate.OWN)
        await migrate.require_current(look.app, migrate.APP)
        if has_texts:
            now = replace(now, template=template_in_force(await look.app.read(host.templates)))
        source = Source(look.app, look.own, look.rules, settings.menu_click_reopens, with_events=has_texts)
        users = await count(source, span, asked.user_id)
        total = sum(number for _, number in users)
        workers = (os.cpu_count() or 1) if total >= WORTH_HELP else 0
        with bar("simulate", total) as advance:
            people = pasts(source, span, users)
            compared = await compare(people, span, now, changed, stop, advance, workers)
        language = cast("Language", lang) if lang else language_of(os.environ)
        return compared, Teller(language, settings.user_timezone, look.now)


def _changes(settings: Settings, asked: Asked) -> tuple[Change, Change | None]:
    """How things are, and how they would be; None where nothing was to change."""
    from consumer.templates import compile_template
    from ops.simulating.changes import Change
    from ops.simulating.settings import changed_settings, terms_of
    from schemas.errors import TemplateError
    from schemas.preferences import Unreadable

    now = Change(terms_of(settings), settings.user_timezone)
    if not asked.has_change:
        return now, None
    other = changed_settings(settings, asked.settings)
    try:
        template = None if asked.template is None else compile_template(asked.template)
    except TemplateError as error:
        raise click.UsageError(f"--template: {error}") from None
    changed = Change(terms_of(other), other.user_timezone, asked.host, asked.own, asked.only_unset, template)
    read = changed.preferences({}, {})
    if isinstance(read, Unreadable):
        raise click.UsageError(read.message)
    return now, changed


def _text_of(template: TextIO | None) -> str | None:
    if template is None:
        return None
    try:
        return template.read().removesuffix("\n")
    except UnicodeDecodeError:
        raise click.UsageError("--template: the file is not UTF-8") from None


def _stopping(*, at_once: bool) -> None:
    if not at_once:
        talk("Stopping after the people at hand; once more to stop at once.")


def _as_json(compared: Compared, asked: Asked) -> dict[str, object]:
    from schemas.times import to_text

    return {
        "since": to_text(compared.span.since),
        "until": to_text(compared.span.until),
        "change": asked.as_json() if asked.has_change else None,
        "really": compared.really.as_json(),
        "now": compared.now.as_json(),
        "changed": compared.changed.as_json() if asked.has_change else None,
        "people_who_fare_otherwise": compared.fare_otherwise,
        "people_with_unreadable_preferences": compared.unreadable,
        "interrupted": not compared.is_whole,
    }


def _show(compared: Compared, teller: Teller, *, has_change: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from ops.cli.showing import PIPE_WIDTH, show
    from ops.telling import simulated

    show(simulated.headline(compared, teller))
    if not compared.really.matches:
        return
    columns = simulated.table(compared, teller, has_change=has_change)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for nth, head in enumerate(columns.head):
        table.add_column(head, justify="right" if nth else "left", no_wrap=True)
    for row in columns.rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    console.print()
    console.print(table)
    console.print()
    show(simulated.told(compared, teller, has_change=has_change))
