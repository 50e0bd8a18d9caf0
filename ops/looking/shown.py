"""How a file that templates show stands with WeChat, as plain values.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Stand(StrEnum):
    """How a file stands."""

    READY = "ready"
    UPLOADING = "uploading"
    FAILED = "failed"
    """The last upload came to nothing; it is tried again."""
    WAITING = "waiting"
    """Nobody has uploaded it yet."""
    UNUSABLE = "unusable"
    """It is not there, or WeChat would not take it."""

    @property
    def is_for_a_person(self) -> bool:
        """Whether somebody has to do something about it."""
        return self in {Stand.FAILED, Stand.UNUSABLE}


@dataclass(frozen=True, slots=True)
class Shown:
    """One file.  ``is_needed`` says that a template in force shows it."""

    file: str
    type: str
    stand: Stand
    is_needed: bool
    bytes: int | None = None
    sha256: str | None = None
    media_id: str | None = None
    expires_at: datetime | None = None
    errcode: int | None = None
    problem: str | None = None
