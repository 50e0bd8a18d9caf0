"""Constructs what reads KF accounts and what is done about what they say, for the composition root."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from consumer.gather import Rules as JudgingRules
from consumer.inbound.effects import Rules
from consumer.inbound.pull import Pull
from consumer.inbound.puller import Puller
from consumer.inbound.replies import Entered, Hosted, Moment, Replies
from consumer.ledger.forwards import Word, queue
from consumer.replies import answering, reading, wishes
from consumer.replies.answering import Answered, Ending
from consumer.replies.asked import Asked
from consumer.replies.forwarding import AT_ONCE, Forwarder, Target
from consumer.wechat.calls import Calls
from consumer.wechat.states import States
from consumer.wechat.syncing import Syncing
from consumer.wechat.transport import HttpTransport
from consumer.world import World
from schemas.database import Database, Transaction
from schemas.settings import Settings

LEASE_MARGIN: Final = timedelta(seconds=6)
"""For the access token, and for databases that are slow."""


def puller_of(
    app: Database,
    own: Database,
    calls: Calls,
    settings: Settings,
    *,
    judging: JudgingRules,
    world: World,
    installation: str,
    consumer: str,
    welcome: Callable[[Entered], None],
    on_woken: Callable[[], None],
) -> Puller:
    """Construct the room."""
    pull = Pull(
        app,
        own,
        Syncing(calls),
        replies_of(judging, installation, forwards=bool(settings.forward_url), welcome=welcome),
        States(calls).of,
        rules=Rules(settings.menu_click_reopens, timedelta(minutes=settings.reply_counts_minutes)),
        zone=ZoneInfo(settings.host_timezone),
        world=world,
    )
    # The names of consumers are of one data folder; two of those may share a ledger.
    holder = f"{installation}/{consumer}/{uuid.uuid4().hex[:8]}"
    # A page is asked for three times at most: with a token, without, and from the start.
    lease = timedelta(seconds=3 * settings.send_timeout) + LEASE_MARGIN
    return Puller(app, own, pull, holder=holder, lease=lease, world=world, on_woken=on_woken)


def replies_of(
    rules: JudgingRules,
    installation: str,
    *,
    forwards: bool = False,
    welcome: Callable[[Entered], None] = lambda _: None,
) -> Replies:
    """Construct what is done about words: they are read, their wishes stored, their askings answered.

    ``forwards`` says whether the application wants to hear the others.
    """

    def answer(tx: Transaction, asked: Sequence[Asked], hosted: Hosted, moment: Moment) -> Sequence[Answered]:
        if hosted.inputs is None:
            endings = [Answered(Ending.HOST)] * len(asked)
        else:
            context = answering.Context(
                hosted.inputs, rules, installation, moment.now, moment.wall, hosted.refused
            )
            endings = answering.answer(tx, asked, context)
        if forwards:
            theirs = zip(asked, endings, strict=True)
            queue(tx, [_word(item) for item, one in theirs if one.ending is Ending.HOST], moment.wall)
        return endings

    return Replies(reading.read, wishes.apply, answer, welcome)


def _word(item: Asked) -> Word:
    recipient = item.recipient
    return Word(
        recipient.open_kfid,
        item.inbound_key,
        recipient.external_userid,
        item.user_ids,
        item.spoken_at,
        item.item,
    )


@asynccontextmanager
async def forwarder_of(own: Database, settings: Settings, world: World) -> AsyncIterator[Forwarder | None]:
    """Open the way to the application, if it wants to hear what users say."""
    if not settings.forward_url:
        yield None
        return
    parts = urlsplit(settings.forward_url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    async with HttpTransport(
        f"{parts.scheme}://{parts.netloc}",
        connect_timeout=timedelta(seconds=settings.connect_timeout),
        total_timeout=timedelta(seconds=settings.send_timeout),
        max_connections=AT_ONCE,
    ) as transport:
        secret = settings.forward_secret.get_secret_value().encode()
        yield Forwarder(own, transport, Target(path, secret), world=world)
