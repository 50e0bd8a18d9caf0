"""Sends one message to one user: reserved, tried and settled by the very code that sends matches."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from consumer import audit, messages
from consumer.audit import Act
from consumer.gather import read_host
from consumer.ledger.pushes import Attempt
from consumer.messages import Message, Moment
from consumer.outlook import Outlook
from consumer.send import Report, Sender
from consumer.settle import Moment as Settling
from consumer.settle import Runs, settle
from ops.wiring import House, kf_client_of, rules_of
from schemas.database import Transaction
from schemas.errors import StorageError
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
