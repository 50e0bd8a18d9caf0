"""``kfpush config``."""

from __future__ import annotations

import difflib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from ops.environment import ENV_FILE, MASK, Given, given, load_settings, masked_url
from schemas.errors import ConfigurationError
from schemas.settings import Settings, environment_name

CONTRADICTION: Final = 2

_DERIVED: Final = {
    "sandboxed": "Whether WeChat is the sandbox: no credentials were given.",
    "own_url": "kfpush's own ledger.",
    "app_url": "The application's database, where the outbox is.",
    "wechat_url": "Where WeChat's API is.",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting as it may be shown; ``value`` is masked where it is secret."""

    name: str
    value: object
    origin: str
    meaning: str


@click.command("config")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(*, as_json: bool) -> None:
    r"""Show every setting: its value, where it comes from (environment, .env or default), and what it means.

    Secrets are masked.  Settings that are wrong or contradict each other are named, and nothing would start
    with them; a variable that looks like a setting and is none is pointed out.

    \b
    Examples:
      kfpush config
      kfpush config --json
      KFPUSH_SEND_TIMEOUT=30 kfpush config     # contradicts the lease: says so, exit code 2

    \b
    Exit codes: 0 the settings agree, 2 they do not.
    """
    found = given()
    problem = ""
    settings = None
    try:
        settings = load_settings()
    except ConfigurationError as error:
        problem = str(error)
    shown = [_shown(field, info, found, settings) for field, info in Settings.model_fields.items()]
    derived = [
        Shown(name, masked_url(getattr(settings, name)), "derived", meaning)
        for name, meaning in _DERIVED.items()
        if settings is not None
    ]
    unread = {name: _meant(name) for name in found.unread()}
    if as_json:
        told = {
            "settings": [asdict(item) for item in shown],
            "derived": {item.name: item.value for item in derived},
            "env_file": str(Path(ENV_FILE).resolve()) if Path(ENV_FILE).exists() else None,
            "unread": unread,
            "problem": problem or None,
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _print(shown, derived)
        click.echo(_about_file(), err=True)
    for name, meant in unread.items():
        hint = f"; did you mean {meant}?" if meant else ""
        click.echo(f"{name} is set, and nothing reads it{hint}", err=True)
    if problem:
        click.echo(f"kfpush: {problem}", err=True)
        sys.exit(CONTRADICTION)


def _shown(field: str, info: FieldInfo, found: Given, settings: Settings | None) -> Shown:
    name = environment_name(field)
    origin = found.origin(name)
    value: object = getattr(settings, field) if settings else found.text(name) or info.default
    if info.annotation is SecretStr or isinstance(value, SecretStr):
        is_set = bool(value.get_secret_value() if isinstance(value, SecretStr) else value)
        value = MASK if is_set else ""
    if origin is None:
        origin = "kfpush up" if field == "sandbox_port" and value != info.default else "default"
    return Shown(name, masked_url(value), origin, info.description or "")


def _meant(name: str) -> str | None:
    known = [environment_name(field) for field in Settings.model_fields]
    return next(iter(difflib.get_close_matches(name, known, 1)), None)


def _about_file() -> str:
    path = Path(ENV_FILE).resolve()
    return f"{path} was read." if path.exists() else f"There is no {path}."


def _print(shown: list[Shown], derived: list[Shown]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("setting", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("from", no_wrap=True)
    table.add_column("meaning")
    for item in [*shown, *derived]:
        value = "-" if item.value == "" else str(item.value)
        style = None if item.origin == "default" else "bold"
        table.add_row(item.name, escape(value), item.origin, escape(item.meaning), style=style)
    # What is not a terminal has no width: a line a setting, for grep.
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)
