"""How long the planner itself takes: many people with much waiting, and the one match that goes at once.

No database: facts are made beforehand, so that what is measured is deciding and nothing else.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from consumer.facts import Candidate, Person, User, Window
from consumer.planner import plan
from ops.bench.figures import Measured, Reach, Table
from ops.bench.job import Job
from schemas.decisions import RecipientKey
from schemas.preferences import BatchMode, Preferences, QuietHours

PEOPLE: Final = 10_000
MATCHES_EACH: Final = 10
MOST_SECONDS: Final = 10.0
"""For a hundred thousand matches on one core."""

ALONE: Final = 10_000
"""So often the one match is decided."""

NOON: Final = datetime(2026, 11, 22, 4, tzinfo=UTC)
_QUIET: Final = (None, QuietHours.parse("22:00-08:00"), QuietHours.parse("11:00-13:00"))


def measure(job: Job) -> Measured:
    """Decide about everybody once, and about one match again and again."""
    dice = random.Random(1)  # noqa: S311 - people, not keys
    job.say(f"planning: {PEOPLE:,} people with {MATCHES_EACH} matches each")
    people = [_drawn(dice, nth) for nth in range(PEOPLE)]
    became: Counter[str] = Counter()
    began = time.process_time()
    for person, rows in people:
        for item in plan(person, rows, NOON):
            became[type(item.decision).__name__] += len(item.matches) + len(item.behind)
    seconds = time.process_time() - began
    count = PEOPLE * MATCHES_EACH
    one, [row, *_] = _person(BatchMode.SMART, None, used=0), _matches(dice, "u", 1, strong=True)
    began = time.process_time()
    for _ in range(ALONE):
        plan(one, (row,), NOON)
    alone = time.process_time() - began
    table = Table(
        f"{count:,} waiting matches of {PEOPLE:,} people, of each mode, with and without quiet hours",
        ("what", "CPU s", "CPU us a match", "send / defer / park"),
        [
            (
                "everybody once",
                seconds,
                seconds / count * 1e6,
                " / ".join(f"{became[kind]:,}" for kind in ("Send", "Defer", "Park")),
            ),
            (f"one match that goes at once, {ALONE:,} times", alone, alone / ALONE * 1e6, "-"),
        ],
    )
    return Measured(
        "planning",
        [table],
        [Reach(f"deciding about {count:,} matches", seconds, MOST_SECONDS, "s", at_most=True)],
    )


def _drawn(dice: random.Random, nth: int) -> tuple[Person, list[Candidate]]:
    mode, quiet = dice.choice(list(BatchMode)), dice.choice(_QUIET)
    return _person(mode, quiet, used=dice.randrange(6)), _matches(dice, f"p{nth}", MATCHES_EACH)


def _person(mode: BatchMode, quiet: QuietHours | None, *, used: int) -> Person:
    recipient = RecipientKey("wkAAAA", "wmAAAA")
    pushed_at = NOON - timedelta(hours=3) if used else None
    window = Window(recipient, NOON - timedelta(hours=20), used=used, unanswered=used, pushed_at=pushed_at)
    wishes = Preferences(
        enabled=True,
        stopped=False,
        daily_limit=10,
        min_score=0.7,
        quiet=quiet,
        zone=ZoneInfo("Asia/Shanghai"),
        batch_mode=mode,
        preferred_time=NOON.time(),
    )
    return Person((window,), {"u": User(wishes, 0, frozenset({"wmAAAA"}))}, name="p")


def _matches(dice: random.Random, prefix: str, count: int, *, strong: bool = False) -> list[Candidate]:
    found = []
    for nth in range(count):
        created_at = NOON - timedelta(minutes=dice.randrange(1, 1200))
        score = 0.9 if strong else 0.7 + dice.random() * 0.3
        expires_at = created_at + timedelta(days=7)
        found.append(Candidate(f"{prefix}-{nth}", 1, "u", score, expires_at, created_at))
    return found
