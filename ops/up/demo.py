"""`kfpush up --demo`: a night and a morning with invented people, checked on their phones and in the ledger.

Everything is real but WeChat, which is the sandbox; folder and ports are its own, and no setting of this
machine's reaches it: a demo must never write to real people.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from ops.cli.running import until_asked
from ops.clock import wall
from ops.logs import BoundedFile, configure_logs
from ops.sandbox.process import SandboxControl
from ops.up.cast import (
    AFTER_THE_QUIET,
    CAST,
    EVENING,
    LIN,
    LIU,
    MORNING,
    WU,
    ZONE,
    Expectation,
    at_night,
    in_the_morning,
)
from ops.up.phrases import Phrases
from ops.up.sample import ACCOUNT, HostApplication
from ops.up.story import Story
from ops.up.together import everything
from ops.up.verdict import Row, Stage, print_rows
from schemas.settings import Settings

ACT_SECONDS: Final = 20.0
LOOK_EVERY: Final = 0.1
INTERRUPTED: Final = 130
REFUSED_CONTENT: Final = 40201


class Interrupted(Exception):
    """Somebody stopped the demo."""


def run_demo(phrases: Phrases, *, as_json: bool, spoil: bool) -> int:
    """Play it, print the verdict, and tell the exit code."""
    began = time.monotonic()
    names = {person.phone: person.name for person in CAST}
    story = Story(phrases, ZONE, as_json=as_json, names=names, advises=False)
    with tempfile.TemporaryDirectory(prefix="kfpush-demo-") as folder:
        settings = Settings(data_dir=folder, sandbox_port=0)
        configure_logs("info", "json", BoundedFile(Path(folder, "kfpush.log")), story.logged)
        story.talk("demo")

        async def play(stop: asyncio.Event) -> list[Row]:
            return await Demo(story, stop).play(settings, spoil=spoil)

        def asked(*, at_once: bool) -> None:
            if at_once:
                shutil.rmtree(folder, ignore_errors=True)  # nothing else will, when this process ends now

        try:
            rows = asyncio.run(until_asked(play, asked))
        except Interrupted:
            story.talk("interrupted")
            return INTERRUPTED
    differing = sum(not row.is_so for row in rows)
    print_rows(phrases, rows, as_json=as_json)
    if differing:
        story.talk("differs", n=differing, of=len(rows))
        return 1
    story.talk("as_it_should", seconds=time.monotonic() - began)
    return 0


class Demo:
    """One performance."""

    def __init__(self, story: Story, stop: asyncio.Event) -> None:
        self._story = story
        self._stop = stop
        evening = datetime.combine(wall().astimezone(ZONE), EVENING, ZONE)
        self._evening = evening
        self._morning = datetime.combine(evening + timedelta(days=1), MORNING, ZONE)

    async def play(self, settings: Settings, *, spoil: bool) -> list[Row]:
        """Play both acts; every row of the verdict."""
        async with everything(settings, self._stop, self._prepare) as running:
            following = asyncio.create_task(self._story.follow(running.house.own, 0, running.daemons))
            stage = Stage(running, self._story.phrases)
            try:
                if spoil:
                    stage.control.fault(errcode=REFUSED_CONTENT, match={"external_userid": LIN.phone})
                await self._let_all_speak(stage)
                self._story.talk("evening")
                await asyncio.to_thread(stage.bring_matches)
                rows = await self._act(stage, at_night(self._morning))
                await self._pass_the_night(stage)
                rows += await self._act(stage, in_the_morning())
                self._stop.set()
                await asyncio.wait([running.daemons])  # all that may still arrive has arrived
                rows.append(await asyncio.to_thread(stage.count_all))
            finally:
                self._stop.set()
                await following
        return rows

    def _prepare(self, settings: Settings, control: SandboxControl) -> None:
        """Before kfpush starts: what they want, the first one's time, and the trouble to come."""
        application = HostApplication(settings.app_url)
        for person in CAST:
            if person.quiet_hours or person.min_score:
                application.prefer(person.phone, person.quiet_hours, person.min_score)
        control.clock(now=(self._evening - max(person.silent for person in CAST)).isoformat())
        control.fault(drop="after", match={"external_userid": LIU.phone})

    async def _let_all_speak(self, stage: Stage) -> None:
        """Let everybody write, each at their own time, and kfpush hear of it."""
        latest = None
        for person in sorted(CAST, key=lambda each: each.silent, reverse=True):
            if latest != (latest := self._evening - person.silent):  # it does not go back behind a word
                await self._go_to(stage, latest)
            await asyncio.to_thread(stage.control.speak, ACCOUNT, person.phone)
            while not await stage.has_heard(person.phone):
                await self._breathe()

    async def _go_to(self, stage: Stage, instant: datetime) -> None:
        """Move the clock, and wait until kfpush has followed."""
        await asyncio.to_thread(stage.control.clock, now=instant.isoformat())
        while stage.now() < instant:
            await self._breathe()

    async def _pass_the_night(self, stage: Stage) -> None:
        self._story.talk("morning", name=WU.name)
        await self._go_to(stage, datetime.combine(self._morning, AFTER_THE_QUIET, ZONE))
        await asyncio.to_thread(stage.control.speak, ACCOUNT, WU.phone)

    async def _act(self, stage: Stage, expected: Sequence[Expectation]) -> list[Row]:
        """Wait until all is as expected, or can never be, or the act has lasted too long."""
        until = time.monotonic() + ACT_SECONDS
        while True:
            rows = [await stage.look(each) for each in expected]
            if all(row.is_final for row in rows) or time.monotonic() > until:
                return rows
            await self._breathe()

    async def _breathe(self) -> None:
        await asyncio.sleep(LOOK_EVERY)
        if self._stop.is_set():
            raise Interrupted
