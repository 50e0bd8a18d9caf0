"""``kfpush serve``."""

from __future__ import annotations

import asyncio

import click

from ops.cli.running import run_daemon
from ops.environment import load_settings
from ops.wiring import receiving, reports_of
from schemas.errors import ConfigurationError


@click.command("serve")
def command() -> None:
    r"""Receive WeChat's callback, until stopped.

    Answers at /wework/callback and /wechat/callback; WeChat reaches it through a proxy of yours that speaks
    https.  Starts, and answers, while the database is locked or away and without Redis or WeChat: what came
    waits in memory and is written when the database is back.  A consumer pulls what WeChat tells of.

    With KFPUSH_API_TOKEN your application may report here what only it knows: POST /api/pushes/ID/opened,
    /api/matches/ID/opened and /api/matches/ID/converted.

    \b
    Examples:
      kfpush serve
      KFPUSH_HTTP_PORT=9000 kfpush serve
      curl http://127.0.0.1:8620/healthz
    """
    from ops.serving import listening, receive

    settings = load_settings()
    if not settings.callback_tokens:
        raise ConfigurationError(
            "WEWORK_TOKEN and WEWORK_AES_KEY are missing; WeChat's console shows them where its URL is set"
        )

    async def work(stop: asyncio.Event) -> None:
        with listening(settings) as listener:
            async with receiving(settings) as (callback, own):
                await receive(callback, listener, stop, own, reports_of(settings, own))

    run_daemon(settings, work)
