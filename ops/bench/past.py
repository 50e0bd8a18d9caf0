"""A past for a house to measure in, written straight into the tables, as kfpush would have left them.

For a million rows that takes a minute instead of half an hour.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from ops.bench.people import ACCOUNTS, matches, phone_of
from schemas.events import MATCH_CREATED, VERSION, payload_of
from schemas.times import to_text

DAYS: Final = 60
MESSAGES_A_PERSON: Final = 5
LINE: Final = "你好，我们为你的意图「找一位懂 PostgreSQL 的后端工程师」找到了新的联系人：张三（85%）。"
_EVENT: Final = payload_of(next(matches("past", 1)))

Values = dict[str, object]


def write_past(own: Path, app: Path, prior: int, now: datetime) -> None:
    """Write so many matches that were sent and projected over two months; nobody else may look on."""
    people = prior // MESSAGES_A_PERSON
    with _unsafe(own) as connection:
        _fill(connection, "push_deliveries", (_delivery(n, _when(n, prior, now)) for n in range(prior)))
        _fill(connection, "push_messages", (_message(n, _when(n, prior, now)) for n in range(prior)))
        _fill(connection, "kf_windows", (_window(n, to_text(now - timedelta(days=3))) for n in range(people)))
    with _unsafe(app) as connection:
        _fill(connection, "push_outbox", (_outbox(n, _when(n, prior, now)) for n in range(prior)))
        _fill(connection, "push_projected", (_projected(n) for n in range(prior)))
        _fill(connection, "push_history", (_history(n, _when(n, prior, now)) for n in range(prior)))
        _fill(
            connection,
            "wechat_kf_sessions",
            (_session(n, to_text(now - timedelta(days=3))) for n in range(people)),
        )


@contextmanager
def _unsafe(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file for writing as fast as can be; nothing in it matters yet.  Indexes come last."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000"):
            connection.execute(f"PRAGMA {pragma}")
        made = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''"
        ).fetchall()
        for name, _ in made:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")
        for _, sql in made:
            connection.execute(sql)
        connection.execute("PRAGMA journal_mode = DELETE")


def _fill(connection: sqlite3.Connection, table: str, rows: Iterator[Values]) -> None:
    first = next(rows, None)
    if first is None:
        return
    marks = ", ".join(f":{name}" for name in first)
    sql = f"INSERT INTO {table} ({', '.join(first)}) VALUES ({marks})"
    connection.execute(sql, first)
    connection.executemany(sql, rows)


def _when(n: int, prior: int, now: datetime) -> str:
    return to_text(now - timedelta(days=DAYS) * (1 - n / prior) - timedelta(hours=1))


def _user(n: int) -> str:
    return f"past-{n // MESSAGES_A_PERSON}"


def _account(n: int) -> str:
    return ACCOUNTS[n // MESSAGES_A_PERSON % len(ACCOUNTS)]


def _msgid(n: int) -> str:
    return hashlib.sha256(f"past-{n}".encode()).hexdigest()[:32]


def _delivery(n: int, at: str) -> Values:
    user = _user(n)
    return {
        "match_id": f"past{n}",
        "revision": 1,
        "user_id": user,
        "person": phone_of(user),
        "intent_id": f"{n % 5000}",
        "status": "sent",
        "expires_at": at,
        "push_id": n + 1,
        "generation": 1,
        "entry_id": f"1700000000000-{n}",
        "event": _EVENT,
        "created_at": at,
        "updated_at": at,
    }


def _message(n: int, at: str) -> Values:
    user, msgid, account = _user(n), _msgid(n), _account(n)
    phone = phone_of(user)
    body = {
        "touser": phone,
        "open_kfid": account,
        "msgid": msgid,
        "msgtype": "text",
        "text": {"content": LINE},
    }
    return {
        "msgid": msgid,
        "open_kfid": account,
        "external_userid": phone,
        "user_id": user,
        "person": phone,
        "kind": "match",
        "matches": json.dumps([[f"past{n}", 1]]),
        "body": json.dumps(body, ensure_ascii=False),
        "template": "match_notification_text",
        "version": 1,
        "variant": "",
        "status": "sent",
        "send_by": at,
        "attempts": 1,
        "window_opened_at": at,
        "errcode": 0,
        "reserved_at": at,
        "tried_at": at,
        "accepted_at": at,
        "settled_at": at,
        "projected_at": at,
    }


def _window(n: int, at: str) -> Values:
    return {
        "open_kfid": ACCOUNTS[n % len(ACCOUNTS)],
        "external_userid": phone_of(f"past-{n}"),
        "opened_at": at,
        "host_seen": at,
        "updated_at": at,
    }


def _outbox(n: int, at: str) -> Values:
    return {
        "event_key": f"past{n}:1",
        "event_type": f"{MATCH_CREATED}.v{VERSION}",
        "user_id": _user(n),
        "payload": _EVENT,
        "created_at": at,
        "mirrored_at": at,
        "stream_id": f"1700000000000-{n}",
        "carried_at": at,
    }


def _projected(n: int) -> Values:
    return {"msgid": _msgid(n), "history_id": n + 1, "status": "sent"}


def _history(n: int, at: str) -> Values:
    user = _user(n)
    return {
        "user_id": user,
        "match_ids": f'["past{n}"]',
        "push_type": "text",
        "message": LINE,
        "status": "sent",
        "sent_at": at,
        "open_kfid": _account(n),
        "external_userid": phone_of(user),
        "push_channel": "wechat_kf",
    }


def _session(n: int, at: str) -> Values:
    return {
        "user_id": f"past-{n}",
        "external_userid": phone_of(f"past-{n}"),
        "open_kfid": ACCOUNTS[n % len(ACCOUNTS)],
        "last_message_time": at,
    }
