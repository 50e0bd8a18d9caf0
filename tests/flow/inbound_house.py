"""A ledger house that hears: a KF server of lists, whose pages are pulled when the test says so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from consumer.facts import ServiceState
from consumer.inbound import cursors
from consumer.inbound.effects import Rules
from consumer.inbound.pull import Pull, Pulled
from consumer.inbound.replies import Entered, Hosted, Moment, Replies
from consumer.replies import reading
from consumer.replies.answering import Answered, Ending
from consumer.replies.asked import Asked, Other
from consumer.wechat.syncing import NotPulled, Request
from consumer.world import World
from ops.inbound import replies_of
from schemas.database import Transaction
from schemas.decisions import RecipientKey
from schemas.errors import StorageError
from schemas.kf_items import Page
from schemas.kf_reading import read_item
from schemas.times import to_text
from tests.flow.ledger_house import INSTALLATION, LedgerHouse

_numbers = count(1)


def word(
    at: datetime, text: str = "你好", *, phone: str = "wm1", kf: str = "wk1", **more: object
) -> dict[str, Any]:
    """A customer's text, as WeChat gives it."""
    return {
        "msgid": f"in{next(_numbers)}",
        "open_kfid": kf,
        "external_userid": phone,
        "send_time": int(at.timestamp()),
        "origin": 3,
        "msgtype": "text",
        "text": {"content": text},
        **more,
    }


def tap(at: datetime, text: str = "查看1", menu_id: str = "kfpush_view_1") -> dict[str, Any]:
    """A tap on a menu item."""
    return word(at, text) | {"text": {"content": text, "menu_id": menu_id}}


def event(
    at: datetime, event_type: str, *, phone: str = "wm1", kf: str = "wk1", **fields: object
) -> dict[str, Any]:
    """An event, which has its ids inside and no msgid."""
    inner = {"event_type": event_type, "open_kfid": kf, "external_userid": phone, **fields}
    return {"send_time": int(at.timestamp()), "origin": 4, "msgtype": "event", "event": inner}


@dataclass
class Kf:
    """WeChat's side: items per account, given out in pages; cursors are places in the list."""

    items: dict[str, list[object]] = field(default_factory=dict)
    page_size: int = 1000
    asked: list[Request] = field(default_factory=list)
    scripted: list[Page | NotPulled] = field(default_factory=list)
    """Answered first, one after the other."""

    def happens(self, *items: object, kf: str = "wk1") -> None:
        """Let these happen, in this order."""
        self.items.setdefault(kf, []).extend(items)

    async def page(self, request: Request) -> Page | NotPulled:
        """Answer."""
        self.asked.append(request)
        if self.scripted:
            return self.scripted.pop(0)
        listed = self.items.get(request.open_kfid, [])
        start = int(request.cursor or 0)
        some = listed[start : start + self.page_size]
        end = start + len(some)
        return Page(0, str(end), end < len(listed), tuple(read_item(item) for item in some))


@dataclass
class InboundHouse:
    """The house, what it hears, and what it was asked."""

    house: LedgerHouse
    kf: Kf = field(default_factory=Kf)
    rules: Rules = field(default_factory=Rules)
    asked: list[Asked] = field(default_factory=list)
    """Whatever came to be answered, in order."""
    entered: list[Entered] = field(default_factory=list)
    breaks_after: int = 10**6
    """After so many askings, taking in another breaks."""
    states: dict[RecipientKey, ServiceState] = field(default_factory=dict)
    """What WeChat says when it is asked who holds a conversation."""
    asked_for_states: list[RecipientKey] = field(default_factory=list)
    answers: bool = False
    """Whether words are answered as in earnest; else it is only remembered what was asked."""

    def pull(self) -> Pull:
        """Construct what pulls."""
        house = self.house
        world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
        replies = Replies(reading.read, lambda *_: frozenset(), self._answer, self.entered.append)
        if self.answers:
            replies = replies_of(house.rules, INSTALLATION, forwards=True, welcome=self.entered.append)
        return Pull(
            house.app,
            house.own,
            self.kf,
            replies,
            self._state,
            rules=self.rules,
            zone=house.rules.host_zone,
            world=world,
        )

    async def _state(self, recipient: RecipientKey) -> ServiceState | None:
        self.asked_for_states.append(recipient)
        return self.states.get(recipient)

    def _answer(
        self, _tx: Transaction, asked: Sequence[Asked], _hosted: Hosted, _moment: Moment
    ) -> Sequence[Answered]:
        if len(self.asked) >= self.breaks_after:
            raise StorageError("the power was cut")
        self.asked += [item for item in asked if not isinstance(item.command, Other)]
        return [Answered(Ending.HOST)] * len(asked)

    async def turn(self, kf: str = "wk1", holder: str = "here") -> cursors.Turn | None:
        """Take an account's lease."""
        wall = self.house.wall
        return await self.house.own.exclusive(
            lambda tx: cursors.take(tx, kf, holder, timedelta(seconds=30), wall)
        )

    async def hears(self, *items: object, kf: str = "wk1") -> Pulled:
        """Let these happen and pull the account to its end."""
        self.kf.happens(*items, kf=kf)
        turn = await self.turn(kf)
        assert turn is not None
        return await self.pull().read(turn, 0)

    async def listening(self, kf: str = "wk1") -> None:
        """Have the account read to its end once, so that nothing is history any more."""
        await self.hears(kf=kf)

    async def notice(self, kf: str = "wk1", at: datetime | None = None) -> None:
        """A callback was noted."""
        values = (kf, "T", to_text(at or self.house.wall))
        await self.house.own.exclusive(
            lambda tx: tx.execute(
                "INSERT INTO kf_notices (open_kfid, token, notified_at) VALUES (?, ?, ?) ON CONFLICT"
                " (open_kfid) DO UPDATE SET token = excluded.token, notified_at = excluded.notified_at",
                values,
            )
        )

    async def window(self, phone: str = "wm1", kf: str = "wk1") -> dict[str, object]:
        """Read a window's row."""
        [row] = await self.house.rows(
            "SELECT opened_at, exhausted, service_state, muted FROM kf_windows"
            " WHERE external_userid = ? AND open_kfid = ?",
            phone,
            kf,
        )
        return row

    async def inbound(self, columns: str = "effect") -> list[tuple[object, ...]]:
        """Read columns of all inbound rows, by time."""
        rows = await self.house.rows(f"SELECT {columns} FROM kf_inbound ORDER BY send_time, item_key")
        return [tuple(row.values()) for row in rows]

    def ago(self, **span: float) -> datetime:
        """An instant before now."""
        return self.house.now - timedelta(**span)
