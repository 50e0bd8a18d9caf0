"""Marks the matches that say what the operator's list blocks, before anybody decides about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from consumer.content import Content
from consumer.ledger.deliveries import Waiting


def marked(rows: Sequence[Waiting], content: Content) -> list[Waiting]:
    """Write into each row's candidate the category of a blocked word; most stay as they are."""
    if content.blocking is None:
        return list(rows)
    return [
        replace(row, candidate=replace(row.candidate, blocked=category))
        if (category := content.blocked(row.match))
        else row
        for row in rows
    ]
