"""How much of its rate kfpush keeps when WeChat takes its time to answer."""

from __future__ import annotations

from typing import Final

from ops.bench import loops
from ops.bench.figures import Measured, Reach, Table
from ops.bench.job import Drained, Job, drain_by_kfpush, drain_by_loop
from ops.bench.stub import stub

THINKS: Final = 0.05
SHARE: Final = 0.8


def measure(job: Job) -> Measured:
    """Drain at a stub that answers at once, and at one that takes 50 ms."""
    with job.house(job.priors[0]) as house:
        in_flight = house.settings.send_concurrency
        allowed = in_flight / THINKS
        found: dict[tuple[str, float], Drained] = {}
        for delay in (0.0, THINKS):
            job.say(f"slow: a stub that takes {delay * 1000:g} ms")
            with stub(delay) as server:
                mark = f"{delay * 1000:g}"
                found["(a) kfpush", delay] = drain_by_kfpush(house, server, f"a{mark}-", job.matches)
                found["(b) bare loop", delay] = drain_by_loop(
                    house, server, loops.bare, f"b{mark}-", job.matches, in_flight
                )
    rates = {key: one.usage.rate(one.matches) for key, one in found.items()}
    ours = rates["(a) kfpush", THINKS] / rates["(a) kfpush", 0.0]
    table = Table(
        f"{job.matches:,} matches, {in_flight} in flight, which 50 ms an answer allow {allowed:,.0f}/s",
        ("way", "answers in ms", "matches/s", "of its own rate", "of what is allowed", "CPU us", "messages"),
        [
            (
                name,
                delay * 1000,
                rates[name, delay],
                rates[name, delay] / rates[name, 0.0],
                rates[name, delay] / allowed if delay else "",
                one.usage.us_each(one.matches),
                one.messages,
            )
            for (name, delay), one in found.items()
        ],
    )
    return Measured("slow", [table], [Reach("(a) at 50 ms, of its own rate", ours, SHARE)])
