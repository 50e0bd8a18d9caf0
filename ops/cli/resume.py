"""``kfpush resume``."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import datetime
from typing import cast

import click

from consumer import audit, pauses
from consumer.audit import Act
from ops.acting import acting, author_of
from ops.cli.pause import SCOPES, checked
from ops.cli.showing import show
from ops.cli.working import tells
from ops.environment import load_settings
from ops.logs import configure_logs
from ops.looking.journey import Halt
from ops.looking.journey import as_json as plain
from ops.looking.prospects import halt_of
from ops.telling.pauses import told_resume
from ops.telling.said import Teller
from ops.telling.sentences import Language, language_of
from schemas.database import Transaction
from schemas.states import PauseScope


@click.command("resume")
@click.argument("scope", type=click.Choice(list(SCOPES)))
@click.argument("target", default="")
@click.option("--why", metavar="TEXT", help="Why; kept in the audit.")
@click.option("--author", metavar="NAME", help="Who does this; else the user who logged in.")
@tells
def command(
    scope: str, target: str, *, why: str | None, author: str | None, lang: str | None, as_json: bool
) -> None:
    r"""Let go on what people have paused: all, the KF account, the kind, or the type of message TARGET.

    Ends every person's pause of exactly that, whoever made it; a running consumer wakes at once what waited.
    A pause that kfpush made by itself stays: it is probed, and ends with WeChat's first good answer.  Only a
    type of message (msgtype) that WeChat refused ends too: you may know that it works again.
    Repeatable.

    \b
    Examples:
      kfpush resume all
      kfpush resume account wkAbCdEf --why "moved"
      kfpush resume msgtype miniprogram --why "linked to the corp now"

    \b
    Exit codes: 0 nothing of it is paused by a person any more, 2 wrong usage, 4 the database did not do it.
    """
    scope_ = checked(scope, target)
    configure_logs("warning", "auto")
    settings = load_settings()
    who = author_of(author)

    async def run() -> tuple[list[Halt], list[Halt], datetime]:
        async with acting(settings) as hands:
            now = hands.now()
            act = Act(who, "resume", why, {"scope": scope_, "target": target})
            lifted, left = await hands.own.exclusive(lambda tx: _resume(tx, scope_, target, act, now))
            return lifted, left, now

    lifted, left, now = asyncio.run(run())
    language = cast("Language", lang) if lang else language_of(os.environ)
    if as_json:
        told = {"lifted": plain(tuple(lifted)), "still_paused_by": plain(tuple(left))}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        show(told_resume(scope_, target, lifted, left, Teller(language, settings.user_timezone, now)))


def _resume(
    tx: Transaction, scope: PauseScope, target: str, act: Act, now: datetime
) -> tuple[list[Halt], list[Halt]]:
    """End the pauses; tell which ended, and which others hold some of the same back."""
    lifted = pauses.lift(tx, scope, target, now)
    if lifted:
        audit.note(tx, act, len(lifted), now)
    active = pauses.active(tx, now)
    left = [
        pause
        for pause in active
        if pause.scope is PauseScope.CORP or (pause.scope, pause.target) == (scope, target)
    ]
    return [halt_of(pause) for pause in lifted], [halt_of(pause) for pause in left]
