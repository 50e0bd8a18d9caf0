"""What follows when WeChat refuses a kind of message: its matches go again, as text; once as the card it was.

A card whose file WeChat does not know (40007) is made once more, when the file has gone up again; any other
refusal, and a second one of that sort, makes plain text of what it carried, in a push of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from consumer import overtaking
from consumer.ledger import deliveries, offers
from consumer.ledger.pushes import ANSWER, Letter, Push
from consumer.media import shelf
from consumer.wechat.errcodes import AT_ONCE, BAD_MEDIA_ID, OF_ONE_USER
from schemas.database import Transaction
from schemas.decisions import Reason
from schemas.kf_kinds import media_ids_of
from schemas.receipts import Receipt, RefusalKind, Refused

RENEWAL: Final = timedelta(seconds=5)
"""So long a match waits for its file to go up again; then it goes as it can."""


def forget_media(tx: Transaction, receipt: Receipt, letter: Letter, now: datetime) -> bool:
    """Forget the files that WeChat does not know; tell whether any of them was uploaded by us."""
    if not isinstance(receipt, Refused) or receipt.code != BAD_MEDIA_ID:
        return False
    return shelf.lost(tx, media_ids_of(letter.body), now)


def stops_its_kind(receipt: Receipt, letter: Letter, in_a_row: int, enough: int) -> bool:
    """Whether more messages of this kind would only be refused, for now."""
    if not isinstance(receipt, Refused) or receipt.kind is not RefusalKind.KIND:
        return False
    if receipt.code in OF_ONE_USER:
        return False
    is_second = receipt.code == BAD_MEDIA_ID and letter.fallback_of is not None
    return receipt.code in AT_ONCE or is_second or in_a_row >= enough


def replace_kind(tx: Transaction, push: Push, errcode: int | None, now: datetime, wall: datetime) -> None:
    """Let what an ended push carried go again, in another push."""
    letter = push.letter
    is_renewed = (
        errcode == BAD_MEDIA_ID
        and letter.fallback_of is None
        and shelf.are_ours(tx, media_ids_of(letter.body))
    )
    if is_renewed:
        deliveries.replaced(tx, push.id, Reason.MEDIA_LOST, now + RENEWAL, now, plain=False)
    else:
        deliveries.replaced(tx, push.id, Reason.KIND_REFUSED, now, now, plain=True)
    overtaking.supersede(tx, {match_id for match_id, _ in letter.matches}, now)
    if letter.kind == ANSWER and not letter.matches:
        offers.offer_as_text(tx, push, wall)
