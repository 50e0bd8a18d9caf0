"""What a way of sending came to: messages, delivered matches, how long strong ones waited.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta

from ops.simulating.regimes import DAYS, STRONG
from ops.simulating.story import Lived, Story

UNSENT: timedelta = timedelta(days=DAYS)
"""A match that was not sent by the end counts as waiting so long."""


@dataclass
class Tally:
    """Sums over people."""

    people: int = 0
    matches: int = 0
    delivered: int = 0
    messages: int = 0
    strong: int = 0
    strong_waited: timedelta = timedelta(0)
    waited: timedelta = timedelta(0)
    at_the_wall: int = 0

    def add(self, story: Story, lived: Lived) -> None:
        """Count one person in."""
        sent = {
            (match.match_id, match.revision): message.at
            for message in lived.messages
            for match in message.matches
        }
        self.people += 1
        self.messages += len(lived.messages)
        self.delivered += len(sent)
        self.at_the_wall += lived.hit_the_wall
        self.matches += len(story.matches)
        for match in story.matches:
            at = sent.get((match.match_id, match.revision))
            waited = UNSENT if at is None else at - match.created_at
            self.waited += waited
            if match.score >= STRONG:
                self.strong += 1
                self.strong_waited += waited

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def share(self) -> float:
        """Of the matches, how many arrived."""
        return self.delivered / self.matches if self.matches else 0.0

    @property
    def strong_delay(self) -> float:
        """Hours that strong matches waited on average, unsent ones as 14 days."""
        return self.strong_waited / timedelta(hours=1) / self.strong if self.strong else 0.0

    @property
    def delay(self) -> float:
        """The same of all matches."""
        return self.waited / timedelta(hours=1) / self.matches if self.matches else 0.0
