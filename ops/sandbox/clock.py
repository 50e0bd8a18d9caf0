"""The sandbox's time: the wall clock and an offset that a test or a person can move."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class VirtualClock:
    """Tells the time that every rule of the sandbox uses."""

    def __init__(self, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._wall = wall
        self.offset = timedelta(0)

    def now(self) -> datetime:
        """Wall time plus the offset."""
        return self._wall() + self.offset

    def move_to(self, now: datetime) -> None:
        """Choose the offset that makes it this instant."""
        self.offset = now - self._wall()


def iso(instant: datetime) -> str:
    """UTC with milliseconds and Z."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """An instant from ISO 8601.  Without a zone nobody can know when it is meant."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("the time needs a zone, for instance 2026-01-31T08:00:00Z")
    return instant
