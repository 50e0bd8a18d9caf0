"""What a receipt means: every receipt, alone and while another attempt is unaccounted for."""

from datetime import timedelta

import pytest

from consumer.endings import (
    Buried,
    Delivered,
    Ending,
    Released,
    Replaced,
    StaysOpen,
    Stoppage,
    accounts_for_its_attempt,
    ending,
    ends_a_pause,
    exhausts_its_window,
    stoppage,
)
from schemas.decisions import Reason
from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown
from schemas.states import PauseScope, PushStatus

ACCEPTED, REPEATED = Accepted(), Accepted(repeated=True)
UNKNOWN = Unknown("timeout")
LATE, NO_TOKEN = NotSent(NotSentCause.LATE), NotSent(NotSentCause.NO_TOKEN)
WRONG_SECRET = NotSent(NotSentCause.NO_TOKEN, 40001)
WINDOW = Refused(95001, RefusalKind.WINDOW)
THROTTLED = Refused(45009, RefusalKind.THROTTLED)
CORP = Refused(40001, RefusalKind.CORP_CONFIG)
ACCOUNT = Refused(95000, RefusalKind.ACCOUNT_CONFIG)
CONTENT = Refused(40201, RefusalKind.CONTENT)
RECIPIENT = Refused(40096, RefusalKind.RECIPIENT)
KIND = Refused(95008, RefusalKind.KIND)
UNLINKED = Refused(90207, RefusalKind.KIND)
DEAD_FILE = Refused(40007, RefusalKind.KIND)
STRANGE = Refused(77777, RefusalKind.UNCLASSIFIED)
EVERY_RECEIPT = [
    ACCEPTED,
    REPEATED,
    UNKNOWN,
    LATE,
    NO_TOKEN,
    WRONG_SECRET,
    WINDOW,
    THROTTLED,
    CORP,
    ACCOUNT,
    CONTENT,
    RECIPIENT,
    KIND,
    STRANGE,
]

NOT_SENT, REFUSED = PushStatus.NOT_SENT, PushStatus.REFUSED
NOW, FOUR = timedelta(0), timedelta(seconds=4)


@pytest.mark.parametrize(
    ("receipt", "alone", "beside_another"),
    [
        (ACCEPTED, Delivered(repeated=False), Delivered(repeated=False)),
        (REPEATED, Delivered(repeated=True), Delivered(repeated=True)),
        (UNKNOWN, StaysOpen(FOUR, Reason.OUTCOME_UNKNOWN), StaysOpen(FOUR, Reason.OUTCOME_UNKNOWN)),
        (LATE, Released(NOT_SENT, Reason.LATE), StaysOpen(NOW, Reason.LATE)),
        (NO_TOKEN, Released(NOT_SENT, Reason.OUTAGE), StaysOpen(NOW, Reason.OUTAGE)),
        (WRONG_SECRET, Released(NOT_SENT, Reason.OUTAGE), StaysOpen(NOW, Reason.OUTAGE)),
        # a refusal of the moment: an earlier attempt may have been accepted
        (WINDOW, Released(REFUSED, Reason.NO_SLOT), StaysOpen(None, Reason.NO_SLOT)),
        (THROTTLED, Released(REFUSED, Reason.THROTTLED), StaysOpen(FOUR, Reason.THROTTLED)),
        (CORP, Released(REFUSED, Reason.PAUSED), StaysOpen(FOUR, Reason.PAUSED)),
        (ACCOUNT, Released(REFUSED, Reason.PAUSED), StaysOpen(FOUR, Reason.PAUSED)),
        (STRANGE, Buried(REFUSED, Reason.UNCLASSIFIED), StaysOpen(FOUR, Reason.UNCLASSIFIED)),
        (DEAD_FILE, Replaced(REFUSED, Reason.KIND_REFUSED), StaysOpen(FOUR, Reason.KIND_REFUSED)),
        (UNLINKED, Replaced(REFUSED, Reason.KIND_REFUSED), StaysOpen(FOUR, Reason.KIND_REFUSED)),
        # a refusal of the bytes or the recipient, which never change
        (KIND, Replaced(REFUSED, Reason.KIND_REFUSED), Replaced(REFUSED, Reason.KIND_REFUSED)),
        (CONTENT, Buried(REFUSED, Reason.CONTENT_REFUSED), Buried(REFUSED, Reason.CONTENT_REFUSED)),
        (RECIPIENT, Buried(REFUSED, Reason.RECIPIENT_REFUSED), Buried(REFUSED, Reason.RECIPIENT_REFUSED)),
    ],
)
def test_ending(receipt: Receipt, alone: Ending, beside_another: Ending) -> None:
    """With all other attempts accounted for, and with one of them still unknown."""
    assert ending(receipt, attempts=3, others_accounted=True, jitter=0.5) == alone
    assert ending(receipt, attempts=3, others_accounted=False, jitter=0.5) == beside_another


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)])
def test_an_unknown_outcome_is_asked_after_ever_more_slowly(attempts: int, seconds: int) -> None:
    """1, 2, 4 ... 60 seconds, spread by a quarter either way."""
    middle = ending(UNKNOWN, attempts=attempts, others_accounted=True, jitter=0.5)
    least = ending(UNKNOWN, attempts=attempts, others_accounted=True, jitter=0.0)

    assert middle == StaysOpen(timedelta(seconds=seconds), Reason.OUTCOME_UNKNOWN)
    assert least == StaysOpen(timedelta(seconds=seconds * 0.75), Reason.OUTCOME_UNKNOWN)


def test_every_kind_of_refusal_has_its_row() -> None:
    """A new kind cannot be added without saying above what it means."""
    assert {receipt.kind for receipt in EVERY_RECEIPT if isinstance(receipt, Refused)} == set(RefusalKind)


@pytest.mark.parametrize("receipt", EVERY_RECEIPT)
def test_what_accounts_for_an_attempt(receipt: Receipt) -> None:
    """A refusal and bytes that never left prove that no message appeared; silence proves nothing."""
    silent = [ACCEPTED, REPEATED, UNKNOWN]

    assert accounts_for_its_attempt(receipt) is (receipt not in silent)


@pytest.mark.parametrize("receipt", EVERY_RECEIPT)
def test_what_exhausts_a_window(receipt: Receipt) -> None:
    """Only WeChat's own word about the window."""
    assert exhausts_its_window(receipt) is (receipt == WINDOW)


@pytest.mark.parametrize(
    ("receipt", "expected"),
    [
        (ACCEPTED, None),
        (REPEATED, None),
        (UNKNOWN, None),
        (LATE, None),
        (NO_TOKEN, Stoppage(PauseScope.CORP, Reason.OUTAGE, None)),
        (WRONG_SECRET, Stoppage(PauseScope.CORP, Reason.PAUSED, 40001)),
        (WINDOW, None),
        (THROTTLED, Stoppage(PauseScope.CORP, Reason.THROTTLED, 45009)),
        (CORP, Stoppage(PauseScope.CORP, Reason.PAUSED, 40001)),
        (ACCOUNT, Stoppage(PauseScope.ACCOUNT, Reason.PAUSED, 95000)),
        (CONTENT, None),
        (RECIPIENT, None),
        (STRANGE, None),
    ],
)
def test_stoppage(receipt: Receipt, expected: Stoppage | None) -> None:
    """What judges more than one message stops more than one message."""
    assert stoppage(receipt) == expected


CORP_OUTAGE = (PauseScope.CORP, Reason.OUTAGE)
CORP_CONFIG = (PauseScope.CORP, Reason.PAUSED)
CORP_THROTTLED = (PauseScope.CORP, Reason.THROTTLED)
ACCOUNT_CONFIG = (PauseScope.ACCOUNT, Reason.PAUSED)
ACCOUNT_STRANGE = (PauseScope.ACCOUNT, Reason.UNCLASSIFIED)
EVERY_PAUSE = {CORP_OUTAGE, CORP_CONFIG, CORP_THROTTLED, ACCOUNT_CONFIG, ACCOUNT_STRANGE}


@pytest.mark.parametrize(
    ("receipt", "ended"),
    [
        (ACCEPTED, EVERY_PAUSE),
        (REPEATED, EVERY_PAUSE),
        (WINDOW, EVERY_PAUSE),
        (CONTENT, EVERY_PAUSE),
        (RECIPIENT, EVERY_PAUSE),
        # an outage is over with the first answer, whatever it says; what it says begins its own pause
        (STRANGE, EVERY_PAUSE - {ACCOUNT_STRANGE}),
        (ACCOUNT, {CORP_OUTAGE, CORP_CONFIG, CORP_THROTTLED}),
        (THROTTLED, {CORP_OUTAGE}),
        (CORP, {CORP_OUTAGE}),
        # no answer
        (UNKNOWN, set()),
        (LATE, set()),
        (NO_TOKEN, set()),
        (WRONG_SECRET, set()),
    ],
)
def test_what_ends_a_pause(receipt: Receipt, ended: set[tuple[PauseScope, Reason]]) -> None:
    """An answer that contradicts what was paused for."""
    assert {pause for pause in EVERY_PAUSE if ends_a_pause(receipt, *pause)} == ended
