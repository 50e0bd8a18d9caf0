"""sync_msg: one page of what happened at a KF account.  Asking is harmless: it takes nothing away.

asked with a token that is past its time (95007)           asked again without
asked with a cursor that WeChat does not take any more     asked again from the start of its three days
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from consumer.wechat.calls import Calls, NoAnswer
from consumer.wechat.errcodes import explain
from schemas.kf_items import PAGE_LIMIT, SYNC_MSG, Page
from schemas.kf_reading import read_page
from schemas.receipts import RefusalKind, Refused

BAD_SYNC_TOKEN: Final = 95007

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """From where to read on; empty: from three days ago.  ``token`` is a callback's, 10 minutes good."""

    open_kfid: str
    cursor: str = ""
    token: str = field(default="", repr=False)
    limit: int = PAGE_LIMIT

    @property
    def body(self) -> bytes:
        """The request's bytes: what is empty is left out, for WeChat takes an empty text for a wrong one."""
        asked: dict[str, object] = {"open_kfid": self.open_kfid, "limit": self.limit}
        asked |= {name: value for name, value in (("cursor", self.cursor), ("token", self.token)) if value}
        return json.dumps(asked).encode()


@dataclass(frozen=True, slots=True)
class NotPulled:
    """There is no page; ``errcode`` is WeChat's word, if it gave one."""

    cause: str
    errcode: int | None = None


class Syncing:
    """Asks for pages."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def page(self, request: Request) -> Page | NotPulled:
        """Ask for one page; what WeChat or the network do is a value, only cancellation propagates."""
        try:
            page = await self._ask(request)
            if page.errcode == BAD_SYNC_TOKEN and request.token:
                request = replace(request, token="")
                page = await self._ask(request)
            if request.cursor and _judges_the_request(page.errcode):
                # Nobody knows what WeChat says to a cursor older than its three days; what comes twice is
                # known by its msgid.
                log.warning("pull.cursor_refused", account=request.open_kfid, errcode=page.errcode)
                page = await self._ask(replace(request, cursor=""))
        except NoAnswer as error:
            return NotPulled(error.cause, error.errcode)
        return page if page.errcode == 0 else NotPulled("refused", page.errcode)

    async def _ask(self, request: Request) -> Page:
        return await self._calls.post(SYNC_MSG, request.body, read_page)


def _judges_the_request(errcode: int) -> bool:
    """Whether a refusal may be about what was asked, and not about the moment, the corp or the account."""
    receipt = explain(errcode).receipt
    may_be = {RefusalKind.CONTENT, RefusalKind.UNCLASSIFIED}
    return errcode != BAD_SYNC_TOKEN and isinstance(receipt, Refused) and receipt.kind in may_be
