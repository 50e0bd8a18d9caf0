"""Sends one message to one user: reserved, tried and settled by the very code that sends matches."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from consumer import audit, host, messages
from consumer.audit import Act
from consumer.bodies import needs_of
from consumer.book import opened as opened_book
from consumer.gather import read_host
from consumer.ledger.pushes import Attempt
from consumer.media import shelf
from consumer.media.folder import Folder, Problem
from consumer.media.shelf import Item
from consumer.messages import Card, Message, Moment
from consumer.outlook import Outlook
from consumer.send import Report, Sender
from consumer.settle import Moment as Settling
from consumer.settle import Runs, settle
from consumer.sources import in_force
from consumer.templates import match_values
from ops.looking.examples import TYPICAL
from ops.wiring import House, kf_client_of, rules_of
from schemas.database import Transaction
from schemas.errors import ConfigurationError, StorageError
from schemas.receipts import Receipt

HOLDER: Final = "send-test"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """What WeChat answered, or that it did not."""

    attempt: Attempt
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class SentBefore:
    """A message with this key was reserved before; nothing was sent."""


async def card_of(house: House, kind: str) -> Card:
    """Make the card of the template in force of this kind, filled with an invented match.

    Raises:
        ConfigurationError: there is none, it cannot be read, or a file of it is not with WeChat.

    """
    rows = await house.app.read(host.templates)
    found = opened_book(in_force(rows, kind).single)
    worded = found.ready.get("")
    if worded is None or worded.wording.kind != kind:
        why = found.complaints[0] if found.complaints else "write one, or switch it on"
        raise ConfigurationError(f"no template of template_type {kind!r} is in force: {why}")
    needs = [*needs_of(kind, worded.wording.config)]
    files = await asyncio.to_thread(Folder(Path(house.settings.media_folder)).look, needs)
    for item in files.values():
        if isinstance(item, Problem):
            raise ConfigurationError(item.text)
    keys = {need: item.key for need, item in files.items() if isinstance(item, Item)}
    ready = await house.own.read(lambda tx: shelf.ready(tx, keys.values(), house.world.now()))
    for need, key in keys.items():
        if key not in ready:
            put = f"kfpush media put {need.path} --type {need.kind}"
            raise ConfigurationError(f"{need.path} is not with WeChat yet: {put}")
    media = {need: ready[key] for need, key in keys.items()}
    return Card(worded.wording, match_values(TYPICAL, 1), media)


async def send_test(house: House, message: Message, act: Act | None) -> Sent | SentBefore | Outlook:
    """Send a message, or tell what keeps it from going; ``act`` None only looks.

    Raises:
        StorageError: nothing was sent.

    """
    rules = rules_of(house.settings)
    inputs = await house.app.read(lambda tx: read_host(tx, [message.user_id], []))
    now = house.world.now()
    if act is None:
        return await house.own.read(lambda tx: messages.look(tx, inputs, message, rules, now))
    moment = Moment(now, HOLDER, house.world.wall() + rules.push_lease)

    def reserve(tx: Transaction) -> Attempt | Outlook | None:
        reserved = messages.reserve(tx, inputs, message, rules, house.installation, moment)
        if isinstance(reserved, Attempt):
            audit.note(tx, act, 1, now)
        return reserved

    reserved = await house.own.exclusive(reserve)
    if reserved is None:
        return SentBefore()
    if isinstance(reserved, Outlook):
        return reserved
    report = await _try(house, reserved, rules.send_timeout)
    await _settle(house, report, rules.send_timeout)
    return Sent(reserved, report.receipt)


async def _try(house: House, attempt: Attempt, send_timeout: timedelta) -> Report:
    """Make the attempt as a consumer does: not too late, and never retried here."""
    reports: asyncio.Queue[Report] = asyncio.Queue()
    sender = Sender(
        kf_client_of(house),
        reports,
        concurrency=1,
        send_timeout=send_timeout,
        world=house.world,
        on_free=lambda: None,
    )
    sending = asyncio.create_task(sender.run())
    try:
        sender.take(attempt)
        return await reports.get()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _settle(house: House, report: Report, send_timeout: timedelta) -> None:
    """Write down what came of it; if that is not to be had, a consumer offers the same bytes again."""
    world, failures = house.world, 0
    while True:
        moment = Settling(world.now(), world.wall(), world.dice(), send_timeout)
        try:
            await house.own.exclusive(lambda tx: settle(tx, [report], Runs(), moment))  # noqa: B023 - run at once
        except StorageError as error:
            failures += 1
            log.error("settle.storage", error=str(error), failures=failures)  # noqa: TRY400 - expected
            await asyncio.sleep(world.back_off(failures))
        else:
            return
