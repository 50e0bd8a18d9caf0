"""Long work at a terminal: an end that can be asked for, a bar, and what people give as instants."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import click

INTERRUPTED: Final = 130
SOME_WERE_LEFT: Final = 3

F = TypeVar("F", bound=Callable[..., object])

_SPAN: Final = re.compile(r"([0-9]{1,6})\s*(s|min|m|h|d)")
_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def span(text: str) -> timedelta:
    """Read ``90s``, ``30min`` (or ``30m``), ``2h``, ``3d``.

    Raises:
        BadParameter: it is none of these.

    """
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is no span of time; write 90s, 30min, 2h or 3d")
    return int(found[1]) * _UNITS[found[2]]


def instant(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """Read an instant: a span ago (``2h``), or an ISO time; one without a zone is of ``zone``.

    Raises:
        BadParameter: it is neither.

    """
    try:
        if _SPAN.fullmatch(text.strip()):
            return now - span(text)
        parsed = datetime.fromisoformat(text.strip())
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).astimezone(now.tzinfo)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is no time; write 2026-11-22T08:00 ({zone.key}), 2026-11-22T00:00Z, or so long ago: 2h"
        ) from None


def acts(command: F) -> F:
    """Add what every command that acts in bulk takes: --yes, --why and --author."""
    for option in (
        click.option("--author", metavar="NAME", help="Who does this; else the user who logged in."),
        click.option("--why", metavar="TEXT", help="Why; kept in the audit and told by explain."),
        click.option("--yes", is_flag=True, help="Do it; without it, only tell what would be done."),
    ):
        command = option(command)
    return command


def tells(command: F) -> F:
    """Add what every command that tells takes: --lang and --json."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print everything as JSON."),
        click.option("--lang", type=click.Choice(["zh", "en"]), help="Language; else that of the terminal."),
    ):
        command = option(command)
    return command


def talk(text: str) -> None:
    """Say something that is no data."""
    click.echo(text, err=True)


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give the way to advance a bar on standard error; there is none without a terminal."""
    if not sys.stderr.isatty() or not total:
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, markup=False)
    columns = (what, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda done: progress.advance(task, done)
