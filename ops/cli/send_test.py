"""``kfpush send-test``."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from dataclasses import replace
from datetime import datetime
from typing import Final, cast

import click

from consumer.audit import Act
from consumer.messages import Message
from consumer.outlook import Outlook
from ops.acting import author_of
from ops.cli.showing import show
from ops.cli.working import SOME_WERE_LEFT, acts, talk, tells
from ops.environment import load_settings
from ops.logs import configure_logs
from ops.looking.journey import as_json as plain
from ops.looking.prospects import prospect_of
from ops.send_test import Sent, SentBefore, card_of, send_test
from ops.telling import send_test as telling
from ops.telling.said import Said, Teller
from ops.telling.sentences import Language, language_of
from ops.wiring import opened
from schemas.kf import TEXT_BYTES, text_size
from schemas.kf_kinds import Kind
from schemas.receipts import Accepted, Unknown
from schemas.settings import Settings

UNKNOWN: Final = 1
TEXT: Final = "kfpush：这是一条测试消息。"
"""What is sent unless --text says otherwise; it tells the reader that nothing is expected of them."""


@click.command("send-test")
@click.argument("user_id")
@click.option("--text", default=TEXT, show_default=True, help="What it says.")
@click.option(
    "--kind",
    type=click.Choice([str(kind) for kind in Kind if kind is not Kind.TEXT]),
    help="In place of the text the template in force of this kind, made of an invented match.",
)
@click.option("--key", metavar="TEXT", help="The same key is sent once; else every run is another message.")
@click.option("--keep-quiet-hours", "keeps_quiet", is_flag=True, help="Not in the user's quiet hours.")
@acts
@tells
def command(
    user_id: str,
    *,
    text: str,
    kind: str | None,
    key: str | None,
    keeps_quiet: bool,
    yes: bool,
    why: str | None,
    author: str | None,
    lang: str | None,
    as_json: bool,
) -> None:
    r"""Send one test message to the user USER_ID, by the same rules and the same code as any match.

    Only tells what would happen, unless --yes is given.  It needs an open window and takes one of its five
    messages; a stop, a human servicer and pauses hold it, quiet hours only if asked, limits never.  It needs
    no running consumer.

    \b
    Examples:
      kfpush send-test wmAbCdEf
      kfpush send-test wmAbCdEf --yes --why "new secret"
      kfpush send-test wmAbCdEf --kind miniprogram --yes
      kfpush send-test wmAbCdEf --text "测试" --key release-42 --yes

    \b
    Exit codes:
      0  WeChat accepted it; or told that it would go
      1  WeChat gave no usable answer: it may have the message
      2  wrong usage
      3  it was not sent: the rules, or WeChat, do not let it; why is told
      4  the database did not do what was asked
      5  Redis, or a server, is away
    """
    if not 0 < text_size(text) <= TEXT_BYTES or not text.strip():
        raise click.UsageError(f"--text must be 1 to {TEXT_BYTES} bytes of UTF-8.")
    configure_logs("error", "auto")
    settings = load_settings()
    message = Message(user_id, text, key or secrets.token_hex(8), keeps_quiet)
    # What it says may name people: the audit keeps that it was sent, the push keeps its words.
    act = Act(author_of(author), "send-test", why, {"user_id": user_id}) if yes else None
    found, now = asyncio.run(_send(settings, message, kind, act))
    teller = Teller(cast("Language", lang) if lang else language_of(os.environ), settings.user_timezone, now)
    said, told, code = _tell(found, user_id, now, teller)
    if as_json:
        click.echo(json.dumps({"dry_run": not yes, **told}, ensure_ascii=False))
    else:
        show(said)
    if isinstance(found, Outlook) and not yes and code == 0:
        talk("Nothing was sent; --yes sends it.")
    sys.exit(code)


async def _send(
    settings: Settings, message: Message, kind: str | None, act: Act | None
) -> tuple[Sent | SentBefore | Outlook, datetime]:
    async with opened(settings) as house:
        if kind is not None:
            message = replace(message, card=await card_of(house, kind))
        return await send_test(house, message, act), house.world.now()


def _tell(
    found: Sent | SentBefore | Outlook, user_id: str, now: datetime, teller: Teller
) -> tuple[list[Said], dict[str, object], int]:
    """Say what came of it, for people and for scripts, with the exit code."""
    if isinstance(found, SentBefore):
        return [Said(teller.say(telling.BEFORE))], {"outcome": "sent_before"}, SOME_WERE_LEFT
    if isinstance(found, Outlook):
        prospect = prospect_of(found, user_id, None, None, now)
        goes = prospect.decision == "send"
        held: dict[str, object] = {"outcome": "would_go" if goes else "held", "prospect": plain(prospect)}
        return telling.told_outlook(prospect, now, teller), held, 0 if goes else SOME_WERE_LEFT
    attempt, receipt = found.attempt, found.receipt
    account = attempt.letter.recipient.open_kfid
    told: dict[str, object] = {
        "outcome": type(receipt).__name__.lower(),
        "push_id": attempt.push_id,
        "msgid": attempt.letter.msgid,
        "open_kfid": account,
        "errcode": getattr(receipt, "code", None),
        "cause": getattr(receipt, "cause", None),
    }
    code = 0 if isinstance(receipt, Accepted) else UNKNOWN if isinstance(receipt, Unknown) else SOME_WERE_LEFT
    return telling.told_receipt(attempt.push_id, account, receipt, teller), told, code
