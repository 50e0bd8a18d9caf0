"""WeChat's error codes: which receipt a send ends in, and what to tell the operator.  Pure.

    0, 95033                   Accepted           WeChat has the message (95033: had it already)
    -1                         Unknown            busy; it may have been accepted or not
    40014, 42001 ...           NotSent(no_token)  the token was refused; the message was not even looked at
    every other, known or not  Refused            with the kind that says what may follow

Never branch on ``errmsg``: it is free text and changes.
"""

from __future__ import annotations

from typing import Final

from consumer.wechat.errtable import Errcode, rows
from schemas.receipts import NotSent, Receipt, RefusalKind, Refused

REPEATED_MSGID = 95033
"""WeChat had this msgid before: an acceptance, and nobody can tell which attempt it was for."""

TEXT: Final = "text"

EXHAUSTS = frozenset({95001, 95002, 95031})
"""Refusals that say that the recipient's window has nothing left, whatever we counted."""

TOKEN_SUSPECT = frozenset({40001, 40091})
"""The secret was refused: whatever token it once bought is not to be trusted by the next attempt either."""

_TABLE = {row.code: row for row in rows()}

TOKEN_REFUSED = frozenset(code for code, row in _TABLE.items() if isinstance(row.receipt, NotSent))
"""The token is dead: fetch another and ask again, once, inside the same attempt."""


BAD_MEDIA_ID: Final = 40007
"""WeChat does not know a file that the message names, or not any more."""

OF_ONE_USER: Final = frozenset({95024, 95025})
"""Refusals of a kind that concern one user alone."""

CHANGES_WITH_TIME: Final = OF_ONE_USER | {BAD_MEDIA_ID, 90207, 95030}
"""Refusals of a kind that say nothing about an earlier attempt of the same bytes: that may have arrived."""

AT_ONCE: Final = frozenset({40008, 90207, 95030})
"""Refusals of a kind that every message of it will meet until a person does something."""

_OF_A_KIND: Final = OF_ONE_USER | AT_ONCE | {BAD_MEDIA_ID, 40058, 40063, 45002, 95008, 95009, 95022}
"""What is refused of a card, and would not be of a text."""


def receipt_for(code: int, msgtype: str = TEXT) -> Receipt:
    """The receipt of a send of this msgtype that WeChat answered with ``code``.

    A token code comes here only when the one renewal inside the attempt did not help.  It is NotSent, not
    Refused: WeChat turned the caller away at the door, which judges neither the message nor the recipient,
    and it is certain that nothing was accepted.
    """
    if msgtype != TEXT and code in _OF_A_KIND:
        return Refused(code, RefusalKind.KIND)
    return explain(code).receipt


def explain(code: int) -> Errcode:
    """The row of ``code``; a code nobody has met gets a row that says so."""
    row = _TABLE.get(code)
    if row is not None:
        return row
    page = f"https://open.work.weixin.qq.com/devtool/query?e={code}"
    return Errcode(
        code,
        Refused(code, RefusalKind.UNCLASSIFIED),
        "a code that kfpush does not know",
        "kfpush 未收录的错误码",
        f"Read {page} and report it.",
        f"请查看 {page} 并反馈。",
    )


def known_codes() -> tuple[int, ...]:
    """Every code in the table, ascending."""
    return tuple(sorted(_TABLE))
