"""``kfpush user``: show, set."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import cast

import click

from consumer import preferences
from consumer.audit import Act
from ops.acting import acting, author_of
from ops.cli.showing import show
from ops.cli.working import tells
from ops.environment import load_settings
from ops.logs import configure_logs
from ops.looking.journey import as_json as plain
from ops.looking.lookout import looking
from ops.looking.standing import UserStanding
from ops.looking.user import user_standing
from ops.telling import habits as drawn
from ops.telling import user as telling
from ops.telling.said import Said, Teller
from ops.telling.sentences import Language, language_of
from ops.wishes import set_wishes
from schemas.errors import UnreadablePreference

NOT_KNOWN = 3


@click.group("user")
def command() -> None:
    r"""Look at what decides about one user's messages, or set what the application has no column for.

    \b
    Examples:
      kfpush user show USER_ID
      kfpush user set USER_ID --timezone Europe/Berlin
      kfpush user set USER_ID --stop --why "asked by telephone"
    """


@command.command("show")
@click.argument("user_id")
@click.option("--svg", metavar="FILE", type=click.Path(dir_okay=False), help="Draw the hours into FILE too.")
@tells
def show_(user_id: str, *, svg: str | None, lang: str | None, as_json: bool) -> None:
    r"""Tell what the user USER_ID wishes, how it was read, their windows, when they speak, and what waits.

    A preference that cannot be understood is named, with what would be accepted.  Nothing is changed.

    \b
    Examples:
      kfpush user show wmAbCdEf
      kfpush user show wmAbCdEf --svg hours.svg
      kfpush user show wmAbCdEf --json | jq '.prospect.conversations[] | {open_kfid, left, closes_at}'

    \b
    Exit codes: 0 told, 3 nothing is known of this user, 4 a database does not answer.
    """
    configure_logs("warning", "auto")
    settings = load_settings()

    async def look() -> UserStanding:
        async with looking(settings) as out:
            return await user_standing(out, user_id)

    standing = asyncio.run(look())
    teller = Teller(_language(lang), standing.timezone, standing.now)
    if svg is not None and standing.habits is not None:
        _draw(svg, drawn.svg(standing.habits, teller))
    if as_json:
        told = {"is_known": standing.is_known, **cast("dict[str, object]", plain(standing))}
        click.echo(json.dumps(told, ensure_ascii=False, default=str))
    else:
        show(telling.told(standing, teller))
    if not standing.is_known:
        sys.exit(NOT_KNOWN)


@command.command("set")
@click.argument("user_id")
@click.option("--timezone", metavar="ZONE", help="IANA name, Asia/Shanghai; empty: KFPUSH_USER_TIMEZONE.")
@click.option("--stop/--no-stop", default=None, help="Send this user nothing at all, or send again.")
@click.option("--locale", metavar="LOCALE", help="zh-CN, en ...; empty: none.")
@click.option("--summary", metavar="HH:MM", help="Daily summary at this hour, or off; empty: KFPUSH_SUMMARY.")
@click.option("--why", metavar="TEXT", help="Why; kept in the audit.")
@click.option("--author", metavar="NAME", help="Who does this; else the user who logged in.")
@tells
def set_(
    user_id: str,
    *,
    timezone: str | None,
    stop: bool | None,
    locale: str | None,
    summary: str | None,
    why: str | None,
    author: str | None,
    lang: str | None,
    as_json: bool,
) -> None:
    r"""Set what kfpush itself keeps for the user USER_ID: time zone, stop, locale, daily summary.

    What waits for the user is decided anew at once.  Everything else (enable_push, daily_limit, quiet_hours,
    min_score, batch_mode, preferred_time) is the application's: change user_push_preferences there.

    \b
    Examples:
      kfpush user set wmAbCdEf --timezone Europe/Berlin
      kfpush user set wmAbCdEf --stop --why "asked by telephone"
      kfpush user set wmAbCdEf --timezone ""
      kfpush user set wmAbCdEf --summary 20:00

    \b
    Exit codes: 0 set, or was so already; 2 a value that cannot be used; 4 the database did not do it.
    """
    given = {"timezone": timezone, "stop": stop, "locale": locale, "summary": summary}
    if all(value is None for value in given.values()):
        raise click.UsageError("Say what to set: --timezone, --stop, --no-stop, --locale or --summary.")
    try:
        wishes = {
            column: preferences.checked(column, value) for column, value in given.items() if value is not None
        }
    except UnreadablePreference as error:
        raise click.UsageError(str(error)) from None
    configure_logs("warning", "auto")
    settings = load_settings()
    act = Act(author_of(author), "user set", why, {"user_id": user_id, **wishes})

    async def work() -> bool:
        async with acting(settings) as hands:
            return await set_wishes(hands, user_id, wishes, act)

    is_changed = asyncio.run(work())
    if as_json:
        click.echo(json.dumps({"user_id": user_id, **wishes, "changed": is_changed}, ensure_ascii=False))
        return
    language = _language(lang)
    said = [Said((telling.CHANGED if is_changed else telling.UNCHANGED).say(language))]
    if is_changed and stop is False:
        said.append(Said(telling.STAYS_DROPPED.say(language)))
    show(said)


def _draw(path: str, picture: str) -> None:
    try:
        Path(path).write_text(picture, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"--svg {path}: {error.strerror}") from None


def _language(lang: str | None) -> Language:
    return cast("Language", lang) if lang else language_of(os.environ)
