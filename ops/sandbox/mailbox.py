"""What each KF account received, three days long, read page by page: the rules of kf/sync_msg.

Pure: the time is an argument.  Pages follow a cursor that only this file can read, and carry what
``ops.sandbox.items`` shaped.
"""

import base64
import bisect
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ops.sandbox import errcodes, letter
from ops.sandbox.items import Item
from ops.sandbox.switches import Switches

HISTORY: Final = timedelta(days=3)
MOST: Final = 1000
CURSOR_BYTES: Final = 64
TOKEN_BYTES: Final = 128
TOKEN_LIFE: Final = timedelta(minutes=10)

_CURSOR = re.compile(r"kf:(\d{1,20}):([01])", re.ASCII)


@dataclass(frozen=True)
class Cursor:
    """A place in one account's history: after the item ``seq``; ``is_paused`` if an empty page came first."""

    seq: int = 0
    is_paused: bool = False

    def text(self) -> str:
        """As a caller keeps it."""
        return base64.urlsafe_b64encode(f"kf:{self.seq}:{int(self.is_paused)}".encode()).decode()


def read_cursor(text: object) -> Cursor | None:
    """The place that a cursor names; none at all is the beginning, and None means that it is none of ours."""
    if text is None or text == "":
        return Cursor()
    if not isinstance(text, str) or len(text) > CURSOR_BYTES:
        return None
    try:
        found = _CURSOR.fullmatch(base64.urlsafe_b64decode(text.encode()).decode())
    except ValueError:
        return None
    return Cursor(int(found[1]), found[2] == "1") if found else None


@dataclass(frozen=True)
class Pull:
    """One kf/sync_msg call that is well formed."""

    open_kfid: str
    cursor: Cursor
    limit: int
    token: str | None


def read_pull(body: object) -> Pull | int:
    """The call in a body, or the errcode that WeChat would answer."""
    if not isinstance(body, dict):
        return errcodes.BAD_PARAMETER
    open_kfid, token, cursor = body.get("open_kfid"), body.get("token"), read_cursor(body.get("cursor"))
    limit, voice = body.get("limit", MOST), body.get("voice_format", 0)
    if not open_kfid:
        return errcodes.EMPTY_PARAMETER  # required since the end of 2023
    if not letter.is_name(open_kfid):
        return errcodes.UNKNOWN_ACCOUNT
    if cursor is None or type(limit) is not int or not 1 <= limit <= MOST or voice not in (0, 1):
        return errcodes.BAD_PARAMETER
    if token is not None and not (isinstance(token, str) and len(token.encode()) <= TOKEN_BYTES):
        return errcodes.BAD_PARAMETER
    return Pull(open_kfid, cursor, limit, token or None)


@dataclass(frozen=True)
class Page:
    """What one call gets."""

    items: list[Item]
    next_cursor: str
    has_more: bool


@dataclass(frozen=True)
class _Kept:
    seq: int
    at: datetime
    item: Item


class Mailboxes:
    """Every account's history, and the tokens of its notifications.  ``mint`` makes new tokens."""

    def __init__(self, mint: Callable[[], str]) -> None:
        self._kept: defaultdict[str, list[_Kept]] = defaultdict(list)
        self._tokens: dict[str, datetime] = {}
        self._mint = mint

    def put(self, open_kfid: str, seq: int, item: Item, now: datetime) -> None:
        """Keep an item; ``seq`` only ever grows."""
        kept = self._kept[open_kfid]
        kept.append(_Kept(seq, now, item))
        over = next((n for n, each in enumerate(kept) if each.at > now - HISTORY), len(kept))
        del kept[:over]

    def page(self, pull: Pull, now: datetime, switches: Switches) -> Page:
        """What follows the cursor, as far as it is younger than three days."""
        kept = self._kept.get(pull.open_kfid, [])
        after = kept[bisect.bisect_right(kept, pull.cursor.seq, key=lambda each: each.seq) :]
        left = [each for each in after if each.at > now - HISTORY]
        if left and switches.empty_pages and not pull.cursor.is_paused:
            return Page([], Cursor(pull.cursor.seq, is_paused=True).text(), has_more=True)
        shown = left[: min(pull.limit, switches.page_items)]
        place = Cursor(shown[-1].seq) if shown else Cursor(pull.cursor.seq)
        items = [_told(each.item, switches) for each in shown]
        return Page(items, place.text(), has_more=len(shown) < len(left))

    def give_token(self, now: datetime) -> str:
        """A token for one notification, good for ten minutes."""
        self._tokens = {token: until for token, until in self._tokens.items() if now < until}
        token = self._mint()
        self._tokens[token] = now + TOKEN_LIFE
        return token

    def knows_token(self, token: str, now: datetime) -> bool:
        """Whether a token came with a notification of the last ten minutes."""
        until = self._tokens.get(token)
        return until is not None and now < until


def _told(item: Item, switches: Switches) -> Item:
    """The item as this WeChat tells it: some say that an event has no msgid."""
    if switches.event_msgids or item.get("msgtype") != "event":
        return item
    return {name: value for name, value in item.items() if name != "msgid"}
