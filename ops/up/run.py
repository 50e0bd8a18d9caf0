"""What `kfpush up` does between its first line and its last: run everything, and tell the story of it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from consumer.ledger import lookup
from ops.clock import wall
from ops.environment import masked_url
from ops.sandbox.process import SandboxControl
from ops.up.sample import MATCHES_AT_START, NAME, PHONE, HostApplication, Sample
from ops.up.story import Story
from ops.up.together import Everything, everything
from ops.wiring import databases
from schemas.engines.sqlite import PREFIX as SQLITE
from schemas.settings import Settings
from schemas.times import UnreadableTime, from_text, parse_host_time

MOST_INTRODUCED: Final = 1000
"""So many users of the runs before does a new sandbox get to know."""

NOTICEABLE: Final = timedelta(seconds=2)
BELIEVABLE: Final = timedelta(days=366)
"""How far ahead somebody may have put a sandbox's clock; beyond it a time is a mistake."""

A_WHILE: Final = timedelta(minutes=1)
"""So much later does a clock go on that stood still between two runs."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the sandbox has around it: the application, why it invents nothing (if so), and a moved clock."""

    sample: Sample
    invents_not: str | None
    clock: datetime | None


async def run(settings: Settings, story: Story, stop: asyncio.Event) -> None:
    """Run until ``stop`` is set or something breaks."""
    found: list[Surroundings] = []

    def prepare(real: Settings, control: SandboxControl) -> None:
        found.append(_surroundings(real, control, story))

    async with everything(settings, stop, prepare) as running:
        _opening(running, story)
        for around in found:
            _introduction(around, story)
            around.sample.start()
        await story.follow(running.house.own, settings.host_slots, running.daemons)
        for around in found:
            around.sample.stop()


def _surroundings(settings: Settings, control: SandboxControl, story: Story) -> Surroundings:
    """Prepare a sandbox, before anything is sent to it.  Nothing is invented in a real database."""
    application = HostApplication(settings.app_url)
    real = "KFPUSH_APP_DATABASE_URL" if settings.app_database_url else application.real_table()
    sample = Sample(
        application,
        control,
        lambda word: story.spoke(word["external_userid"], taps="menu_id" in word),
        invents=real is None,
    )
    return Surroundings(sample, real, _remember(settings, application, control))


def _remember(settings: Settings, application: HostApplication, control: SandboxControl) -> datetime | None:
    """Give a new sandbox what the ledger takes for granted: who its users are, and no time before its own.

    The time to which it was moved, if it was.
    """
    zone = ZoneInfo(settings.host_timezone)
    latest = asyncio.run(_latest_push(settings))
    for open_kfid, external_userid, spoken_at in application.sessions(MOST_INTRODUCED):
        control.introduce(open_kfid=open_kfid, external_userid=external_userid)
        try:
            latest = max(latest, parse_host_time(spoken_at, zone, wall() + BELIEVABLE))
        except UnreadableTime:
            continue
    if latest <= wall() + NOTICEABLE or latest <= datetime.fromisoformat(str(control.clock()["now"])):
        return None
    later = latest + A_WHILE
    control.clock(now=later.isoformat())
    return later


async def _latest_push(settings: Settings) -> datetime:
    app, own = databases(settings)
    try:
        rows = await own.read(lambda tx: lookup.latest(tx, 1))
    finally:
        await app.close()
        await own.close()
    return max((from_text(row["accepted_at"] or row["reserved_at"]) for row in rows), default=wall())


def _opening(running: Everything, story: Story) -> None:
    """Say what runs where."""
    settings = running.settings
    data_dir = Path(settings.data_dir)
    page = f"{settings.wechat_url}/phone"
    story.ready(
        {
            "pid": os.getpid(),
            "phone_page": page if settings.sandboxed else None,
            "callback_url": running.callback_url,
        }
    )
    story.talk("title")
    story.pause()
    if settings.sandboxed:
        story.talk("phone", url=page)
        story.talk("sandbox")
    else:
        story.talk("wechat", url=settings.wechat_url, corp=settings.corp_id)
    if running.callback_url is not None:
        story.talk("callback", url=running.callback_url)
    else:
        story.talk("no_callback")
    story.talk("database", path=_place(settings.own_url))
    if settings.app_url != settings.own_url:
        story.talk("application", path=_place(settings.app_url))
    if settings.redis_url == "embedded":
        story.talk("valkey", path=data_dir / "valkey")
    else:
        story.talk("redis", url=masked_url(settings.redis_url))
    story.talk("log", path=data_dir / "kfpush.log")
    story.pause()
    if running.moved_from is not None:
        story.talk("port_taken", wanted=running.moved_from, port=settings.sandbox_port)
    if not settings.sandboxed:
        story.talk("try_publish")
        story.pause()


def _place(url: str) -> object:
    """Name a database: a file by its path, a server's by its URL without the password."""
    return url.removeprefix(SQLITE) if url.startswith(SQLITE) else masked_url(url)


def _introduction(around: Surroundings, story: Story) -> None:
    """Say what there is to see."""
    if around.clock is not None:
        story.talk("clock_ahead", now=f"{around.clock.astimezone(story.zone):%Y-%m-%d %H:%M} {story.zone}")
    if around.invents_not is None:
        story.talk("sample", name=NAME, phone=PHONE, matches=MATCHES_AT_START)
    else:
        story.talk("real_database", table=around.invents_not)
        story.talk("listening")
    story.talk("try_publish")
    story.pause()
