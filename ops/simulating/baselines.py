"""What kfpush is measured against: two simple ways to spend five messages, and a floor nobody reaches.  Pure.

    (a)    first come, first served: each match by itself, at most five a window; what is parked goes singly
           when the user speaks
    (b)    one digest at 09:00 and one when the user speaks, each with all that waits
    floor  as if messages were unlimited: every match at its first legal moment

They know one user with one KF account, and keep to quiet hours and expiry as kfpush must.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from consumer.facts import SLOTS, WINDOW, WINDOW_MARGIN, Candidate
from consumer.quiet import next_local_time, quiet_until
from ops.simulating.story import Lived, Message, Story
from schemas.decisions import Reason, RecipientKey
from schemas.preferences import Preferences, QuietHours

DIGEST_AT: Final = time(9)


def first_come(story: Story) -> Lived:
    """(a): each match by itself, in the order of arrival, as soon as a message is left for it."""
    one = _One(story)
    for now, words in one.instants(story, alarms=()):
        one.hear(words)
        while one.waiting and one.may_send(now):
            one.send(one.waiting[:1], now)
        one.look_for_the_wall(now)
    return one.lived


def digests(story: Story) -> Lived:
    """(b): all that waits at 09:00, and all that waits when the user speaks (in the night: at its end)."""
    one = _One(story)
    owed = False
    alarms = list(_mornings(story, one.zone))
    at_nine = frozenset(alarms)
    for now, words in one.instants(story, alarms):
        one.hear(words)
        owed = owed or bool(words)
        if (owed or now in at_nine) and one.may_send(now):
            if one.waiting:
                one.send(list(one.waiting), now)
            owed = False
        one.look_for_the_wall(now)
    return one.lived


def floor(story: Story) -> Lived:
    """The unreachable: every match at the first moment at which the window is open and it is not quiet."""
    one = _One(story, slots=len(story.matches))
    for now, words in one.instants(story, alarms=()):
        one.hear(words)
        while one.waiting and one.may_send(now):
            one.send(one.waiting[:1], now)
    return one.lived


def _mornings(story: Story, zone: ZoneInfo) -> Iterator[datetime]:
    at = next_local_time(DIGEST_AT, zone, story.start)
    while at < story.end:
        yield at
        at = next_local_time(DIGEST_AT, zone, at + WINDOW_MARGIN)


@dataclass
class _One:
    """One user's window and queue."""

    story: Story
    slots: int = SLOTS
    lived: Lived = field(default_factory=Lived)
    waiting: list[Candidate] = field(default_factory=list)
    opened_at: datetime | None = None
    used: int = 0

    def __post_init__(self) -> None:
        [(self.user_id, wishes)] = self.story.users.items()
        if not isinstance(wishes.preferences, Preferences):
            raise TypeError("a baseline needs preferences that can be read")
        self.quiet: QuietHours | None = wishes.preferences.quiet
        self.zone: ZoneInfo = wishes.preferences.zone
        spoken_to = [
            *(window.recipient for window in self.story.windows),
            *(word.recipient for word in self.story.words),
        ]
        self.recipient: RecipientKey | None = spoken_to[0] if spoken_to else None
        for window in self.story.windows:
            self.opened_at, self.used = window.opened_at, window.used

    def instants(self, story: Story, alarms: Iterable[datetime]) -> Iterator[tuple[datetime, list[datetime]]]:
        """Give every instant at which something could go, with the words said then; the queue is kept.

        Those are arrivals, words, alarms, and the ends of quiet hours that any of them falls into.
        """
        words = [word.at for word in story.words]
        happenings = sorted({*words, *alarms, *(match.created_at for match in story.matches)})
        instants = sorted({*happenings, *(quiet_until(self.quiet, self.zone, at) for at in happenings)})
        spoken, coming = set(words), iter(story.matches)
        match = next(coming, None)
        for now in instants:
            if now >= story.end:
                return
            while match is not None and match.created_at <= now:
                self.waiting.append(match)
                match = next(coming, None)
            self._expire(now)
            yield now, [now] if now in spoken else []

    def hear(self, words: Iterable[datetime]) -> None:
        """A word opens the window anew, with all its messages."""
        for at in words:
            self.opened_at, self.used = at, 0

    def may_send(self, now: datetime) -> bool:
        """Whether a message may go now: the window is open, one is left, and it is not quiet."""
        return self.is_open(now) and self.used < self.slots and quiet_until(self.quiet, self.zone, now) == now

    def is_open(self, now: datetime) -> bool:
        """Whether the window is, by kfpush's own margin."""
        return self.opened_at is not None and now < self.opened_at + WINDOW - WINDOW_MARGIN

    def send(self, matches: list[Candidate], now: datetime) -> None:
        """Send these in one message."""
        assert self.recipient is not None  # noqa: S101 - whose window is open has spoken
        self.lived.messages.append(Message(now, self.recipient, self.user_id, tuple(matches)))
        del self.waiting[: len(matches)]
        self.used += 1

    def look_for_the_wall(self, now: datetime) -> None:
        """Note if something waits in an open window that has no message left."""
        if self.waiting and self.is_open(now) and self.used >= self.slots:
            self.lived.hit_the_wall = True

    def _expire(self, now: datetime) -> None:
        for match in self.waiting:
            if match.expires_at <= now:
                self.lived.dropped[match.match_id, match.revision] = Reason.EXPIRED
        self.waiting[:] = [match for match in self.waiting if match.expires_at > now]
