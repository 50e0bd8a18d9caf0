"""``kfpush dead``: list, show, redrive, drop."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import click

from consumer import letters
from consumer.audit import Act
from consumer.letters import Batch, Close, Redrive, Wanted
from consumer.redrive import Fate, Judged, Letter
from ops.acting import Hands, acting, author_of
from ops.cli.running import until_asked
from ops.cli.showing import show
from ops.cli.working import INTERRUPTED, SOME_WERE_LEFT, acts, bar, instant, talk, tells
from ops.environment import load_settings
from ops.logs import configure_logs
from ops.telling import letters as telling
from ops.telling.said import Teller
from ops.telling.sentences import Language, language_of
from schemas.database import Transaction
from schemas.decisions import Reason

MOST_NAMED: Final = 20
"""So many letters that were left are told by name; the rest is counted, and `dead list` shows it."""

REASONS: Final = [
    Reason.OUTCOME_UNKNOWN,
    Reason.CONTENT_REFUSED,
    Reason.RECIPIENT_REFUSED,
    Reason.UNCLASSIFIED,
    Reason.UNDELIVERED,
    Reason.UNREADABLE_EVENT,
    Reason.POISON,
]
"""What a letter may be dead of."""


def _chooses(command: Callable[..., None]) -> Callable[..., None]:
    """Add the filters."""
    for option in (
        click.option("--user", metavar="USER_ID", help="Of this user only; an unreadable entry has none."),
        click.option("--until", metavar="WHEN", help="Buried until then: an ISO time, or how long ago (2h)."),
        click.option("--since", metavar="WHEN", help="Buried since then: an ISO time, or how long ago (2h)."),
        click.option(
            "--reason",
            multiple=True,
            type=click.Choice([reason.value for reason in REASONS]),
            help="Dead of it; repeatable.",
        ),
    ):
        command = option(command)
    return command


@click.group("dead")
def command() -> None:
    r"""Look at dead letters, take them up again, or close them.

    A dead letter is a match that WeChat refused for what it is, or of whose message nobody learnt for 72
    hours (named by its key, 42:1), or a stream entry that could not be read (named by its id).

    \b
    Examples:
      kfpush dead list
      kfpush dead show 42:1
      kfpush dead redrive --reason content_refused                      # only tells what it would do
      kfpush dead redrive --reason content_refused --why "template mended" --yes
      kfpush dead redrive 42:1 --resend --why "not on the phone" --yes
      kfpush dead drop --until 30d --why "nobody asked" --yes
    """


@command.command("list")
@_chooses
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="So many at once.")
@click.option("--after", metavar="PLACE", help="Go on where the page before ended; it says where.")
@tells
def list_(
    limit: int,
    after: str | None,
    *,
    lang: str | None,
    as_json: bool,
    **chosen: Any,  # noqa: ANN401 - click's
) -> None:
    r"""List dead letters, the longest dead first, with counts by reason.

    \b
    Examples:
      kfpush dead list --reason outcome_unknown --since 2d
      kfpush dead list --json | jq -r '.letters[].name'

    \b
    Exit codes: 0 told, 2 wrong usage, 4 the database does not answer.
    """
    try:
        place = letters.read_place(after) if after else None
    except ValueError:
        raise click.UsageError(f"--after {after}: give the place as the page before told it") from None

    async def work(hands: Hands) -> tuple[Wanted, dict[str, int], list[Letter]]:
        wanted = _wanted((), hands, chosen)

        def look(tx: Transaction) -> tuple[dict[str, int], list[Letter]]:
            return letters.counts(tx, wanted), letters.page(tx, wanted, place, limit + 1)

        return wanted, *await hands.own.read(look)

    (_, counts, found), teller = _run(work, lang)
    more = str(letters.place_of(found[limit - 1])) if len(found) > limit else None
    if as_json:
        told = {"counts": counts, "letters": [telling.as_json(item) for item in found[:limit]], "next": more}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        show(telling.listed(counts, found[:limit], more, teller))


@command.command("show")
@click.argument("name")
@click.option("--show-text", is_flag=True, help="Show what it says, every byte: personal data.")
@tells
def show_(name: str, *, show_text: bool, lang: str | None, as_json: bool) -> None:
    r"""Tell everything about the dead letter NAME: a match's key or an entry's id.

    What it says is personal data and only shown on request; of an entry, with every byte.

    \b
    Examples:
      kfpush dead show 42:1
      kfpush dead show 1763800000000-0 --show-text

    \b
    Exit codes: 0 told, 3 there is no such letter, 4 the database does not answer.
    """

    async def work(hands: Hands) -> tuple[list[Letter], str | None]:
        def look(tx: Transaction) -> tuple[list[Letter], str | None]:
            found = letters.page(tx, Wanted((name,)), None, 1)
            return found, letters.event_of(tx, found[0]) if found and show_text else None

        return await hands.own.read(look)

    (found, event), teller = _run(work, lang)
    if not found:
        talk(f"kfpush: there is no dead letter {name}; `kfpush dead list` names those there are")
        sys.exit(SOME_WERE_LEFT)
    if as_json:
        told = telling.as_json(found[0], with_text=show_text, text=event)
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        show(telling.whole(found[0], (event or "") if show_text else None, teller))


@command.command("redrive")
@click.argument("names", nargs=-1)
@_chooses
@click.option("--all", "everything", is_flag=True, help="All of them; needed when nothing else chooses.")
@click.option("--resend", is_flag=True, help="Also what the user may have seen already; needs --why.")
@acts
@tells
def redrive(names: tuple[str, ...], *, resend: bool, **how: Any) -> None:  # noqa: ANN401 - click's
    r"""Take dead letters up again: NAMES, or those that the filters choose.

    Only tells what would be done, unless --yes is given.  A match is planned again at once, as a new message;
    an entry is read again with today's code and becomes a match if it can be.  What may have been seen
    (outcome_unknown; by name also a match that was sent) is left, unless --resend says to send it again.
    Repeatable, also after an interruption; two at once do it once.

    \b
    Examples:
      kfpush dead redrive --all
      kfpush dead redrive --reason content_refused --why "template mended" --yes
      kfpush dead redrive 1763800000000-0 --yes
      kfpush dead redrive 42:1 --resend --why "looked at the phone: nothing there" --yes

    \b
    Exit codes:
      0    done, or told what would be
      2    wrong usage
      3    some were left, and why is told
      4    the database did not do what was asked
      130  interrupted; what was done is done, the same command goes on
    """
    if resend and not how["why"]:
        raise click.UsageError("--resend sends what may have been seen: say why with --why TEXT.")

    def step(wanted: Wanted, act: Act | None) -> Step:
        return Redrive(wanted, resend, act).batch

    _act("dead redrive", names, step, {"resend": resend}, **how)


@command.command("drop")
@click.argument("names", nargs=-1)
@_chooses
@click.option("--all", "everything", is_flag=True, help="All of them; needed when nothing else chooses.")
@acts
@tells
def drop(names: tuple[str, ...], **how: Any) -> None:  # noqa: ANN401 - click's
    r"""Close dead letters for good: NAMES, or those that the filters choose.

    Only tells what would be done, unless --yes is given; then it needs --why.  Nothing is deleted: a closed
    letter is dropped, and neither a replay nor a backfill takes it up again.

    \b
    Examples:
      kfpush dead drop 42:1 --why "the contact left" --yes
      kfpush dead drop --reason unreadable_event --until 30d --why "old test data" --yes

    \b
    Exit codes: as of `kfpush dead redrive`.
    """
    if how["yes"] and not how["why"]:
        raise click.UsageError("Closing for good needs a reason: --why TEXT.")

    def step(wanted: Wanted, act: Act | None) -> Step:
        return Close(wanted, act).batch

    _act("dead drop", names, step, {}, **how)


Step = Callable[[Transaction, Batch | None, datetime], Batch]


class _Count:
    """What an act came to, summed over its batches."""

    def __init__(self) -> None:
        self.by_fate: Counter[Fate] = Counter()
        self.left: list[Judged] = []
        self.missing: list[str] = []
        self.is_interrupted = False

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        self.by_fate.update(item.fate for item in batch.judged)
        left = [item for item in batch.judged if not item.fate.is_moved]
        self.left += left[: MOST_NAMED - len(self.left)]

    @property
    def exit_code(self) -> int:
        """What the shell is told."""
        if self.is_interrupted:
            return INTERRUPTED
        is_left = self.missing or any(not fate.is_moved for fate in self.by_fate)
        return SOME_WERE_LEFT if is_left else 0


def _act(
    what: str,
    names: tuple[str, ...],
    step: Callable[[Wanted, Act | None], Step],
    more: dict[str, object],
    *,
    everything: bool,
    yes: bool,
    why: str | None,
    author: str | None,
    lang: str | None,
    as_json: bool,
    **chosen: Any,  # noqa: ANN401 - click's
) -> None:
    """Run an act in batches, or only look; tell what came of it."""
    is_filtered = any(chosen.values())
    if [bool(names), is_filtered, everything].count(True) != 1:
        raise click.UsageError("Say which: NAMES, filters (--reason, --since, --until, --user), or --all.")
    given = {name: value for name, value in {"names": names, **chosen, **more}.items() if value}
    act = Act(author_of(author), what, why, given) if yes else None

    async def work(hands: Hands) -> _Count:
        # What dies again meanwhile is not taken up twice by one run.
        started = hands.now()
        wanted = _wanted(names, hands, chosen)
        if not names:
            wanted = replace(wanted, until=min(filter(None, (wanted.until, started))))
        run = hands.own.read if act is None else hands.own.exclusive
        total = sum((await hands.own.read(lambda tx: letters.counts(tx, wanted))).values())
        return await until_asked(
            lambda stop: _batches(run, hands.now, step(wanted, act), stop, total, names), _interrupted
        )

    count, teller = _run(work, lang)
    if as_json:
        told = {
            "dry_run": not yes,
            "counts": dict(count.by_fate),
            "left": [
                {"name": item.letter.name, "fate": item.fate, "error": item.error} for item in count.left
            ],
            "missing": count.missing,
            "interrupted": count.is_interrupted,
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        show(telling.done(count.by_fate, count.left, teller, is_dry_run=not yes))
    for name in count.missing:
        talk(f"kfpush: there is no dead letter {name}")
    if not yes and any(fate.is_moved for fate in count.by_fate):
        talk("Nothing was changed; --yes does it.")
    if count.is_interrupted:
        talk("Interrupted: what is told is done; the same command goes on.")
    sys.exit(count.exit_code)


async def _batches(
    run: Callable[[Callable[[Transaction], Batch]], Awaitable[Batch]],
    now: Callable[[], datetime],
    step: Step,
    stop: asyncio.Event,
    total: int,
    names: tuple[str, ...],
) -> _Count:
    count = _Count()
    batch: Batch | None = None
    found: set[str] = set()
    with bar("dead letters", total) as advance:
        while True:
            before = batch
            batch = await run(lambda tx: step(tx, before, now()))  # noqa: B023 - run at once
            count.add(batch)
            found |= {item.letter.name for item in batch.judged} if names else set()
            advance(len(batch.judged))
            if batch.at is None:
                break
            if stop.is_set():
                count.is_interrupted = True
                break
    count.missing = [name for name in dict.fromkeys(names) if name not in found]
    return count


def _interrupted(*, at_once: bool) -> None:
    if not at_once:
        talk("Stopping after the batch at hand; once more to stop at once.")


def _wanted(names: tuple[str, ...], hands: Hands, chosen: dict[str, Any]) -> Wanted:
    zone, now = ZoneInfo(hands.settings.user_timezone), hands.now()
    since, until = (instant(text, zone, now) if text else None for text in (chosen["since"], chosen["until"]))
    return Wanted(names, chosen["reason"], since, until, chosen["user"])


def _run(work: Callable[[Hands], Any], lang: str | None) -> tuple[Any, Teller]:
    """Open the databases and work; give what came of it, and who tells it."""
    configure_logs("warning", "auto")
    settings = load_settings()

    async def run() -> tuple[Any, datetime]:
        async with acting(settings) as hands:
            return await work(hands), hands.now()

    came, now = asyncio.run(run())
    language = cast("Language", lang) if lang else language_of(os.environ)
    return came, Teller(language, settings.user_timezone, now)
