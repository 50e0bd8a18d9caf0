"""What if: a span of the past lived once more as things are, and once as they would be.  Writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from ops.simulating.changes import Change
from ops.simulating.living import live
from ops.simulating.outcome import Compared, Outcome
from ops.simulating.past import Past, Span
from ops.simulating.story import Lived
from schemas.preferences import Unreadable


async def compare(
    pasts: AsyncIterator[list[Past]],
    span: Span,
    now: Change,
    changed: Change | None,
    stop: asyncio.Event,
    advance: Callable[[int], None],
) -> Compared:
    """Let every person live their span both ways; tell after each how many of their matches are done with."""
    found = Compared(span)
    async for people in pasts:
        for past in people:
            if stop.is_set():
                found.is_whole = False
                return found
            _compare(found, past, now, changed)
            advance(len(past.story.matches))
            await asyncio.sleep(0)  # so that a Ctrl-C is heard
    return found


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
