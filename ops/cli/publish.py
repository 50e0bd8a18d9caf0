"""``kfpush publish``."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import BinaryIO

import click

from ops.environment import load_settings
from ops.publish import MOST_TOLD, Count, Publisher, read_lines
from schemas.errors import KfpushError

REFUSED = 3
INTERRUPTED = 130
LONG_FILE = 4 * 1024 * 1024
"""Bytes; a shorter file is done before anybody wonders."""


@click.command("publish")
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--dry-run", is_flag=True, help="Check every line and tell what would be added; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(file: BinaryIO, *, dry_run: bool, as_json: bool) -> None:
    r"""Write matches to the outbox, one JSON object a line, from FILE or (-) standard input.

    A match needs match_id, user_id, profile_name and score (0 to 1); it may have revision, intent_id,
    intent_name, profile_id, explanation, matched_conditions, match_type, occurred_at and expires_at, and
    urgent_reason: why it is not held to share a message with others; kept, and told by `kfpush explain`.  A
    line that is refused is told with its number, and the others go in.  Repeatable: a match that is there
    already is left alone.

    \b
    Examples:
      kfpush publish matches.ndjson
      kfpush publish --dry-run matches.ndjson
      my-matcher | kfpush publish -
      echo '{"match_id": 17, "user_id": "wmAbC", "profile_name": "张三", "score": 0.85}' | kfpush publish

    \b
    Exit codes:
      0    all went in
      3    some lines were refused, the others went in
      4    the database did not take them
      130  interrupted; what was read is committed
    """
    settings = load_settings()
    if file.isatty():
        click.echo("Reading matches from the terminal, one JSON object a line; Ctrl-D ends.", err=True)
    with _stoppable() as is_asked_to_stop, _progress(file) as (advance, say):
        publisher = Publisher(
            settings.app_url,
            lambda refusal: say(f"line {refusal.line} refused: {refusal.reason}"),
            dry_run=dry_run,
        )
        count = publisher.count
        try:
            publisher.publish(read_lines(file.fileno(), advance), is_asked_to_stop)
        except KfpushError:
            if count.committed:
                say(f"{_how_far(count, dry_run=dry_run)}; run the same again: what is there is left alone")
            raise
        stopped = is_asked_to_stop()
    _summary(count, dry_run=dry_run, as_json=as_json, stopped=stopped)
    if stopped:
        sys.exit(INTERRUPTED)
    if count.refused:
        sys.exit(REFUSED)


def _summary(count: Count, *, dry_run: bool, as_json: bool, stopped: bool) -> None:
    if count.refused > MOST_TOLD:
        click.echo(f"... and {count.refused - MOST_TOLD} more lines refused", err=True)
    if stopped:
        click.echo("Interrupted; run the same again: what is there is left alone.", err=True)
    elif count.added and not dry_run and sys.stderr.isatty():
        click.echo("They go out while `kfpush up`, or `kfpush mirror` and `kfpush consume`, run.", err=True)
    if not as_json:
        click.echo(_how_far(count, dry_run=dry_run) if stopped else _numbers(count, dry_run=dry_run))
        return
    told = {
        "added": count.added,
        "already_there": count.already_there,
        "refused": count.refused,
        "lines": count.committed,
        "dry_run": dry_run,
        "interrupted": stopped,
        "refusals": [{"line": refusal.line, "reason": refusal.reason} for refusal in count.refusals],
    }
    click.echo(json.dumps(told, ensure_ascii=False))


def _how_far(count: Count, *, dry_run: bool) -> str:
    return f"Came as far as line {count.committed}: {_numbers(count, dry_run=dry_run)}"


def _numbers(count: Count, *, dry_run: bool) -> str:
    added = "would be added" if dry_run else "added"
    return f"{count.added} {added}, {count.already_there} already there, {count.refused} refused"


@contextlib.contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """While inside, the first SIGINT or SIGTERM asks to stop after the batch at hand; the second ends."""
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _progress(file: BinaryIO) -> Iterator[tuple[Callable[[int], None], Callable[[str], None]]]:
    """Give the ways to advance a bar and to say a line above it; no bar without a terminal or a long file."""
    found = os.fstat(file.fileno())
    if not sys.stderr.isatty() or not stat.S_ISREG(found.st_mode) or found.st_size < LONG_FILE:
        yield lambda _bytes: None, lambda text: click.echo(text, err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, markup=False)
    columns = ("publishing", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=found.st_size)
        yield lambda done: bar.advance(task, done), console.print
