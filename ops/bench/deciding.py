"""How fast kfpush decides about matches that do not go out now: parked, deferred, dropped, a third each."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from consumer.ledger import arrivals
from consumer.ledger.arrivals import Incoming
from ops.bench import loops
from ops.bench.apart import Usage, apart
from ops.bench.figures import Measured, Reach, Table
from ops.bench.house import House
from ops.bench.job import DRAIN_WITHIN, Job, has_due, is_settled, wait_until
from ops.bench.people import matches, user_of
from ops.bench.stub import stub
from schemas.engines.sqlite import SqliteTransaction

A_SECOND: Final = 10_000.0


def measure(job: Job) -> Measured:
    """Decide about rows that are there, and about entries that are still on the stream."""
    count = 2 * job.matches
    rounds: dict[str, list[tuple[Usage, str]]] = {"rows that are due": [], "entries on the stream": []}
    with stub() as server, job.house(job.priors[0]) as built:
        house = built.at(server.url)
        for nth in range(job.rounds):
            job.say(f"decisions: round {nth + 1} of {job.rounds}")
            house.sweep_stream()
            _settle_in(house, f"d{nth}-", count)
            _arrive(house, f"d{nth}-", count)
            rounds["rows that are due"].append(_decided(house, f"d{nth}-"))
            _settle_in(house, f"e{nth}-", count)
            house.feed(f"e{nth}-", count)
            rounds["entries on the stream"].append(_decided(house, f"e{nth}-"))
    found = {
        name: sorted(each, key=lambda one: one[0].seconds)[len(each) // 2] for name, each in rounds.items()
    }
    table = Table(
        f"{count:,} matches that may not go: a third each no session, quiet hours, pushes off",
        ("what", "decisions/s", "CPU us", "MB", "parked / deferred / dropped"),
        [
            (name, usage.rate(count), usage.us_each(count), usage.megabytes, counts)
            for name, (usage, counts) in found.items()
        ],
    )
    rate = found["rows that are due"][0].rate(count)
    return Measured("decisions", [table], [Reach("decisions that send nothing", rate, A_SECOND, "/s")])


def _decided(house: House, prefix: str) -> tuple[Usage, str]:
    with apart(house.folder, loops.kfpush, house.settings) as child:
        child.go()
        wait_until(lambda: not has_due(house) and is_settled(house), DRAIN_WITHIN)
        usage = child.stop()
    with closing(house.own()) as connection:
        counts = dict(
            connection.execute(
                "SELECT status, count(*) FROM push_deliveries WHERE match_id LIKE ? GROUP BY status",
                (f"{prefix}%",),
            ).fetchall()
        )
    return usage, " / ".join(f"{counts.get(status, 0):,}" for status in ("parked", "waiting", "dropped"))


def _settle_in(house: House, prefix: str, count: int) -> None:
    """Give all preferences and a session, then take from each third what it needs to go out."""
    house.settle_in(prefix, count)
    now = datetime.now(ZoneInfo(house.settings.user_timezone))
    quiet = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=6):%H:%M}"
    users = [user_of(prefix, n) for n in range(count)]
    with closing(house.app()) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "DELETE FROM wechat_kf_sessions WHERE user_id = ?", ((user,) for user in users[::3])
        )
        connection.executemany(
            "UPDATE user_push_preferences SET quiet_hours = ? WHERE user_id = ?",
            ((quiet, user) for user in users[1::3]),
        )
        connection.executemany(
            "UPDATE user_push_preferences SET enable_push = 0 WHERE user_id = ?",
            ((user,) for user in users[2::3]),
        )
        connection.execute("COMMIT")


def _arrive(house: House, prefix: str, count: int) -> None:
    """Write the rows that intake would have written."""
    with closing(house.own()) as connection:
        connection.execute("BEGIN")
        incoming = [Incoming(match, f"1-{n}") for n, match in enumerate(matches(prefix, count))]
        arrivals.insert_fresh(SqliteTransaction(connection), incoming, datetime.now(UTC))
        connection.execute("COMMIT")
