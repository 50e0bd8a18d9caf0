"""``kfpush explain``."""

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
from ops.looking.explain import explain
from ops.looking.journey import Journey, as_json
from ops.looking.lookout import looking
from ops.telling import tell
from ops.telling.sentences import Language, language_of
from schemas.errors import InvalidEvent
from schemas.events import split_key

NOT_KNOWN = 3


@click.command("explain")
@click.argument("match_id")
@click.option("--show-text", is_flag=True, help="Show the words of its messages: they are personal data.")
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Language; else that of the terminal (LANG).")
@click.option("--json", "as_json_", is_flag=True, help="Print everything as JSON.")
def command(match_id: str, *, show_text: bool, lang: str | None, as_json_: bool) -> None:
    r"""Tell the whole journey of the match MATCH_ID: where it stands, what happened, and why.

    For a match that has not gone, why not and from when it may go are decided anew by the same policy that
    plans, on the facts of this moment.  Nothing is changed by asking, and nothing is started.

    \b
    Examples:
      kfpush explain 42
      kfpush explain 42:1                # a key, as logs show it
      kfpush explain 42 --show-text      # with the words of its messages
      kfpush explain 42 --json | jq '.revisions[-1].prospect.may_go_from'

    \b
    Exit codes: 0 told, 3 the match is known nowhere, 4 a database does not answer.
    """
    configure_logs("warning", "auto")
    language = cast("Language", lang) if lang else language_of(os.environ)
    journey = asyncio.run(_journey(match_id, with_text=show_text))
    said = tell(journey, language)
    if as_json_:
        told = {"is_known": journey.is_known, **cast("dict[str, object]", as_json(journey))}
        told["told"] = [" ".join(filter(None, (line.at, line.text))) for line in said]
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        show(said)
    if not journey.is_known:
        sys.exit(NOT_KNOWN)
    for item in journey.looked:
        if item.problem and not as_json_:
            click.echo(f"kfpush: {item.tables}: {item.problem}", err=True)


async def _journey(asked: str, *, with_text: bool) -> Journey:
    async with looking(load_settings()) as look:
        journey = await explain(look, asked, with_text=with_text)
        if not journey.is_known and (match_id := _inside(asked)) is not None:
            of_key = await explain(look, match_id, with_text=with_text)
            return of_key if of_key.is_known else journey
        return journey


def _inside(asked: str) -> str | None:
    """The match's id, if what was asked for is a key: ``42`` of ``42:1``."""
    try:
        return split_key(asked)[0]
    except InvalidEvent:
        return None
