"""What WeChat has against a kind of message here and now, whatever is left of the five.  Pure."""

from datetime import datetime, timedelta
from typing import Final

from ops.sandbox import errcodes
from ops.sandbox.letter import Letter
from ops.sandbox.media import MediaOffice
from ops.sandbox.switches import Switches
from ops.sandbox.talks import Conversation

CARD_EVERY: Final = timedelta(hours=48)
"""One business card a user in so long, after a word of the user's own: a tap on a menu is none."""

REFUSALS: Final = {
    "miniprogram": errcodes.PROGRAM_NOT_LINKED,
    "location": errcodes.BAD_LOCATION,
    "msgmenu": errcodes.BAD_ITEM,
}
"""How a kind that is switched off is refused; any other is forbidden."""


def judge(
    wanted: Letter, talk: Conversation | None, media: MediaOffice, now: datetime, switches: Switches
) -> int:
    """OK, or why a message of this kind is not taken."""
    if wanted.msgtype == switches.refused_kind:
        return REFUSALS.get(wanted.msgtype, errcodes.KIND_FORBIDDEN)
    errcode = media.judge(wanted.msgtype, wanted.content, now)
    if errcode != errcodes.OK or wanted.msgtype != "business_card" or talk is None:
        return errcode
    if talk.spoke_at is None or now - talk.spoke_at >= CARD_EVERY:
        return errcodes.CARD_WITHOUT_A_WORD
    if talk.card_at is not None and now - talk.card_at < CARD_EVERY:
        return errcodes.ONE_CARD
    return errcodes.OK
