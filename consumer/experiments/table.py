"""The table ``push_experiments``: what is, and was, tried out.  A row never changes but to end."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from schemas.database import Row, Transaction
from schemas.experiments import Ended, Experiment, variants_as_text, variants_from_text
from schemas.times import from_text, to_text

_RUNNING: Final = "ended_at IS NULL"


def running(tx: Transaction, complaints: list[str] | None = None) -> list[Experiment]:
    """Read the experiments that go on; asked once a round of planning, of a handful of rows.

    One that somebody's hand made unreadable is left out, and complained of: no message waits for it.
    """
    found: list[Experiment] = []
    for row in tx.rows(f"SELECT * FROM push_experiments WHERE {_RUNNING}"):
        try:
            found.append(_experiment(row))
        except (ValueError, TypeError, AttributeError):
            if complaints is not None:
                complaints.append(
                    f"experiment {row['name']!r}: its row in push_experiments cannot be read: mend it."
                    " Until then everybody is told in the template's own words"
                )
    return found


def listed(tx: Transaction, limit: int) -> list[Experiment]:
    """Read experiments, the latest begun first."""
    rows = tx.rows("SELECT * FROM push_experiments ORDER BY started_at DESC, name LIMIT ?", (limit,))
    return [_experiment(row) for row in rows]


def named(tx: Transaction, name: str) -> Experiment | None:
    """Find an experiment, running or not."""
    row = tx.one("SELECT * FROM push_experiments WHERE name = ?", (name,))
    return None if row is None else _experiment(row)


def start(tx: Transaction, experiment: Experiment) -> bool:
    """Begin one; tell whether it did: not if its name was ever used, or its template is in another one."""
    return (
        tx.execute(
            "INSERT INTO push_experiments"
            " (name, template, salt, variants, holdout, started_at, author, note)"
            " SELECT ?, ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS"
            f" (SELECT 1 FROM push_experiments WHERE name = ? OR (template = ? AND {_RUNNING}))",
            (
                *(experiment.name, experiment.template, experiment.salt),
                *(variants_as_text(experiment.variants), experiment.holdout, to_text(experiment.started_at)),
                *(experiment.author, experiment.note, experiment.name, experiment.template),
            ),
        )
        == 1
    )


def stop(tx: Transaction, name: str, author: str, why: str, now: datetime) -> bool:
    """End one; tell whether this call ended it."""
    changed = tx.execute(
        "UPDATE push_experiments SET ended_at = ?, ended_by = ?, ended_why = ?"
        f" WHERE name = ? AND {_RUNNING}",
        (to_text(now), author, why, name),
    )
    return changed == 1


def _experiment(row: Row) -> Experiment:
    ended = Ended(from_text(row["ended_at"]), row["ended_by"], row["ended_why"]) if row["ended_at"] else None
    return Experiment(
        row["name"],
        row["template"],
        row["salt"],
        variants_from_text(row["variants"]),
        row["holdout"],
        from_text(row["started_at"]),
        row["author"],
        row["note"],
        ended,
    )
