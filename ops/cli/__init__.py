"""The command ``kfpush``.  One file a command, imported when it runs: ``kfpush --help`` stays fast.

Standard output is data, standard error is talk.  Exit codes:

    0  done                      4  the database did not do what was asked
    1  something broke           5  Redis, or a server kfpush starts itself, is away
    2  a wrong setting or usage  130  interrupted
    3  some input was refused
"""

from __future__ import annotations

import importlib
import sys
from typing import Final

import click

COMMANDS: Final = (
    "up",
    "migrate",
    "serve",
    "mirror",
    "consume",
    "publish",
    "explain",
    "status",
    "dead",
    "replay",
    "backfill",
    "pause",
    "resume",
    "user",
    "templates",
    "experiment",
    "report",
    "media",
    "send-test",
    "simulate",
    "config",
    "bench",
)

_HELP: Final = {
    "up": "Start everything on this machine.",
    "migrate": "Make or complete the tables.",
    "serve": "Receive WeChat's callback.",
    "mirror": "Copy committed outbox rows to the Redis stream.",
    "consume": "Read the stream and send what may go.",
    "publish": "Write matches to the outbox, one JSON object a line.",
    "explain": "Tell the whole journey of one match, and why.",
    "status": "Tell what waits, what was sent, and what is wrong.",
    "replay": "Let a range of the stream come again.",
    "backfill": "Let events of the outbox come again.",
    "pause": "Pause all sending, one KF account, one kind of push, or one type of message.",
    "resume": "Let go on what a person has paused.",
    "user": "Show what decides about one user, or set their time zone, stop and locale.",
    "templates": "List templates, lint them, preview what a phone shows.",
    "experiment": "Start, stop and show experiments: one template in several wordings.",
    "report": "Tell what became of messages, and what that decides.",
    "media": "Look at the files that templates show, upload one now.",
    "send-test": "Send one test message to one user.",
    "simulate": "Tell what another setting would have made of a span of the past.",
    "dead": "List, show, redrive or drop dead letters.",
    "config": "Show every setting, where it comes from, and what it means.",
    "bench": "Measure what kfpush costs on this machine.",
}


class _Commands(click.Group):
    """A group that imports a command's file when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ops.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        for each in (command, *getattr(command, "commands", {}).values()):
            # A docstring with a backslash is raw (the linter's rule); click's mark is not.
            each.help = (each.help or "").replace("\\b\n", "\b\n")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, _HELP[name]) for name in COMMANDS])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kfpush")
def kfpush() -> None:
    """Push matches to people as WeChat Customer Service messages: none lost, none twice, each explained.

    Begin with `kfpush up`, which needs nothing; settings come from the environment and .env.
    """


def main() -> None:
    """Run the command line; every error raised on purpose is a sentence and an exit code."""
    from schemas import errors

    codes = (
        (errors.ConfigurationError, 2),
        (errors.InvalidEvent, 3),
        (errors.StorageError, 4),
        (errors.RedisUnavailable, 5),
        (errors.ServerUnavailable, 5),
    )
    try:
        kfpush(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except errors.KfpushError as error:
        click.echo(f"kfpush: {error}", err=True)
        sys.exit(next((code for kind, code in codes if isinstance(error, kind)), 1))
    except KeyboardInterrupt:
        sys.exit(130)
