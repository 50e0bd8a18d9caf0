"""The table ``push_template_versions``: a new row whenever planning meets a text it has not met before.

A template the operator broke never stops pushes: the built-in text goes out instead, and the complaint says
what is wrong with which template.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from consumer.compose import Wording
from consumer.templates import DEFAULT_TEMPLATES, TEXT_TEMPLATE, choose_template, compile_template
from schemas.database import Transaction
from schemas.errors import TemplateError
from schemas.times import to_text


@dataclass(frozen=True, slots=True)
class Chosen:
    """The wording in force, and what was wrong with the operator's, if anything."""

    wording: Wording
    complaint: str | None = None


def choose(tx: Transaction, rows: Sequence[Mapping[str, object]], now: datetime) -> Chosen:
    """Choose the wording that the operator's active templates ask for."""
    name, body = choose_template(rows)
    complaint = None
    try:
        template = compile_template(body)
    except TemplateError as error:
        complaint = f"template {name!r}: {error}. Until it is mended the built-in text is sent"
        name, body = TEXT_TEMPLATE, DEFAULT_TEMPLATES[TEXT_TEMPLATE]
        template = compile_template(body)
    return Chosen(Wording(name, _version(tx, name, body, now), template), complaint)


def _version(tx: Transaction, name: str, body: str, now: datetime) -> int:
    digest = hashlib.sha256(body.encode()).hexdigest()
    row = tx.one("SELECT version FROM push_template_versions WHERE name = ? AND hash = ?", (name, digest))
    if row is not None:
        return int(row["version"])
    last = tx.one("SELECT max(version) AS version FROM push_template_versions WHERE name = ?", (name,))
    version = 1 + int(last["version"] or 0) if last else 1
    tx.execute(
        "INSERT INTO push_template_versions (name, version, variant, weight, body, hash, created_at)"
        " VALUES (?, ?, '', 1, ?, ?, ?)",
        (name, version, body, digest, to_text(now)),
    )
    return version
