"""What `kfpush up` tells the person at the terminal: one short line for each thing that happens.

The lines come from the ledger, so they tell what is so, whichever process did it.  Events go to standard
output (as JSON lines if wanted), advice and trouble to standard error; the full log goes elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from consumer.news import News, Watcher, What
from ops.up.phrases import Phrases
from schemas.database import Database
from schemas.decisions import Reason
from schemas.errors import StorageError
from schemas.states import PauseScope

LOOK_EVERY: Final = 0.25
MOST_LINES: Final = 16
"""So many lines may come at once; of a flood the rest is only counted."""

LINES_A_SECOND: Final = 4.0
"""So fast may more lines follow: slow enough to be read."""

SUMMARY_EVERY: Final = 2.0

SAME_TROUBLE_AFTER: Final = 30.0
"""Seconds for which the same trouble is not told again."""

_COLOURS: Final = {
    What.SENT: "green",
    What.ANSWERED: "green",
    What.SUMMED_UP: "green",
    What.WAITING: "yellow",
    What.PARKED: "yellow",
    What.UNKNOWN: "yellow",
    What.FAILED: "red",
    What.DROPPED: "red",
    What.DEAD: "red",
}
_SUMMARY: Final = {
    What.SENT: "sent_n",
    What.ANSWERED: "sent_n",
    What.SUMMED_UP: "sent_n",
    What.WAITING: "held_n",
    What.PARKED: "held_n",
    What.UNKNOWN: "held_n",
    What.FAILED: "ended_n",
    What.DROPPED: "ended_n",
    What.DEAD: "ended_n",
}
_UNTIL_A_WORD: Final = frozenset({Reason.NO_SESSION, Reason.WINDOW_CLOSED, Reason.NO_SLOT})
"""What a user's next word ends."""

_ORDINARY: Final = frozenset({"intake.group_made"})
"""Warnings that every first start has."""


def command_name() -> str:
    """How this operator calls kfpush from here."""
    return "kfpush" if shutil.which("kfpush") else min(sys.argv[0], os.path.relpath(sys.argv[0]), key=len)


@dataclass
class Story:
    """Tells.  May be called from any thread; ``names`` are what users are called, by their WeChat id."""

    phrases: Phrases
    zone: ZoneInfo
    as_json: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    shows_ids: bool = True
    """Whether users without a name are told by their WeChat id: only the sandbox's may be."""
    advises: bool = True
    """Whether to say what to try, when something first waits."""
    command: str = field(default_factory=command_name)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _troubles: dict[str, float] = field(default_factory=dict)
    _advised: set[str] = field(default_factory=set)
    _untold: Counter[str] = field(default_factory=Counter)
    _summed_at: float = 0.0
    _room_left: float = MOST_LINES
    _room_at: float = 0.0

    def talk(self, key: str, **facts: object) -> None:
        """Say a sentence."""
        self._write(self.phrases.say(key, kfpush=self.command, **facts), err=True)

    def pause(self) -> None:
        """An empty line."""
        self._write("", err=True)

    def asked(self, *, at_once: bool) -> None:
        """Say that somebody asked to stop, on a line of its own after the terminal's ^C."""
        self.pause()
        self.talk("at_once" if at_once else "stopping")

    def ready(self, facts: Mapping[str, object]) -> None:
        """Tell a program that reads along that all is up, and where."""
        if self.as_json:
            self._event("ready", "", "white", facts)

    def spoke(self, external_userid: str, *, taps: bool = False) -> None:
        """Tell that a user wrote, or tapped on a menu, which opens no window."""
        text = self.phrases.say("tapped" if taps else "spoke", name=self._name(external_userid))
        self._event("spoke", text, "cyan", {"user": external_userid})

    def happened(self, news: Sequence[News], *, is_last: bool = False) -> None:
        """Tell what happened to matches; of a flood, a part and now and then a summary."""
        shown = news if self.as_json else news[: self._room()]
        for together in _together(shown, apart=self.as_json):
            self._room_left -= 1
            item = together[0]
            self._event(item.what, self._sentence(together), _COLOURS[item.what], _facts(item))
        self._untold.update(_SUMMARY[item.what] for item in news[len(shown) :])
        if self._untold and (is_last or time.monotonic() - self._summed_at >= SUMMARY_EVERY):
            numbers = ", ".join(self.phrases.say(key, n=n) for key, n in self._untold.items())
            text = self.phrases.say("more", n=self._untold.total(), numbers=numbers)
            self._event("more", text, "white", {})
            self._untold.clear()
            self._summed_at = time.monotonic()
        for item in shown:
            self._advise(item)

    def _room(self) -> int:
        now = time.monotonic()
        self._room_left = min(MOST_LINES, self._room_left + (now - self._room_at) * LINES_A_SECOND)
        self._room_at = now
        return max(0, int(self._room_left))

    def logged(self, event: Mapping[str, Any]) -> None:
        """Tell of trouble that a daemon logged, once in a while each."""
        name, level = str(event.get("event", "")), event.get("level")
        if level not in {"warning", "error", "critical"} or name in _ORDINARY:
            return
        if name in {"push.paused", "push.resumed"}:
            of_kind = event.get("scope") == PauseScope.MSGTYPE
            phrase = ("kind_" if of_kind else "") + name.removeprefix("push.")
            text = self.phrases.say(phrase, code=event.get("errcode") or "-", kind=event.get("target") or "")
        else:
            words = event.get("error") or event.get("advice") or event.get("exception") or ""
            text = f"{str(words).strip().splitlines()[-1] if words else ''} [{name}]".strip()
        now = time.monotonic()
        if now - self._troubles.get(text, -SAME_TROUBLE_AFTER) >= SAME_TROUBLE_AFTER:
            self._troubles[text] = now
            self._write(click.style(f"{_clock()}  ! {text}", fg="magenta"), err=True)

    async def follow(self, own: Database, slots_kept_back: int, ended: asyncio.Task[None]) -> None:
        """Tell what happens in the ledger until ``ended`` is done, and then the last of it."""
        watcher = Watcher(slots_kept_back)
        await own.read(watcher.begin)
        while True:
            is_last = ended.done()
            try:
                self.happened(await own.read(watcher.look), is_last=is_last)
            except StorageError as error:
                self.logged({"level": "warning", "event": "story.waiting", "error": str(error)})
            if is_last:
                return
            await asyncio.wait([ended], timeout=LOOK_EVERY)

    def _sentence(self, together: Sequence[News]) -> str:
        item = together[0]
        names = [
            each.match_id if each.revision == 1 else f"{each.match_id}:{each.revision}" for each in together
        ]
        return self.phrases.say(
            "sent_together" if len(together) > 1 and item.left is not None else _phrase(item),
            match=", ".join(names),
            name=self._name(item.recipient.external_userid if item.recipient else ""),
            left=item.left,
            reason=self.phrases.reason(item.reason or ""),
            code=self.phrases.say("code", code=item.errcode) if item.errcode else "",
            until=_local(item.until, self.zone),
        )

    def _name(self, external_userid: str) -> str:
        shown = external_userid if self.shows_ids else ""
        return self.names.get(external_userid) or shown or self.phrases.say("user")

    def _advise(self, item: News) -> None:
        """Say once what to try when something first waits."""
        if item.what not in {What.WAITING, What.PARKED} or not (self.names and self.advises):
            return
        key = "try_answer" if item.reason in _UNTIL_A_WORD else "try_explain"
        if key not in self._advised:
            self._advised.add(key)
            self.talk(key, match=item.match_id, name=next(iter(self.names.values())))

    def _event(self, what: str, text: str, colour: str, facts: Mapping[str, object]) -> None:
        if self.as_json:
            self._write(json.dumps({"event": what, **facts}, ensure_ascii=False))
        else:
            self._write(f"{click.style(_clock(), dim=True)}  {click.style(text, fg=colour)}")

    def _write(self, text: str, *, err: bool = False) -> None:
        with self._turn:
            try:
                click.echo(text, err=err)
            except OSError:
                return  # nobody reads any more; what is told is told by the ledger too


def _together(news: Sequence[News], *, apart: bool) -> list[list[News]]:
    """Put side by side what one message carried."""
    told: list[list[News]] = []
    for item in news:
        before = told[-1][0] if told else None
        is_one = before is not None and (item.what, item.push_id) == (What.SENT, before.push_id)
        if told and is_one and item.push_id is not None and not apart:
            told[-1].append(item)
        else:
            told.append([item])
    return told


def _phrase(item: News) -> str:
    if item.what is not What.SENT or item.left:
        return item.what
    return "sent_before" if item.left is None else "sent_last"


def _facts(item: News) -> dict[str, object]:
    facts = {
        "at": item.at,
        "match": item.match_id or None,
        "revision": item.revision,
        "reason": item.reason,
        "until": item.until.isoformat() if item.until else None,
        "errcode": item.errcode,
        "left": item.left,
        "push": item.push_id,
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def _local(instant: datetime | None, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%m-%d %H:%M}" if instant else ""


def _clock() -> str:
    return time.strftime("%H:%M:%S")
