"""Who comes in for the first time is welcomed once, in time, or not at all."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import pytest

from consumer.replies.welcome import MOST_WAITING, Welcomer
from consumer.wechat.calls import Calls
from consumer.wechat.port import Reply, TransportFailure
from consumer.world import World
from tests.unit.kf_fakes import Clock, FakeTransport, let_others_run, process, said
from tests.unit.people_at_noon import NOON


@asynccontextmanager
async def working(
    transport: FakeTransport, text: str = "欢迎", now: datetime = NOON
) -> AsyncIterator[Welcomer]:
    """The room at work."""
    world = World(lambda: now, lambda: now, lambda: 0.5)
    welcomer = Welcomer(Calls(transport, process(transport, Clock())), text, "home", world=world)
    task = asyncio.create_task(welcomer.run())
    try:
        yield welcomer
        await let_others_run()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_welcome_is_one_call() -> None:
    """With the code, the operator's text, and a msgid that WeChat takes."""
    transport = FakeTransport(answers=[said(0, msgid="x")])

    async with working(transport) as welcomer:
        welcomer.offer("CODE", NOON - timedelta(seconds=3))

    [(path, query, body)] = transport.posted
    told = json.loads(body)
    assert (path, query) == ("/cgi-bin/kf/send_msg_on_event", {"access_token": "T1"})
    assert {**told, "msgid": len(told["msgid"])} == {
        "code": "CODE",
        "msgid": 32,
        "msgtype": "text",
        "text": {"content": "欢迎"},
    }


@pytest.mark.parametrize(
    "answer",
    [TransportFailure("timed out"), Reply(502, b""), said(95016), Reply(200, b"<html>")],
)
async def test_whatever_comes_of_it_it_is_not_said_twice(answer: Reply | TransportFailure) -> None:
    """A lost answer may have been a welcome; the next who comes in is welcomed all the same."""
    transport = FakeTransport(answers=[answer, said(0)])

    async with working(transport) as welcomer:
        welcomer.offer("CODE1", NOON)
        await let_others_run()
        welcomer.offer("CODE2", NOON)

    assert [json.loads(body)["code"] for _, _, body in transport.posted] == ["CODE1", "CODE2"]


async def test_after_twenty_seconds_there_is_none() -> None:
    """WeChat takes it no more."""
    transport = FakeTransport()

    async with working(transport) as welcomer:
        welcomer.offer("CODE", NOON - timedelta(seconds=20))

    assert transport.posted == []


async def test_nobody_is_welcomed_with_nothing() -> None:
    """No text, no call."""
    transport = FakeTransport()

    async with working(transport, text="") as welcomer:
        welcomer.offer("CODE", NOON)

    assert transport.posted == []


async def test_a_crowd_costs_no_memory() -> None:
    """Beyond what could be said in time, nothing is kept."""
    world = World(lambda: NOON, lambda: NOON, lambda: 0.5)
    transport = FakeTransport()
    welcomer = Welcomer(Calls(transport, process(transport, Clock())), "欢迎", "home", world=world)

    for n in range(MOST_WAITING + 100):
        welcomer.offer(f"CODE{n}", NOON)

    assert welcomer.waiting == MOST_WAITING
