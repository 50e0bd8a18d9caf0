"""Constructs what reads KF accounts, for the composition root."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from consumer.gather import Rules as JudgingRules
from consumer.inbound.effects import Rules
from consumer.inbound.pull import Pull
from consumer.inbound.puller import Puller
from consumer.inbound.replies import Hosted, Moment, Replies
from consumer.replies import answering, reading, wishes
from consumer.replies.asked import Asked
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
    judging: JudgingRules,
    world: World,
    installation: str,
    consumer: str,
    on_woken: Callable[[], None],
) -> Puller:
    """Construct the room."""
    pull = Pull(
        app,
        own,
        Syncing(calls),
        replies_of(judging, installation),
        rules=Rules(settings.menu_click_reopens),
        zone=ZoneInfo(settings.host_timezone),
        world=world,
    )
    # The names of consumers are of one data folder; two of those may share a ledger.
    holder = f"{installation}/{consumer}/{uuid.uuid4().hex[:8]}"
    return Puller(app, own, pull, holder=holder, world=world, on_woken=on_woken)


def replies_of(rules: JudgingRules, installation: str) -> Replies:
    """Construct what is done about words: they are read, their wishes stored, their askings answered."""

    def answer(
        tx: Transaction, asked: Sequence[Asked], hosted: Hosted, moment: Moment
    ) -> Sequence[int | None]:
        if hosted.inputs is None:
            return [None] * len(asked)  # all of it belongs to the application
        context = answering.Context(
            hosted.inputs, rules, installation, moment.now, moment.wall, hosted.refused
        )
        return [one.push_id for one in answering.answer(tx, asked, context)]

    return Replies(reading.read, wishes.apply, answer, lambda _: None)
