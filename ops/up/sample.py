"""A small application beside kfpush, standing in for a real one: it hears users and finds them matches.

It does what FriendAI does and with the same means, a plain sqlite3 connection of its own: a session row
whenever somebody speaks, and a match that is committed in one transaction with its outbox event.  Contacts
and matches are invented.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import structlog

from ops.sandbox.process import SandboxControl
from ops.up.contacts import CONTACTS, Contact
from producer.outbox import Outbox
from schemas.database import BUSY_TIMEOUT, explained
from schemas.errors import KfpushError
from schemas.events import MatchCreated

ACCOUNT: Final = "wkSample"
NAME: Final = "小林"
PHONE: Final = "wmXiaoLin"
GREETING: Final = "你好，帮我留意合适的人"

MATCHES_AT_START: Final = 6
"""One more than a window takes, so that the rule can be watched."""

PACE: Final = 2.5
"""Seconds between two matches."""

THINKING: Final = 1.0
"""Seconds from a user's word to the next match."""

MOST_AHEAD: Final = 20
"""However much is said, no more matches than these are still to come."""

POLL: Final = 1.0

REAL_TABLES: Final = ("intent_matches", "user_intents", "message_logs")
"""Tables of a real FriendAI database: nothing is ever invented beside them."""

_MATCHES: Final = (
    "CREATE TABLE IF NOT EXISTS sample_matches (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " user_id TEXT NOT NULL, contact TEXT NOT NULL, intent TEXT NOT NULL, score REAL NOT NULL)"
)

log = structlog.get_logger(__name__)

Word = Mapping[str, Any]


class HostApplication:
    """The application's side of its database."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._outbox = Outbox()

    def real_table(self) -> str | None:
        """Name a table that says that this is somebody's real database, if there is one."""
        with self._connected() as connection:
            for table in REAL_TABLES:
                if connection.execute("SELECT 1 FROM pragma_table_info(?)", (table,)).fetchone():
                    return table
        return None

    def hear(self, word: Word) -> None:
        """Remember that a user spoke, in the session row that kfpush reads."""
        spoken_at = datetime.fromtimestamp(word["send_time"], UTC).strftime("%Y-%m-%d %H:%M:%S")
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO wechat_kf_sessions (user_id, external_userid, open_kfid, last_message_time)"
                " VALUES (?, ?, ?, ?) ON CONFLICT (user_id, open_kfid) DO UPDATE SET"
                " external_userid = excluded.external_userid, last_message_time = excluded.last_message_time,"
                " updated_at = CURRENT_TIMESTAMP",
                (user_of(word["external_userid"]), word["external_userid"], word["open_kfid"], spoken_at),
            )

    def prefer(self, user_id: str, quiet_hours: str | None, min_score: float | None) -> None:
        """Store what a user wants."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO user_push_preferences (user_id, quiet_hours, min_score) VALUES (?, ?, ?)",
                (user_id, quiet_hours, min_score),
            )

    def sessions(self, limit: int) -> list[tuple[str, str, str]]:
        """Read who spoke where and when, the latest first."""
        with self._connected() as connection:
            return connection.execute(
                "SELECT open_kfid, external_userid, last_message_time FROM wechat_kf_sessions"
                " WHERE open_kfid > '' AND external_userid > '' ORDER BY last_message_time DESC LIMIT ?",
                (limit,),
            ).fetchall()

    def count(self) -> int:
        """Count the matches that were ever invented here."""
        with self._transaction() as connection:
            connection.execute(_MATCHES)
            (count,) = connection.execute("SELECT count(*) FROM sample_matches").fetchone()
        return int(count)

    def match(self, user_id: str, contact: Contact, match_id: str | None = None) -> str:
        """Store a match and its event, both or neither; tell its id."""
        with self._transaction() as connection:
            connection.execute(_MATCHES)
            stored = connection.execute(
                "INSERT INTO sample_matches (user_id, contact, intent, score) VALUES (?, ?, ?, ?)",
                (user_id, contact.name, contact.intent, contact.score),
            )
            match = MatchCreated(
                match_id=match_id or f"s{stored.lastrowid}",
                user_id=user_id,
                intent_name=contact.intent,
                profile_name=contact.name,
                score=contact.score,
                explanation=contact.explanation,
                matched_conditions=(contact.condition,),
            )
            self._outbox.add(connection, match)
        return match.match_id

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._database, BUSY_TIMEOUT, isolation_level=None)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise explained(error, str(self._database)) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")  # what ends before it is rolled back by the closing


def user_of(external_userid: str) -> str:
    """The application's own id of a user: the sample user is bound to one, others go by their WeChat id."""
    return "sample-xiaolin" if external_userid == PHONE else external_userid


class Sample(threading.Thread):
    """Listens to the sandbox and, if it may, invents matches: a few at the start, then one for each word."""

    def __init__(
        self,
        application: HostApplication,
        control: SandboxControl,
        on_word: Callable[[Word], None],
        *,
        invents: bool,
    ) -> None:
        super().__init__(name="kfpush-sample", daemon=True)
        self._application = application
        self._control = control
        self._on_word = on_word
        self._invents = invents
        self._stopping = threading.Event()
        # What was said before is nobody's business; this comes before anybody is told of the phone page.
        self._heard = max((word["seq"] for word in control.words()), default=0)
        self._greeted = 0
        self._ahead: deque[str] = deque(maxlen=MOST_AHEAD)
        self._next_at = 0.0
        self._invented = 0

    def stop(self) -> None:
        """Invent and hear no more, soon."""
        self._stopping.set()

    def run(self) -> None:
        """Listen until stopped; a sandbox or a database that is away for a while is waited for."""
        while not self._stopping.is_set():
            try:
                if self._invents and not self._greeted:
                    self._invented = self._application.count()
                    self._greeted = self._control.speak(ACCOUNT, PHONE, GREETING)["seq"]
                self._listen()
                self._invent()
            except (OSError, HTTPException, ValueError, KfpushError) as error:
                if not self._stopping.wait(POLL):
                    log.warning("sample.waiting", error=str(error) or type(error).__name__)

    def _listen(self) -> None:
        wait = min(POLL, max(0.0, self._next_at - time.monotonic())) if self._ahead else POLL
        for word in self._control.words(self._heard, wait):
            self._hear(word)
            if self._invents:
                matches = MATCHES_AT_START if word["seq"] == self._greeted else 1
                self._ahead.extend([user_of(word["external_userid"])] * matches)

    def _hear(self, word: Word) -> None:
        self._application.hear(word)
        self._heard = word["seq"]
        self._next_at = max(self._next_at, time.monotonic() + THINKING)
        self._on_word(word)

    def _invent(self) -> None:
        if not self._ahead or time.monotonic() < self._next_at or self._stopping.is_set():
            return
        contact = CONTACTS[self._invented % len(CONTACTS)]
        self._application.match(self._ahead[0], contact)
        self._ahead.popleft()
        self._invented += 1
        self._next_at = time.monotonic() + PACE
