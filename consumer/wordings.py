"""The table ``push_template_versions``: a new row whenever planning meets a text it has not met before.

A version is of the whole template: its type, its texts and its config.  A template the operator broke never
stops pushes: what stands in for it goes out, and the complaint says what is wrong with which template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from consumer.book import Book, Languages, Worded, assembled
from consumer.experiments import table, trial
from consumer.sources import TEXT, Source
from schemas.database import Row, Transaction, marks
from schemas.experiments import Experiment
from schemas.times import to_text


def choose(tx: Transaction, rows: Sequence[Mapping[str, object]], now: datetime, *, kind: str = TEXT) -> Book:
    """Open the book that the operator's active templates make; ``kind`` is how single matches are to go.

    ``rows`` are those of ``push_templates``.  Two queries, and one statement for each text that is new.
    """
    ready = assembled(rows, kind)
    singles, texts, digest = ready.single, ready.text, ready.digest
    unreadable: list[str] = []
    tried = trial.prepared(table.running(tx, unreadable), ready)
    varied = [item for _, words in tried.ready for item in words.values()]
    known = _versions(tx, [*texts.values(), *singles.values(), *digest.values(), *varied], now)
    return Book(
        _languages(singles, known),
        _languages(texts, known),
        _languages(digest, known) if "" in digest else None,
        (*ready.complaints, *unreadable, *tried.complaints),
        {experiment.template: _trial(experiment, words, known) for experiment, words in tried.ready},
    )


def _trial(
    experiment: Experiment, ready: Mapping[str, Worded], known: Mapping[tuple[str, str], int]
) -> trial.Trial:
    wordings = {
        variant: replace(
            item.wording,
            version=known[item.source.name, item.source.digest],
            variant=variant,
            experiment=experiment.name,
        )
        for variant, item in ready.items()
    }
    return trial.Trial(experiment, wordings)


def _languages(found: Mapping[str, Worded], known: Mapping[tuple[str, str], int]) -> Languages:
    wordings = {
        locale: replace(item.wording, version=known[item.source.name, item.source.digest], locale=locale)
        for locale, item in found.items()
    }
    return Languages(wordings.pop(""), wordings)


def _versions(tx: Transaction, used: Iterable[Worded], now: datetime) -> dict[tuple[str, str], int]:
    """Tell the version of each source, by (name, hash); one that was not met before gets the next."""
    sources = {(item.source.name, item.source.digest): item.source for item in used}
    hashes = tuple({digest for _, digest in sources})
    rows = tx.rows(
        f"SELECT name, hash, version FROM push_template_versions WHERE hash IN ({marks(hashes)})", hashes
    )
    known = {(str(row["name"]), str(row["hash"])): int(row["version"]) for row in rows}
    for key in sources.keys() - known.keys():
        known[key] = _keep(tx, sources[key], now)
    return known


def _keep(tx: Transaction, source: Source, now: datetime) -> int:
    last = tx.one("SELECT max(version) AS version FROM push_template_versions WHERE name = ?", (source.name,))
    version = 1 + int(last["version"] or 0) if last else 1
    tx.execute(
        "INSERT INTO push_template_versions"
        " (name, version, variant, weight, kind, body, title, detail, config, hash, created_at)"
        " VALUES (?, ?, '', 1, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(source.name, version, source.kind, source.content),
            *(source.title, source.detail, source.config, source.digest, to_text(now)),
        ),
    )
    return version


def versions(tx: Transaction) -> list[Row]:
    """Read every version that was met, without its texts."""
    return tx.rows(
        "SELECT name, version, kind, hash, created_at FROM push_template_versions ORDER BY name, version"
    )
