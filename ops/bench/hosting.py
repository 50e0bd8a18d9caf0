"""What a busy consumer does to the host beside it: it inserts every 20 ms, in one file and in two."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import Final

from ops.bench import loops
from ops.bench.apart import apart
from ops.bench.figures import Measured, Reach, Table, percentile
from ops.bench.house import House
from ops.bench.job import Drained, Job, drain_by_kfpush
from ops.bench.stub import Stub, stub
from schemas.database import path_of

EVERY: Final = 0.02
P99_MS: Final = 50.0
ALONE: Final = 3.0
"""Seconds that the host is watched without us."""

Seen = tuple[str, list[float], list[str], Drained | None]


def measure(job: Job) -> Measured:
    """Drain a backlog while a host of the same machine goes on with its work."""
    count = 2 * job.matches
    seen: list[Seen] = []
    with stub() as server:
        with job.house(job.priors[0]) as house:
            job.say("host: alone, then one file")
            seen.append(_host(house, "alone, WAL", None, count))
            seen.append(_host(house, "beside a drain, one file", server, count))
        for mode in ("WAL", "DELETE"):
            job.say(f"host: two files, the host's in {mode} mode")
            with job.house(job.priors[0], two_files=True) as house:
                with closing(house.app()) as connection:
                    connection.execute(f"PRAGMA journal_mode = {mode}")
                seen.append(_host(house, f"beside a drain, two files, {mode}", server, count))
    table = Table(
        f"a host that inserts and commits every {EVERY * 1000:g} ms, beside a drain of {count:,} matches",
        ("", "inserts", "p50 ms", "p99 ms", "max ms", "errors", "matches/s", "messages"),
        [
            (
                what,
                len(took),
                percentile(took, 0.5) * 1000,
                percentile(took, 0.99) * 1000,
                took[-1] * 1000,
                len(errors),
                one.usage.rate(one.matches) if one else "",
                one.messages if one else "",
            )
            for what, took, errors, one in seen
        ],
    )
    reaches = []
    for what, took, errors, _ in seen:
        if "two files" in what:
            reaches += [
                Reach(f"insert {what}, p99", percentile(took, 0.99) * 1000, P99_MS, " ms", at_most=True),
                Reach(f"insert {what}, errors", len(errors), 0, at_most=True),
            ]
    return Measured("host", [table], reaches)


def _host(house: House, what: str, server: Stub | None, count: int) -> Seen:
    path = str(path_of(house.settings.app_url))
    with closing(sqlite3.connect(path)) as connection:
        if server is None:  # one file is switched by kfpush, when it starts
            connection.execute("PRAGMA journal_mode = WAL")
    with apart(house.folder, loops.inserting, path, EVERY) as host:
        host.go()
        drained = None
        if server is None:
            time.sleep(ALONE)
        else:
            drained = drain_by_kfpush(house, server, f"h{len(what)}-", count)
        host.stop()
    assert isinstance(host.result, tuple)  # noqa: S101 - what inserting returns
    took, errors = host.result
    return what, sorted(took), errors, drained
