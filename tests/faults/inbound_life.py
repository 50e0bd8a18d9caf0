"""People's lives with the inbound half, by dice: what they say and tap, in any order, late, and twice.

WeChat's rules are the sandbox's; its list of items is ours, so that pages may repeat, split, come late, or
break off.  Nothing runs at the same time as anything else: a seed tells the whole story again.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from consumer.inbound.cursors import LeaseLost
from consumer.inbound.pull import Pull
from consumer.ledger.pushes import Attempt
from consumer.projection import Projection
from consumer.wechat.errcodes import receipt_for
from consumer.wechat.syncing import NotPulled, Request
from consumer.world import World
from ops.sandbox.rules import Corp
from ops.sandbox.sessions import ENDED, SERVICER
from ops.sandbox.switches import Switches
from schemas.kf_items import Page
from schemas.kf_reading import read_item
from schemas.receipts import NotSent, NotSentCause, Receipt, Unknown
from tests.faults.inbound_truth import (
    Killed,
    Mortal,
    Wish,
    broken_at_the_end,
    broken_by_deciding,
    is_sixth,
)
from tests.faults.paper import turned
from tests.flow.inbound_house import InboundHouse
from tests.flow.ledger_house import EIGHT, LedgerHouse, match

STEPS: Final = 150
CALM_ROUNDS: Final = 150
FINAL: Final = frozenset({"sent", "dropped", "dead"})
SECRET: Final = "秘密的话"
SPANS: Final = (1, 1, 1, 2, 2, 2, 2, 3, 5, 5, 20, 61, 600, 3 * 3600, 11 * 3600)
FAIL_TYPES: Final = (0, 4, 5, 6, 6, 10, 10, 11, 12, 13)
STOP, RESUME = "退订", "恢复"
TEXTS: Final = (
    *(SECRET, SECRET, "退订是什么意思", "好\ud83d", "查看", "查看1", "查看2", "查看{match}", "更多", "帮助"),
    *(
        "更多",
        "查看1",
        "你好",
        "帮助",
        STOP,
        "TD",
        RESUME,
        RESUME,
        "订阅",
        "免打扰 22:00-08:00",
        "免打扰",
        "关闭免打扰",
        "每天 9:00",
        "实时",
    ),
)
_STOPS, _RESUMES = (STOP, "TD"), (RESUME, "订阅")


@dataclass
class Phone:
    """Somebody's phone: who the host says it is, and what its owner said last."""

    name: str
    users: tuple[str, ...]
    said_at: datetime
    wishes: list[Wish] = field(default_factory=list)


class InboundLife:
    """One life."""

    def __init__(self, house: LedgerHouse, dice: random.Random, name: str) -> None:
        self.house = house
        self.dice = dice
        self.hearing = InboundHouse(house, answers=True)
        self.corp = Corp(count(1))
        self.switches: Switches = turned(check_order=dice.choice(["msgid_first", "limits_first"]))
        self.accounts = tuple(f"wk{name}{letter}" for letter in "AB")
        self.phones = [
            Phone(f"wmSECRET{name}{nth}", users, house.now)
            for nth, users in enumerate(((f"{name}ann", f"{name}bo"), (f"{name}cy",), ()))
        ]
        self.shelf: dict[str, list[dict[str, Any]]] = {account: [] for account in self.accounts}
        self.late: list[tuple[datetime, str, dict[str, Any]]] = []
        self.matches: list[str] = []
        self.held: list[Attempt] = []
        self.reports: list[tuple[Attempt, Receipt]] = []
        self.broken: list[str] = []
        self._serial = count(1)
        self._name = name
        self._troubled = True
        self._holder = "p0"
        world = World(lambda: house.now, lambda: house.wall, dice.random)
        self._projection = Projection(house.app, house.own, world=world)

    async def live(self) -> list[str]:
        """So many steps, then calm until every match has ended; what was broken, in words."""
        for phone in self.phones:
            for user in phone.users:
                await self.house.session(user, phone.name, self.accounts[0], said=None)
        for account in self.accounts:
            await self._pull(account)
        for _ in range(STEPS):
            await self._step()
        await self._calm()
        deliveries = await self._deliveries()
        self.broken += await broken_at_the_end(self.house, self.corp, self.accounts, deliveries)
        return self.broken

    async def _step(self) -> None:
        may: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self._speak, 9),
            (self._arrive, 4),
            (lambda: self._pull(self.dice.choice(self.accounts)), 12),
            (self._plan, 10),
            (self._leave, 9),
            (self._rush, 6),
            (self._settle, 8),
            (self._serve, 1),
            (self._pass, 8),
            (self._crash, 1),
            (self._show, 1),
        ]
        choices, weights = zip(*may, strict=True)
        await self.dice.choices(choices, weights)[0]()

    # What people do.

    def _happens(self, account: str, item: dict[str, Any]) -> None:
        """WeChat tells of it now, or up to three days later; and perhaps once more."""
        for _ in range(2 if self.dice.random() < 0.1 else 1):
            if self._troubled and self.dice.random() < 0.12:
                wait = timedelta(seconds=self.dice.choice([5, 90, 4000, 40_000, 250_000]))
                self.late.append((self.house.now + wait, account, item))
            else:
                self.shelf[account].append(item)

    async def _speak(self, text: str | None = None) -> None:
        phone = self.dice.choice(self.phones)
        for _ in range(self.dice.choice([1, 1, 1, 2, 4])):
            self._say(phone, self.dice.choice(self.accounts), text or self.dice.choice(TEXTS))

    def _say(self, phone: Phone, account: str, text: str) -> None:
        """A word or a tap, a second after the one before at least."""
        house = self.house
        if house.now < phone.said_at + timedelta(seconds=1):
            house.later(seconds=1)
        phone.said_at = house.now
        text = text.format(match=self.dice.choice(self.matches) if self.matches else "x")
        menu_id = "kfpush_view_1" if text == "查看1" and self.dice.random() < 0.5 else None
        self.corp.speak(account, phone.name, text, house.now, menu_id=menu_id, opens=menu_id is None)
        msgid = f"in{self._name}{next(self._serial)}"
        if text in _STOPS + _RESUMES:
            phone.wishes.append((int(house.now.timestamp()), msgid, text in _STOPS))
        item = {
            "msgid": msgid,
            "open_kfid": account,
            "external_userid": phone.name,
            "send_time": int(house.now.timestamp()),
            "origin": 3,
            "msgtype": "text",
            "text": {"content": text} | ({"menu_id": menu_id} if menu_id else {}),
        }
        self._happens(account, item)

    def _event(self, kind: str, account: str, phone: str, **facts: object) -> None:
        inner = {"event_type": kind, "open_kfid": account, "external_userid": phone, **facts}
        seconds = int(self.house.now.timestamp())
        item = {"send_time": seconds, "origin": 4, "msgtype": "event", "event": inner}
        if self.dice.random() < 0.5:
            item["msgid"] = f"ev{self._name}{next(self._serial)}"
        self._happens(account, item)

    async def _serve(self) -> None:
        """A servicer takes or ends a conversation."""
        phone, account = self.dice.choice(self.phones), self.dice.choice(self.accounts)
        state, change = self.dice.choice([(SERVICER, 1), (ENDED, 3)])
        self.corp.enter_state(account, phone.name, state, "boss")
        self._event("session_status_change", account, phone.name, change_type=change)

    async def _arrive(self) -> None:
        for _ in range(self.dice.randint(1, 3)):
            phone = self.dice.choice(self.phones)
            match_id = f"{self._name}m{next(self._serial)}"
            self.matches.append(match_id)
            await self.house.arrive(match(match_id, self.dice.choice(phone.users or (phone.name,))))

    async def _pass(self) -> None:
        self.house.later(seconds=self.dice.choice(SPANS))
        if self.dice.random() < 0.02:
            self.house.now += timedelta(hours=49)
        for due in [each for each in self.late if each[0] <= self.house.now]:
            self.late.remove(due)
            self.shelf[due[1]].append(due[2])

    # What kfpush does.

    async def page(self, request: Request) -> Page | NotPulled:
        """One page: of any length, perhaps of what came before too, perhaps none."""
        dice, listed, start = self.dice, self.shelf[request.open_kfid], int(request.cursor or 0)
        if not self._troubled:
            return Page(0, str(len(listed)), has_more=False, items=tuple(map(read_item, listed[start:])))
        if dice.random() < 0.05:
            return NotPulled("timeout")
        if dice.random() < 0.06:
            # Whoever asked sleeps for longer than its lease, and another reads the account meanwhile.
            self.house.wall += timedelta(seconds=40)
            await self._pull(request.open_kfid)
        back = dice.randint(0, 3) if dice.random() < 0.2 else 0
        end = min(len(listed), start + dice.randint(0, 4))
        some = tuple(map(read_item, listed[max(0, start - back) : end]))
        return Page(0, str(end), has_more=end < len(listed) and end > start, items=some)

    async def _pull(self, account: str) -> None:
        holder = self._holder
        turn = await self.hearing.turn(account, holder)
        if turn is None:
            return
        pull: Pull = self.hearing.pull()
        pull._client = self  # noqa: SLF001 - whoever constructs it in earnest gives it these two
        pull._own = Mortal(self.house.own, self._dies)  # type: ignore[assignment] # noqa: SLF001
        try:
            await pull.read(turn, 0)
        except Killed:
            self._holder = f"p{next(self._serial)}"
        except LeaseLost:
            pass
        await self._same_as_the_cursor(account)

    def _dies(self) -> bool:
        return self._troubled and self.dice.random() < 0.03

    async def _same_as_the_cursor(self, account: str) -> None:
        """Cursor and effects agree: everything before it was taken in."""
        rows = await self.house.rows("SELECT next_cursor FROM kf_cursors WHERE open_kfid = ?", account)
        end = int(str(rows[0]["next_cursor"] or 0)) if rows else 0
        keys = {read_item(item).key for item in self.shelf[account][:end]}
        taken = {row["item_key"] for row in await self._inbound("item_key", account)}
        if not keys <= taken:
            self.broken.append(f"{account}: before the cursor {end}, not taken in: {keys - taken}")

    async def _inbound(self, columns: str, account: str) -> list[dict[str, object]]:
        return await self.house.rows(f"SELECT {columns} FROM kf_inbound WHERE open_kfid = ?", account)

    async def _plan(self) -> None:
        if not await self.house.find_due():
            return
        attempts = (await self.house.plan()).attempts
        for attempt in attempts:
            [phone] = [each for each in self.phones if each.name == attempt.letter.recipient.external_userid]
            self.broken += await broken_by_deciding(self.house, attempt, phone.wishes)
        self.held += attempts

    async def _leave(self) -> None:
        if not self.held:
            return
        attempt = self.held.pop(self.dice.randrange(len(self.held)))
        if self.house.now > attempt.send_by or self.house.wall >= attempt.lease_until - EIGHT:
            self.reports.append((attempt, NotSent(NotSentCause.LATE)))
            return
        if await is_sixth(self.house, self.corp, attempt):
            self.broken.append(f"push {attempt.push_id} leaves at {self.house.now} as a sixth message")
        self.reports.append((attempt, self._answer(attempt)))

    def _answer(self, attempt: Attempt) -> Receipt:
        fate = self.dice.random() if self._troubled else 1.0
        if fate < 0.1:
            return Unknown("lost")
        answer = self.corp.send(dict(attempt.letter.body), self.house.now, self.switches)
        if answer.bubble is not None and self._troubled and self.dice.random() < 0.2:
            self.corp.lose(answer.bubble, self.switches)
            recipient = attempt.letter.recipient
            facts = {"fail_msgid": attempt.letter.msgid, "fail_type": self.dice.choice(FAIL_TYPES)}
            for _ in range(self.dice.choice([1, 1, 2])):
                self._event("msg_send_fail", recipient.open_kfid, recipient.external_userid, **facts)
        return Unknown("lost") if fate < 0.2 else receipt_for(answer.errcode)

    async def _settle(self) -> None:
        if self.reports:
            group = self.dice.sample(self.reports, self.dice.randint(1, len(self.reports)))
            await self.house.settle(*group)
            again = [report for report in group if self._troubled and self.dice.random() < 0.15]
            self.reports = [report for report in self.reports if report not in group] + again

    async def _rush(self) -> None:
        """Everything at once: what was said is read, decided, sent and settled."""
        for account in self.accounts:
            await self._pull(account)
        self.house.later(seconds=2)
        await self._plan()
        while self.held:
            await self._leave()
        await self._settle()

    async def _crash(self) -> None:
        """The sender is killed; what has left may arrive all the same."""
        for attempt in self.held:
            if self.dice.random() < 0.3:
                self._answer(attempt)
        self.held, self.reports = [], []

    async def _show(self) -> None:
        await self._projection.project()

    # The end.

    async def _calm(self) -> None:
        """No trouble any more: everything late is told, servicers let go, people write, time passes."""
        self._troubled = False
        for _, account, item in self.late:
            self.shelf[account].append(item)
        self.late.clear()
        for nth in range(CALM_ROUNDS):
            self.house.later(seconds=61 if nth % 3 else 3 * 3600)
            if nth % 4 == 0:
                for phone in self.phones:
                    for account in self.accounts:
                        self.corp.enter_state(account, phone.name, ENDED, None)
                        self._event("session_status_change", account, phone.name, change_type=3)
                        self.house.later(seconds=1)
                        self._say(phone, account, SECRET)
            for account in self.accounts:
                await self._pull(account)
            self.house.later(seconds=2)
            await self._work_off()
            rows = await self._deliveries()
            if {row["status"] for row in rows} <= FINAL and not await self._open():
                await self._show()
                return
        waiting = [tuple(row.values()) for row in rows if row["status"] not in FINAL]
        self.broken.append(f"not everything has ended at {self.house.now}: {waiting} {await self._open()}")

    async def _work_off(self) -> None:
        for _ in range(40):
            while self.held:
                await self._leave()
            while self.reports:
                await self._settle()
            if not await self.house.find_due():
                return
            await self._plan()

    async def _deliveries(self) -> list[dict[str, object]]:
        sql = "SELECT match_id, status, reason, due_at, push_id FROM push_deliveries WHERE match_id LIKE ?"
        return await self.house.rows(sql, f"{self._name}m%")

    async def _open(self) -> list[dict[str, object]]:
        sql = "SELECT id, kind, reason FROM push_messages WHERE status IN ('sending', 'unknown')"
        return await self.house.rows(sql)
