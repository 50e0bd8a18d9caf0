"""``kfpush media``: list, put, drop."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Final, cast

import click

from consumer.bodies import Need
from consumer.media import shelf
from consumer.media.folder import Folder, Problem
from ops.acting import acting
from ops.cli.showing import show
from ops.cli.working import tells
from ops.environment import load_settings
from ops.logs import configure_logs
from ops.looking.journey import as_json as plain
from ops.looking.lookout import looking
from ops.looking.media import files
from ops.looking.shown import Shown
from ops.telling import media as telling
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import Language, language_of
from ops.uploading import Busy, Failed, put
from schemas.database import Transaction
from schemas.media import TYPES
from schemas.settings import Settings

NOT_DONE: Final = 3


@click.group("media")
def command() -> None:
    r"""Look at the files that templates show, upload one now, or have one uploaded again.

    A running consumer uploads by itself what the templates in force show, and again before WeChat's three
    days are over.  The files lie below KFPUSH_MEDIA_DIR.

    \b
    Examples:
      kfpush media list
      kfpush media put cards/match.png
      kfpush media drop cards/match.png
    """


@command.command("list")
@tells
def list_(*, lang: str | None, as_json: bool) -> None:
    r"""Tell which files the templates in force show, and how each stands with WeChat.

    \b
    Examples:
      kfpush media list
      kfpush media list --json | jq '.[] | select(.is_needed and .stand != "ready")'

    \b
    Exit codes: 0 all that is needed is there, 3 something needs a person, 4 a database does not answer.
    """
    configure_logs("warning", "auto")
    settings = load_settings()

    async def look() -> tuple[tuple[Shown, ...], datetime]:
        async with looking(settings) as out:
            return await files(out), out.now

    shown, now = asyncio.run(look())
    if as_json:
        click.echo(json.dumps(plain(shown), ensure_ascii=False))
    else:
        show(telling.told(shown, settings.message_kind, _teller(settings, lang, now)))
    if any(item.is_needed and item.stand.is_for_a_person for item in shown):
        sys.exit(NOT_DONE)


@command.command("put")
@click.argument("path")
@click.option(
    "--type", "wanted", type=click.Choice(TYPES), default="image", show_default=True, help="As what."
)
@tells
def put_(path: str, *, wanted: str, lang: str | None, as_json: bool) -> None:
    r"""Upload the file PATH, which lies below KFPUSH_MEDIA_DIR, now; nothing if WeChat has it already.

    \b
    Examples:
      kfpush media put cards/match.png
      kfpush media put hello.amr --type voice

    \b
    Exit codes:
      0  WeChat has it
      3  it does not; why is told
      4  a database does not do what was asked
      5  Redis, or a server, is away
    """
    configure_logs("error", "auto")
    settings = load_settings()
    need = Need(wanted, path)
    found = Folder(Path(settings.media_folder)).look([need])[need]
    if isinstance(found, Problem):
        raise click.UsageError(f"{found.text}.")
    outcome, now = asyncio.run(put(settings, need, found))
    teller = _teller(settings, lang, now)
    if isinstance(outcome, Failed):
        why = telling.why_text(outcome.errcode, outcome.cause, teller)
        said = [Said(teller.say(telling.REFUSED, why=why), Tone.BAD)]
    elif isinstance(outcome, Busy):
        said = [Said(teller.say(telling.OTHERS, file=path), Tone.WAIT)]
    else:
        text = telling.UPLOADED if outcome.is_new else telling.WAS_THERE
        said = [Said(teller.say(text, file=path, until=outcome.expires_at), Tone.GOOD)]
        said.append(Said(outcome.media_id, depth=1))
    if as_json:
        told = {"outcome": type(outcome).__name__.lower(), **cast("dict[str, object]", plain(outcome))}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        show(said)
    if isinstance(outcome, Failed | Busy):
        sys.exit(NOT_DONE)


@command.command("drop")
@click.argument("name")
@tells
def drop(name: str, *, lang: str | None, as_json: bool) -> None:
    r"""Forget what was uploaded as NAME: a path, a media_id, or a sha256.

    WeChat forgets nothing before its three days are over; a running consumer uploads the file again if a
    template in force shows it.

    \b
    Examples:
      kfpush media drop cards/match.png

    \b
    Exit codes: 0 forgotten, 3 there was nothing of that name, 4 the database did not do what was asked.
    """
    configure_logs("warning", "auto")
    settings = load_settings()

    def forget(tx: Transaction, wall: datetime) -> list[str]:
        items = [kept.item for kept in shelf.listed(tx, wall) if name in _names(kept)]
        return [item.filename for item in items if shelf.forget(tx, item.key)]

    async def run() -> tuple[list[str], datetime]:
        async with acting(settings) as hands:
            return await hands.own.exclusive(lambda tx: forget(tx, hands.wall())), hands.now()

    forgotten, now = asyncio.run(run())
    teller = _teller(settings, lang, now)
    if as_json:
        click.echo(json.dumps({"forgotten": forgotten}, ensure_ascii=False))
    elif forgotten:
        show([Said(teller.say(telling.DROPPED, file=file), Tone.GOOD) for file in forgotten])
    else:
        show([Said(teller.say(telling.NOT_KNOWN, name=name), Tone.WAIT)])
    if not forgotten:
        sys.exit(NOT_DONE)


def _names(kept: shelf.Kept) -> tuple[str | None, ...]:
    return kept.item.filename, kept.media_id, kept.item.sha256


def _teller(settings: Settings, lang: str | None, now: datetime) -> Teller:
    language = cast("Language", lang) if lang else language_of(os.environ)
    return Teller(language, settings.user_timezone, now)
