"""The sandbox's smaller parts: tokens, scripted trouble, the clock, the call log and the guard."""

import asyncio
import itertools
import os
from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import Headers

from ops.sandbox import errcodes
from ops.sandbox.calls import Call, CallLog
from ops.sandbox.clock import VirtualClock, iso, parse
from ops.sandbox.faults import Script
from ops.sandbox.guard import is_ours
from ops.sandbox.limits import Turnstile
from ops.sandbox.parent import watch_parent
from ops.sandbox.switches import Switches
from ops.sandbox.tokens import Token, TokenOffice

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TWO_HOURS = 7200


@pytest.fixture
def office() -> TokenOffice:
    """An office whose tokens are called token1, token2 ..."""
    serial = itertools.count(1)
    return TokenOffice("corp", "secret", lambda: f"token{next(serial)}")


def issue(office: TokenOffice, now: datetime = NOON) -> Token:
    """Fetch a token with the right words."""
    token = office.issue("corp", "secret", now, TWO_HOURS)
    assert isinstance(token, Token)
    return token


def test_a_token_is_repeated_until_it_ends(office: TokenOffice) -> None:
    """Fetching again gives the same token while it lives, and then a new one."""
    nearly, over = NOON + timedelta(seconds=7199), NOON + timedelta(seconds=7200)
    assert [issue(office, now).text for now in (NOON, nearly, over)] == ["token1", "token1", "token2"]


def test_a_token_expires(office: TokenOffice) -> None:
    """The last second is good, the next is 42001."""
    token = issue(office).text
    assert [office.judge(token, NOON + timedelta(seconds=s)) for s in (7199, 7200)] == [0, 42001]


@pytest.mark.parametrize("errcode", [40014, 42001])
def test_a_token_can_be_revoked(office: TokenOffice, errcode: int) -> None:
    """A revoked token gets the chosen code and the next fetch a new token."""
    token = issue(office).text
    office.revoke(errcode)
    assert office.judge(token, NOON) == errcode
    assert office.judge(issue(office).text, NOON) == 0


@pytest.mark.parametrize(
    ("corpid", "secret", "expected"),
    [("corp", "wrong", 40001), ("wrong", "secret", 40013), ("", "secret", 41002), ("corp", "", 41004)],
)
def test_wrong_words_get_no_token(office: TokenOffice, corpid: str, secret: str, expected: int) -> None:
    """Each wrong or missing word has its code, and wrong secrets are counted."""
    assert office.issue(corpid, secret, NOON, TWO_HOURS) == expected
    assert office.wrong_secrets == (expected == 40001)


@pytest.mark.parametrize(("token", "expected"), [("", 41001), ("invented", 40014)])
def test_a_call_needs_a_token(office: TokenOffice, token: str, expected: int) -> None:
    """A missing token and an invented one are told apart."""
    assert office.judge(token, NOON) == expected


def test_trouble_is_spent_in_order() -> None:
    """The first fault that matches is used up before the next."""
    script = Script()
    script.add({"errcode": 45009, "times": 2})
    script.add({"drop": "after"})
    taken = [script.take("send_msg") for _ in range(4)]
    assert [fault and (fault.errcode, fault.drop) for fault in taken] == [
        (45009, False),
        (45009, False),
        (None, True),
        None,
    ]


def test_trouble_waits_for_its_own() -> None:
    """A fault for one user leaves other users and other calls alone."""
    script = Script()
    script.add({"errcode": -1, "match": {"external_userid": "wmA"}})
    assert script.take("gettoken", external_userid="wmA") is None
    assert script.take("send_msg", "wk", "wmB") is None
    assert script.take("send_msg", "wk", "wmA") is not None
    assert script.remaining() == []


def test_trouble_may_last_for_ever() -> None:
    """A fault without a number of times is spent by nothing but a clear."""
    script = Script()
    script.add({"status": 502, "times": None})
    assert all(script.take("send_msg") for _ in range(100))
    script.clear()
    assert script.take("send_msg") is None


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"times": 3},
        {"errcode": "45009x"},
        {"errcode": True},
        {"errcode": 1, "drop": "after"},
        {"drop": "sometimes"},
        {"delay": -1},
        {"delay": "nan"},
        {"errcode": 1, "times": 0},
        {"errcode": 1, "match": {"user": "wmA"}},
        {"errcode": 1, "match": "wmA"},
        {"erorcode": 1},
        {"status": 7},
        {"body": 7},
    ],
    ids=str,
)
def test_an_order_that_makes_no_sense_is_refused(order: dict[str, object]) -> None:
    """A misspelt order is an error and leaves no trouble behind."""
    script = Script()
    with pytest.raises(ValueError, match=r"\w"):
        script.add(order)
    assert script.remaining() == []


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"drop": "before"}, False),
        ({"drop": "after"}, True),
        ({"errcode": -1}, False),
        ({"errcode": -1, "when": "after"}, True),
        ({"status": 502}, False),
        ({"body": "not json", "when": "after"}, True),
        ({"delay": 1}, True),
        ({"delay_after": 1}, True),
    ],
    ids=str,
)
def test_trouble_says_whether_the_call_is_done(order: dict[str, object], expected: bool) -> None:  # noqa: FBT001
    """Only an answer written beforehand, and a cut before, keep WeChat from doing its work."""
    assert Script().add(order).is_done_first() is expected


def test_the_clock_moves() -> None:
    """Virtual time is wall time plus the offset, wherever it was sent, and back again."""
    clock = VirtualClock(lambda: NOON)
    clock.move(timedelta(hours=49))
    assert iso(clock.now()) == "2026-03-03T13:00:00.000Z"
    clock.move(clock.offset_at(parse("2026-01-31T08:00:00+08:00")))
    assert iso(clock.now()) == "2026-01-31T00:00:00.000Z"


def test_the_clock_does_not_go_back_behind_what_others_noted() -> None:
    """Back to an instant that somebody wrote down, no further; and the refusal says which that is."""
    clock = VirtualClock(lambda: NOON)
    clock.move(timedelta(hours=1))
    clock.witness()
    clock.move(timedelta(hours=9))
    clock.move(timedelta(hours=1))
    with pytest.raises(ValueError, match=r"go back to 2026-03-01T12:59.*at 2026-03-01T13:00:00.000Z"):
        clock.move(timedelta(minutes=59))
    assert clock.offset == timedelta(hours=1)


def test_a_calendar_ends() -> None:
    """A move to where no calendar reaches leaves the clock where it was."""
    clock = VirtualClock(lambda: NOON)
    with pytest.raises(OverflowError):
        clock.move(timedelta(days=4_000_000))
    assert clock.now() == NOON


def limited(minute: int = 10_000, hour: int = 150_000) -> Switches:
    """Switches with these ceilings."""
    return Switches(calls_per_minute=minute, calls_per_hour=hour)


def admitted(turnstile: Turnstile, switches: Switches, *seconds: float, api: str = "send_msg") -> list[int]:
    """Call at these seconds after noon; the codes."""
    return [turnstile.judge(api, NOON + timedelta(seconds=each), switches) for each in seconds]


def test_a_minute_has_so_many_calls() -> None:
    """One call too many blocks the API for a minute from there, and the minute after that is new."""
    calls = admitted(Turnstile(), limited(minute=2), 0, 30, 59, 60, 118, 119, 120, 121)
    assert calls == [0, 0, 45009, 45009, 45009, 0, 0, 45009]


def test_a_minute_that_was_not_used_up_is_over() -> None:
    """Two calls in each of two minutes are no four in one."""
    assert admitted(Turnstile(), limited(minute=2), 0, 59, 60, 119) == [0, 0, 0, 0]


def test_an_hour_has_so_many_calls() -> None:
    """One call too many in an hour blocks for an hour, whatever the minutes say."""
    calls = admitted(Turnstile(), limited(hour=2), 0, 1800, 3599, 3600, 7198, 7199)
    assert calls == [0, 0, 45009, 45009, 45009, 0]


def test_each_api_has_its_own_calls() -> None:
    """What one API has used up leaves the others alone."""
    turnstile = Turnstile()
    assert admitted(turnstile, limited(minute=1), 0, 1) == [0, 45009]
    assert admitted(turnstile, limited(minute=1), 2, api="gettoken") == [0]


def test_a_clock_moved_back_begins_a_minute() -> None:
    """Nobody is blocked until a time that was left again."""
    assert admitted(Turnstile(), limited(minute=1), 3600, 3601, 0) == [0, 45009, 0]


def test_a_time_needs_a_zone() -> None:
    """Eight o'clock without a place is no instant."""
    with pytest.raises(ValueError, match="needs a zone"):
        parse("2026-01-31T08:00:00")


def test_counts_outlive_the_ring() -> None:
    """Old calls fall out of the log; the numbers stay exact."""
    log = CallLog()
    for seq in range(10_005):
        log.arrive("send_msg")
        log.note(Call(seq, NOON, "send_msg", "wk", "wm", f"m{seq}", 0, None, None, "after", ""))
    told = log.told()
    assert isinstance(told["calls"], list)
    assert (len(told["calls"]), told["calls"][0]["msgid"]) == (10_000, "m5")
    assert told["counts"] == {
        "gettoken": 0,
        "send_msg": 10_005,
        "sync_msg": 0,
        "media_upload": 0,
        "accepted": 10_005,
        "repeated": 0,
        "faulted": 0,
        "dropped_before": 0,
        "dropped_after": 10_005,
        "by_errcode": {"0": 10_005},
    }


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("127.0.0.1:8090", None, True),
        ("[::1]:8090", None, True),
        ("localhost:8090", "http://localhost:8090", True),
        ("sandbox:8090", None, True),
        ("evil.example:8090", None, False),
        ("127.0.0.1:8090", "https://evil.example", False),
        ("127.0.0.1:8090", "http://127.0.0.1:9", False),
        ("127.0.0.1:8090", "null", False),
        ("[", None, False),
    ],
)
def test_other_sites_are_kept_out(host: str, origin: str | None, expected: bool) -> None:  # noqa: FBT001
    """A page of another site can neither post here nor reach us under a name of its own."""
    headers = {"host": host} | ({"origin": origin} if origin else {})
    assert is_ours(Headers(headers)) is expected


async def test_a_parent_is_missed_without_pidfd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no pidfd, being nobody's child any more is noticed by looking."""
    monkeypatch.delattr("os.pidfd_open", raising=False)
    is_gone = asyncio.Event()
    async with watch_parent(os.getppid() + 1, is_gone.set):
        await is_gone.wait()


def test_an_error_looks_like_wechats() -> None:
    """The text, a hint, the caller's address and where to read more."""
    assert errcodes.errmsg(0, "", "") == "ok"
    assert errcodes.errmsg(95033, "1_ab", "127.0.0.1") == (
        "repeated msgid, hint: [1_ab], from ip: 127.0.0.1, "
        "more info at https://open.work.weixin.qq.com/devtool/query?e=95033"
    )
