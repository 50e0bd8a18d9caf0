"""A house to measure in: fresh databases, a real Valkey, people whose windows are open, and a past."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

import redis

from ops.bench.past import write_past
from ops.bench.people import ACCOUNTS, entry_of, matches, phone_of, user_of
from ops.cli.migrate import migrated
from ops.embedded import EmbeddedValkey
from schemas.database import path_of
from schemas.keys import GROUP, Keys
from schemas.settings import Settings

TAKES_A_WHILE: Final = 100_000
"""So many rows are announced before they are written."""

FED_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class House:
    """One installation, in a folder of its own."""

    folder: Path
    settings: Settings

    def app(self) -> sqlite3.Connection:
        """Open the application's database as its owner would."""
        return sqlite3.connect(path_of(self.settings.app_url), isolation_level=None)

    def own(self) -> sqlite3.Connection:
        """Open the ledger."""
        return sqlite3.connect(path_of(self.settings.own_url), isolation_level=None)

    @property
    def stream(self) -> str:
        """The stream's key."""
        return Keys(self.settings.namespace).matches

    def redis(self) -> redis.Redis:
        """Open a client of the parent's own."""
        return redis.Redis.from_url(self.settings.redis_url)

    def at(self, url: str) -> House:
        """The same house, with WeChat at ``url``."""
        return House(self.folder, self.settings.model_copy(update={"wechat_base_url": url}))

    def settle_in(self, prefix: str, count: int) -> None:
        """Give the users of ``matches(prefix, count)`` an open session and a row of preferences each."""
        spoken = f"{datetime.now(UTC) - timedelta(minutes=30):%Y-%m-%d %H:%M:%S}"
        users = [user_of(prefix, n) for n in range(count)]
        with closing(self.app()) as connection:
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT INTO wechat_kf_sessions (user_id, external_userid, open_kfid, last_message_time)"
                " VALUES (?, ?, ?, ?)",
                ((user, phone_of(user), ACCOUNTS[n % len(ACCOUNTS)], spoken) for n, user in enumerate(users)),
            )
            connection.executemany(
                "INSERT INTO user_push_preferences (user_id) VALUES (?)", ((user,) for user in users)
            )
            connection.execute("COMMIT")

    def feed(self, prefix: str, count: int) -> None:
        """Put the matches on the stream, as the mirror would have."""
        with closing(self.redis()) as client:
            made = matches(prefix, count)
            while batch := list(islice(made, FED_AT_ONCE)):
                pipeline = client.pipeline(transaction=False)
                for match in batch:
                    pipeline.xadd(self.stream, entry_of(match))  # type: ignore[arg-type]
                pipeline.execute()

    def sweep_stream(self) -> None:
        """Forget the stream and its groups: the next measurement has its own."""
        with closing(self.redis()) as client:
            client.delete(self.stream)

    def unacked(self) -> int:
        """How many entries the group has not been read or acked."""
        with closing(self.redis()) as client:
            groups = client.xinfo_groups(self.stream)
            return sum(
                int(group["pending"]) + int(group["lag"] or 0)
                for group in groups
                if group["name"] == GROUP.encode()
            )


@contextmanager
def house(
    folder: Path, prior: int, *, two_files: bool = False, say: Callable[[str], None]
) -> Iterator[House]:
    """Build a house with so many deliveries and messages in its past, and a Valkey of its own."""
    folder.mkdir(parents=True)
    own = f"sqlite:///{folder}/kfpush.db"
    settings = Settings(
        corp_id="wwbench",
        secret="bench",  # noqa: S106 - the stub believes anybody
        data_dir=str(folder),
        database_url=own,
        app_database_url=f"sqlite:///{folder}/host.db" if two_files else own,
        wechat_base_url="http://127.0.0.1:9",
    )
    migrated(settings)
    if prior >= TAKES_A_WHILE:
        say(f"writing {prior:,} prior deliveries and messages")
    if prior:
        write_past(path_of(settings.own_url), path_of(settings.app_url), prior, datetime.now(UTC))
    with EmbeddedValkey(folder / "valkey") as server:
        yield House(folder, settings.model_copy(update={"redis_url": server.url}))
