"""Whatever WeChat is like where nobody knows it: every combination of the sandbox's switches, on paper."""

import random
from collections import defaultdict, deque
from itertools import product
from typing import Final

import pytest

from consumer.ledger.pushes import Attempt
from ops.sandbox.sessions import ASSISTANT, ENDED, POOL
from ops.sandbox.switches import Switches, choices
from schemas.database import Database
from tests.faults.chance import Life
from tests.faults.host import ACCOUNT, SENT, Person
from tests.faults.judge import FIVE_SENT
from tests.faults.paper import Paper, turned

NOT_ABOUT_US: Final = {"menu_items", "refused_kind"}
"""No menu of kfpush's has more than ten items, and what lives here is sent as text."""

OF_THE_PULL: Final = {
    "callbacks",
    "empty_pages",
    "event_msgids",
    "late_failures_count",
    "limits_told",
    "send_fails",
}
"""What is told by callback and sync_msg, which are not on paper: who pulls has tests of their own."""

LONGEST_RETRY: Final = 73 * 3600
"""So long at least must WeChat remember a msgid, or no retry is safe."""

HANDED_ON: Final = 95018
QUARTERS: Final = 4

_KNOWN: Final = {
    name: values for name, values in choices().items() if values and name not in NOT_ABOUT_US | OF_THE_PULL
}
EVERY: Final = [
    turned(msgid_seconds=LONGEST_RETRY, **dict(zip(_KNOWN, values, strict=True)))
    for values in product(*_KNOWN.values())
]


class Scripted(Life):
    """A life in which nothing is left to chance: what becomes of a call is written beforehand."""

    def __init__(self, paper: Paper) -> None:
        super().__init__(paper, random.Random(0))
        self._troubled = False
        self.fates: defaultdict[str, deque[str]] = defaultdict(deque)

    def _fate(self, attempt: Attempt) -> str:
        fates = self.fates[attempt.letter.recipient.external_userid]
        return fates.popleft() if fates else "answered"

    async def work(self) -> None:
        """Everybody does what there is to do now."""
        for consumer in self.consumers:
            await self.work_off(consumer)

    async def die_before_settling(self) -> None:
        """Somebody sends what is due, and dies with the answers in hand."""
        dying = self.consumers[0]
        await self._look_for_due(dying)
        await self._claim(dying)
        while dying.held or dying.flying:
            await (self._land(dying) if dying.flying else self._leave(dying))
        assert dying.reports
        await self.crash(dying)


async def everything_at_once(paper: Paper) -> None:
    """Lost answers, lost refusals, a crash, and refusals for reasons that kfpush was not told."""
    life, switches = Scripted(paper), paper.wechat.turned
    people = {name: await paper.person(name) for name in ("Ann", "Bo", "Cy", "Di", "Eve", "Fay", "Gus")}
    for name, person in people.items():
        if name != "Di":
            await paper.speak(person)
    ann, bo, cy, di, eve, fay, gus = people.values()

    await paper.arrive(eve, many=3)
    await life.die_before_settling()

    await paper.arrive(ann, many=4)
    await life.work()
    life.fates[ann.phone].append("answer lost")
    await paper.arrive(ann, many=2)

    _others_write(paper, bo, 5)
    paper.forgiven.add((bo.phone, FIVE_SENT))
    life.fates[bo.phone].append("answer lost")
    await paper.arrive(bo, many=2)

    paper.wechat.corp.enter_state(ACCOUNT, cy.phone, ENDED)
    paper.forgiven.add((cy.phone, switches.ended_code))
    life.fates[cy.phone] += ["lost on its way", "answer lost"]
    await paper.arrive(cy)

    await paper.speak(di, menu_id="101")
    paper.forgiven.add((di.phone, switches.stale_code))
    await paper.arrive(di)

    _handed_on_and_back(paper, fay)
    paper.forgiven |= {(fay.phone, HANDED_ON), (fay.phone, FIVE_SENT)}
    life.fates[fay.phone] += ["answered", "busy, done", "busy, not done"]
    await paper.arrive(fay, many=6)

    life.fates[gus.phone] += ["too many calls", "answer lost"]
    await paper.arrive(gus, SENT, explanation="配" * 2000)

    await life.work()
    await life.calm([ACCOUNT])


def _others_write(paper: Paper, person: Person, many: int) -> None:
    """Somebody else of the corp writes to them, and kfpush is not told."""
    for nth in range(many):
        body = {"touser": person.phone, "open_kfid": ACCOUNT, "msgid": f"other{nth}", "msgtype": "text"}
        answer = paper.wechat.corp.send(body | {"text": {"content": "hello"}}, paper.now, paper.wechat.turned)
        assert answer.errcode == 0
        paper.others.add(f"other{nth}")


def _handed_on_and_back(paper: Paper, person: Person) -> None:
    """They waited for a human, were told so with a reply code, and came back to the assistant."""
    corp, turned_to = paper.wechat.corp, {"open_kfid": ACCOUNT, "external_userid": person.phone}
    moved = corp.transfer({**turned_to, "service_state": POOL}, paper.now)
    hint = {"code": moved.reply_code, "msgid": "hint", "msgtype": "text", "text": {"content": "请稍候"}}
    assert corp.reply(hint, paper.now, paper.wechat.turned).errcode == 0
    paper.others.add("hint")
    corp.enter_state(ACCOUNT, person.phone, ASSISTANT)


async def judged(handles: tuple[Database, Database], name: str, switches: Switches) -> None:
    """Live through it under these switches; everything is shown once but what WeChat itself burnt."""
    paper = Paper(*handles, name, switches=switches)
    await everything_at_once(paper)
    assert await paper.judged() == [], switches
    accepted = {call["msgid"] for call in paper.wechat.log if call["errcode"] == 0}
    not_shown = [push for push in await paper.pushes() if push["status"] == "sent"]
    not_shown = [push["user_id"] for push in not_shown if push["msgid"] not in accepted]
    refused_unheard = {f"u{name}{who}" for who in ("Bo", "Cy", "Fay") if switches.refused_burns_msgid}
    assert set(not_shown) <= refused_unheard, switches
    assert len(not_shown) == len(set(not_shown)), switches


async def test_some_combinations(handles: tuple[Database, Database]) -> None:
    """Each switch alone turned from its default, and all of them."""
    await judged(handles, "none", Switches())
    for name, values in _KNOWN.items():
        for nth, value in enumerate(values):
            await judged(handles, f"{name}{nth}", turned(**{name: value}))
    await judged(handles, "all", EVERY[-1])


@pytest.mark.faults
@pytest.mark.parametrize("quarter", range(QUARTERS))
async def test_every_combination(handles: tuple[Database, Database], quarter: int) -> None:
    """The full product: no double, no sixth message, nothing lost, under each of them."""
    assert len(EVERY) >= 768
    for nth, switches in list(enumerate(EVERY))[quarter::QUARTERS]:
        await judged(handles, f"S{nth}", switches)
