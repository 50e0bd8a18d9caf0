"""What ``kfpush replay`` and ``kfpush backfill`` share: a run with progress, and how it is told."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from consumer.audit import Act
from consumer.fates import Fate
from ops.acting import Hands, acting, author_of, streaming
from ops.again import Again, Outcome, Page, Ways
from ops.cli.running import until_asked
from ops.cli.showing import show
from ops.cli.working import INTERRUPTED, SOME_WERE_LEFT, bar, talk
from ops.environment import load_settings
from ops.logs import configure_logs
from ops.telling import again as telling
from ops.telling.said import Teller
from ops.telling.sentences import Language, language_of
from producer.stream import MatchStream
from schemas.errors import KfpushError


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was told."""

    what: str
    yes: bool
    why: str | None
    author: str | None
    no_wait: bool
    lang: str | None
    as_json: bool
    given: dict[str, object]

    @property
    def language(self) -> Language:
        """The reader's language."""
        return cast("Language", self.lang) if self.lang else language_of(os.environ)

    @property
    def act(self) -> Act | None:
        """The act that is to be done, if any."""
        return Act(author_of(self.author), self.what, self.why, self.given) if self.yes else None


@dataclass(frozen=True, slots=True)
class Range:
    """What is gone through; ``rest`` writes the options that choose what is left of it."""

    pages: AsyncIterator[Page]
    total: int
    rest: Callable[[str], list[str]]
    wanted: Collection[Fate] | None = None


class _Tell:
    """Shows progress on standard error."""

    def __init__(self, advance: Callable[[int], None], language: Language) -> None:
        self.advance = advance
        self._language = language

    def waiting(self, unread: bool) -> None:  # noqa: FBT001 - the protocol's
        """Say what it waits for."""
        talk((telling.WAITING_FOR_READERS if unread else telling.WAITING_FOR_PLANS).say(self._language))


def run(asked: Asked, chosen: Callable[[Hands, MatchStream], Awaitable[Range]]) -> None:
    """Run it, tell what came of it, and end with the exit code."""
    configure_logs("warning", "auto")
    settings = load_settings()
    act = asked.act
    outcome = Outcome()
    rest: Callable[[str], list[str]] = lambda _following: []  # noqa: E731 - until the range is known

    async def work(stop: asyncio.Event) -> datetime:
        nonlocal rest
        async with acting(settings) as hands, streaming(hands) as stream:
            found = await chosen(hands, stream)
            rest = found.rest
            ways = Ways(hands.app, hands.own, stream, hands.now, hands.wall, act, waits=not asked.no_wait)
            with bar(asked.what, found.total) as advance:
                again = Again(ways, _Tell(advance, asked.language), found.wanted)
                await again.run(found.pages, stop, outcome)
            return hands.now()

    try:
        now = asyncio.run(until_asked(work, _stopping))
    except KfpushError:
        _tell_rest(asked, outcome, rest)
        raise
    if asked.as_json:
        told = {
            "dry_run": not asked.yes,
            "added": dict(outcome.added),
            "events": dict(outcome.fates),
            "unreadable": [{"name": name, "error": error} for name, error in outcome.unreadable],
            "interrupted": outcome.is_interrupted,
            "rest": rest(outcome.following) if outcome.is_interrupted and outcome.following else None,
        }
        print(json.dumps(told, ensure_ascii=False))  # noqa: T201 - standard output is data
    else:
        teller = Teller(asked.language, settings.user_timezone, now)
        show(telling.told(outcome.fates, outcome.added, outcome.unreadable, teller, is_dry_run=not asked.yes))
    if outcome.is_interrupted:
        _tell_rest(asked, outcome, rest)
        sys.exit(INTERRUPTED)
    if not asked.yes and outcome.added:
        talk("Nothing was changed; --yes does it.")
    sys.exit(SOME_WERE_LEFT if outcome.unreadable else 0)


def _stopping(*, at_once: bool) -> None:
    if not at_once:
        talk("Stopping after the page at hand; once more to stop at once.")


def _tell_rest(asked: Asked, outcome: Outcome, rest: Callable[[str], list[str]]) -> None:
    """Say how far it came, and with which command it goes on from there."""
    if not outcome.following:
        talk("Nothing was done yet: run the same again.")
        return
    words = ["kfpush", asked.what, *rest(outcome.following)]
    words += ["--yes"] if asked.yes else []
    words += ["--no-wait"] if asked.no_wait else []
    words += ["--why", asked.why] if asked.why else []
    talk(f"{sum(outcome.fates.values())} events are done with. The rest: {shlex.join(words)}")
