"""The consumer daemon: starts the rooms, drains them on request, hands over.  Decides nothing.

Stopping: intake and plan stop first; what has not left is freed, what has left is awaited and settled; then
the consumer leaves the group.  A drain that does not finish in time is cut and said so; the rows say the
rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from consumer.acks import Acks
from consumer.inbound.puller import Puller
from consumer.intake import Intake
from consumer.media.keeper import Keeper
from consumer.planning import Planning
from consumer.projection import Projection
from consumer.replies.forwarding import Forwarder
from consumer.replies.welcome import Welcomer
from consumer.send import Sender
from consumer.settling import Settler
from consumer.stream import GroupGone, Stream
from consumer.summarizer import Summarizer
from consumer.watch import HostWatch
from schemas.errors import RedisUnavailable

LEAVE_WITHIN: Final = 2.0
CANCEL_AGAIN_AFTER: Final = 0.5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rooms:
    """Everything one consumer runs, already constructed."""

    stream: Stream
    intake: Intake
    planning: Planning
    sender: Sender
    settler: Settler
    acks: Acks
    watch: HostWatch
    projection: Projection
    puller: Puller
    welcomer: Welcomer
    summarizer: Summarizer
    forwarder: Forwarder | None = None
    """None where the application does not want to hear what users say."""
    keeper: Keeper | None = None
    """None where every message is text."""


async def consume(rooms: Rooms, stop: asyncio.Event, *, drain_within: float) -> None:
    """Run until ``stop`` is set, then drain; a room that breaks ends the daemon with its error."""
    incoming = [
        asyncio.create_task(rooms.intake.run(), name="intake"),
        asyncio.create_task(rooms.planning.run(), name="plan"),
        asyncio.create_task(rooms.watch.run(), name="watch"),
        asyncio.create_task(rooms.puller.run(), name="pull"),
        asyncio.create_task(rooms.welcomer.run(), name="welcome"),
        asyncio.create_task(rooms.summarizer.run(), name="summary"),
    ]
    outgoing = [
        asyncio.create_task(rooms.sender.run(), name="send"),
        asyncio.create_task(rooms.settler.run(), name="settle"),
        asyncio.create_task(rooms.acks.run(), name="acks"),
        asyncio.create_task(rooms.projection.run(), name="projection"),
    ]
    if rooms.forwarder is not None:
        # What is being tried when it ends is tried again: it is at least once anyway.
        incoming.append(asyncio.create_task(rooms.forwarder.run(), name="forward"))
    if rooms.keeper is not None:
        # An upload that is cut is made again, by whoever comes after its lease.
        incoming.append(asyncio.create_task(rooms.keeper.run(), name="media"))
    stopping = asyncio.create_task(stop.wait(), name="stop")
    log.info("consume.started", consumer=rooms.stream.consumer)
    try:
        done, _ = await asyncio.wait({*incoming, *outgoing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await _cancel(incoming)
        await _drain(rooms, drain_within)
        for task in done - {stopping}:
            task.result()
    finally:
        await _cancel([*incoming, *outgoing, stopping])
    await _leave(rooms.stream)
    log.info("consume.stopped", consumer=rooms.stream.consumer)


async def _drain(rooms: Rooms, within: float) -> None:
    rooms.sender.drain()
    try:
        async with asyncio.timeout(within):
            await rooms.sender.idle()
            await rooms.settler.idle()
            await rooms.acks.idle()
            while await rooms.projection.project():
                pass
    except TimeoutError:
        log.warning(
            "consume.drain_cut", seconds=within, advice="what was in flight is tried again after its lease"
        )
    except Exception as error:  # noqa: BLE001 - nothing may keep a daemon from stopping; the rows say the rest
        log.warning("consume.drain_broke", error=str(error))


async def _leave(stream: Stream) -> None:
    try:
        async with asyncio.timeout(LEAVE_WITHIN):
            await stream.leave()
    except (TimeoutError, RedisUnavailable, GroupGone):
        log.info("consume.left_without_goodbye", consumer=stream.consumer)


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel until they have ended, not once.

    Python 3.11's wait_for, which redis-py writes with too, forgets a cancellation that comes together with
    what it waits for.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_AFTER)
