"""The host application and its people: commits matches, stores preferences, hears what people write."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from ops.sandbox.process import SandboxControl, SandboxProcess
from producer.outbox import Outbox
from schemas.events import MatchCreated

ACCOUNT: Final = "wkA"
HOST_ZONE: Final = ZoneInfo("Asia/Shanghai")
BUSY_SECONDS: Final = 30

Ending = tuple[str, str | None]
"""A delivery's status and reason."""

SENT: Final[Ending] = ("sent", None)
NO_SLOT: Final[Ending] = ("parked", "no_slot")
MORE: Final[Ending] = ("parked", "more")
ASKED_FOR: Final[Ending] = ("waiting", "more")
NO_SESSION: Final[Ending] = ("parked", "no_session")
BELOW_MIN_SCORE: Final[Ending] = ("dropped", "below_min_score")
SENDING: Final[Ending] = ("sending", None)
WINDOW_CLOSED: Final[Ending] = ("parked", "window_closed")
QUIET: Final[Ending] = ("waiting", "quiet_hours")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a phone; ``user_id`` is the host's name for them."""

    user_id: str
    phone: str
    quiet_hours: str | None = None
    daily_limit: int | None = None


def rows_of(path: Path, sql: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
    """Ask a SQLite file on a connection of our own."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, values)]


class Host:
    """FriendAI, as far as kfpush can tell: its database, and the people who write to it."""

    def __init__(self, app_path: Path, sandbox: SandboxProcess) -> None:
        self.app_path = app_path
        self.sandbox = sandbox
        self.people: dict[str, Person] = {}
        self.expected: dict[str, frozenset[Ending]] = {}

    def _prepare_host(self) -> None:
        self._as_host(
            "CREATE TABLE intent_matches"
            " (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id TEXT, match_score REAL)"
        )

    @property
    def wechat(self) -> SandboxControl:
        """The sandbox's controls."""
        return self.sandbox.control

    def person(self, name: str, *, has_spoken: bool = True, **preferences: object) -> Person:
        """Somebody new, with these columns in their preferences; who has spoken has an open window."""
        quiet, limit = preferences.get("quiet_hours"), preferences.get("daily_limit")
        person = Person(
            f"user-{name}",
            f"wmPhone{name}",
            None if quiet is None else str(quiet),
            limit if isinstance(limit, int) else None,
        )
        self.people[person.user_id] = person
        if preferences:
            self.prefer(person, **preferences)
        if has_spoken:
            self.speak(person)
        return person

    def prefer(self, person: Person, **preferences: object) -> None:
        """The host stores preferences."""
        columns = ("user_id", *preferences)
        self._as_host(
            f"INSERT OR REPLACE INTO user_push_preferences ({', '.join(columns)})"
            f" VALUES ({', '.join('?' * len(columns))})",
            (person.user_id, *preferences.values()),
        )

    def speak(self, person: Person, account: str = ACCOUNT) -> None:
        """Somebody writes to a KF account, and the host stores when, as FriendAI does: local and naive."""
        word = self.wechat.speak(account, person.phone)
        at = datetime.fromisoformat(word["send_at"]).astimezone(HOST_ZONE).replace(tzinfo=None)
        self._as_host(
            "INSERT INTO wechat_kf_sessions (user_id, external_userid, open_kfid, last_message_time)"
            " VALUES (?, ?, ?, ?) ON CONFLICT (user_id, open_kfid)"
            " DO UPDATE SET last_message_time = excluded.last_message_time",
            (person.user_id, person.phone, account, at.isoformat(timespec="milliseconds")),
        )

    def commit(self, person: Person, *ends: Ending, count: int = 1, score: float = 0.85) -> list[str]:
        """Store matches as the host does, each with its event in one transaction; say how they may end."""
        ids = []
        with self.as_host() as connection:
            for _ in range(count):
                cursor = connection.execute(
                    "INSERT INTO intent_matches (user_id, match_score) VALUES (?, ?)",
                    (person.user_id, score),
                )
                match_id = str(cursor.lastrowid)
                match = MatchCreated(
                    match_id=match_id,
                    user_id=person.user_id,
                    intent_id="3",
                    intent_name="寻找技术合伙人",
                    profile_name=f"张三{match_id}",
                    score=score,
                    # Who kills and cuts waits for messages, not for hours: what is held is told elsewhere.
                    urgent_reason="a test waits for it",
                )
                Outbox().add(connection, match)
                ids.append(match_id)
        self.expected.update(dict.fromkeys(ids, frozenset(ends or (SENT,))))
        return ids

    @contextmanager
    def as_host(self) -> Iterator[sqlite3.Connection]:
        """One transaction of the host's own."""
        with closing(sqlite3.connect(self.app_path, timeout=BUSY_SECONDS)) as connection, connection:
            yield connection

    def _as_host(self, sql: str, values: Sequence[object] = ()) -> None:
        with self.as_host() as connection:
            connection.execute(sql, values)

    def edit_template(self, text: str) -> None:
        """The operator changes the template in force."""
        self._as_host(
            "UPDATE push_templates SET content_template = ? WHERE template_name = 'match_notification_text'",
            (text,),
        )

    def host(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Ask the application's database."""
        return rows_of(self.app_path, sql, values)

    def quiet_now(self) -> str:
        """Quiet hours that began two hours ago and last for two more, by the clock of everybody here."""
        now = datetime.fromisoformat(self.wechat.clock()["now"]).astimezone(HOST_ZONE)
        return f"{now - timedelta(hours=2):%H:%M}-{now + timedelta(hours=2):%H:%M}"
