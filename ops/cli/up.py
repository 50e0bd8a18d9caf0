"""``kfpush up``."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

import click

from ops.cli.running import until_asked
from ops.environment import load_settings
from ops.logs import BoundedFile, configure_logs
from ops.telling.sentences import language_of
from ops.up.phrases import Phrases
from ops.up.sample import NAME, PHONE
from ops.up.story import Story


@click.command("up")
@click.option("--demo", is_flag=True, help="The same once, without a person, in a folder of its own.")
@click.option("--spoil", is_flag=True, help="With --demo: let WeChat refuse a message, to see a demo fail.")
@click.option("--json", "as_json", is_flag=True, help="Print what happens as JSON lines.")
def command(*, demo: bool, spoil: bool, as_json: bool) -> None:
    r"""Start everything on this machine, in this terminal, until Ctrl-C.

    Makes the tables, starts an embedded Valkey, the mirror and a consumer, and, without WeChat credentials,
    the sandbox: a WeChat of your own with a phone page, and a sample application whose matches arrive there.
    Tells what happens, a line each; the full log is kfpush.log in the data folder.

    \b
    Examples:
      kfpush up
      kfpush up --demo          # some seconds, checks itself
      KFPUSH_SANDBOX_PORT=9000 kfpush up

    \b
    Exit codes:
      0    stopped by Ctrl-C or SIGTERM; the demo went as it should
      1    the demo did not go as it should
      2    a wrong setting, or another `kfpush up` runs on this folder
      4    the database did not do what was asked
      5    a server (Valkey, the sandbox) could not be started
      130  stopped at once by a second Ctrl-C; the demo was interrupted
    """
    for stream in (sys.stdout, sys.stderr):
        _forgive(stream)
    if spoil and not demo:
        raise click.UsageError("--spoil goes with --demo.")
    phrases = Phrases(language_of(os.environ))
    if demo:
        from ops.up.demo import run_demo

        sys.exit(run_demo(phrases, as_json=as_json, spoil=spoil))
    _up(phrases, as_json=as_json)


def _up(phrases: Phrases, *, as_json: bool) -> None:
    from ops.up.run import run
    from ops.up.together import alone

    settings = load_settings(beside_up=False)
    story = Story(
        phrases,
        ZoneInfo(settings.user_timezone),
        as_json=as_json,
        names={PHONE: NAME} if settings.sandboxed else {},
        shows_ids=settings.sandboxed,
    )
    data_dir = Path(settings.data_dir)
    with alone(data_dir):
        configure_logs(settings.log_level, "json", BoundedFile(data_dir / "kfpush.log"), story.logged)
        asyncio.run(until_asked(lambda stop: run(settings, story, stop), story.asked))
        story.talk("stopped")


def _forgive(stream: TextIO) -> None:
    """Let an old terminal's encoding show a question mark rather than stop the program."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
