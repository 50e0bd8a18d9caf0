"""Counting, message by message: in groups, by hour, and by person.  Pure.

Memory grows with the groups, the days and the stops; not with the messages.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from ops.reporting.model import Hour
from ops.reporting.statistics import Count, wilson
from ops.reporting.tally import Message, Tally, rate_of
from ops.reporting.verdict import People
from schemas.opens import Proxy
from schemas.times import from_text

BEST: Final = 3
ENOUGH_IN_AN_HOUR: Final = 30
"""Delivered in one hour of the day; of fewer nothing is said."""

NO_GROUP: Final = "-"
_TEN_MINUTES: Final = len("2026-11-22T04:0")
"""Characters of an instant that tell its ten minutes: no zone's offset is finer."""


class By(StrEnum):
    """What messages are grouped by."""

    TEMPLATE = "template"
    VERSION = "version"
    VARIANT = "variant"
    KIND = "kind"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Sent:
    """A message's row, as far as counting needs it; the times are texts as stored."""

    push_id: int
    open_kfid: str
    external_userid: str
    user_id: str
    matches: tuple[str, ...]
    template: str | None
    version: int | None
    variant: str
    experiment: str
    msgtype: str
    status: str
    reserved_at: str
    accepted_at: str | None


def sent_of(row: Mapping[str, object]) -> Sent:
    """Read a row; before kinds were told apart there were texts only."""
    matches = json.loads(str(row["matches"]))
    return Sent(
        int(str(row["id"])),
        str(row["open_kfid"]),
        str(row["external_userid"]),
        str(row["user_id"]),
        tuple(match_id for match_id, _ in matches),
        None if row["template"] is None else str(row["template"]),
        None if row["version"] is None else int(str(row["version"])),
        str(row["variant"] or ""),
        str(row["experiment"] or ""),
        str(row["msgtype"] or "text"),
        str(row["status"]),
        str(row["reserved_at"]),
        None if row["accepted_at"] is None else str(row["accepted_at"]),
    )


class Clock:
    """The users' own clocks: whoever chose no zone lives by the common one."""

    def __init__(self, common: ZoneInfo, chosen: Mapping[str, ZoneInfo]) -> None:
        self._common = common
        self._chosen = chosen
        self._read: dict[tuple[str, str], datetime] = {}

    def at(self, user_id: str, text: str) -> datetime:
        """Tell the local time of an instant, to ten minutes."""
        zone = self._chosen.get(user_id, self._common)
        key = zone.key, text[:_TEN_MINUTES]
        found = self._read.get(key)
        if found is None:
            found = self._read[key] = from_text(f"{text[:_TEN_MINUTES]}0:00Z").astimezone(zone)
        return found


@dataclass
class Stops:
    """Who stopped when: each counts for the newest message delivered before it, if not too long before."""

    within: timedelta
    said: Mapping[tuple[str, str], list[str]]
    """By (open_kfid, external_userid), in the order of time."""
    _for: dict[tuple[tuple[str, str], str], tuple[str, str, str]] = field(default_factory=dict)

    def meet(self, sent: Sent, group: str) -> None:
        """Consider a delivered message."""
        phone = sent.open_kfid, sent.external_userid
        for said in self.said.get(phone, ()):
            accepted = sent.accepted_at or sent.reserved_at
            if accepted <= said and from_text(said) - from_text(accepted) <= self.within:
                best = self._for.get((phone, said))
                if best is None or best[0] < accepted:
                    self._for[phone, said] = accepted, group, sent.user_id

    def counted(self) -> Iterable[tuple[str, str]]:
        """Tell the group and the user of each stop that some message came before."""
        return [(group, user_id) for _, group, user_id in self._for.values()]


class Groups:
    """Messages in groups, all of them, and by hour of the day."""

    def __init__(self, by: By | None, clock: Clock, stops: Stops) -> None:
        self._name: Callable[[Sent], str] = lambda sent: _name(sent, by, clock)
        self._clock = clock
        self._stops = stops
        self.groups: dict[str, Tally] = defaultdict(Tally)
        self.hours: dict[int, Tally] = defaultdict(Tally)
        self.total = Tally()
        self.experiments: set[str] = set()

    def add(self, sent: Sent, opened: frozenset[Proxy], converted: int) -> None:
        """Count one message."""
        message = Message(sent.status, sent.msgtype, len(sent.matches), opened, converted)
        name = self._name(sent)
        self.total.add(message)
        self.groups[name].add(message)
        if sent.experiment:
            self.experiments.add(sent.experiment)
        if message.is_delivered:
            local = self._clock.at(sent.user_id, sent.accepted_at or sent.reserved_at)
            self.hours[local.hour].add(message)
            self._stops.meet(sent, name)

    def end(self) -> None:
        """Count the stops, which are known to belong where they do when all has been seen."""
        for name, _ in self._stops.counted():
            self.total.stopped += 1
            self.groups[name].stopped += 1

    def best_hours(self) -> list[Hour]:
        """Name the hours in which messages are opened most: by what is sure of their share, not by luck."""
        enough = [
            (wilson(Count(tally.opened, tally.delivered)).low, -hour, tally)
            for hour, tally in self.hours.items()
            if tally.delivered >= ENOUGH_IN_AN_HOUR
        ]
        best = sorted(enough, key=lambda each: each[:2], reverse=True)[:BEST]
        return [Hour(-hour, rate_of(tally.opened, tally.delivered)) for _, hour, tally in best]


def _name(sent: Sent, by: By | None, clock: Clock) -> str:
    match by:
        case By.TEMPLATE:
            return sent.template or NO_GROUP
        case By.VERSION:
            return (
                f"{sent.template or NO_GROUP} v{sent.version}" if sent.version else sent.template or NO_GROUP
            )
        case By.VARIANT:
            return f"{sent.experiment}/{sent.variant}" if sent.experiment else NO_GROUP
        case By.KIND:
            return sent.msgtype
        case By.HOUR | By.DAY:
            local = clock.at(sent.user_id, sent.accepted_at or sent.reserved_at)
            return f"{local:%H}" if by is By.HOUR else f"{local:%Y-%m-%d}"
        case _:
            return NO_GROUP


class Persons:
    """People of one experiment, who come one after the other with all of their messages."""

    def __init__(self, stops: Stops) -> None:
        self._stops = stops
        self._user: str | None = None
        self._variant = ""
        self._did: list[bool] = [False, False, False]
        self.people: dict[str, People] = {}
        self.versions: dict[str, set[int]] = defaultdict(set)

    def add(self, sent: Sent, opened: frozenset[Proxy], converted: int) -> None:
        """Count one message of the user at hand, or begin with the next."""
        if sent.user_id != self._user:
            self._close()
            self._user, self._variant, self._did = sent.user_id, sent.variant, [False, False, False]
        if sent.version is not None:
            self.versions[sent.variant].add(sent.version)
        if Message(sent.status, sent.msgtype, 0).is_delivered:
            did = (True, bool(opened), converted > 0)
            self._did = [was or now for was, now in zip(self._did, did, strict=True)]
            self._stops.meet(sent, sent.variant)

    def end(self) -> None:
        """Count the last one, and whoever stopped."""
        self._close()
        self._user = None
        for variant, _ in set(self._stops.counted()):
            before = self.people[variant]
            self.people[variant] = replace(before, stopped=before.stopped + 1)

    def _close(self) -> None:
        if self._user is None:
            return
        before = self.people.get(self._variant, People(0, 0, 0, 0))
        reached, opened, converted = self._did
        self.people[self._variant] = People(
            before.dealt + 1, before.reached + reached, before.opened + opened, before.converted + converted
        )
