"""How long a match takes from the application's commit to WeChat, at a steady 50 a second."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from typing import Final

from ops.bench import loops
from ops.bench.apart import Line, apart
from ops.bench.figures import Measured, Reach, Table, percentile
from ops.bench.job import Job, wait_until
from ops.bench.people import match_of, phone_of
from ops.bench.stub import stub
from producer.outbox import Outbox
from schemas.database import path_of

A_SECOND: Final = 50
P50_MS: Final = 6.0
P99_MS: Final = 25.0
WARM_UP: Final = 50
"""The first second's matches are not counted: tokens, connections, templates."""


def measure(job: Job) -> Measured:
    """Commit matches at a steady rate in a process of the host's; note when WeChat has each."""
    count = int(job.seconds * A_SECOND) + WARM_UP
    job.say(f"latency: {count} matches at {A_SECOND}/s")
    with stub() as server, job.house(job.priors[0]) as house:
        house.settle_in("l", count)
        house.sweep_stream()
        settings = house.at(server.url).settings
        with (
            apart(house.folder, loops.everything, settings) as ours,
            apart(house.folder, publishing, str(path_of(settings.app_url)), count) as host,
        ):
            ours.go()
            host.go()
            host.wait(count / A_SECOND * 3)
            wait_until(lambda: server.messages >= count, 10)
            usage = ours.stop()
        arrived, committed = server.arrivals(), host.result
    assert isinstance(committed, dict)  # noqa: S101 - what publishing returns
    counted = list(committed.items())[WARM_UP:]
    took = sorted(arrived[phone] - at for phone, at in counted if phone in arrived)
    p50, p99 = percentile(took, 0.5) * 1000, percentile(took, 0.99) * 1000
    table = Table(
        f"{len(took)} of {len(counted)} matches, {A_SECOND}/s, mirror and consumer in one process",
        ("", "p50 ms", "p90 ms", "p99 ms", "max ms", "CPU %"),
        [
            (
                "commit to WeChat",
                p50,
                percentile(took, 0.9) * 1000,
                p99,
                took[-1] * 1000 if took else 0.0,
                usage.cpu / usage.seconds * 100,
            )
        ],
    )
    return Measured(
        "latency",
        [table],
        [
            Reach("commit to WeChat, p50", p50, P50_MS, " ms", at_most=True),
            Reach("commit to WeChat, p99", p99, P99_MS, " ms", at_most=True),
        ],
    )


async def publishing(line: Line, path: str, count: int) -> dict[str, float]:
    """Be an application that commits matches; tell when each commit, by its user's phone, was done."""
    connection = sqlite3.connect(path, isolation_level=None)
    outbox = Outbox()
    committed: dict[str, float] = {}
    await line.ready()
    at = time.monotonic()
    for n in range(count):
        match = match_of("l", n)
        connection.execute("BEGIN IMMEDIATE")
        outbox.add(connection, match)
        connection.execute("COMMIT")
        committed[phone_of(match.user_id)] = time.monotonic()
        at += 1 / A_SECOND
        await asyncio.sleep(at - time.monotonic())
    connection.close()
    return committed
