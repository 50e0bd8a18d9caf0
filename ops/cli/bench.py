"""``kfpush bench``."""

from __future__ import annotations

import json
import signal
import sys
from types import FrameType

import click

FULL_MATCHES = 10_000
QUICK_MATCHES = 2_000
PRIORS = (1_000, 1_000_000)
USERS = 1_000
QUICK_USERS = 100
SEEDS = (1, 2, 3)
_PARTS = (
    "drain",
    "slow",
    "mirror",
    "decisions",
    "latency",
    "callback",
    "idle",
    "host",
    "spending",
    "planning",
)


@click.command("bench")
@click.argument("parts", nargs=-1, type=click.Choice(_PARTS))
@click.option(
    "--quick", is_flag=True, help="About half a minute: fewer matches, one round, 1,000 prior rows."
)
@click.option("--matches", type=click.IntRange(100, 200_000), help="How many matches a drain has.")
@click.option("--rounds", type=click.IntRange(1, 9), help="How often each way is tried; the median counts.")
@click.option(
    "--seconds", type=click.FloatRange(1, 120), help="How long latency, callbacks and idleness are watched."
)
@click.option(
    "--prior",
    "priors",
    type=click.IntRange(0, 5_000_000),
    multiple=True,
    help="Deliveries and messages in the past of a drain; may be given twice.",
)
@click.option("--users", type=click.IntRange(1, 100_000), help="How many people a regime of spending has.")
@click.option(
    "--seed",
    "seeds",
    type=click.IntRange(0),
    multiple=True,
    help="Draws the people of spending; may be given often. Else 1, 2 and 3.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a part.")
def command(
    parts: tuple[str, ...],
    *,
    quick: bool,
    matches: int | None,
    rounds: int | None,
    seconds: float | None,
    priors: tuple[int, ...],
    users: int | None,
    seeds: tuple[int, ...],
    as_json: bool,
) -> None:
    r"""Measure what kfpush costs on this machine, beside loops that do less.

    Everything is made for it: databases in a temporary folder, a Valkey, and a small server that answers as
    WeChat does.  No setting is read and nothing of an installation is touched.  PARTS are drain, slow,
    mirror, decisions, latency, callback, idle, host, spending and planning; all of them without any.

    spending measures no time: it simulates how the planner spends five messages in 48 hours, beside simpler
    ways, for invented people in four regimes.  planning measures the planner alone.

    The ratios are the result: absolute figures belong to the machine and the hour.

    \b
    Examples:
      kfpush bench --quick
      kfpush bench drain latency
      kfpush bench drain --prior 1000000 --rounds 5
      kfpush bench spending --users 200 --seed 7
      kfpush bench --json > figures.json

    \b
    Exit codes:
      0    measured, whatever came out
      1    something that was to be measured broke
      5    no Redis or Valkey server could be started
      130  interrupted; the temporary folder is gone
    """
    from ops.bench.run import machine, run

    signal.signal(signal.SIGTERM, _interrupt)
    if as_json:
        click.echo(json.dumps({"machine": machine()}))
    else:
        click.echo(", ".join(f"{name} {value}" for name, value in machine().items()))
    for measured in run(
        parts or _PARTS,
        matches=matches or (QUICK_MATCHES if quick else FULL_MATCHES),
        rounds=rounds or (1 if quick else 3),
        seconds=seconds or (3 if quick else 20),
        priors=priors or (PRIORS[:1] if quick else PRIORS),
        users=users or (QUICK_USERS if quick else USERS),
        seeds=seeds or (SEEDS[:1] if quick else SEEDS),
        say=lambda text: click.echo(text, err=True),
    ):
        if as_json:
            click.echo(json.dumps(measured.as_json(), ensure_ascii=False))
            continue
        for table in measured.tables:
            click.echo(f"\n{table.markdown()}")
        click.echo()
        for reach in measured.reaches:
            click.echo(reach.told())
    sys.stdout.flush()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
