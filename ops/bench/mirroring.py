"""How fast committed outbox rows reach the stream, beside a loop that only pipelines XADD."""

from __future__ import annotations

from contextlib import closing
from typing import Final

from ops.bench import loops
from ops.bench.apart import Usage, apart
from ops.bench.figures import Measured, Reach, Table
from ops.bench.house import House
from ops.bench.job import DRAIN_WITHIN, Job, wait_until
from ops.bench.people import entry_of, matches
from producer.mirror import BATCH
from producer.outbox import Outbox

SHARE: Final = 0.6


def measure(job: Job) -> Measured:
    """Let the mirror work off a backlog; then add as many entries from memory, as many at a time."""
    count = job.matches
    rounds: dict[str, list[Usage]] = {"mirror": [], "bare pipelined XADD": []}
    with job.house(job.priors[0]) as house:
        for nth in range(job.rounds):
            job.say(f"mirror: round {nth + 1} of {job.rounds}")
            house.sweep_stream()
            _publish(house, f"m{nth}-", count)
            with apart(house.folder, loops.mirror, house.settings) as child:
                child.go()
                wait_until(lambda: _is_mirrored(house), DRAIN_WITHIN)
                rounds["mirror"].append(child.stop())
            house.sweep_stream()
            entries = [entry_of(match) for match in matches(f"x{nth}-", count)]
            with apart(house.folder, loops.pipelined, house.settings, entries, BATCH) as child:
                child.go()
                rounds["bare pipelined XADD"].append(child.wait(DRAIN_WITHIN))
    found = {name: sorted(each, key=lambda one: one.seconds)[len(each) // 2] for name, each in rounds.items()}
    bare = found["bare pipelined XADD"].rate(count)
    table = Table(
        f"{count:,} outbox rows, {BATCH} at a time",
        ("way", "rows/s", "of the bare loop", "CPU us", "MB"),
        [
            (name, one.rate(count), one.rate(count) / bare, one.us_each(count), one.megabytes)
            for name, one in found.items()
        ],
    )
    return Measured(
        "mirror", [table], [Reach("mirror, of a bare XADD loop", found["mirror"].rate(count) / bare, SHARE)]
    )


def _publish(house: House, prefix: str, count: int) -> None:
    outbox = Outbox()
    with closing(house.app()) as connection:
        connection.execute("BEGIN")
        for match in matches(prefix, count):
            outbox.add(connection, match)
        connection.execute("COMMIT")


def _is_mirrored(house: House) -> bool:
    with closing(house.app()) as connection:
        return (
            connection.execute("SELECT 1 FROM push_outbox WHERE mirrored_at IS NULL LIMIT 1").fetchone()
            is None
        )
