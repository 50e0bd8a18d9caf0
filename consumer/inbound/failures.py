"""What WeChat's ``fail_type`` means for a message that it took and did not deliver.  Pure.

The numbers are WeChat's (document/path/94670).  The slot stays used in every case: WeChat took the message,
and nowhere says that it gives one back; where none is left, or the user takes none, only their next word
helps anyway.  What may be sent again goes as a new message, once its condition is met.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.decisions import Reason
from schemas.states import PauseScope


class Then(StrEnum):
    """What becomes of the matches that the message carried."""

    AFTER_A_WORD = "after_a_word"
    AFTER_THE_PAUSE = "after_the_pause"
    AS_TEXT = "as_text"
    """As plain text; dead if it was that."""
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Failure:
    """One fail_type: what it says of the conversation, of the account or the corp, and of the matches.

    ``reason`` is why the matches wait, or died.  ``stops`` is what may send nothing until that was put right.
    """

    then: Then
    reason: Reason
    uses_up: bool = False
    ends: bool = False
    mutes: bool = False
    stops: PauseScope | None = None


_UNKNOWN: Final = Failure(Then.DEAD, Reason.UNDELIVERED)
_CORP: Final = Failure(Then.AFTER_THE_PAUSE, Reason.PAUSED, stops=PauseScope.CORP)
_ACCOUNT: Final = Failure(Then.AFTER_THE_PAUSE, Reason.PAUSED, stops=PauseScope.ACCOUNT)

_FAILURES: Final[Mapping[int, Failure]] = {
    0: _UNKNOWN,
    1: _ACCOUNT,  # the KF account was deleted
    2: _CORP,  # the app was closed
    4: Failure(Then.AFTER_A_WORD, Reason.NO_SLOT, uses_up=True),  # over 48 hours
    5: Failure(Then.AFTER_A_WORD, Reason.SESSION_ENDED, uses_up=True, ends=True),
    6: Failure(Then.AFTER_A_WORD, Reason.NO_SLOT, uses_up=True),  # over five messages
    7: _CORP,  # no 视频号 bound
    8: _CORP,  # the corp is not verified
    9: _CORP,  # neither bound nor verified
    10: Failure(Then.AFTER_A_WORD, Reason.MUTED, mutes=True),
    11: _CORP,  # nobody of the corp has logged in to the WeCom app
    12: Failure(Then.AS_TEXT, Reason.KIND_REFUSED),  # this type of message is forbidden: it would be again
    13: _ACCOUNT,  # a security restriction: more of the same makes it worse
}


def failure_of(fail_type: int | None) -> Failure:
    """Tell what a fail_type means; one that nobody has met is nothing to try again on."""
    return _UNKNOWN if fail_type is None else _FAILURES.get(fail_type, _UNKNOWN)


def known_types() -> tuple[int, ...]:
    """Every fail_type in the table, ascending."""
    return tuple(sorted(_FAILURES))
