"""What every measurement is given, and the waiting that they share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ops.bench import house as houses
from ops.bench import loops
from ops.bench.apart import Usage, apart
from ops.bench.house import House
from ops.bench.stub import Stub
from schemas.times import to_text

LOOK_EVERY: Final = 0.01
DRAIN_WITHIN: Final = 120.0
"""Seconds after which a drain is given up and told with what went out."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Job:
    """How much to measure, where, and whom to tell about it."""

    folder: Path
    say: Say
    matches: int
    rounds: int
    seconds: float
    priors: tuple[int, ...]
    users: int
    seeds: tuple[int, ...]

    @contextmanager
    def house(self, prior: int, *, two_files: bool = False) -> Iterator[House]:
        """Build a house, gone afterwards but for its folder."""
        nth = sum(1 for _ in self.folder.iterdir())
        with houses.house(self.folder / f"house-{nth}", prior, two_files=two_files, say=self.say) as built:
            yield built


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain took, and what WeChat got of it."""

    usage: Usage
    matches: int
    letters: int
    messages: int


def wait_until(seen: Callable[[], bool], within: float) -> bool:
    """Look until it is so, or the time is over; tell which."""
    until = time.monotonic() + within
    while not seen():
        if time.monotonic() >= until:
            return False
        time.sleep(LOOK_EVERY)
    return True


def is_settled(house: House) -> bool:
    """Whether the ledger has nothing due or open, the host's screens show all, and the stream is acked."""
    with closing(house.own()) as connection:
        for rest in (
            "push_messages WHERE status IN ('sending', 'unknown')",
            "push_messages WHERE settled_at IS NOT NULL AND projected_at IS NULL",
        ):
            if connection.execute(f"SELECT 1 FROM {rest} LIMIT 1").fetchone():
                return False
    return not has_due(house) and house.unacked() == 0


def has_due(house: House) -> bool:
    """Whether plan has something to decide."""
    with closing(house.own()) as connection:
        found = connection.execute(
            "SELECT 1 FROM push_deliveries WHERE status IN ('waiting', 'parked') AND due_at <= ? LIMIT 1",
            (to_text(datetime.now(UTC)),),
        ).fetchone()
    return found is not None


def drain_by_kfpush(house: House, server: Stub, prefix: str, count: int) -> Drained:
    """(a): from the stream to the last ack and the host's screens."""
    _prepare(house, server, prefix, count)
    with apart(house.folder, loops.kfpush, house.at(server.url).settings) as child:
        child.go()
        if wait_until(lambda: server.messages >= count, DRAIN_WITHIN):
            wait_until(lambda: is_settled(house), DRAIN_WITHIN)
        usage = child.stop()
    return Drained(usage, count, server.letters, server.messages)


def drain_by_loop(
    house: House, server: Stub, work: loops.Loop, prefix: str, count: int, in_flight: int
) -> Drained:
    """(b) and (c): from the stream to the last ack."""
    _prepare(house, server, prefix, count)
    with apart(house.folder, work, house.at(server.url).settings, count, in_flight) as child:
        child.go()
        usage = child.wait(DRAIN_WITHIN)
    return Drained(usage, count, server.letters, server.messages)


def _prepare(house: House, server: Stub, prefix: str, count: int) -> None:
    house.sweep_stream()
    house.settle_in(prefix, count)
    house.feed(prefix, count)
    server.forget()
