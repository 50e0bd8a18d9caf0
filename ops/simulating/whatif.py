"""What if: a span of the past lived once more as things are, and once as they would be.  Writes nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

from ops.simulating.changes import Change
from ops.simulating.living import live
from ops.simulating.outcome import Compared, Outcome
from ops.simulating.past import Past, Span
from ops.simulating.story import Lived
from schemas.preferences import Unreadable

AT_ONCE: Final = 20
"""So many people are compared in one go: seconds at most, where each gets dozens of matches a day."""

IN_FLIGHT: Final = 2
"""So many portions for each process are on their way, so that none waits for the reading."""

_IGNORED: Final = (signal.SIGINT, signal.SIG_IGN)


async def compare(
    pasts: AsyncIterator[list[Past]],
    span: Span,
    now: Change,
    changed: Change | None,
    stop: asyncio.Event,
    advance: Callable[[int], None],
    workers: int = 0,
) -> Compared:
    """Let every person live their span both ways; tell after some how many of their matches are done with.

    With ``workers`` so many processes do it; the figures are the same.
    """
    found = Compared(span)
    with _helpers(workers) as pool:
        running: set[asyncio.Future[Compared]] = set()
        async for people in pasts:
            for start in range(0, len(people), AT_ONCE):
                if stop.is_set():
                    break
                running.add(_begin(pool, Portion(people[start : start + AT_ONCE], span, now, changed)))
                running = await _counted(found, running, advance, most=IN_FLIGHT * workers)
            if stop.is_set():
                found.is_whole = False
                break
        await _counted(found, running, advance, most=0)
    return found


@dataclass(frozen=True, slots=True)
class Portion:
    """Some people, to be compared in one go."""

    people: Sequence[Past]
    span: Span
    now: Change
    changed: Change | None

    def run(self) -> Compared:
        """Compare them."""
        found = Compared(self.span)
        for past in self.people:
            _compare(found, past, self.now, self.changed)
        return found


@contextmanager
def _helpers(workers: int) -> Iterator[ProcessPoolExecutor | None]:
    """Have so many processes; none of them minds a Ctrl-C, which is for who asked."""
    if not workers:
        yield None
        return
    # Spawned, not forked: no connection of ours is theirs.
    with ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, _IGNORED) as pool:
        yield pool


def _begin(pool: ProcessPoolExecutor | None, portion: Portion) -> asyncio.Future[Compared]:
    loop = asyncio.get_running_loop()
    if pool is not None:
        return loop.run_in_executor(pool, portion.run)
    here = loop.create_future()
    here.set_result(portion.run())
    return here


async def _counted(
    found: Compared,
    running: set[asyncio.Future[Compared]],
    advance: Callable[[int], None],
    *,
    most: int,
) -> set[asyncio.Future[Compared]]:
    """Wait until at most so many still run, and count in what is done; a Ctrl-C is heard meanwhile."""
    await asyncio.sleep(0)
    while len(running) > most:
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            part = one.result()
            found.add(part)
            advance(part.really.matches)
    return running


def _compare(found: Compared, past: Past, now: Change, changed: Change | None) -> None:
    story = now.story_of(past)
    lived = live(story, now.terms)
    strong = now.terms.strong_score
    """Strong is what is strong now, or the two could not be put side by side."""
    found.really.add(story, past.lived, strong)
    found.now.add(story, lived, strong)
    found.unreadable += any(isinstance(user.preferences, Unreadable) for user in story.users.values())
    _word(found.really, past, past.lived, now)
    _word(found.now, past, lived, now)
    if changed is None:
        return
    other = changed.story_of(past)
    is_same = other == story and changed.terms == now.terms
    otherwise = lived if is_same else live(other, changed.terms)
    found.changed.add(other, otherwise, strong)
    found.fare_otherwise += _messages(otherwise) != _messages(lived)
    _word(found.changed, past, otherwise, changed)


def _word(outcome: Outcome, past: Past, lived: Lived, way: Change) -> None:
    if way.template is not None:
        outcome.texts.add(lived, past.events, way.template)


def _messages(lived: Lived) -> list[object]:
    return [(item.at, item.recipient, [match.match_id for match in item.matches]) for item in lived.messages]
