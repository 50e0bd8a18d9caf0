"""``kfpush migrate``."""

from __future__ import annotations

import asyncio
import json
from zoneinfo import ZoneInfo

import click

from ops import migrate
from ops.clock import wall
from ops.environment import load_settings
from ops.wiring import databases
from schemas.settings import Settings


@click.command("migrate")
@click.option("--plan", "only_plan", is_flag=True, help="Show what is missing and change nothing.")
@click.option("--new-installation", is_flag=True, help="This is a copy: send under an identity of its own.")
@click.option("--json", "as_json", is_flag=True, help="Print the steps as JSON.")
def command(*, only_plan: bool, new_installation: bool, as_json: bool) -> None:
    r"""Make the tables, or add what is missing to those that are there.

    Repeatable; changes nothing that exists, and nothing at all if any step fails.

    \b
    Examples:
      kfpush migrate --plan
      kfpush migrate
      kfpush migrate --new-installation    # after copying another installation's database
    """
    settings = load_settings()
    steps = planned(settings) if only_plan else migrated(settings)
    if new_installation and not only_plan:
        asyncio.run(_renew(settings))
        click.echo("This installation has a new identity.", err=True)
    if as_json:
        click.echo(
            json.dumps([{"database": step.part, "step": step.what, "sql": step.sql} for step in steps])
        )
        return
    for step in steps:
        click.echo(f"{step.part}: {step.what}")
    done = "to do" if only_plan else "done"
    click.echo(
        f"{len(steps)} steps {done}." if steps else "Nothing to do: the tables are complete.", err=True
    )


def planned(settings: Settings) -> list[migrate.Step]:
    """Tell what is missing in both databases."""
    return [*migrate.plan(settings.own_url, migrate.OWN), *migrate.plan(settings.app_url, migrate.APP)]


def migrated(settings: Settings) -> list[migrate.Step]:
    """Complete both databases, and take windows that were open before kfpush for full."""
    steps = [
        *migrate.migrate(settings.own_url, migrate.OWN, wall()),
        *migrate.migrate(settings.app_url, migrate.APP, wall()),
    ]
    asyncio.run(_adopt(settings))
    return steps


async def _renew(settings: Settings) -> None:
    app, own = databases(settings)
    try:
        await migrate.new_installation(app, own)
    finally:
        await app.close()
        await own.close()


async def _adopt(settings: Settings) -> None:
    app, own = databases(settings)
    try:
        adopted = await migrate.adopt_windows(app, own, ZoneInfo(settings.host_timezone), wall())
    finally:
        await app.close()
        await own.close()
    if adopted:
        click.echo(
            f"{adopted} windows were open already; nobody knows what was sent in them, "
            "so each counts as full until its user speaks.",
            err=True,
        )
