"""What has become of the demo's matches, on the phones and in the ledger, beside what should have."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

import click

from consumer.holding import SMOOTHING
from consumer.ledger import deliveries
from ops.sandbox.process import SandboxControl
from ops.up.cast import CAST, LIU, ZONE, Expectation, at_night, in_the_morning
from ops.up.phrases import Phrases
from ops.up.sample import HostApplication
from ops.up.together import Everything
from schemas.database import Row as LedgerRow
from schemas.database import Transaction
from schemas.states import DeliveryStatus
from schemas.times import maybe_from_text

FINAL: Final = frozenset({DeliveryStatus.SENT, DeliveryStatus.DROPPED, DeliveryStatus.DEAD})
"""A delivery that stands there will not move by itself."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the verdict; ``is_final`` says that waiting longer cannot change it."""

    who: str
    case: str
    expected: str
    found: str
    is_so: bool
    is_final: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one match stands."""

    status: DeliveryStatus | None = None
    reason: str | None = None
    due_at: datetime | None = None


class Stage:
    """The running demo as its checks see it."""

    def __init__(self, running: Everything, phrases: Phrases) -> None:
        self.control = SandboxControl(running.settings.wechat_url)
        self._application = HostApplication(running.settings.app_url)
        self._house = running.house
        self._phrases = phrases

    def now(self) -> datetime:
        """The time as kfpush knows it."""
        return self._house.world.now()

    def bring_matches(self) -> None:
        """Let the application find all matches at once."""
        for person in CAST:
            for match_id, contact in person.matches.items():
                self._application.match(person.phone, contact, match_id)

    async def has_heard(self, phone: str) -> bool:
        """Whether kfpush knows that somebody wrote."""
        known = "SELECT 1 AS known FROM kf_windows WHERE external_userid = ? AND opened_at IS NOT NULL"
        return await self._house.own.read(lambda tx: tx.one(known, (phone,))) is not None

    async def look(self, expected: Expectation) -> Row:
        """Compare what is expected with what is there now."""
        standings = await self._house.own.read(
            lambda tx: [_standing(tx, match) for match in expected.matches]
        )
        counts, tries = await asyncio.to_thread(self._count, expected)
        wanted = Standing(expected.status, expected.reason, expected.until)
        is_so = all(
            (stands.status, stands.reason) == (wanted.status, wanted.reason)
            and (wanted.due_at is None or _is_turn(stands.due_at, wanted.due_at))
            for stands in standings
        )
        is_so = is_so and set(counts) == {expected.arrives} and (expected.person is not LIU or tries > 1)
        differing = next((stands for stands in standings if stands.status != wanted.status), standings[0])
        told = self._offered(tries, counts) if expected.person is LIU else self._arrived(counts)
        return Row(
            expected.person.name,
            self._phrases.say(expected.case),
            self._tell(wanted, self._arrived([expected.arrives] * len(counts))),
            self._tell(differing, told),
            is_so,
            is_so or max(counts) > 1 or (differing.status in FINAL and differing.status != wanted.status),
        )

    def _count(self, expected: Expectation) -> tuple[list[int], int]:
        """Count each match's messages on the phone, and how often kfpush offered them one."""
        phone = expected.person.phone
        texts = [str(message["content"]) for message in self.control.pushes(phone)]
        names = [expected.person.matches[match].name for match in expected.matches]
        calls = [call for call in self.control.calls() if call["external_userid"] == phone]
        return [sum(name in text for text in texts) for name in names], len(calls)

    def count_all(self) -> Row:
        """Compare the number of all messages on all phones: nobody may have got anything besides."""
        expected = sum(each.messages_on_the_phone for each in (*at_night(self.now()), *in_the_morning()))
        found = sum(len(self.control.pushes(person.phone)) for person in CAST)
        say = self._phrases.say
        return Row(
            say("everybody"),
            say("case_all"),
            say("on_phones", n=expected),
            say("on_phones", n=found),
            expected == found,
        )

    def _arrived(self, counts: Sequence[int]) -> str:
        return self._phrases.say("arrives", n=sum(counts))

    def _offered(self, tries: int, counts: Sequence[int]) -> str:
        return self._phrases.say("lost_answers", n=sum(counts), tries=tries)

    def _tell(self, standing: Standing, arrived: str) -> str:
        """Say where a match stands: on the phone, or where else and why."""
        if standing.status is None:
            return self._phrases.say("nothing")
        if standing.status is DeliveryStatus.SENT:
            return arrived
        until = standing.due_at if standing.status is DeliveryStatus.WAITING else None
        place = f"{standing.status} {until.astimezone(ZONE):%H:%M}" if until else standing.status
        return f"{place}: {standing.reason}"


def _is_turn(at: datetime | None, ended_at: datetime) -> bool:
    """Whether this is somebody's turn after quiet hours that end then."""
    return at is not None and ended_at <= at <= ended_at + SMOOTHING


def _standing(tx: Transaction, match_id: str) -> Standing:
    rows: list[LedgerRow] = deliveries.of_match(tx, match_id)
    if not rows:
        return Standing()
    return Standing(
        DeliveryStatus(rows[-1]["status"]), rows[-1]["reason"], maybe_from_text(rows[-1]["due_at"])
    )


def print_rows(phrases: Phrases, rows: Sequence[Row], *, as_json: bool) -> None:
    """Print the verdict."""
    if as_json:
        for row in rows:
            told = {name: value for name, value in asdict(row).items() if name != "is_final"}
            click.echo(json.dumps({"event": "verdict", **told}, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for column in ("who", "case", "found"):
        table.add_column(phrases.say(column))
    for row in rows:
        mark = Text("✓", "green") if row.is_so else Text("✗", "bold red")
        became = row.found if row.is_so else phrases.say("instead", found=row.found, expected=row.expected)
        table.add_row(mark, Text(row.who), Text(row.case), Text(became))
    click.echo()
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)
    click.echo()
