"""``kfpush pause``."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import datetime
from typing import Final, cast
from zoneinfo import ZoneInfo

import click

from consumer import audit, pauses, windows
from consumer.audit import Act
from consumer.ledger import pushes
from consumer.pauses import Wish
from ops.acting import Hands, acting, author_of
from ops.cli.showing import show
from ops.cli.working import instant, span, tells
from ops.environment import load_settings
from ops.logs import configure_logs
from ops.looking.journey import as_json as plain
from ops.telling.pauses import Paused, told_pause
from ops.telling.said import Teller
from ops.telling.sentences import Language, language_of
from schemas.database import Transaction
from schemas.kf_kinds import Kind
from schemas.states import PauseScope
from schemas.times import to_text

SCOPES: Final = {
    "all": PauseScope.CORP,
    "account": PauseScope.ACCOUNT,
    "kind": PauseScope.KIND,
    "msgtype": PauseScope.MSGTYPE,
}
"""What people call the scopes."""

CARDS: Final = tuple(str(kind) for kind in Kind if kind is not Kind.TEXT)
"""Types of message that can go as plain text instead."""


@click.command("pause")
@click.argument("scope", type=click.Choice(list(SCOPES)))
@click.argument("target", default="")
@click.option("--reason", "note", required=True, metavar="TEXT", help="Why; told by status and explain.")
@click.option("--until", metavar="WHEN", help="When it ends by itself: an ISO time.")
@click.option("--for", "span_", metavar="SPAN", help="The same as a span from now: 30min, 2h, 1d.")
@click.option("--author", metavar="NAME", help="Who does this; else the user who logged in.")
@tells
def command(
    scope: str,
    target: str,
    *,
    note: str,
    until: str | None,
    span_: str | None,
    author: str | None,
    lang: str | None,
    as_json: bool,
) -> None:
    r"""Pause sending: all of it, that of the KF account TARGET, or that of the kind TARGET.

    A type of message (msgtype TARGET: miniprogram, link ...) that is paused goes as plain text meanwhile.

    Nothing new leaves and nothing is tried again; what is on its way to WeChat arrives.  Matches wait, and
    go on when the pause ends: at --until, after --for, or by `kfpush resume`.  Repeatable: pausing the same
    again changes the reason and the end.

    \b
    Examples:
      kfpush pause all --reason "new template under review" --for 2h
      kfpush pause account wkAbCdEf --reason "account is being moved"
      kfpush pause kind match --reason "no matches on the holiday" --until 2026-10-02T08:00

    \b
    Exit codes: 0 paused, 2 wrong usage, 4 the database did not do what was asked.
    """
    if until and span_:
        raise click.UsageError("Give --until or --for, not both.")
    if not note.strip():
        raise click.UsageError("--reason must say why.")
    scope_ = checked(scope, target)
    configure_logs("warning", "auto")
    settings = load_settings()
    who = author_of(author)

    async def run() -> tuple[Paused, datetime]:
        async with acting(settings) as hands:
            now = hands.now()
            end = _end(hands, until, span_, now)
            wish = Wish(scope_, target, who, note.strip(), end)
            return await hands.own.exclusive(lambda tx: _pause(tx, wish, now)), now

    paused, now = asyncio.run(run())
    language = cast("Language", lang) if lang else language_of(os.environ)
    if as_json:
        click.echo(json.dumps(plain(paused), ensure_ascii=False))
    else:
        show(told_pause(paused, Teller(language, settings.user_timezone, now)))


def checked(scope: str, target: str) -> PauseScope:
    """Tell the scope that was meant.

    Raises:
        UsageError: the target is missing, or is none.

    """
    if scope == "all" and target:
        raise click.UsageError("`all` takes no target.")
    if scope == "account" and not target:
        raise click.UsageError("Say which KF account: account OPEN_KFID.")
    if scope == "kind" and target not in pushes.KINDS:
        raise click.UsageError(f"Say which kind: kind {'|'.join(pushes.KINDS)}.")
    if scope == "msgtype" and target not in CARDS:
        raise click.UsageError(f"Say which type of message: msgtype {'|'.join(CARDS)}.")
    return SCOPES[scope]


def _end(hands: Hands, until: str | None, span_: str | None, now: datetime) -> datetime | None:
    if span_:
        return now + span(span_)
    if not until:
        return None
    end = instant(until, ZoneInfo(hands.settings.user_timezone), now)
    if end <= now:
        raise click.BadParameter(
            f"{to_text(end)} is past (it is {to_text(now)}); --for 2h is two hours from now"
        )
    return end


def _pause(tx: Transaction, wish: Wish, now: datetime) -> Paused:
    is_changed = pauses.hold(tx, wish, now)
    if is_changed:
        detail = {"scope": wish.scope, "target": wish.target, "until": wish.until and to_text(wish.until)}
        audit.note(tx, Act(wish.author, "pause", wish.note, detail), 1, now)
    is_known = wish.scope is not PauseScope.ACCOUNT or windows.is_account(tx, wish.target)
    return Paused(wish.scope, wish.target, wish.author, wish.note, wish.until, is_changed, is_known)
