"""What inbound asks of those who answer: the seam between hearing words and replying to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from consumer.gather import HostInputs
from consumer.inbound.heard import Read
from consumer.inbound.sessions import Bound
from consumer.replies.answering import Answered
from consumer.replies.asked import Asked
from schemas.database import Transaction
from schemas.decisions import RecipientKey

Refused = frozenset[tuple[str, str]]
"""Wishes that the host's own tables do not take, by (open_kfid, inbound_key)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a page is taken in, by both clocks."""

    now: datetime
    wall: datetime


@dataclass(frozen=True, slots=True)
class Hosted:
    """What the application's database said of a page, after what it asks for was written there.

    ``inputs`` are None where nobody asked anything of kfpush.
    """

    bound: Mapping[str, Bound] = field(default_factory=dict)
    asked: Sequence[Asked] = ()
    inputs: HostInputs | None = None
    refused: Refused = frozenset()


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody opened a conversation and may be welcomed, once."""

    recipient: RecipientKey
    code: str = field(repr=False)
    at: datetime


class Wishing(Protocol):
    """Who writes what users wish into the host's own columns, in the application's transaction."""

    def __call__(self, tx: Transaction, asked: Sequence[Asked], now: datetime, /) -> Refused:
        """Set what these words ask for, in their order; may be called again with the same ones."""
        ...


class Answering(Protocol):
    """Who obeys and answers, inside the transaction that notes the words."""

    def __call__(
        self, tx: Transaction, asked: Sequence[Asked], hosted: Hosted, moment: Moment, /
    ) -> Sequence[Answered]:
        """Tell what became of each, and the push that answers it; a word comes here once."""
        ...


@dataclass(frozen=True, slots=True)
class Replies:
    """How words are read, wishes stored, askings answered, and who came in is welcomed (after the commit)."""

    read: Read
    wish: Wishing
    answer: Answering
    welcome: Callable[[Entered], None]
