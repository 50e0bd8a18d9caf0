"""One person's story under the real planner: windows, slots and wake rules as the ledger has them.  Pure.

Every message is accepted at once; who sends, what WeChat refuses and what breaks is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import Final

from consumer import counting
from consumer.counting import MATCH, Use
from consumer.facts import Candidate, Earlier, Intent, Person, User, Window
from consumer.inbound import talk
from consumer.planner import Planned, plan
from consumer.quiet import day_start, next_day_start
from consumer.releasing import RELEASE_AFTER, waits_for_a_word
from ops.simulating.story import Key, Lived, Message, Story, Terms, Withdrawal, Word
from schemas.decisions import Defer, Drop, Park, Reason, RecipientKey, Send
from schemas.preferences import Preferences, Unreadable
from schemas.states import DeliveryStatus, Entry
from schemas.times import not_before

MOST_AT_ONE_INSTANT: Final = 100
"""Decisions about one person at one instant; a planner that wants more goes in circles."""


_Happening = Word | Candidate | Withdrawal | Use | datetime
"""What no plan changes; an instant is that of a stop."""


class GoesInCircles(AssertionError):
    """The planner defers to an instant that is over, again and again: nothing would ever come of it."""


@dataclass(slots=True)
class _Row:
    """A match that waits or is parked, as its row in the ledger."""

    candidate: Candidate
    due_at: datetime
    status: DeliveryStatus = DeliveryStatus.WAITING
    reason: Reason = Reason.FRESH

    @property
    def key(self) -> Key:
        return self.candidate.match_id, self.candidate.revision

    @property
    def order(self) -> tuple[datetime, datetime, str, int]:
        """Soonest expiry first, as rows are loaded."""
        one = self.candidate
        return one.expires_at, one.created_at, one.match_id, one.revision


def live(story: Story, terms: Terms) -> Lived:
    """Let a person's story happen, and let kfpush plan through it."""
    return _Life(story, terms).run()


class _Life:
    """The state of one person while their story happens."""

    def __init__(self, story: Story, terms: Terms) -> None:
        self._story = story
        self._terms = terms
        self._rows: dict[Key, _Row] = {}
        self._windows = {window.recipient: window for window in story.windows}
        self._uses = list(story.uses)
        self._sent: list[Message] = []
        self._scores: dict[str, list[tuple[int, float]]] = {}
        """Of each match that was scored again or may be: the revisions sent, and their scores."""
        self._midnights: dict[str, tuple[datetime, datetime]] = {}
        self._again = 0
        self._told: Counter[tuple[Entry, Reason]] = Counter()
        self.lived = Lived(self._sent)

    def run(self) -> Lived:
        """Go from one thing that happens, or is due, to the next."""
        comes = self._happens()
        upcoming = next(comes, None)
        now = self._story.start
        while True:
            due = min((row.due_at for row in self._rows.values()), default=None)
            if upcoming is not None and (due is None or upcoming[0] <= due):
                now = max(upcoming[0], now)
                if now >= self._story.end:
                    break
                self._take(upcoming[1], now)
                self._again = 0
                upcoming = next(comes, None)
                continue
            if due is None or due >= self._story.end:
                break
            self._again = self._again + 1 if due <= now else 0
            if self._again > MOST_AT_ONE_INSTANT:
                raise GoesInCircles(f"decided {self._again} times at {now}")
            now = max(due, now)
            self._decide(now)
        self.lived.told = dict(self._told)
        return self.lived

    def _happens(self) -> Iterator[tuple[datetime, _Happening]]:
        """Words before matches of the same instant: what waits is released before anything new comes."""
        story = self._story
        stops = {wishes.stopped_at for wishes in story.users.values() if wishes.stopped_at is not None}
        everything: list[tuple[datetime, int, _Happening]] = [
            *((word.at, 0, word) for word in story.words),
            *((match.created_at, 1, match) for match in story.matches),
            *((taken.at, 2, taken) for taken in story.withdrawals),
            *((use.accepted_at, 3, use) for use in story.others if use.accepted_at is not None),
            *((at, 4, at) for at in stops),
        ]
        everything.sort(key=lambda item: item[:2])
        return ((at, what) for at, _, what in everything)

    def _take(self, what: _Happening, now: datetime) -> None:
        match what:
            case Word():
                self._hear(what)
            case Candidate():
                self._arrive(what, now)
            case Withdrawal():
                row = self._rows.pop((what.match_id, what.revision), None)
                if row is not None:
                    self._end(row, Reason.WITHDRAWN)
            case Use():
                self._uses.append(what)
            case datetime():
                for row in self._rows.values():
                    row.due_at = min(row.due_at, now)

    def _hear(self, word: Word) -> None:
        """The wake rule for a word: what was parked for it goes as one message, in a moment."""
        window = self._windows.get(word.recipient, Window(word.recipient))
        self._windows[word.recipient] = talk.spoke(talk.heard(window, word.at), word.at)
        at = word.at + RELEASE_AFTER
        for row in self._rows.values():
            if waits_for_a_word(row.status, row.reason):
                row.status, row.reason, row.due_at = DeliveryStatus.WAITING, Reason.RELEASED, at
                row.candidate = replace(row.candidate, released=True, told=False)
            row.due_at = min(row.due_at, at)

    def _arrive(self, match: Candidate, now: datetime) -> None:
        """Take in a match; a newer revision overtakes those that wait."""
        for key in [key for key in self._rows if key[0] == match.match_id and key[1] < match.revision]:
            self._end(self._rows.pop(key), Reason.SUPERSEDED)
        sent = [item for item in self._scores.get(match.match_id, ()) if item[0] < match.revision]
        if sent:
            match = replace(match, earlier=Earlier(in_flight=False, sent_score=max(sent)[1]))
        self._rows[match.match_id, match.revision] = _Row(match, now)

    def _decide(self, now: datetime) -> None:
        rows = sorted(self._rows.values(), key=lambda row: row.order)
        if len(rows) > self._terms.most_rows:
            due = [row for row in rows if row.due_at <= now][: self._terms.most_rows]
            later = [row for row in rows if row.due_at > now][: self._terms.most_rows - len(due)]
            rows = sorted([*due, *later], key=lambda row: row.order)
        person = self._person(now)
        self.lived.plans += 1
        for item in plan(person, [row.candidate for row in rows], now):
            self._apply(item, now)
        self._look_for_the_wall(now)

    def _person(self, now: datetime) -> Person:
        since = now - counting.REACH
        self._uses = [use for use in self._uses if use.accepted_at is None or use.accepted_at >= since]
        counted = tuple(counting.counted(self._windows[key], self._uses) for key in sorted(self._windows))
        users = {}
        for user_id, wishes in self._story.users.items():
            midnight = self._midnight(wishes.preferences, now)
            today = len(counting.sent_today(user_id, midnight, self._uses)) if midnight is not None else 0
            preferences = wishes.preferences
            if wishes.stopped_at is not None:
                preferences = replace(preferences, stopped=now >= wishes.stopped_at)
            intents = self._intents(user_id, wishes.intents, midnight)
            users[user_id] = User(preferences, today, wishes.phones, intents)
        return Person(
            counted,
            users,
            slots_kept_back=self._terms.slots_kept_back,
            send_timeout=self._terms.send_timeout,
            strong_score=self._terms.strong_score,
            name=self._story.name,
        )

    def _midnight(self, preferences: Preferences | Unreadable, now: datetime) -> datetime | None:
        """The local midnight before ``now``; reckoned once a day, for zones are slow."""
        if isinstance(preferences, Unreadable):
            return None
        zone = preferences.zone
        known = self._midnights.get(zone.key)
        if known is None or now >= known[1]:
            known = self._midnights[zone.key] = day_start(zone, now), next_day_start(zone, now)
        return known[0]

    def _intents(
        self, user_id: str, intents: Mapping[str, Intent], midnight: datetime | None
    ) -> Mapping[str, Intent]:
        if not intents or midnight is None:
            return intents
        today = Counter(
            match.intent_id
            for message in takewhile(lambda message: message.at >= midnight, reversed(self._sent))
            if message.user_id == user_id
            for match in message.matches
        )
        return {name: replace(intent, today=today[name]) for name, intent in intents.items()}

    def _apply(self, item: Planned, now: datetime) -> None:
        decision = item.decision
        carried = item.matches
        if isinstance(decision, Send):
            self._send(item, decision.recipient, now)
            carried, decision = item.behind, item.behind_waits
        for match in carried:
            row = self._rows[match.match_id, match.revision]
            match decision:
                case Defer(until, reason):
                    due_at = min(not_before(until), row.candidate.expires_at)
                    self._move(row, DeliveryStatus.WAITING, reason, due_at)
                case Park(reason):
                    self._move(row, DeliveryStatus.PARKED, reason, row.candidate.expires_at)
                case Drop(reason):
                    self._end(self._rows.pop(row.key), reason)

    def _move(self, row: _Row, status: DeliveryStatus, reason: Reason, due_at: datetime) -> None:
        if (row.status, row.reason) != (status, reason):
            entry = Entry.PARKED if status is DeliveryStatus.PARKED else Entry.DEFERRED
            self._told[entry, reason] += 1
            (self.lived.parked if entry is Entry.PARKED else self.lived.deferred).add(row.key)
        row.status, row.reason, row.due_at = status, reason, due_at
        told = reason is Reason.MORE
        row.candidate = replace(row.candidate, told=told, released=row.candidate.released and not told)

    def _end(self, row: _Row, reason: Reason) -> None:
        self._told[Entry.DROPPED, reason] += 1
        self.lived.dropped[row.key] = reason

    def _send(self, item: Planned, recipient: RecipientKey, now: datetime) -> None:
        for match in item.matches:
            del self._rows[match.match_id, match.revision]
            self._scores.setdefault(match.match_id, []).append((match.revision, match.score))
        user_id = item.matches[0].user_id
        self._sent.append(Message(now, recipient, user_id, item.matches))
        opened_at = self._windows[recipient].opened_at
        self._uses.append(Use(len(self._sent), recipient, user_id, MATCH, now, opened_at))

    def _look_for_the_wall(self, now: datetime) -> None:
        if self.lived.hit_the_wall or not self._rows:
            return
        left = [
            counting.counted(window, self._uses).slots_left(self._terms.slots_kept_back)
            for window in self._windows.values()
            if window.closes_at is not None and window.closes_at > now
        ]
        self.lived.hit_the_wall = bool(left) and not any(left)
