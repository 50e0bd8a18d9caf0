"""What is measured side by side: kfpush with all its rooms, a bare loop, and a plain one.

Each is the whole work of a process of its own (``apart``) and drains ``count`` entries from the stream.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import httpx
from pyreqwest.client import ClientBuilder
from pyreqwest.compatibility.httpx import HttpxTransport
from redis.asyncio import Redis

from consumer.daemon import consume
from ops.bench.apart import Line
from ops.bench.people import ACCOUNTS, phone_of
from ops.cli.running import settled_in
from ops.logs import configure_logs
from ops.wiring import consumer_rooms, mirror_of, opened
from schemas.keys import GROUP, Keys
from schemas.kf import SEND_MSG, encode, text_body
from schemas.settings import Settings

READ_AT_ONCE: Final = 200
_JSON: Final = {"content-type": "application/json"}


Loop = Callable[..., Awaitable[None]]


async def kfpush(line: Line, settings: Settings) -> None:
    """Measured as (a): the consumer as `kfpush consume` runs it, with all its bookkeeping and its log."""
    configure_logs(settings.log_level, settings.log_format)
    async with opened(settings) as house, consumer_rooms(house) as rooms:
        settled_in()
        await line.ready()
        await consume(rooms, line.stop, drain_within=settings.send_timeout)


async def everything(line: Line, settings: Settings, after: float = 0) -> None:
    """Run the mirror and a consumer in one process, as `kfpush up` does; measured ``after`` seconds."""
    configure_logs(settings.log_level, settings.log_format)
    async with opened(settings) as house, consumer_rooms(house) as rooms:
        settled_in()
        await line.ready()
        asyncio.get_running_loop().call_later(after, line.begin)
        await asyncio.gather(
            mirror_of(house).run(line.stop),
            consume(rooms, line.stop, drain_within=settings.send_timeout),
        )


async def mirror(line: Line, settings: Settings) -> None:
    """Run the mirror alone, as `kfpush mirror` does."""
    configure_logs(settings.log_level, settings.log_format)
    async with opened(settings) as house:
        settled_in()
        await line.ready()
        await mirror_of(house).run(line.stop)


async def bare(line: Line, settings: Settings, count: int, in_flight: int) -> None:
    """Measured as (b): on the fastest transport tried, read, post and ack, and nothing else."""
    key, consumer = Keys(settings.namespace).matches, "bare"
    client = Redis.from_url(settings.redis_url)
    transport = HttpxTransport(ClientBuilder().no_proxy().build())
    target = httpx.URL(f"{settings.wechat_url}{SEND_MSG}?access_token=t")
    entries: asyncio.Queue[tuple[bytes, Mapping[bytes, bytes]]] = asyncio.Queue(READ_AT_ONCE)
    posted: list[bytes] = []

    async def post() -> None:
        while True:
            entry_id, fields = await entries.get()
            request = httpx.Request("POST", target, content=_letter(fields), headers=_JSON)
            response = await transport.handle_async_request(request)
            answer = json.loads(await response.aread())
            await response.aclose()
            if answer["errcode"] == 0:
                posted.append(entry_id)
            entries.task_done()

    await client.xgroup_create(key, GROUP, id="0", mkstream=True)
    workers = [asyncio.create_task(post()) for _ in range(in_flight)]
    await line.ready()
    left = count
    while left > 0 and not line.stop.is_set():
        batch = await _read(client, key, consumer, READ_AT_ONCE)
        left -= len(batch)
        for entry in batch:
            await entries.put(entry)
        if posted:
            done, posted[:] = posted[:], []
            await client.xack(key, GROUP, *done)
    await entries.join()
    if posted:
        await client.xack(key, GROUP, *posted)
    line.measured()
    for worker in workers:
        worker.cancel()
    await client.aclose()
    await transport.aclose()


async def plain(line: Line, settings: Settings, count: int, in_flight: int) -> None:
    """Measured as (c): redis-py and stock httpx as their manuals show them, one event per task."""
    key, consumer = Keys(settings.namespace).matches, "plain"
    client = Redis.from_url(settings.redis_url)
    places = asyncio.Semaphore(in_flight)
    target = f"{settings.wechat_url}{SEND_MSG}"
    async with httpx.AsyncClient() as http, asyncio.TaskGroup() as tasks:

        async def handle(entry_id: bytes, fields: Mapping[bytes, bytes]) -> None:
            try:
                response = await http.post(
                    target, params={"access_token": "t"}, content=_letter(fields), headers=_JSON
                )
                if response.json()["errcode"] == 0:
                    await client.xack(key, GROUP, entry_id)
            finally:
                places.release()

        await client.xgroup_create(key, GROUP, id="0", mkstream=True)
        await line.ready()
        left = count
        while left > 0 and not line.stop.is_set():
            batch = await _read(client, key, consumer, in_flight)
            left -= len(batch)
            for entry_id, fields in batch:
                await places.acquire()
                tasks.create_task(handle(entry_id, fields))
    line.measured()
    await client.aclose()


async def _read(
    client: Redis, key: str, consumer: str, count: int
) -> list[tuple[bytes, Mapping[bytes, bytes]]]:
    reply: Any = await client.xreadgroup(GROUP, consumer, {key: ">"}, count, 1000)
    return [entry for _, batch in reply for entry in batch]


def _letter(fields: Mapping[bytes, bytes]) -> bytes:
    """The least that makes a KF message of an entry."""
    match = json.loads(fields[b"data"])
    user = match["user_id"]
    return encode(
        text_body(
            touser=phone_of(user),
            open_kfid=ACCOUNTS[0],
            msgid=match["match_id"],
            content=f"{match['intent_name']}：{match['profile_name']}，{match['score']:.0%}。{match['explanation']}",
        )
    )


async def pipelined(line: Line, settings: Settings, entries: list[dict[str, str]], at_once: int) -> None:
    """XADD what is ready in memory, so many at a time: the least that the mirror's work can cost."""
    client = Redis.from_url(settings.redis_url)
    await client.ping()
    await line.ready()
    for start in range(0, len(entries), at_once):
        pipeline = client.pipeline(transaction=False)
        for fields in entries[start : start + at_once]:
            pipeline.xadd(Keys(settings.namespace).matches, fields)  # type: ignore[arg-type]
        await pipeline.execute()
    line.measured()
    await client.aclose()


async def inserting(line: Line, path: str, every: float) -> tuple[list[float], list[str]]:
    """Be a host that inserts a row every so many seconds; tell how long each took, and what went wrong."""
    import sqlite3

    took: list[float] = []
    errors: list[str] = []
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE IF NOT EXISTS host_rows (id INTEGER PRIMARY KEY, words TEXT)")
    connection.commit()
    await line.ready()
    at = time.perf_counter()
    while not line.stop.is_set():
        began = time.perf_counter()
        try:
            connection.execute("INSERT INTO host_rows (words) VALUES (?)", ("a row of the host's own",))
            connection.commit()
        except sqlite3.Error as error:
            errors.append(str(error))
            connection.rollback()
        took.append(time.perf_counter() - began)
        at = max(at + every, time.perf_counter())
        await asyncio.sleep(at - time.perf_counter())
    connection.close()
    return took, errors
