"""Which attempt of a push ended how: rows in, attempts out."""

from typing import Any

import pytest

from ops.looking.journey import Ended
from ops.looking.tries import push_of, tries_of

NOON = "2026-11-22T04:00:00.000Z"
LATER = "2026-11-22T04:00:09.000Z"


def row(
    status: str, attempts: int = 1, *, holder: str | None = None, errcode: int | None = None
) -> dict[str, Any]:
    """A push as its row says."""
    return {
        "status": status,
        "attempts": attempts,
        "holder": holder,
        "errcode": errcode,
        "reserved_at": NOON,
        "tried_at": LATER if attempts > 1 else NOON,
        "settled_at": LATER,
    }


def line(
    entry: str, attempt: int | None, detail: str | None = None, reason: str | None = None
) -> dict[str, Any]:
    """A line of the timeline."""
    return {"at": LATER, "entry": entry, "attempt": attempt, "detail": detail, "reason": reason}


LOST = line("unknown", None, "attempt 1: http 502")
REFUSED = line("refused", 1, "95001", "window")


@pytest.mark.parametrize(
    ("push", "lines", "ended"),
    [
        (row("sent", errcode=0), [], [Ended.ACCEPTED]),
        (row("sending", holder="c-1"), [], [Ended.UNDER_WAY]),
        (row("refused", errcode=95001), [REFUSED], [Ended.REFUSED]),
        (row("not_sent"), [line("not_sent", 1, None, "late")], [Ended.NOT_SENT]),
        (row("unknown"), [LOST], [Ended.UNKNOWN]),
        # its process died: the lease is over and nobody has taken it again
        (row("unknown"), [], [Ended.UNTOLD]),
        (row("unknown", 2, holder="c-1"), [LOST], [Ended.UNKNOWN, Ended.UNDER_WAY]),
        (row("sent", 2, errcode=95033), [LOST], [Ended.UNKNOWN, Ended.REPEATED]),
        (row("sent", 2, errcode=95033), [], [Ended.UNTOLD, Ended.REPEATED]),
        (row("sent", 2, errcode=0), [REFUSED], [Ended.REFUSED, Ended.ACCEPTED]),
        (row("failed", errcode=4), [], [Ended.ACCEPTED]),
        (row("given_up"), [LOST], [Ended.UNKNOWN]),
        # settled twice: told once
        (row("unknown"), [LOST, LOST], [Ended.UNKNOWN]),
    ],
)
def test_how_each_attempt_ended(
    push: dict[str, Any], lines: list[dict[str, Any]], ended: list[Ended]
) -> None:
    """What the timeline tells is believed; what it does not is read from the push itself."""
    assert [item.ended for item in tries_of(push, lines)] == ended


def test_an_attempt_knows_its_times_and_code() -> None:
    """When it began, when its end was written down, and WeChat's word."""
    [refused, accepted] = tries_of(row("sent", 2, errcode=0), [REFUSED])

    assert (refused.errcode, refused.kind, refused.cause) == (95001, "window", None)
    assert refused.begun_at is not None
    assert accepted.begun_at is not None
    assert (accepted.begun_at - refused.begun_at).total_seconds() == 9


def test_what_was_given_up_was_not_accepted() -> None:
    """Its row keeps a time for the slot it may have taken; that is no acceptance."""
    whole = {
        **row("given_up"),
        "id": 1,
        "msgid": "a",
        "open_kfid": "wkA",
        "external_userid": "wm1",
        "reason": "outcome_unknown",
        "template": "t",
        "version": 1,
        "variant": "",
        "experiment": "",
        "fallback_of": None,
        "matches": '[["42", 1]]',
        "accepted_at": NOON,
        "body": "{}",
    }
    assert push_of(whole, [LOST], None, with_text=False).accepted_at is None
