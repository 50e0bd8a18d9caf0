"""What needs a person, judged from a standing; and how the screen says it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ops.looking.journey import Halt, Looked
from ops.looking.standing import (
    Consumer,
    Dead,
    KfAccount,
    Lately,
    Ledger,
    Need,
    Open,
    Outbox,
    Standing,
    Stream,
    Waiting,
    needs,
)
from ops.telling.said import Teller
from ops.telling.screen import screen
from tests.unit.people_at_noon import NOON, at

LATELY = Lately(pushes=0, since=None, by_status={}, by_errcode={}, dropped_since=None, dropped={})
HEARD = Consumer("vm-1", 0, NOON)
STREAM = Stream(problem=None, is_embedded=False, consumers=(HEARD,), has_mirror=True)
LEDGER = Ledger(
    waiting=(),
    sending=0,
    open=(),
    lately=LATELY,
    last_sent_at=None,
    windows_open=0,
    windows_exhausted=0,
    pauses=(),
    dead=(),
    totals=None,
)
WELL = Standing(
    now=NOON,
    timezone="Asia/Shanghai",
    is_sandbox=False,
    looked=(Looked("push_outbox", "a.db", None), Looked("push_deliveries", "b.db", None)),
    outbox=Outbox(0, None, 0, None),
    stream=STREAM,
    ledger=LEDGER,
)
UNHEARD = replace(STREAM, consumers=(Consumer("vm-1", 0, at("22 11:59")),))
OVERDUE = replace(LEDGER, waiting=(Waiting("waiting", "fresh", 3, at("22 11:58:59")),))
PAUSED = Halt("corp", "", "paused", 60020, "kfpush", NOON, None, NOON)
GONE = Stream("ConnectionError", is_embedded=False)


def account(read: str | None = None, waiting: str | None = None) -> KfAccount:
    """A KF account that was read then, and of which news waits since then."""
    return KfAccount("wkA", at(read) if read else None, at(waiting) if waiting else None, is_revoked=False)


def with_ledger(**changes: object) -> Standing:
    """A standing in which only the ledger differs."""
    return replace(WELL, ledger=replace(LEDGER, **changes))  # type: ignore[arg-type]


def told(standing: Standing) -> list[str]:
    """Tell the screen, a text a line."""
    return [" ".join(filter(None, (line.at, line.text))) for line in screen(standing, "en")]


def test_all_is_well() -> None:
    """An idle installation, on one small screen."""
    assert needs(WELL) == ()
    assert told(WELL) == [
        "kfpush on 2026-11-22 12:00:00 (04:00:00Z): all is well",
        "How it stands",
        "outbox nothing waits for the mirror, all checked off",
        "stream entries: 0, not read yet: 0, none in work",
        "a mirror is active, consumers: vm-1 (heard 0 s ago)",
        "waiting nothing",
        "parked nothing",
        "sending nothing",
        "lately no push was ever made",
        "windows 0 open",
    ]


@pytest.mark.parametrize(
    ("standing", "wanting"),
    [
        (replace(WELL, looked=(Looked("push_outbox", "a.db", "gone"),), outbox=None), [Need.DATABASE]),
        (replace(WELL, stream=GONE), [Need.REDIS]),
        # rows that nobody mirrors; a moment is nothing, and a mirror that is there comes to them
        (
            replace(
                WELL, outbox=Outbox(1, at("22 11:59:49"), 0, None), stream=replace(STREAM, has_mirror=False)
            ),
            [Need.MIRROR],
        ),
        (
            replace(
                WELL, outbox=Outbox(1, at("22 11:59:50"), 0, None), stream=replace(STREAM, has_mirror=False)
            ),
            [],
        ),
        (replace(WELL, outbox=Outbox(1, at("22 11:00"), 0, None)), []),
        # entries that nobody reads
        (replace(WELL, stream=replace(UNHEARD, lag=1)), [Need.CONSUMER]),
        (replace(WELL, stream=replace(STREAM, lag=1, consumers=())), [Need.CONSUMER]),
        (replace(WELL, stream=replace(STREAM, lag=1)), []),
        (replace(WELL, stream=UNHEARD), []),
        # back-pressure: intake reads no more while so much is due
        (
            replace(
                WELL,
                stream=replace(UNHEARD, lag=1),
                ledger=replace(LEDGER, waiting=(Waiting("waiting", "fresh", 2000, at("22 11:59:30")),)),
            ),
            [],
        ),
        # due rows that nobody plans, unless a pause holds them
        (replace(WELL, stream=UNHEARD, ledger=OVERDUE), [Need.CONSUMER]),
        (replace(WELL, stream=UNHEARD, ledger=replace(OVERDUE, pauses=(PAUSED,))), [Need.PAUSE]),
        (replace(WELL, ledger=OVERDUE), []),
        (with_ledger(pauses=(PAUSED,)), [Need.PAUSE]),
        # asked to slow down: it goes on by itself
        (with_ledger(pauses=(replace(PAUSED, reason="throttled", errcode=45009),)), []),
        (with_ledger(open=(Open("unknown", 1, at("22 10:59:59")),)), [Need.UNKNOWN]),
        (with_ledger(open=(Open("unknown", 1, at("22 11:00")),)), []),
        (with_ledger(open=(Open("sending", 1, at("22 10:00")),)), []),
        (with_ledger(dead=(Dead("poison", 1, None),)), [Need.DEAD]),
        (with_ledger(waiting=(Waiting("parked", "needs_upgrade", 1, None),)), [Need.UPGRADE]),
        (with_ledger(waiting=(Waiting("waiting", "unreadable_preferences", 1, None),)), [Need.PREFERENCES]),
        (with_ledger(waiting=(Waiting("waiting", "planning_failed", 1, None),)), [Need.FAULT]),
        (with_ledger(accounts=(account(read="22 11:59", waiting="22 11:59:30"),)), []),
        (with_ledger(accounts=(account(read="22 11:57:59", waiting="22 11:59:30"),)), [Need.NEWS]),
        (with_ledger(accounts=(account(read="22 11:00"),)), []),
        (with_ledger(accounts=(account(waiting="22 11:58:30"),)), []),
        (with_ledger(accounts=(account(waiting="22 11:57"),)), [Need.NEWS]),
        (with_ledger(accounts=(replace(account(waiting="22 11:57"), is_revoked=True),)), []),
        # what waits for a user or a clock needs nobody
        (with_ledger(waiting=(Waiting("parked", "no_slot", 99, None),)), []),
    ],
)
def test_what_needs_a_person(standing: Standing, wanting: list[Need]) -> None:
    """Only what does not mend itself, and not before it had the time to."""
    assert list(needs(standing)) == wanting


def test_each_need_says_what_to_do() -> None:
    """The headline counts, and every line ends in something that a person can do or wait for."""
    standing = replace(
        with_ledger(
            dead=(Dead("content_refused", 2, "42"), Dead("poison", 1, None)),
            open=(Open("unknown", 3, at("22 09:00")),),
        ),
        stream=GONE,
    )

    assert told(standing)[:5] == [
        "kfpush on 2026-11-22 12:00:00 (04:00:00Z): 4 things need a person",
        "- Redis is away, so nothing new arrives: ConnectionError. Nothing is lost meanwhile.",
        (
            "- Dead letters: 2. WeChat refuses the message's content, which never changes. It needs a "
            "person. `kfpush dead list` lists them. For example: `kfpush explain 42`."
        ),
        (
            "- Dead letters: 1. Again and again a consumer took it up and did not finish. It is kept whole, "
            "and needs a person. `kfpush dead list` lists them."
        ),
        (
            "- Pushes of unknown outcome: 3, the oldest for 3 h. The log (push.attempted) says why WeChat's "
            "answers get lost. They are offered again under the same msgid, and given up after 72 hours."
        ),
    ]


def test_what_waits_says_until_when() -> None:
    """A date where there is one, how long it has been due where it is past, and neither for a condition."""
    waiting = (
        Waiting("waiting", "quiet_hours", 7, at("23 08:00")),
        Waiting("waiting", "fresh", 2, at("22 11:59:57")),
        Waiting("parked", "no_slot", 4, at("29 12:00")),
    )

    assert told(with_ledger(waiting=waiting))[5:8] == [
        "waiting 7: the user's quiet hours; the first is looked at on 2026-11-23 08:00:00 (00:00:00Z)",
        "2: it is decided in the next round; due for 3 s",
        "parked 4: no message left until the user writes",
    ]


def test_the_latest_pushes_are_counted_with_their_refusals() -> None:
    """A bounded look back says how far it goes, and names WeChat's codes."""
    lately = Lately(
        pushes=10,
        since=at("22 10:00"),
        by_status={"sent": 8, "refused": 2},
        by_errcode={"95001": 2},
        dropped_since=at("22 09:00"),
        dropped={"expired": 3},
    )

    lines = told(with_ledger(lately=lately, last_sent_at=at("22 11:58")))
    assert lines[8:11] == [
        (
            "lately of the latest 10 pushes, since 2026-11-22 10:00:00 (02:00:00Z): 8 accepted, 2 refused, "
            "refused with 95001 (2 times)"
        ),
        "dropped lately, since 2026-11-22 09:00:00 (01:00:00Z): 3 it has expired",
        "last sent 2026-11-22 11:58:00 (03:58:00Z), 2 min ago",
    ]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_a_span(seconds: int, said: str) -> None:
    """One number and one unit: enough to be alarmed by."""
    assert Teller("en", "UTC", NOON).span(timedelta(seconds=seconds)) == said
