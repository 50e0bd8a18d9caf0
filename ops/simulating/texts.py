"""How long the texts come out that a template writes: those of messages with one match.  Pure.

Several matches in one message are a digest, which has a template of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consumer.book import opened, worded
from consumer.cut import TEXT_BYTES
from consumer.sources import BUILT_IN, in_force
from consumer.templates import Template, match_values
from ops.simulating.story import Key, Lived
from schemas.events import match_from_ledger


@dataclass
class Texts:
    """Sums over messages; lengths are bytes of UTF-8 as a message would hold them, ``cut`` had to be cut."""

    messages: int = 0
    size: int = 0
    longest: int = 0
    cut: int = 0

    def __add__(self, other: Texts) -> Texts:
        """Both together."""
        return Texts(
            self.messages + other.messages,
            self.size + other.size,
            max(self.longest, other.longest),
            self.cut + other.cut,
        )

    def add(self, lived: Lived, events: Mapping[Key, str], template: Template) -> None:
        """Render what one person was sent singly; nothing of it is kept."""
        for message in lived.messages:
            if len(message.matches) != 1:
                continue
            [match] = message.matches
            values = match_values(match_from_ledger(events[match.match_id, match.revision]), 1)
            length = len(template.render(values).encode())
            is_cut = length > TEXT_BYTES
            if is_cut:
                length = len(template.render_within(values).encode())
            self.messages += 1
            self.size += length
            self.longest = max(self.longest, length)
            self.cut += is_cut

    @property
    def mean(self) -> float:
        """Bytes of such a message, on average."""
        return self.size / self.messages if self.messages else 0.0

    def as_json(self) -> dict[str, object]:
        """Write it as plain values."""
        return {
            "messages": self.messages,
            "mean_bytes": round(self.mean, 1),
            "longest_bytes": self.longest,
            "cut": self.cut,
        }


def template_in_force(rows: Sequence[Mapping[str, object]]) -> Template:
    """The template that words a single match as text now, for readers of no language of their own."""
    ready = opened(in_force(rows).text).ready
    return (ready.get("") or worded(BUILT_IN)).wording.template
