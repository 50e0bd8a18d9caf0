"""``kfpush experiment``: start, stop, list, show."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Final, cast

import click

from consumer.experiments import table
from ops import experimenting, migrate
from ops.acting import acting, author_of
from ops.cli.showing import show
from ops.cli.working import tells
from ops.environment import load_settings
from ops.experimenting import Dealt, Plan
from ops.logs import configure_logs
from ops.looking.journey import as_json as plain
from ops.looking.lookout import looking
from ops.telling import experiments as telling
from ops.telling.said import Said, Teller
from ops.telling.sentences import Language, language_of
from schemas.experiments import Experiment
from schemas.settings import Settings

NOT_KNOWN: Final = 3
MOST_LISTED: Final = 50


@click.group("experiment")
def command() -> None:
    r"""Try out other wordings of a template: each user reads one, always the same, and reports tell it apart.

    An experiment never changes once it is started: stop it and start another.  One runs on a template at a
    time.  `kfpush report --experiment NAME` tells what it has come to.

    \b
    Examples:
      kfpush experiment start shorter --variant short short.txt --reason "is the long text read?"
      kfpush experiment list
      kfpush experiment stop shorter --why "decided: keep the long one"
    """


@command.command("start")
@click.argument("name")
@click.option(
    "--variant",
    "texts",
    nargs=2,
    multiple=True,
    required=True,
    metavar="NAME FILE",
    help="Another wording: its name, and a file with its content (or title, content, detail: .json).",
)
@click.option("--template", metavar="NAME", help="The template to vary; else the text in force.")
@click.option(
    "--weight",
    "weights",
    nargs=2,
    multiple=True,
    type=(str, float),
    metavar="NAME N",
    help="A variant's weight, control's too; else 1 each.",
)
@click.option(
    "--holdout",
    default=0.0,
    show_default=True,
    metavar="PERCENT",
    help="Percent of all users who are sent nothing while it runs.",
)
@click.option("--like", metavar="NAME", help="Deal people as that earlier experiment did.")
@click.option("--reason", "note", required=True, metavar="TEXT", help="What it is to find out.")
@click.option("--author", metavar="NAME", help="Who does this; else the user who logged in.")
@click.option("--yes", is_flag=True, help="Do it; without it, only tell how people would be dealt.")
@tells
def start(  # noqa: PLR0913 - one for each option
    name: str,
    *,
    texts: tuple[tuple[str, str], ...],
    template: str | None,
    weights: tuple[tuple[str, float], ...],
    holdout: float,
    like: str | None,
    note: str,
    author: str | None,
    yes: bool,
    lang: str | None,
    as_json: bool,
) -> None:
    r"""Start the experiment NAME: the template itself (control) beside other wordings of it.

    Who reads what is decided by a hash of the user alone, with --like the same as before.  Whoever is held
    out gets no message that they did not ask for: their matches are dropped (held_out), at the moment at
    which they would have gone.  Without --yes nothing is started, and the split over known users is told.
    FILE holds the other content_template; a .json file may hold title, content and detail, as far as they
    differ: {"title": "..."} varies the title of a card alone.

    \b
    Examples:
      kfpush experiment start shorter --variant short short.txt --reason "is the long text read?"
      kfpush experiment start shorter --variant short short.txt --weight control 3 --reason "..." --yes
      kfpush experiment start worth-it --variant same-but-emoji e.txt --holdout 5 --reason "do they pay?"

    \b
    Exit codes: 0 started, or could be; 2 wrong usage; 3 refused, with the reason; 4 the database did not.
    """
    if not note.strip():
        raise click.UsageError("--reason must say what it is to find out.")
    plan = Plan(name, template, _read(texts), dict(weights), holdout / 100, like)
    settings = _begin()
    who = author_of(author)

    async def work() -> tuple[Experiment, Dealt]:
        async with acting(settings) as hands:
            experiment = await experimenting.prepare(hands, plan, who, note.strip())
            dealt = await experimenting.deal(hands, experiment)
            if yes:
                await experimenting.begin(hands, experiment)
            return experiment, dealt

    experiment, dealt = asyncio.run(work())
    if as_json:
        told = {"started": yes, "experiment": plain(experiment), "split": plain(dealt)}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    teller = _teller(lang, settings, experiment.started_at)
    counts = dealt.people, dealt.variants, dealt.held_out
    show(telling.started(experiment, *counts, teller, is_dry_run=not yes))


@command.command("stop")
@click.argument("name")
@click.option("--why", required=True, metavar="TEXT", help="Why; kept with it and in the audit.")
@click.option("--author", metavar="NAME", help="Who does this; else the user who logged in.")
@tells
def stop(name: str, *, why: str, author: str | None, lang: str | None, as_json: bool) -> None:
    r"""Stop the experiment NAME: from the next round on everybody reads the template, and nobody is held out.

    Messages that are on their way keep their words.  Repeatable.

    \b
    Examples:
      kfpush experiment stop shorter --why "decided: keep the long one"

    \b
    Exit codes: 0 it is stopped, 2 wrong usage, 3 there is none of that name, 4 the database did not do it.
    """
    if not why.strip():
        raise click.UsageError("--why must say why.")
    settings = _begin()
    who = author_of(author)

    async def work() -> tuple[Experiment, bool, datetime]:
        async with acting(settings) as hands:
            return *await experimenting.end(hands, name, who, why.strip()), hands.now()

    experiment, is_ended, now = asyncio.run(work())
    if as_json:
        click.echo(json.dumps({"stopped": is_ended, "experiment": plain(experiment)}, ensure_ascii=False))
    else:
        show(telling.stopped(experiment, _teller(lang, settings, now), is_ended=is_ended))


@command.command("list")
@tells
def list_(*, lang: str | None, as_json: bool) -> None:
    r"""List experiments, the latest first: what runs, on which template, and how users are dealt.

    \b
    Examples:
      kfpush experiment list
      kfpush experiment list --json | jq '.[] | select(.ended == null) | .name'

    \b
    Exit codes: 0 told, 4 the database does not answer.
    """
    settings = _begin()

    async def look() -> tuple[list[Experiment], datetime]:
        async with looking(settings) as out:
            await migrate.require_current(out.own, migrate.OWN)
            return await out.own.read(lambda tx: table.listed(tx, MOST_LISTED)), out.now

    experiments, now = asyncio.run(look())
    if as_json:
        click.echo(json.dumps([plain(each) for each in experiments], ensure_ascii=False))
    else:
        show(telling.listed(experiments, _teller(lang, settings, now)))


@command.command("show")
@click.argument("name")
@tells
def show_(name: str, *, lang: str | None, as_json: bool) -> None:
    r"""Show the experiment NAME with the words of its variants.

    \b
    Examples:
      kfpush experiment show shorter

    \b
    Exit codes: 0 told, 3 there is none of that name, 4 the database does not answer.
    """
    settings = _begin()

    async def look() -> tuple[Experiment | None, datetime]:
        async with looking(settings) as out:
            await migrate.require_current(out.own, migrate.OWN)
            return await out.own.read(lambda tx: table.named(tx, name)), out.now

    experiment, now = asyncio.run(look())
    if experiment is None:
        raise experimenting.Refused(f"there is no experiment {name!r}; see `kfpush experiment list`")
    if as_json:
        click.echo(json.dumps(plain(experiment), ensure_ascii=False))
        return
    said: list[Said] = [*telling.shown(experiment, _teller(lang, settings, now), words=True)]
    show(said)


def _begin() -> Settings:
    configure_logs("warning", "auto")
    return load_settings()


def _teller(lang: str | None, settings: Settings, now: datetime) -> Teller:
    language = cast("Language", lang) if lang else language_of(os.environ)
    return Teller(language, settings.user_timezone, now)


def _read(given: tuple[tuple[str, str], ...]) -> dict[str, dict[str, str]]:
    """Read the variants' files: a content, or as JSON (.json) content, title and detail, whichever differ."""
    texts: dict[str, dict[str, str]] = {}
    for name, path in given:
        if name in texts:
            raise click.UsageError(f"--variant {name} is given twice.")
        try:
            text = Path(path).read_text(encoding="utf-8")
            texts[name] = _parts(text) if path.endswith(".json") else {"content": text.removesuffix("\n")}
        except (OSError, ValueError, RecursionError) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            raise click.BadParameter(f"{path}: {words}", param_hint=f"--variant {name}") from None
    return texts


def _parts(text: str) -> dict[str, str]:
    """Read {"content": ..., "title": ..., "detail": ...}, each of them optional.

    Raises:
        ValueError: it is something else.

    """
    found = json.loads(text)
    if (
        not isinstance(found, dict)
        or not set(found) <= {"content", "title", "detail"}
        or not all(isinstance(part, str) for part in found.values())
    ):
        raise ValueError('not an object of texts like {"title": "...", "content": "...", "detail": "..."}')
    return found
