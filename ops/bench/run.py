"""The benchmark: which measurements there are, and how a run goes through them."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import structlog

from ops.bench import callback, deciding, drain, hosting, idle, latency, mirroring, planning, slow, spending
from ops.bench.figures import Measured
from ops.bench.job import Job, Say

PARTS: Final[dict[str, Callable[[Job], Measured]]] = {
    "drain": drain.measure,
    "slow": slow.measure,
    "mirror": mirroring.measure,
    "decisions": deciding.measure,
    "latency": latency.measure,
    "callback": callback.measure,
    "idle": idle.measure,
    "host": hosting.measure,
    "spending": spending.measure,
    "planning": planning.measure,
}


def machine() -> dict[str, str | int]:
    """What the figures belong to."""
    return {
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "httpx": version("httpx"),
        "redis-py": version("redis"),
    }


def run(
    parts: Sequence[str],
    *,
    matches: int,
    rounds: int,
    seconds: float,
    priors: Sequence[int],
    users: int,
    seeds: Sequence[int],
    say: Say,
) -> Iterator[Measured]:
    """Measure these parts, one after the other, each told as soon as it is done; nothing is left behind."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(40)
    )  # the server's comings and goings
    with tempfile.TemporaryDirectory(prefix="kfpush-bench-", ignore_cleanup_errors=True) as folder:
        job = Job(Path(folder), say, matches, rounds, seconds, tuple(sorted(priors)), users, tuple(seeds))
        for part in parts:
            yield PARTS[part](job)
