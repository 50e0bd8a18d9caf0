"""``kfpush templates``: list, lint, preview."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

import click

from ops.cli.showing import show
from ops.cli.working import tells
from ops.environment import load_settings
from ops.logs import configure_logs
from ops.telling.said import Teller
from ops.telling.sentences import Language, language_of

if TYPE_CHECKING:
    from consumer.book import Book
    from consumer.sources import Source
    from ops.looking.lookout import Lookout
    from ops.looking.shelf import Part, Preview
    from schemas.events import MatchCreated

BROKEN = 1
NOT_KNOWN = 3
MOST = 20
BUBBLE = 44
"""Columns: some twenty Chinese characters a line, as a phone has."""


@click.group("templates")
def command() -> None:
    r"""See which templates are in force, what is wrong with them, and what a phone shows of them.

    Templates are the application's rows in push_templates; nothing here changes them.

    \b
    Examples:
      kfpush templates list
      kfpush templates lint
      kfpush templates preview --many 3
    """


@command.command("list")
@tells
def list_(*, lang: str | None, as_json: bool) -> None:
    r"""Tell which templates there are, which is in force, and which versions of each went out how often.

    \b
    Examples:
      kfpush templates list
      kfpush templates list --json | jq '.templates[] | select(.state == "in_force") | .name'

    \b
    Exit codes: 0 told, 4 a database does not answer.
    """
    from ops.looking.journey import as_json as plain
    from ops.looking.lint import lint
    from ops.looking.templates import around, shelf
    from ops.telling import templates as telling

    async def look(out: Lookout) -> int:
        kept = await shelf(out)
        linted = lint(kept.rows, around(out))
        if as_json:
            told = {
                "templates": [plain(item) for item in linted],
                "versions": [plain(item) for item in kept.versions],
                "counted": kept.counted,
            }
            click.echo(json.dumps(told, ensure_ascii=False, default=str))
        else:
            show(telling.told_list(kept, linted, _teller(out, lang)))
        return 0

    _run(look)


@command.command("lint")
@click.argument("which", metavar="[NAME|FILE]", required=False)
@tells
def lint_(which: str | None, *, lang: str | None, as_json: bool) -> None:
    r"""Look for what is wrong with all templates, the one called NAME, or the one in a FILE (- is stdin).

    A FILE is a text, or a JSON object with the columns of push_templates.  Errors are what keeps a template
    from going out as it was meant; warnings are worth a thought.

    \b
    Examples:
      kfpush templates lint
      kfpush templates lint my_template.txt
      echo '{"template_type": "link", "title_template": "{profile_name}", "content_template": "{explanation}",
             "miniprogram_config": {"url": "https://example.com/m/{match_id}"}}' | kfpush templates lint -

    \b
    Exit codes: 0 no errors (there may be warnings), 1 errors, 3 no such template,
    4 a database does not answer (a FILE needs none).
    """
    from ops.looking.journey import as_json as plain
    from ops.looking.lint import lint, lint_source
    from ops.looking.templates import around, rows_of
    from ops.telling import templates as telling

    source = _file(which)

    async def look(out: Lookout) -> int:
        if source is not None:
            linted = [lint_source(source, around(out))]
        else:
            rows = await rows_of(out)
            linted = lint(rows, around(out))
            if which is not None:
                linted = [item for item in linted if item.name == which]
                if not linted:
                    _unknown(which, rows, lang)
        if as_json:
            told = [
                {
                    **cast("dict[str, object]", plain(item)),
                    "findings": [
                        {"level": found.level, "code": found.code, **found.facts} for found in item.findings
                    ],
                }
                for item in linted
            ]
            words = out.rules.words.content.complaints
            click.echo(json.dumps({"templates": told, "words": words}, ensure_ascii=False, default=str))
        else:
            show(telling.told_lint(linted, out.rules.words.content.complaints, _teller(out, lang)))
        return BROKEN if any(finding.level == "error" for item in linted for finding in item.findings) else 0

    _run(look)


@command.command("preview")
@click.argument("which", metavar="[NAME|FILE]", required=False)
@click.option("--match", metavar="JSON|ID", help="Its fields as JSON, or the id of one.")
@click.option("--locale", default="", metavar="LOCALE", help="As its readers get it: zh-TW, en.")
@click.option("--many", type=click.IntRange(1, MOST), metavar="N", help="A message with so many matches.")
@click.option("--more", type=click.IntRange(0), default=0, metavar="N", help="So many more wait.")
@tells
def preview_(
    which: str | None,
    *,
    match: str | None,
    locale: str,
    many: int | None,
    more: int,
    lang: str | None,
    as_json: bool,
) -> None:
    r"""Show a message as the phone would: of what is in force, of the template NAME, or of that in a FILE.

    Content rules hold as they would on the way out.  Nothing is sent and nothing is written.

    \b
    Examples:
      kfpush templates preview
      kfpush templates preview my_template --match 17
      kfpush templates preview --many 3 --more 4 --locale zh-TW
      kfpush templates preview new.txt --match '{"profile_name": "李四", "score": 0.7, "company": "某公司"}'

    \b
    Exit codes: 0 shown; 1 the template cannot be used, or not for this match; 3 no such template or match;
    4 a database does not answer.
    """
    from consumer.book import Reader
    from ops.looking.preview import preview
    from schemas.errors import TemplateError
    from schemas.kf_kinds import InvalidMessage

    source = _file(which)

    async def look(out: Lookout) -> int:
        try:
            book = await _book(source, which, out, lang)
            reader = Reader("", locale)
            digest = book.digest_for(reader)
            is_digest = which is not None and digest is not None
            matches = await _matches(out, match, many or (3 if is_digest else 1), lang)
            shown = preview(book.wording_for(reader), digest, matches, out.rules.words.content, more=more)
        except (TemplateError, InvalidMessage) as error:
            click.echo(f"kfpush: {which or 'the template in force'}: {error}", err=True)
            return BROKEN
        if as_json:
            from ops.looking.journey import as_json as plain

            click.echo(json.dumps(plain(shown), ensure_ascii=False, default=str))
        else:
            _show(shown, _teller(out, lang))
        return 0

    _run(look)


def _run(look: Callable[[Lookout], Awaitable[int]]) -> None:
    """Look, and end with the exit code that it came to."""
    from ops.looking.lookout import looking

    configure_logs("warning", "auto")
    settings = load_settings()

    async def work() -> int:
        async with looking(settings) as out:
            return await look(out)

    code = asyncio.run(work())
    if code:
        sys.exit(code)


def _teller(out: Lookout, lang: str | None) -> Teller:
    return Teller(_language(lang), out.settings.user_timezone, out.now)


def _language(lang: str | None) -> Language:
    return cast("Language", lang) if lang else language_of(os.environ)


def _file(which: str | None) -> Source | None:
    """Read a template from a file; None where that is no file, and so may be a name."""
    from consumer.sources import source_of, type_of

    if which is None or (which != "-" and not Path(which).is_file()):
        return None
    raw = sys.stdin.buffer.read() if which == "-" else Path(which).read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.UsageError(f"{which} is no UTF-8 text") from None
    name = "stdin" if which == "-" else Path(which).stem
    row: Mapping[str, object] = {"content_template": text.rstrip("\n"), "template_type": "text"}
    if text.lstrip().startswith('{"') or which.endswith(".json"):
        try:
            parsed = json.loads(text)
        except ValueError as error:
            raise click.UsageError(f"{which} is no JSON: {error}") from None
        if not isinstance(parsed, dict):
            raise click.UsageError(f"{which}: expected one JSON object with the columns of push_templates")
        row = {"template_type": "text", **parsed}
    return source_of({"template_name": name, **row}, type_of(row))


async def _book(source: Source | None, which: str | None, out: Lookout, lang: str | None) -> Book:
    """Open the book to preview: with one template in it, or with all that is in force."""
    from consumer.book import assembled
    from consumer.sources import base_of
    from ops.looking.lint import sources
    from ops.looking.templates import alone, rows_of

    if source is not None:
        return alone(source)
    rows = await rows_of(out)
    if which is None:
        return assembled(rows, out.rules.message_kind).book()
    found = {item.name: item for item in sources(rows)}
    if which not in found:
        _unknown(which, rows, lang)
    names = found.keys()
    translated = {name: base[1] for name in names if (base := base_of(name, names)) and base[0] == which}
    return alone(found[which], {locale: found[name] for name, locale in translated.items()})


def _unknown(which: str, rows: Sequence[Mapping[str, object]], lang: str | None) -> NoReturn:
    """End, and say which templates there are."""
    from ops.telling.templates import NO_TEMPLATE

    names = ", ".join(str(row["template_name"]) for row in rows) or "-"
    click.echo(NO_TEMPLATE.say(_language(lang), name=which, names=names), err=True)
    sys.exit(NOT_KNOWN)


async def _matches(out: Lookout, match: str | None, many: int, lang: str | None) -> list[MatchCreated]:
    """Find the match asked for, and invent the others."""
    from ops.looking.examples import TYPICAL, sample
    from ops.looking.templates import match_of
    from ops.telling.templates import NO_MATCH
    from schemas.events import match_from

    others = sample(many)
    if match is None:
        return others
    if match.lstrip().startswith("{"):
        try:
            given = json.loads(match)
        except ValueError as error:
            raise click.UsageError(f"--match is no JSON: {error}") from None
        needed = {name: getattr(TYPICAL, name) for name in ("match_id", "user_id", "profile_name", "score")}
        return [match_from({**needed, **given}), *others[1:]]
    found = await match_of(out, match)
    if found is None:
        click.echo(NO_MATCH.say(_language(lang), match=match), err=True)
        sys.exit(NOT_KNOWN)
    return [found, *others[1:]]


def _show(shown: Preview, teller: Teller) -> None:
    """Draw the message: a bubble on a terminal, its plain text elsewhere."""
    from ops.telling import templates as telling
    from ops.telling.said import Said, Tone

    show(telling.told_preview(shown, teller))
    _bubble([part for part in shown.parts if part.text], shown.kind)
    show(telling.told_sizes(shown.parts, teller))
    if shown.details is not None:
        show([Said(teller.say(telling.ANSWER), Tone.HEAD, gap=True)])
        _bubble([shown.details], "text")
        show(telling.told_sizes([shown.details], teller))


def _bubble(parts: list[Part], kind: str) -> None:
    """Print what is read; of a card each part with its name."""
    from rich.console import Console
    from rich.panel import Panel
    from rich.text import Text

    is_plain = kind in {"text", "digest"}
    lines = [part.text if is_plain else f"{part.name}: {part.text}" for part in parts]
    if not sys.stdout.isatty():
        click.echo("\n".join(lines))
        return
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(Panel(Text("\n".join(lines)), width=min(BUBBLE, console.width), border_style="green"))
