"""``kfpush consume``."""

from __future__ import annotations

import asyncio

import click

from consumer.daemon import consume
from ops.cli.running import run_daemon, settled_in
from ops.environment import load_settings
from ops.wiring import consumer_rooms, opened


@click.command("consume")
def command() -> None:
    r"""Read the stream, decide, send what may go, and settle, until stopped.

    Several may run side by side, on one machine or many.  SIGTERM or Ctrl-C drains: what is on its way is
    awaited and settled first.

    \b
    Examples:
      kfpush consume
      KFPUSH_SEND_CONCURRENCY=32 kfpush consume
    """
    settings = load_settings()

    async def work(stop: asyncio.Event) -> None:
        async with opened(settings) as house, consumer_rooms(house) as rooms:
            settled_in()
            await consume(rooms, stop, drain_within=settings.send_timeout + 4)

    run_daemon(settings, work)
