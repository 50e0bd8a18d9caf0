"""Shows what is said: times in a column of their own, colours on a terminal, long lines folded."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Final

from ops.telling.said import Said, Tone

NARROWEST: Final = 40
BULLET: Final = "- "
PIPE_WIDTH: Final = 10_000
"""What is not a terminal has no width: a line a thing said, for grep."""

_STYLES: Final = {
    Tone.PLAIN: "",
    Tone.HEAD: "bold",
    Tone.GOOD: "green",
    Tone.WAIT: "yellow",
    Tone.BAD: "red",
    Tone.QUIET: "dim",
}
_DANGEROUS: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a stranger's text could move the cursor or turn the line with."""


def show(said: Iterable[Said]) -> None:
    """Print lines to standard output."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.text import Text

    console = Console(
        width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, markup=False, emoji=False
    )
    lines = list(said)
    column = max((cell_len(line.at or "") for line in lines), default=0)
    for line in lines:
        if line.gap:
            console.print()
        margin = "  " * min(line.depth, 1)
        if line.at is not None:
            margin += f"{line.at}{' ' * (column - cell_len(line.at))}  {'  ' * (line.depth - 1)}"
        text = Text(
            _DANGEROUS.sub("\ufffd", line.text), f"{'' if line.depth else 'bold '}{_STYLES[line.tone]}"
        )
        hanging = " " * (cell_len(margin) + (len(BULLET) if line.text.startswith(BULLET) else 0))
        width = max(console.width - len(hanging), NARROWEST)
        for number, part in enumerate(text.wrap(console, width, overflow="fold")):
            part.rstrip()
            console.print(Text(margin if number == 0 else hanging, "dim") + part, soft_wrap=True)
