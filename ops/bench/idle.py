"""What kfpush costs while there is nothing to do, while Redis is down, and while the database is locked."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Final

from ops.bench import loops
from ops.bench.apart import Usage, apart
from ops.bench.figures import Measured, Reach, Table
from ops.bench.house import House
from ops.bench.job import Job
from ops.bench.people import match_of
from ops.bench.stub import stub
from producer.outbox import Outbox

PERCENT: Final = 2.0
SETTLE: Final = 2.0
"""Seconds after a start, or after a trouble began, that are not measured."""

WAITING: Final = 100
"""So many matches wait while something is away: kfpush has a reason to try."""


def measure(job: Job) -> Measured:
    """Watch the mirror and a consumer in one process, in each of the three."""
    rows: list[tuple[str, Usage]] = []
    with stub() as server:
        for what in ("nothing to do", "Redis down", "database locked"):
            job.say(f"idle: {what}, {job.seconds:g} s")
            with job.house(job.priors[0]) as house:
                rows.append((what, _watched(house.at(server.url), what, job.seconds)))
    table = Table(
        f"mirror and consumer in one process, {job.seconds:g} s each",
        ("", "CPU %", "MB"),
        [(what, one.cpu / one.seconds * 100, one.megabytes) for what, one in rows],
    )
    reaches = [
        Reach(f"CPU, {what}", one.cpu / one.seconds * 100, PERCENT, " %", at_most=True) for what, one in rows
    ]
    return Measured("idle", [table], reaches)


def _watched(house: House, what: str, seconds: float) -> Usage:
    house.settle_in("i", WAITING)
    with apart(house.folder, loops.everything, house.settings, SETTLE) as child, closing(house.own()) as own:
        child.go()
        time.sleep(SETTLE / 2)
        if what == "Redis down":
            shut_redis_down(house)
            _publish(house)
        elif what == "database locked":
            own.execute("BEGIN IMMEDIATE")
            house.feed("i", WAITING)
        time.sleep(SETTLE / 2 + seconds)
        usage = child.stop()
        if own.in_transaction:
            own.execute("ROLLBACK")
    return usage


def shut_redis_down(house: House) -> None:
    """End the house's Redis, whatever it remembers."""
    with closing(house.redis()) as client:
        client.config_set("appendonly", "no")
        client.shutdown(nosave=True)


def _publish(house: House) -> None:
    outbox = Outbox()
    with closing(house.app()) as connection:
        connection.execute("BEGIN")
        for n in range(WAITING):
            outbox.add(connection, match_of("i", n))
        connection.execute("COMMIT")
