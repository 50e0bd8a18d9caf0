"""Constructs what reads KF accounts, for the composition root."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from consumer.inbound import stops
from consumer.inbound.effects import Rules
from consumer.inbound.pull import Pull
from consumer.inbound.puller import Puller
from consumer.inbound.replies import Hosted, Moment, Replies
from consumer.replies import reading
from consumer.replies.asked import Asked, Resume, Stop
from consumer.wechat.calls import Calls
from consumer.wechat.syncing import Syncing
from consumer.world import World
from schemas.database import Database, Transaction
from schemas.settings import Settings


def puller_of(
    app: Database,
    own: Database,
    calls: Calls,
    settings: Settings,
    *,
    world: World,
    holder: str,
    on_woken: Callable[[], None],
) -> Puller:
    """Construct the room; ``holder`` names installation and consumer, to which this process adds its own."""
    pull = Pull(
        app,
        own,
        Syncing(calls),
        replies(),
        rules=Rules(settings.menu_click_reopens),
        zone=ZoneInfo(settings.host_timezone),
        world=world,
    )
    # Names of consumers are of one data folder; two of those may share a ledger.
    holder = f"{holder}/{uuid.uuid4().hex[:8]}"
    return Puller(app, own, pull, holder=holder, world=world, on_woken=on_woken)


def replies() -> Replies:
    """Construct what is done about words: who wants to hear nothing more, or again, is obeyed."""

    def obey(tx: Transaction, asked: Sequence[Asked], _: Hosted, moment: Moment) -> Sequence[int | None]:
        for item in asked:
            if isinstance(item.command, Stop | Resume):
                people = {item.person, item.recipient.external_userid}
                stops.choose(tx, item.user_ids, people, moment.now, stop=isinstance(item.command, Stop))
        return [None] * len(asked)

    return Replies(reading.read, lambda *_: frozenset(), obey, lambda _: None)
