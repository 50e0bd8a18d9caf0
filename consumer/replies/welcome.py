"""Welcoming: who opens the conversation for the first time is told something, once, within 20 seconds.

A welcome_code is good for one message and for 20 seconds from the event (WeChat: kf/send_msg_on_event).  What
is to be said is kept in memory only, and said after the event was noted for good: a crash between the two
costs a welcome, never makes a second.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

import structlog

from consumer.compose import msgid_of
from consumer.wechat.calls import Calls, NoAnswer
from consumer.world import World
from schemas.kf import encode, read_answer

SEND_MSG_ON_EVENT: Final = "/cgi-bin/kf/send_msg_on_event"
GOOD_FOR: Final = timedelta(seconds=20)
MOST_WAITING: Final = 200
AT_ONCE: Final = 8

log = structlog.get_logger(__name__)


class Welcomer:
    """The room; an empty text welcomes nobody."""

    def __init__(self, calls: Calls, text: str, installation: str, *, world: World) -> None:
        self._calls = calls
        self._text = text
        self._installation = installation
        self._world = world
        self._queue: asyncio.Queue[tuple[str, datetime]] = asyncio.Queue(MOST_WAITING)

    @property
    def waiting(self) -> int:
        """How many have not been welcomed yet."""
        return self._queue.qsize()

    def offer(self, code: str, at: datetime) -> None:
        """Somebody came in at this instant; with too many in front there is no welcome."""
        if self._text and not self._queue.full():
            self._queue.put_nowait((code, at))

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as pool:
            for _ in range(AT_ONCE):
                pool.create_task(self._work())

    async def _work(self) -> None:
        while True:
            code, at = await self._queue.get()
            try:
                await self._welcome(code, at)
            except Exception:  # one welcome must not be the last
                log.exception("welcome.broke")

    async def _welcome(self, code: str, at: datetime) -> None:
        if self._world.now() - at >= GOOD_FOR:
            log.info("welcome.too_late")
            return
        # A msgid too, so that WeChat itself knows a second call from the first.
        msgid = msgid_of(self._installation, "welcome", [code])
        text = {"content": self._text}
        said = {"code": code, "msgid": msgid, "msgtype": "text", "text": text}
        try:
            answer = await self._calls.post(SEND_MSG_ON_EVENT, encode(said), read_answer)
        except NoAnswer as error:
            log.warning("welcome.unknown", cause=error.cause, errcode=error.errcode)
            return
        if answer.errcode in {None, 0}:
            log.info("welcome.sent")
        else:
            log.warning("welcome.refused", errcode=answer.errcode)
