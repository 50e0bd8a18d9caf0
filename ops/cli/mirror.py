"""``kfpush mirror``."""

from __future__ import annotations

import asyncio

import click

from ops.cli.running import run_daemon, settled_in
from ops.environment import load_settings
from ops.wiring import mirror_of, opened


@click.command("mirror")
def command() -> None:
    r"""Copy committed outbox rows to the Redis stream, and bring back what Redis lost, until stopped.

    Several may run side by side: one is active, the others stand by.

    \b
    Examples:
      kfpush mirror
    """
    settings = load_settings()

    async def work(stop: asyncio.Event) -> None:
        async with opened(settings) as house:
            settled_in()
            await mirror_of(house).run(stop)

    run_daemon(settings, work)
