"""The sandbox's time: the wall clock and an offset that a test or a person can move."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class VirtualClock:
    """Tells the time that every rule of the sandbox uses."""

    def __init__(self, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._wall = wall
        self._witnessed: datetime | None = None
        self.offset = timedelta(0)

    def now(self) -> datetime:
        """Wall time plus the offset."""
        return self._wall() + self.offset

    def witness(self) -> datetime:
        """The time now, which others write down: from here on the clock cannot go back before it."""
        now = self.now()
        self._witnessed = now if self._witnessed is None else max(now, self._witnessed)
        return now

    def move(self, offset: timedelta) -> None:
        """Go forward or back to an offset.

        Raises:
            ValueError: that would be before a time that others have written down.
            OverflowError: no calendar goes that far.

        """
        there, noted = self._wall() + offset, self._witnessed
        if offset < self.offset and noted is not None and there < noted:
            raise ValueError(
                f"the clock cannot go back to {iso(there)}: at {iso(noted)} a user wrote or kfpush called, "
                "and that time is in the ledger; go forward, or begin anew: reset the sandbox and give "
                "kfpush an empty data folder"
            )
        self.offset = offset

    def offset_at(self, now: datetime) -> timedelta:
        """The offset that makes it this instant."""
        return now - self._wall()


def iso(instant: datetime) -> str:
    """UTC with milliseconds and Z."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """An instant from ISO 8601.  Without a zone nobody can know when it is meant."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("the time needs a zone, for instance 2026-01-31T08:00:00Z")
    return instant
