"""Everything that `make fuzz` tries."""

from typing import Final

from tests.fuzz import callbacks, items
from tests.fuzz.runner import Target

TARGETS: Final[tuple[Target, ...]] = (callbacks.TARGET, items.TARGET)
