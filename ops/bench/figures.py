"""What was measured, as values: figures side by side, and what is to be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Reach:
    """A promise and how far it is kept; ``figure`` and ``bound`` are in ``unit``."""

    what: str
    figure: float
    bound: float
    unit: str = ""
    at_most: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the bound is kept."""
        return self.figure <= self.bound if self.at_most else self.figure >= self.bound

    def told(self) -> str:
        """Say it in a line."""
        bound = f"{'at most' if self.at_most else 'at least'} {self.bound:,g}{self.unit}"
        return (
            f"{'met   ' if self.is_met else 'MISSED'}  {self.what}: {shown(self.figure)}{self.unit} ({bound})"
        )


@dataclass(frozen=True, slots=True)
class Table:
    """Figures side by side: a row each, a column each."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str | float, ...]]

    def markdown(self) -> str:
        """Write it as Markdown, which is readable as text too."""
        cells = [self.columns, *(tuple(shown(cell) for cell in row) for row in self.rows)]
        widths = [max(len(row[n]) for row in cells) for n in range(len(self.columns))]
        lines = [
            "| "
            + " | ".join(
                cell.ljust(width) if n == 0 else cell.rjust(width)
                for n, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            + " |"
            for row in cells
        ]
        rule = "| " + " | ".join(
            "-" * width if n == 0 else "-" * (width - 1) + ":" for n, width in enumerate(widths)
        )
        return "\n".join([self.title, "", lines[0], f"{rule} |", *lines[1:]])


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement's result."""

    name: str
    tables: Sequence[Table]
    reaches: Sequence[Reach] = field(default=())

    def as_json(self) -> dict[str, object]:
        """Write it as plain values."""
        return {
            "name": self.name,
            "tables": [
                {
                    "title": table.title,
                    "rows": [dict(zip(table.columns, row, strict=True)) for row in table.rows],
                }
                for table in self.tables
            ],
            "reaches": [{**asdict(reach), "met": reach.is_met} for reach in self.reaches],
        }


def shown(cell: str | float) -> str:
    """Write a figure with as many digits as mean something."""
    if isinstance(cell, str):
        return cell
    return f"{cell:,.0f}" if abs(cell) >= 100 or cell == int(cell) else f"{cell:,.3g}"  # noqa: PLR2004 - three digits


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The value below which such a share of the values lies; nothing for no values."""
    return (
        sorted_values[min(int(len(sorted_values) * share), len(sorted_values) - 1)] if sorted_values else 0.0
    )
