"""What a plan, or what really happened, came to for many people: counts to be put side by side.  Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from datetime import timedelta

from ops.simulating.past import Span
from ops.simulating.story import Lived, Story
from ops.simulating.texts import Texts
from schemas.decisions import Reason

HOUR = timedelta(hours=1)


@dataclass
class Outcome:
    """Sums over people.  ``messages`` is the slots that went to matches; times are spans."""

    people: int = 0
    matches: int = 0
    sent: int = 0
    merged: int = 0
    """Of those, the ones that shared their message with others."""
    messages: int = 0
    deferred: int = 0
    """Matches that had to wait for a date at least once."""
    parked: int = 0
    """Matches that had to wait for a condition at least once."""
    dropped: Counter[Reason] = field(default_factory=Counter)
    dead: int = 0
    waiting: int = 0
    """Matches that were still undecided in the end."""
    at_the_wall: int = 0
    strong: int = 0
    strong_waited: timedelta = timedelta(0)
    """How long strong matches waited for their message, those without one until the end."""
    texts: Texts = field(default_factory=Texts)
    """Of those sent singly, where a template is asked about."""

    def __add__(self, other: Outcome) -> Outcome:
        """Both together."""
        return Outcome(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def add(self, story: Story, lived: Lived, strong_score: float) -> None:
        """Count one person in."""
        sent = {
            (match.match_id, match.revision): message.at
            for message in lived.messages
            for match in message.matches
        }
        self.people += 1
        self.matches += len(story.matches)
        self.sent += len(sent)
        self.merged += sum(len(item.matches) for item in lived.messages if len(item.matches) > 1)
        self.messages += len(lived.messages)
        self.deferred += len(lived.deferred)
        self.parked += len(lived.parked)
        over = {key: reason for key, reason in lived.dropped.items() if key not in sent}
        self.dropped.update(over.values())
        self.dead += len(lived.dead - sent.keys())
        self.waiting += len(story.matches) - len(sent.keys() | over.keys() | lived.dead)
        self.at_the_wall += lived.hit_the_wall
        for match in story.matches:
            if match.score >= strong_score:
                self.strong += 1
                at = sent.get((match.match_id, match.revision), story.end)
                self.strong_waited += at - match.created_at

    @property
    def strong_delay(self) -> float:
        """Hours that a strong match waited, on average."""
        return self.strong_waited / HOUR / self.strong if self.strong else 0.0

    def as_json(self) -> dict[str, object]:
        """Write it as plain values."""
        told = self._as_json()
        return {**told, "texts": self.texts.as_json()} if self.texts.messages else told

    def _as_json(self) -> dict[str, object]:
        return {
            "users": self.people,
            "matches": self.matches,
            "sent": self.sent,
            "merged": self.merged,
            "slots": self.messages,
            "deferred": self.deferred,
            "parked": self.parked,
            "dropped": dict(self.dropped.most_common()),
            "dead": self.dead,
            "waiting": self.waiting,
            "users_at_the_wall": self.at_the_wall,
            "strong": self.strong,
            "strong_delay_hours": round(self.strong_delay, 2),
        }


@dataclass
class Compared:
    """Three tellings of one span, side by side; ``changed`` is as ``now`` where nothing was to change."""

    span: Span
    really: Outcome = field(default_factory=Outcome)
    now: Outcome = field(default_factory=Outcome)
    changed: Outcome = field(default_factory=Outcome)
    fare_otherwise: int = 0
    """People who would have got other messages, or the same at other times."""
    unreadable: int = 0
    """People somebody of whom has preferences that cannot be understood: nothing is sent to those."""
    is_whole: bool = True
    """False if somebody asked to stop: the rest of the people is missing."""

    def add(self, other: Compared) -> None:
        """Count other people of the same span in."""
        self.really += other.really
        self.now += other.now
        self.changed += other.changed
        self.fare_otherwise += other.fare_otherwise
        self.unreadable += other.unreadable
