"""Publishing a file: each line a match, each batch of lines one transaction on the application's database.

Constant memory, whatever the file: a line is read, judged, added or refused, and forgotten.  Nothing of a
line's content is ever shown, because it is personal data; its number and the reason are.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from producer import outbox
from producer.outbox import Added, Outbox
from schemas.database import Session, connected, engine_of, in_exclusive
from schemas.errors import InvalidEvent, SchemaTooOld
from schemas.events import MAX_PAYLOAD_BYTES, MatchCreated, match_from_json, payload_of

BATCH: Final = 500
"""So many matches share one transaction: short enough for a busy host, long enough for a fast disk."""

MOST_TOLD: Final = 1000
"""So many refused lines are named; the rest of a hopeless file is only counted."""

IDLE_SECONDS: Final = 0.2
"""A slow pipe's matches are committed when nothing more came for so long."""

_CHUNK: Final = 64 * 1024
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """One line; ``text`` is None when it is longer than any match can be."""

    number: int
    text: bytes | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that did not go in, and why."""

    line: int
    reason: str


@dataclass
class Count:
    """How far it came.  ``committed`` is the last line up to which everything is settled."""

    added: int = 0
    already_there: int = 0
    refused: int = 0
    committed: int = 0
    refusals: list[Refusal] = field(default_factory=list)


class Publisher:
    """Puts matches into one database's outbox; ``dry_run`` only tells what it would do."""

    def __init__(self, url: str, on_refused: Callable[[Refusal], None], *, dry_run: bool = False) -> None:
        self._engine = engine_of(url)
        self._on_refused = on_refused
        self._dry_run = dry_run
        self._outbox = Outbox()
        self.count = Count()

    def publish(self, lines: Iterator[Line | None], is_asked_to_stop: Callable[[], bool]) -> None:
        """Publish every line, or those up to which it was asked to stop; ``None`` says: nothing comes.

        Raises:
            SchemaTooOld, StorageError: what ``count`` tells is committed, and nothing else.

        """
        if not self._engine.is_there():
            raise SchemaTooOld(f"{self._engine.place} does not exist yet; run `kfpush migrate`")
        with connected(self._engine) as session:
            batch: list[Line] = []
            for line in lines:
                if line is not None:
                    batch.append(line)
                if batch and (line is None or len(batch) == BATCH):
                    self._take(session, batch)
                    batch = []
                if is_asked_to_stop():
                    break
            if batch:
                self._take(session, batch)

    def _take(self, session: Session, batch: list[Line]) -> None:
        """Judge a batch outside the transaction, add it inside, count it once it is committed."""
        good: list[MatchCreated] = []
        refused: list[Refusal] = []
        for line in batch:
            try:
                if match := _match(line):
                    good.append(match)
            except InvalidEvent as error:
                refused.append(Refusal(line.number, str(error)))
        added = self._look(session, good) if self._dry_run else self._add(session, good)
        self.count.added += added
        self.count.already_there += len(good) - added
        self.count.committed = batch[-1].number
        for refusal in refused:
            self._refuse(refusal)

    def _add(self, session: Session, matches: list[MatchCreated]) -> int:
        if not matches:
            return 0
        with in_exclusive(session):
            told = self._outbox.add_many(session.raw, matches)
        return sum(isinstance(each, Added) for each in told)

    def _look(self, session: Session, matches: list[MatchCreated]) -> int:
        session.begin_read()
        try:
            there = outbox.present(session.tx, {match.key for match in matches})
        finally:
            session.rollback()
        return len({match.key for match in matches} - there)

    def _refuse(self, refusal: Refusal) -> None:
        self.count.refused += 1
        if self.count.refused <= MOST_TOLD:
            self.count.refusals.append(refusal)
            self._on_refused(refusal)


def _match(line: Line) -> MatchCreated | None:
    """Read one line; None for an empty one."""
    if line.text is None:
        raise InvalidEvent(f"longer than {MAX_PAYLOAD_BYTES} bytes")
    text = line.text.removeprefix(_BOM) if line.number == 1 else line.text
    if not text.strip():
        return None
    match = match_from_json(text)
    payload_of(match)  # refuses one that is too large as it will be written
    return match


def read_lines(descriptor: int, on_bytes: Callable[[int], None]) -> Iterator[Line | None]:
    """Read lines as they come; None whenever nothing came for a while.  ``on_bytes`` hears of progress."""
    number, start, is_too_long = 1, b"", False
    while True:
        if not select.select([descriptor], [], [], IDLE_SECONDS)[0]:
            yield None
            continue
        chunk = os.read(descriptor, _CHUNK)
        on_bytes(len(chunk))
        *whole, rest = (start + chunk).split(b"\n")
        for text in whole:
            yield Line(number, None if is_too_long or len(text) > MAX_PAYLOAD_BYTES else text)
            number, is_too_long = number + 1, False
        if not chunk:
            if rest or is_too_long:
                yield Line(number, None if is_too_long else rest)
            return
        is_too_long = is_too_long or len(rest) > MAX_PAYLOAD_BYTES
        start = b"" if is_too_long else rest
