"""How long WeChat waits for an answer to its callback, beside a route that does nothing."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from consumer.daemon import consume
from ops.bench import caller, loops
from ops.bench.apart import Line, Usage, apart
from ops.bench.caller import ACCOUNTS, AES_KEY, TOKEN, Called
from ops.bench.figures import Measured, Reach, Table, percentile
from ops.bench.house import House
from ops.bench.idle import shut_redis_down
from ops.bench.job import Job, wait_until
from ops.bench.stub import stub
from ops.logs import configure_logs
from ops.serving import listening, receive, serve
from ops.up.answering import answer
from ops.wiring import consumer_rooms, opened, receiving
from producer.callback.app import PATHS
from schemas.settings import Settings

A_SECOND: Final = 200
P99_MS: Final = 50.0
LOCKED: Final = 3.0
UNLOCKED: Final = 2.0
"""Seconds for which another program holds the write lock, and leaves it."""

DRAINED_A_SECOND: Final = 2000
"""More than a consumer sends here, so that it is busy to the end."""

WRITTEN_WITHIN: Final = 15.0

Server = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Seen:
    """One way in one situation."""

    what: str
    way: str
    called: Called
    usage: Usage
    written: str

    @property
    def p99(self) -> float:
        """In milliseconds."""
        return percentile(sorted(self.called.took), 0.99) * 1000


async def bare(line: Line, settings: Settings) -> None:
    """Serve a route that takes the body and answers, on the same server; run by itself."""

    async def answer(request: Request) -> PlainTextResponse:
        await request.body()
        return PlainTextResponse("success")

    configure_logs(settings.log_level, settings.log_format)
    with listening(settings) as listener:
        await line.ready()
        await serve(Starlette(routes=[Route(PATHS[0], answer, methods=["POST"])]), listener, line.stop)


async def kfpush(line: Line, settings: Settings) -> None:
    """Serve as `kfpush serve` does."""
    configure_logs(settings.log_level, settings.log_format)
    with listening(settings) as listener:
        async with receiving(settings) as (callback, own):
            await line.ready()
            await receive(callback, listener, line.stop, own)


async def together(line: Line, settings: Settings) -> None:
    """Serve and consume in one process, as `kfpush up` does."""
    configure_logs(settings.log_level, settings.log_format)
    with listening(settings) as listener:
        async with opened(settings) as house, consumer_rooms(house) as rooms:
            await line.ready()
            await asyncio.gather(
                answer(settings, house.own, listener, line.stop, rooms.puller.nudge),
                consume(rooms, line.stop, drain_within=settings.send_timeout),
            )


def measure(job: Job) -> Measured:
    """Call 200 times a second, alone, beside a busy consumer, without Redis, and beside a lock."""
    seen = []
    with stub() as wechat:
        for what, way, server, situation in (
            ("alone", "bare route", bare, _nothing),
            ("alone", "kfpush serve", kfpush, _nothing),
            ("consumer busy", "bare route", bare, _busy),
            ("consumer busy", "kfpush serve", kfpush, _busy),
            ("consumer busy, the same process", "kfpush up", together, _backlog),
            ("Redis stopped", "kfpush serve", kfpush, _redis_stopped),
            ("database locked 3 s of 5", "kfpush serve", kfpush, _locked),
        ):
            job.say(f"callback: {way}, {what}, {job.seconds:g} s")
            with job.house(job.priors[0]) as house:
                seen.append(
                    _seen(what, way, server, situation, _listening_at(house.at(wechat.url)), job.seconds)
                )
    table = Table(
        f"{A_SECOND} callbacks a second for {job.seconds:g} s each, from when each was due to its answer",
        ("", "way", "p50 ms", "p99 ms", "max ms", "CPU us", "not 200", "notices written"),
        [_row(one) for one in seen],
    )
    reaches = [
        Reach(f"{one.way}, {one.what}, p99", one.p99, P99_MS, " ms", at_most=True)
        for one in seen
        if one.way == "kfpush serve"
    ]
    return Measured("callback", [table], reaches)


def _row(one: Seen) -> tuple[str | float, ...]:
    took = sorted(one.called.took)
    return (
        one.what,
        one.way,
        percentile(took, 0.5) * 1000,
        one.p99,
        took[-1] * 1000,
        one.usage.us_each(len(took)),
        one.called.failed,
        one.written,
    )


def _listening_at(house: House) -> House:
    """The same house, with a Token, a key and a port that is free just now."""
    with socket.create_server(("127.0.0.1", 0)) as trial:
        port = trial.getsockname()[1]
    told = Settings(
        corp_id=house.settings.corp_id,
        secret=house.settings.secret,
        token=TOKEN,
        aes_key=AES_KEY,
        http_port=port,
    )
    more = {"token": told.token, "aes_key": told.aes_key, "http_port": port}
    return House(house.folder, house.settings.model_copy(update=more))


def _seen(
    what: str,
    way: str,
    server: Server,
    situation: Callable[[House, float], AbstractContextManager[None]],
    house: House,
    seconds: float,
) -> Seen:
    settings = house.settings
    count = int(seconds * A_SECOND)
    with ExitStack() as stack:
        stack.enter_context(situation(house, seconds))
        child = stack.enter_context(apart(house.folder, server, settings))
        child.go()
        words = (settings.http_port, settings.corp_id, count, A_SECOND)
        calls = stack.enter_context(apart(house.folder, caller.calling, *words))
        calls.go()
        calls.wait(seconds + 30)
        usage = child.stop()
    called = calls.result
    assert isinstance(called, Called)  # noqa: S101 - what calling returns
    wait_until(lambda: _notices(house) == ACCOUNTS, 0 if server is bare else WRITTEN_WITHIN)
    return Seen(what, way, called, usage, "" if server is bare else f"{_notices(house)} of {ACCOUNTS}")


def _notices(house: House) -> int:
    with closing(house.own()) as connection:
        found = connection.execute("SELECT count(*) FROM kf_notices").fetchone()
    return int(found[0])


@contextmanager
def _nothing(_house: House, _seconds: float) -> Iterator[None]:
    yield


@contextmanager
def _backlog(house: House, seconds: float) -> Iterator[None]:
    """Have more to send than can be sent in the time."""
    count = int(seconds * DRAINED_A_SECOND)
    house.sweep_stream()
    house.settle_in("c", count)
    house.feed("c", count)
    yield


@contextmanager
def _busy(house: House, seconds: float) -> Iterator[None]:
    """Have a consumer send all that it can, in a process of its own."""
    with _backlog(house, seconds), apart(house.folder, loops.kfpush, house.settings) as consumer:
        consumer.go()
        yield
        consumer.stop()


@contextmanager
def _redis_stopped(house: House, _seconds: float) -> Iterator[None]:
    """Have a mirror and a consumer that look for a Redis that is gone."""
    with apart(house.folder, loops.everything, house.settings) as others:
        others.go()
        shut_redis_down(house)
        yield
        others.stop()


@contextmanager
def _locked(house: House, _seconds: float) -> Iterator[None]:
    """Have another program that holds the ledger's write lock most of the time."""
    over = threading.Event()

    def hold() -> None:
        with closing(house.own()) as connection:
            while not over.is_set():
                connection.execute("BEGIN IMMEDIATE")
                over.wait(LOCKED)
                connection.execute("ROLLBACK")
                over.wait(UNLOCKED)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        yield
    finally:
        over.set()
        holder.join()
