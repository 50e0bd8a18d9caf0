"""One pull: a KF account is read page by page to its end, under its lease.

    parse -> what is new -> the host's rows -> our own rows and the cursor, in one transaction -> next page

A crash anywhere repeats the page, and the items that were taken in say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import structlog

from consumer.facts import ServiceState
from consumer.gather import HostInputs, read_host
from consumer.inbound import cursors, failed, inbox, sessions
from consumer.inbound.cursors import Turn
from consumer.inbound.effects import Rules, Taken, learn, take_in
from consumer.inbound.heard import Heard, come_early, hear
from consumer.inbound.replies import Hosted, Moment, Replies
from consumer.inbound.sessions import Bound
from consumer.replies.asked import Asked, Other
from consumer.wechat.syncing import NotPulled, Request
from consumer.world import World
from schemas.database import Database, Transaction
from schemas.decisions import RecipientKey
from schemas.errors import ValueRefused
from schemas.kf_items import PAGE_LIMIT, Page

SMALLER_PAGES: Final = (PAGE_LIMIT, 100, 10)
"""A page that did not arrive may have been too long: after failures in a row fewer items are asked for."""

MOST_AT_ONCE: Final = 50
"""So many items in one transaction: while it lasts, nobody else may write."""

MOST_ASKED: Final = 20
"""Of so many people at a time WeChat is asked who holds their conversation; of the others at a later word."""

CLOCK_WAIT: Final = 0.5
"""Seconds in which the sandbox's clock is followed: it may have leapt just before somebody spoke there."""

log = structlog.get_logger(__name__)


class Client(Protocol):
    """Whoever can ask for a page."""

    async def page(self, request: Request) -> Page | NotPulled:
        """Ask once."""
        ...


@dataclass(frozen=True, slots=True)
class Pulled:
    """How a pull ended: ``problem`` is None at the account's end."""

    pages: int = 0
    items: int = 0
    has_woken: bool = False
    problem: NotPulled | None = None


class Pull:
    """Reads accounts; decides nothing about whose turn it is."""

    def __init__(
        self,
        app: Database,
        own: Database,
        client: Client,
        replies: Replies,
        states: Callable[[RecipientKey], Awaitable[ServiceState | None]],
        *,
        rules: Rules,
        zone: ZoneInfo,
        world: World,
    ) -> None:
        self._app = app
        self._own = own
        self._client = client
        self._replies = replies
        self._states = states
        self._rules = rules
        self._zone = zone
        self._world = world

    async def read(self, turn: Turn, failures: int) -> Pulled:
        """Read an account to its end.  ``failures`` are the pulls that failed in a row before this one.

        Raises:
            LeaseLost: somebody else reads it now; nothing of the page at hand was written.
            StorageError: a database did not answer; the page comes again.

        """
        cursor, token, pages, items, woken = turn.cursor, turn.token, 0, 0, False
        limit = SMALLER_PAGES[min(failures, len(SMALLER_PAGES) - 1)]
        while True:
            page = await self._client.page(Request(turn.open_kfid, cursor, token, limit))
            if isinstance(page, NotPulled):
                await self._own.exclusive(lambda tx: cursors.let_go(tx, turn))
                return Pulled(pages, items, woken, page)
            following = page.next_cursor or cursor
            is_stuck = page.has_more and following == cursor
            is_last = is_stuck or not page.has_more
            parts = list(_parts(await self._hear(turn, page)))
            for number, part in enumerate(parts, start=1):
                # The cursor moves with the last part: a page that is cut comes again, and its first parts say
                # that they were there.
                is_whole = number == len(parts)
                taken = await self._take_in(
                    turn, part, following if is_whole else cursor, is_last=is_last and is_whole
                )
                items, woken = items + taken.new, woken or taken.has_woken
            pages += 1
            if is_stuck:
                log.error("pull.stuck", account=turn.open_kfid, advice="WeChat says more and moves no cursor")
            if is_last:
                return Pulled(pages, items, woken)
            cursor = following

    async def _hear(self, turn: Turn, page: Page) -> list[Heard]:
        if come_early(page.items, self._world.now()):
            await asyncio.sleep(CLOCK_WAIT)
        now = self._world.now()
        return hear(page.items, turn.open_kfid, now, self._replies.read, is_first=turn.is_first)

    async def _take_in(self, turn: Turn, heard: Sequence[Heard], cursor: str, *, is_last: bool) -> Taken:
        account = turn.open_kfid
        moment = Moment(self._world.now(), self._world.wall())
        hosted = await self._hosted(account, heard, moment.now) if heard else Hosted()

        def work(tx: Transaction) -> Taken:
            # The lease first: whoever lost it writes nothing.
            cursors.advance(tx, turn, cursor, moment.wall)
            taken = take_in(tx, account, heard, hosted, self._rules, moment, self._replies.answer)
            if is_last:
                cursors.finish(tx, turn, moment.wall)
                for target in failed.end_pauses(tx, moment.now):
                    log.info("push.resumed", target=target)
            return taken

        taken = await self._own.exclusive(work)
        self._tell(turn, taken)
        for entered in taken.entered:
            self._replies.welcome(entered)  # its seconds are counted: before anything is asked of WeChat
        await self._ask_who_holds(taken.held, hosted)
        return taken

    async def _ask_who_holds(self, held: Sequence[RecipientKey], hosted: Hosted) -> None:
        """Ask WeChat about people who spoke while a servicer is believed to have them.

        Not every end is told of; a belief that nothing ends would park their matches for two days.
        """
        asked = held[:MOST_ASKED]
        answers = await asyncio.gather(*(self._states(recipient) for recipient in asked))
        states = {key: state for key, state in zip(asked, answers, strict=True) if state is not None}
        if states:
            moment = Moment(self._world.now(), self._world.wall())
            await self._own.exclusive(lambda tx: learn(tx, states, hosted.bound, moment))

    async def _hosted(self, account: str, heard: Sequence[Heard], now: datetime) -> Hosted:
        """Write what the host's own handler would, and read what it knows of these people."""
        keys = {one.item.key for one in heard}

        def before(tx: Transaction) -> tuple[frozenset[str], frozenset[str]]:
            return inbox.known(tx, account, keys), inbox.overruled(tx, heard)

        known, undone = await self._own.read(before)
        fresh = [one for one in heard if one.item.key not in known and one.recipient is not None]
        if not fresh:
            return Hosted()
        phones = {one.recipient.external_userid for one in fresh if one.recipient}
        words = _words(fresh, self._rules)

        def work(tx: Transaction) -> Hosted:
            sessions.note(tx, words, self._zone, now)
            bound = sessions.bound(tx, phones)
            asked = _asked(fresh, bound, undone)
            refused = self._replies.wish(tx, asked, now) if asked else frozenset()
            return Hosted(bound, asked, _inputs(tx, asked), refused)

        def look(tx: Transaction) -> Hosted:
            bound = sessions.bound(tx, phones)
            asked = _asked(fresh, bound, undone)
            return Hosted(bound, asked, _inputs(tx, asked), frozenset(map(_name, asked)))

        try:
            return await self._app.exclusive(work)
        except ValueRefused as error:
            # The host's table has a rule of its own.  Our windows open all the same.
            log.error("pull.host_refused", error=str(error))  # noqa: TRY400 - expected
            return await self._app.read(look)

    def _tell(self, turn: Turn, taken: Taken) -> None:
        if taken.new:
            log.info("pull.page", account=turn.open_kfid, new=taken.new, **taken.counts)
        for target in taken.paused:
            log.warning("push.paused", target=target, reason="undelivered")


def _parts(heard: Sequence[Heard]) -> Iterator[Sequence[Heard]]:
    """Part a page into what one transaction may hold, in its order; an empty page is one part."""
    for start in range(0, max(len(heard), 1), MOST_AT_ONCE):
        yield heard[start : start + MOST_AT_ONCE]


def _words(fresh: Sequence[Heard], rules: Rules) -> dict[RecipientKey, datetime]:
    """Tell when each recipient last spoke, as far as this page knows."""
    words: dict[RecipientKey, datetime] = {}
    for one in fresh:
        if one.recipient is not None and one.item.is_word and rules.opens(one.item):
            words[one.recipient] = max(one.at, words.get(one.recipient, one.at))
    return words


def _asked(fresh: Sequence[Heard], bound: Mapping[str, Bound], undone: frozenset[str]) -> list[Asked]:
    """Everything that users said since kfpush listens, in its order, and did not undo since."""
    asked = []
    for one in fresh:
        if (
            one.recipient is not None
            and one.command is not None
            and not one.is_history
            and one.item.key not in undone
        ):
            who = bound[one.recipient.external_userid]
            asked.append(
                Asked(
                    one.recipient,
                    who.user_ids,
                    who.person,
                    one.item.key,
                    one.at,
                    one.command,
                    one.item.raw,
                    is_tap=one.item.is_click,
                )
            )
    return asked


def _inputs(tx: Transaction, asked: Sequence[Asked]) -> HostInputs | None:
    """Read what judging an answer needs, if anything was asked of us."""
    ours = [item for item in asked if not isinstance(item.command, Other)]
    if not ours:
        return None
    users = {user_id for item in ours for user_id in item.user_ids}
    return read_host(tx, users, {item.recipient.external_userid for item in ours})


def _name(item: Asked) -> tuple[str, str]:
    return item.recipient.open_kfid, item.inbound_key
