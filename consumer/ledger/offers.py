"""The table ``push_messages``, as answers come into it: written whole, but nobody tries them yet.

They are due at once.  The round of planning that finds them asks every gate and makes the first attempt, so
the moment of sending is the same for them as for any push; until it they hold their slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from consumer.compose import msgid_of
from consumer.cut import cut_to_bytes
from consumer.ledger import pushes
from consumer.ledger.pushes import Draft, Push
from schemas.database import Transaction, marks
from schemas.kf import TEXT_BYTES, text_body, words_of

_NOBODY: Final = ""


def offer(tx: Transaction, drafts: Sequence[Draft], wall: datetime, now: datetime) -> list[int | None]:
    """Write letters that nobody has tried, due from ``wall``; their ids, None where the msgid is taken."""
    written = pushes.write(tx, drafts, holder=_NOBODY, lease_until=wall, now=now)
    ids = [None if attempt is None else attempt.push_id for attempt in written]
    new = tuple(push_id for push_id in ids if push_id is not None)
    if new:
        tx.execute(f"UPDATE push_messages SET attempts = 0, holder = NULL WHERE id IN ({marks(new)})", new)
    return ids


def offer_as_text(tx: Transaction, push: Push, wall: datetime) -> None:
    """Offer the words of an answer anew, of whose kind WeChat takes none, as old as it was."""
    letter = push.letter
    msgid = msgid_of("", letter.kind, [letter.msgid])
    body = text_body(
        touser=letter.recipient.external_userid,
        open_kfid=letter.recipient.open_kfid,
        msgid=msgid,
        content=cut_to_bytes(words_of(letter.body) or "", TEXT_BYTES),
    )
    text = replace(letter, msgid=msgid, body=body, template=pushes.ANSWER, fallback_of=push.id)
    offer(tx, [Draft(text, push.reserved_at, None)], wall, push.reserved_at)


def offer_again(tx: Transaction, push: Push, wall: datetime) -> None:
    """Offer an answer anew that WeChat refused for reasons of the moment, as old as it was.

    Under a msgid of its own: whether WeChat remembers that of a refused message is not known.
    """
    msgid = msgid_of("", push.letter.kind, [push.letter.msgid])
    letter = replace(push.letter, msgid=msgid, body={**push.letter.body, "msgid": msgid})
    offer(tx, [Draft(letter, push.reserved_at, None)], wall, push.reserved_at)
