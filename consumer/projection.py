"""Projection: settled pushes appear in the application's own ``push_history``, once each, in its own types.

Owns ``push_projected``, which remembers what was shown, so that a repeated projection changes nothing.  The
host may have dropped or added columns: only those that are there are written.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from consumer.ledger import pushes
from consumer.world import World
from schemas.database import Database, Row, Transaction, marks
from schemas.errors import StorageError
from schemas.states import PushStatus
from schemas.times import from_text

PAGE: Final = 200
EVERY: Final = 1.0
_SHOWN: Final = (PushStatus.SENT, PushStatus.FAILED, PushStatus.RECALLED)

log = structlog.get_logger(__name__)


class Projection:
    """The room that keeps the host's screens true."""

    def __init__(self, app: Database, own: Database, *, world: World) -> None:
        self._app = app
        self._own = own
        self._world = world
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Something was settled."""
        self._nudged.set()

    async def run(self) -> None:
        """Work until cancelled."""
        failures = 0
        while True:
            try:
                while await self.project():
                    pass
                failures = 0
            except StorageError as error:
                failures += 1
                log.error("projection.waiting", error=str(error), failures=failures)  # noqa: TRY400 - expected
                await asyncio.sleep(self._world.back_off(failures))
            self._nudged.clear()
            try:
                await asyncio.wait_for(self._nudged.wait(), EVERY)
            except TimeoutError:
                continue

    async def project(self) -> bool:
        """Project one page; tell whether there may be more."""
        rows = await self._own.read(lambda tx: pushes.unprojected(tx, PAGE))
        if not rows:
            return False
        shown = [row for row in rows if row["status"] in _SHOWN]
        if shown:
            await self._app.exclusive(lambda tx: _show(tx, shown))
        done = [(row["id"], row["status"]) for row in rows]
        await self._own.exclusive(lambda tx: pushes.mark_projected(tx, done, self._world.now()))
        return len(rows) == PAGE


def _show(tx: Transaction, rows: Sequence[Row]) -> None:
    columns = tx.columns("push_history")
    for row in rows:
        if tx.execute(
            "INSERT INTO push_projected (msgid, status) VALUES (?, ?) ON CONFLICT (msgid) DO NOTHING",
            (row["msgid"], row["status"]),
        ):
            values = {name: value for name, value in _history(row).items() if name in columns}
            added = tx.one(
                f"INSERT INTO push_history ({', '.join(values)}) VALUES ({marks(tuple(values))}) "
                "RETURNING id",
                tuple(values.values()),
            )
            tx.execute(
                "UPDATE push_projected SET history_id = ? WHERE msgid = ?",
                (added["id"] if added else None, row["msgid"]),
            )
            continue
        known = tx.one("SELECT history_id, status FROM push_projected WHERE msgid = ?", (row["msgid"],))
        if known is not None and known["status"] != row["status"]:
            tx.execute(
                "UPDATE push_history SET status = ? WHERE id = ?", (row["status"], known["history_id"])
            )
            tx.execute("UPDATE push_projected SET status = ? WHERE msgid = ?", (row["status"], row["msgid"]))


def _history(row: Row) -> dict[str, object]:
    body = json.loads(row["body"])
    return {
        "user_id": row["user_id"],
        "match_ids": json.dumps([_host_id(match_id) for match_id, _ in json.loads(row["matches"])]),
        "push_type": body["msgtype"],
        "message": body.get("text", {}).get("content", ""),
        "status": row["status"],
        "sent_at": _host_time(from_text(row["accepted_at"] or row["settled_at"])),
        "open_kfid": row["open_kfid"],
        "external_userid": row["external_userid"],
        "push_channel": "wechat_kf",
    }


def _host_id(match_id: str) -> int | str:
    """Write an id as the host has it: its ids are integers, unless they never were."""
    return (
        int(match_id)
        if match_id.isascii() and match_id.isdigit() and str(int(match_id)) == match_id
        else match_id
    )


def _host_time(instant: datetime) -> str:
    """Write a time as the host's CURRENT_TIMESTAMP does: UTC, to the second."""
    return instant.strftime("%Y-%m-%d %H:%M:%S")
