"""``kfpush status``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import cast

import click

from ops.cli.showing import show
from ops.environment import load_settings
from ops.logs import configure_logs
from ops.looking.journey import as_json
from ops.looking.lookout import looking
from ops.looking.standing import Standing, needs
from ops.looking.status import status
from ops.telling.needs import told_needs
from ops.telling.said import Teller
from ops.telling.screen import screen
from ops.telling.sentences import Language, language_of

NEEDS_A_PERSON = 1


@click.command("status")
@click.option("--totals", is_flag=True, help="Count everything there ever was; reads whole tables.")
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Language; else that of the terminal (LANG).")
@click.option("--json", "as_json_", is_flag=True, help="Print everything as JSON.")
def command(*, totals: bool, lang: str | None, as_json_: bool) -> None:
    r"""Tell what waits, what was sent, and what needs a person, on one screen.

    It costs what is open, not what ever was: of what has ended, the latest thousand rows are looked at.
    Nothing is changed by asking, and nothing is started.

    \b
    Examples:
      kfpush status
      watch --color kfpush status
      kfpush status --json | jq .needs
      kfpush status >/dev/null || mail -s "kfpush needs a person" me@example.com

    \b
    Exit codes: 0 all is well, 1 something needs a person, 4 a database does not answer.
    """
    configure_logs("warning", "auto")
    language = cast("Language", lang) if lang else language_of(os.environ)
    standing = asyncio.run(_standing(with_totals=totals))
    wanting = needs(standing)
    if as_json_:
        teller = Teller(language, standing.timezone, standing.now)
        told = {"is_well": not wanting, "needs": list(wanting), "advice": told_needs(standing, teller)}
        click.echo(json.dumps({**told, **cast("dict[str, object]", as_json(standing))}, ensure_ascii=False))
    else:
        show(screen(standing, language))
    if wanting:
        sys.exit(NEEDS_A_PERSON)


async def _standing(*, with_totals: bool) -> Standing:
    async with looking(load_settings()) as look:
        return await status(look, with_totals=with_totals)
