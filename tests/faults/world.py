"""A whole installation in a folder: databases, a Valkey, a sandbox, daemons, a host, and its people."""

import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from redis import Redis
from redis.exceptions import ResponseError

from ops.cli.migrate import migrated
from ops.embedded import EmbeddedValkey
from ops.sandbox.process import SandboxProcess
from schemas.keys import GROUP, Keys
from schemas.settings import Settings
from tests.faults.host import Host, rows_of
from tests.faults.processes import Daemon, Fate, until

DRAIN_SECONDS: Final = 45

FAST: Final[Mapping[str, str]] = {
    "KFPUSH_SEND_TIMEOUT": "1",
    "KFPUSH_CONNECT_TIMEOUT": "1",
    "KFPUSH_PUSH_LEASE": "4",
    "KFPUSH_RECLAIM_IDLE": "1",
    "KFPUSH_MIRROR_LEASE": "1",
    "KFPUSH_MIRROR_GRACE": "1",
    "KFPUSH_LOG_FORMAT": "json",
}


class World(Host):
    """Everything there is: a host with kfpush around it; made by ``open_world``."""

    def __init__(
        self, folder: Path, sandbox: SandboxProcess, valkey: EmbeddedValkey, environment: Mapping[str, str]
    ) -> None:
        super().__init__(Path(environment["KFPUSH_APP_DATABASE_URL"].removeprefix("sqlite:///")), sandbox)
        self.folder = folder
        self.valkey = valkey
        self.environment = dict(environment)
        self.own_path = Path(environment["KFPUSH_DATABASE_URL"].removeprefix("sqlite:///"))
        self._daemons: list[Daemon] = []
        self._keys = Keys()
        self._prepare()

    def _prepare(self) -> None:
        migrated(
            Settings(
                data_dir=str(self.folder / "data"),
                database_url=f"sqlite:///{self.own_path}",
                app_database_url=f"sqlite:///{self.app_path}",
            )
        )
        self._prepare_host()

    # The daemons.

    def start(self, name: str, fate: Fate | None = None, **settings: object) -> Daemon:
        """Start a mirror or a consumer."""
        log = self.folder / f"{name}-{len(self._daemons)}.log"
        own = {f"KFPUSH_{word.upper()}": str(value) for word, value in settings.items()}
        daemon = Daemon(name, self.folder, {**self.environment, **own}, log, fate)
        self._daemons.append(daemon)
        return daemon

    def start_doomed(self, fate: Fate, **settings: object) -> Daemon:
        """Start the daemon that a fate is meant for."""
        return self.start(fate.step.daemon, fate, **settings)

    def start_both(self) -> tuple[Daemon, Daemon]:
        """Start a mirror and a consumer."""
        return self.start("mirror"), self.start("consume")

    def alive(self, name: str) -> list[Daemon]:
        """Daemons of this name that have not ended."""
        return [daemon for daemon in self._daemons if daemon.name == name and daemon.is_alive]

    def end_all(self) -> None:
        """Kill every daemon that still lives."""
        for daemon in self._daemons:
            daemon.kill()

    def told(self) -> str:
        """The last words of all."""
        return "\n".join(daemon.told() for daemon in self._daemons[-4:])

    # What is known.

    def ledger(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Ask kfpush's own database."""
        return rows_of(self.own_path, sql, values)

    def redis(self) -> Redis:
        """Ask Redis."""
        return Redis.from_url(self.valkey.url)

    def flush_redis(self) -> None:
        """Somebody says FLUSHALL."""
        with self.redis() as redis:
            redis.flushall()

    def restart_valkey(self, *, keep_data: bool) -> None:
        """Kill the server as a power cut would, and start it again, with its data or without."""
        pid = self.valkey.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: not self.valkey.is_alive())
        if not keep_data:
            shutil.rmtree(self.valkey.data_dir / "appendonlydir")
        self.valkey.start()

    def unacked(self) -> int:
        """How many entries the group has handed out and not heard of again; without a group, none."""
        with self.redis() as redis, suppress(ResponseError):
            return int(redis.xpending(self._keys.matches, GROUP)["pending"])
        return 0

    # Being done.

    def unsettled(self, *, but_frozen: bool = False) -> list[object]:
        """What has not come to rest: matches that are not where they belong, pushes, entries, projections.

        With ``but_frozen``, a push that WeChat refused for now rests too: a word of its person settles it.
        """
        frozen = "status = 'unknown' AND holder IS NULL AND reason = 'no_slot'" if but_frozen else "false"
        now = self.wechat.clock()["now"]
        found = {row["match_id"]: row for row in self.ledger("SELECT * FROM push_deliveries")}
        unsettled: list[object] = []
        for match_id, endings in self.expected.items():
            row = found.get(match_id)
            ending = row and (row["status"], row["reason"])
            if ending not in endings or (row and row["status"] == "waiting" and row["due_at"] <= now):
                unsettled.append((match_id, ending))
        unsettled += self.ledger(
            "SELECT id, status, attempts, reason, lease_until, projected_at FROM push_messages"
            " WHERE status IN ('sending', 'unknown') AND NOT"
            f" ({frozen}) OR settled_at IS NOT NULL AND projected_at IS NULL"
        )
        if not unsettled and (unacked := self.unacked()):
            unsettled.append({"unacked": unacked})
        return unsettled

    def drained(self, seconds: float = DRAIN_SECONDS, *, but_frozen: bool = False) -> None:
        """Wait until every committed match rests where it may end, and nothing is on its way any more."""
        until(
            lambda: not self.unsettled(but_frozen=but_frozen),
            seconds,
            lambda: f"{json.dumps(self.unsettled(but_frozen=but_frozen)[:20], default=str)}\n{self.told()}",
        )

    def carried(self, seconds: float = DRAIN_SECONDS) -> None:
        """Wait until the outbox knows of every event that the ledger has it."""
        until(
            lambda: not self.host("SELECT id FROM push_outbox WHERE carried_at IS NULL LIMIT 1"),
            seconds,
            self.told,
        )


@contextmanager
def open_world(
    folder: Path, *, apart: bool = False, redis: str = "", switches: Mapping[str, Any] | None = None
) -> Iterator[World]:
    """Make a world, ``apart`` with two databases instead of one; at the end nothing of it is left running.

    Daemons find the world's Valkey by its address; with ``redis="embedded"`` they run it by themselves.
    """
    data = folder / "data"
    data.mkdir()
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("KFPUSH_", "WEWORK_"))
    }
    valkey = EmbeddedValkey(data / "valkey")
    own = f"sqlite:///{data / 'kfpush.db'}"
    with SandboxProcess(**(switches or {})) as sandbox:
        url = valkey.url if redis else valkey.start()
        environment = {
            **inherited,
            **FAST,
            "KFPUSH_DATA_DIR": str(data),
            "KFPUSH_DATABASE_URL": own,
            "KFPUSH_APP_DATABASE_URL": f"sqlite:///{data / 'host.db'}" if apart else own,
            "KFPUSH_REDIS_URL": redis or url,
            "KFPUSH_WECHAT_BASE_URL": sandbox.base_url,
        }
        world = World(folder, sandbox, valkey, environment)
        try:
            yield world
        finally:
            world.end_all()
            valkey.stop()
