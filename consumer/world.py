"""What the rooms may ask of the outside world: two clocks and dice.  Given by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from consumer.backoff import reconnect_delay


@dataclass(frozen=True, slots=True)
class World:
    """``now`` is business time (windows, quiet hours, limits), ``wall`` is for leases; ``dice`` in [0, 1)."""

    now: Callable[[], datetime]
    wall: Callable[[], datetime]
    dice: Callable[[], float]

    def back_off(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row to reach a server."""
        return reconnect_delay(failures, self.dice()).total_seconds()
