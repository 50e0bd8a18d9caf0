"""What is said, line by line, before anybody chooses colours; and how an instant is said.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ops.telling.sentences import Language, Text


class Tone(StrEnum):
    """What a line is like."""

    PLAIN = "plain"
    HEAD = "head"
    GOOD = "good"
    WAIT = "wait"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Said:
    """One line.

    ``at`` stands in a column before it (empty: the column stays blank, None: there is none), ``depth``
    indents it, ``gap`` leaves an empty line before it.
    """

    text: str
    tone: Tone = Tone.PLAIN
    at: str | None = None
    depth: int = 0
    gap: bool = False


class Teller:
    """A language, the zone of the clock that the user lives by, and the instant at which is told."""

    def __init__(self, language: Language, timezone: str, now: datetime) -> None:
        self.language = language
        self._zone = ZoneInfo(timezone)
        self._year = now.astimezone(self._zone).year

    def sentences(self, *sentences: str) -> str:
        """Put sentences one after another; the full stop between two is the language's."""
        stop, blank = ("。", "") if self.language == "zh" else (".", " ")
        told = [
            sentence if sentence[-1] in ".。?？" else sentence + stop for sentence in sentences if sentence
        ]
        return blank.join(told)

    def listed(self, parts: Iterable[str]) -> str:
        """Put parts of a sentence one after another."""
        return ("，" if self.language == "zh" else ", ").join(parts)

    def say(self, text: Text, **facts: object) -> str:
        """Say a text; instants among the facts are said in the zone and in UTC."""
        said = {name: self.at(fact) if isinstance(fact, datetime) else fact for name, fact in facts.items()}
        return text.say(self.language, **said)

    def at(self, instant: datetime) -> str:
        """Say an instant: ``2026-11-22 23:37:00 (15:37:00Z)``, with UTC's date where it is another."""
        local, utc = instant.astimezone(self._zone), instant.astimezone(UTC)
        if local.utcoffset() == utc.utcoffset():
            return f"{utc:%Y-%m-%d %H:%M:%SZ}"
        day = "" if local.date() == utc.date() else f"{utc:%m-%d} "
        return f"{local:%Y-%m-%d %H:%M:%S} ({day}{utc:%H:%M:%S}Z)"

    def span(self, span: timedelta) -> str:
        """Say how long, in the largest unit that fits: ``12 s``, ``5 min``, ``3 h``, ``2 d``."""
        seconds = max(0, int(span.total_seconds()))
        for size, unit, unit_zh in ((86400, "d", "天"), (3600, "h", "小时"), (60, "min", "分钟")):
            if seconds >= 2 * size:
                return f"{seconds // size} {unit_zh if self.language == 'zh' else unit}"
        return f"{seconds} {'秒' if self.language == 'zh' else 's'}"

    def briefly(self, instant: datetime) -> str:
        """Say an instant without the year, if it is the present one: ``11-22 23:37:00 (15:37:00Z)``."""
        return self.at(instant).removeprefix(f"{self._year}-")
