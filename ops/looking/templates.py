"""Gathers what there is of templates: the host's rows, the versions met, how often each went out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from consumer import host, wordings
from consumer.book import Book, Languages, worded
from consumer.ledger import counts
from consumer.replies import seen
from consumer.sources import BUILT_IN, DIGEST, Source
from ops.looking.lint import Around
from ops.looking.lookout import Lookout
from ops.looking.shelf import Shelf, Version
from schemas.database import Transaction
from schemas.events import MatchCreated
from schemas.times import from_text, maybe_from_text

LATEST: Final = 100_000
"""So many of the latest messages are counted: a ledger of years is not read from end to end."""


async def rows_of(look: Lookout) -> list[dict[str, object]]:
    """Read the rows of ``push_templates``."""
    return await look.app.read(host.templates)


async def shelf(look: Lookout) -> Shelf:
    """Read the rows and their versions.

    Raises:
        StorageError: a database does not answer, or was not migrated.

    """
    rows = await rows_of(look)
    versions, counted = await look.own.read(_versions)
    return Shelf(rows, versions, counted)


def _versions(tx: Transaction) -> tuple[tuple[Version, ...], int]:
    used = {(row["template"], row["version"]): row for row in counts.by_template(tx, LATEST)}
    kept = wordings.versions(tx)
    found = []
    for row in kept:
        use = used.get((row["name"], row["version"]))
        found.append(
            Version(
                row["name"],
                int(row["version"]),
                row["kind"],
                from_text(row["created_at"]),
                maybe_from_text(use["last_at"]) if use else None,
                int(use["n"]) if use else 0,
            )
        )
    return tuple(found), sum(int(row["n"]) for row in used.values())


async def match_of(look: Lookout, match_id: str) -> MatchCreated | None:
    """Read the newest revision of a match that the ledger knows; None: it knows none, or it was withdrawn."""
    found = await look.own.read(lambda tx: seen.matches_of(tx, [match_id]))
    return next((known.match for known in reversed(found.get(match_id, [])) if known.match), None)


def around(look: Lookout) -> Around:
    """Describe what templates are judged by besides themselves."""
    media = Path(look.settings.media_folder)
    return Around(
        look.rules.words.content, look.rules.message_kind, lambda path: not (media / path).is_file()
    )


def alone(source: Source, others: Mapping[str, Source] | None = None) -> Book:
    """Open a book with one template in it, and its translations by locale.

    Raises:
        TemplateError: saying what is wrong with it.

    """
    translated = {
        locale.lower(): replace(worded(other).wording, locale=locale)
        for locale, other in (others or {}).items()
    }
    wording = Languages(worded(source).wording, translated)
    if source.kind == DIGEST:
        built_in = Languages(worded(BUILT_IN).wording)
        return Book(built_in, built_in, wording)
    return Book(wording, wording)
