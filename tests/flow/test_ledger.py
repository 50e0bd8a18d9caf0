"""Every transition says from which states it may be made; from elsewhere, or twice, it changes nothing."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from consumer.ledger import arrivals, deliveries, pushes, timeline, waking
from consumer.ledger.arrivals import Incoming
from consumer.ledger.deliveries import Verdict
from consumer.ledger.timeline import Line
from schemas.database import Transaction
from schemas.decisions import Reason
from schemas.states import DeliveryStatus, Entry, PushStatus
from tests.engines import Engine
from tests.flow.ledger_house import EIGHT, NOON, match

LATER = NOON + timedelta(minutes=5)
KEY = ("m1", 1)
D, P = DeliveryStatus, PushStatus

Act = Callable[[Transaction], object]


@pytest.fixture
def tx(engine: Engine) -> Iterator[Transaction]:
    """Our tables with one match and its push, on each engine."""
    with engine.ledger() as tx:
        arrivals.insert_fresh(tx, [Incoming(match("m1"), "e1")], NOON)
        tx.execute(
            "INSERT INTO push_messages (id, msgid, open_kfid, external_userid, user_id, person, kind,"
            " matches, body, status, send_by, attempts, reserved_at, tried_at, lease_until)"
            " VALUES (7, 'x', 'wk1', 'wm1', 'u1', 'wm1', 'match', '[[\"m1\", 1]]', '{}', 'sending',"
            " ?, 2, ?, ?, ?)",
            ["2026-11-22T04:00:00.000Z"] * 4,
        )
        yield tx


def delivery(tx: Transaction) -> dict[str, object]:
    """The match's row."""
    [row] = tx.rows("SELECT * FROM push_deliveries")
    return dict(row)


def push(tx: Transaction) -> dict[str, object]:
    """The push's row."""
    [row] = tx.rows("SELECT * FROM push_messages")
    return dict(row)


def loaded(tx: Transaction) -> pushes.Push:
    """The push as the code reads it."""
    return pushes.load(tx, [7])[7]


def place(status: DeliveryStatus, due_at: datetime | None) -> Act:
    """Defer, park or drop."""
    return lambda tx: deliveries.place(tx, [Verdict(KEY, status, Reason.NO_SLOT, due_at, "wm1")], LATER)


def went_out(tx: Transaction) -> None:
    """WeChat has the message, and its matches are told of it."""
    tx.execute("UPDATE push_messages SET status = 'sent'")
    deliveries.sent(tx, [7], LATER)


def failed_before_it_was_known_to_be_sent(tx: Transaction) -> None:
    """The news that it did not arrive was faster than the acceptance."""
    tx.execute("UPDATE push_messages SET status = 'failed'")
    deliveries.sent(tx, [7], LATER)


PENDING = {D.WAITING, D.PARKED}
MOVES_OF_DELIVERIES: list[tuple[str, Act, dict[DeliveryStatus, DeliveryStatus]]] = [
    ("defer", place(D.WAITING, LATER), dict.fromkeys(PENDING, D.WAITING)),
    ("park", place(D.PARKED, LATER), dict.fromkeys(PENDING, D.PARKED)),
    ("drop", place(D.DROPPED, None), dict.fromkeys(PENDING, D.DROPPED)),
    (
        "reserve",
        lambda tx: deliveries.reserve(tx, [(KEY, 7, "wm1")], LATER),
        dict.fromkeys(PENDING, D.SENDING),
    ),
    (
        "sent",
        went_out,
        dict.fromkeys((*PENDING, D.SENDING, D.DEAD, D.DROPPED), D.SENT),
    ),
    ("sent and failed", failed_before_it_was_known_to_be_sent, {}),
    ("freed", lambda tx: deliveries.freed(tx, 7, Reason.LATE, LATER), {D.SENDING: D.WAITING}),
    ("buried", lambda tx: deliveries.buried(tx, 7, Reason.CONTENT_REFUSED, LATER), {D.SENDING: D.DEAD}),
    ("dropped", lambda tx: deliveries.dropped(tx, 7, Reason.EXPIRED, LATER), {D.SENDING: D.DROPPED}),
    (
        "look again",
        lambda tx: arrivals.look_again(tx, [KEY], LATER),
        {D.WAITING: D.WAITING, D.PARKED: D.WAITING, D.DROPPED: D.WAITING},
    ),
    ("arrives again", lambda tx: arrivals.insert_fresh(tx, [Incoming(match("m1"), "e9")], LATER), {}),
    ("newer version", lambda tx: arrivals.insert_needing_upgrade(tx, KEY, {"a": "b"}, "e9", LATER), {}),
    ("upgraded", lambda tx: arrivals.upgraded(tx, match("m1"), LATER), {}),
]


@pytest.mark.parametrize("status", D)
@pytest.mark.parametrize(
    ("act", "moves"), [pytest.param(act, moves, id=name) for name, act, moves in MOVES_OF_DELIVERIES]
)
def test_moves_of_a_delivery(
    tx: Transaction, act: Act, moves: dict[DeliveryStatus, DeliveryStatus], status: DeliveryStatus
) -> None:
    """From these states to those; from any other nothing changes, and a second time nothing more."""
    tx.execute("UPDATE push_messages SET status = 'refused'")
    tx.execute("UPDATE push_deliveries SET status = ?, push_id = 7, reason = 'x', generation = 1", (status,))
    before = delivery(tx)

    act(tx)
    once = delivery(tx)
    act(tx)

    assert once["status"] == moves.get(status, status)
    assert once == before if status not in moves else once != before
    if moves.get(status, status) not in PENDING:
        assert delivery(tx) == once


def test_a_push_moves_only_its_own_matches(tx: Transaction) -> None:
    """A match that went on to another push is not touched by news of the earlier one."""
    tx.execute("UPDATE push_deliveries SET status = 'sending', push_id = 8")
    before = delivery(tx)

    went_out(tx)
    deliveries.freed(tx, 7, Reason.LATE, LATER)
    deliveries.buried(tx, 7, Reason.CONTENT_REFUSED, LATER)
    deliveries.dropped(tx, 7, Reason.EXPIRED, LATER)

    assert delivery(tx) == before
    assert deliveries.entries_of(tx, [7]) == []
    assert deliveries.entries_of(tx, [7, 8]) == ["e1"]


def test_each_reservation_is_a_generation(tx: Transaction) -> None:
    """How many pushes have named a match, however they ended."""
    for expected in (1, 2, 3):
        deliveries.reserve(tx, [(KEY, 7, "wm1")], NOON)
        deliveries.freed(tx, 7, Reason.LATE, NOON)
        assert delivery(tx)["generation"] == expected


@pytest.mark.parametrize("outcome", ["sending", "unknown", "given_up"])
@pytest.mark.parametrize("status", [D.DROPPED, D.SENDING, D.DEAD])
def test_replay_leaves_alone_what_may_be_on_the_phone(
    tx: Transaction, outcome: str, status: DeliveryStatus
) -> None:
    """While nobody knows whether WeChat has it, looking again could show it twice."""
    tx.execute("UPDATE push_messages SET status = ?", (outcome,))
    tx.execute("UPDATE push_deliveries SET status = ?, push_id = 7", (status,))
    before = delivery(tx)

    arrivals.look_again(tx, [KEY], LATER)

    assert delivery(tx) == before


def test_a_row_for_newer_code(tx: Transaction) -> None:
    """Whole and parked, never due, not replayed; decoded it is due like any other, once."""
    arrivals.insert_needing_upgrade(tx, ("m2", 1), {"data": "?"}, "e2", NOON)
    arrivals.look_again(tx, [("m2", 1)], LATER)

    assert deliveries.due_users(tx, LATER, 10) == ("u1",)
    assert deliveries.count_due(tx, LATER, 10) == 1
    assert deliveries.waiting_users(tx, "", 10) == ("u1",)
    assert [row["match_id"] for row in arrivals.needing_upgrade(tx, ("", 0), 10)] == ["m2"]
    arrivals.upgraded(tx, match("m2", "u2"), LATER)
    arrivals.upgraded(tx, match("m2", "u3"), LATER)
    assert deliveries.due_users(tx, LATER, 10) == ("u1", "u2")
    assert arrivals.needing_upgrade(tx, ("", 0), 10) == []


S: dict[PushStatus, PushStatus] = {
    P.SENDING: P.SENT,
    P.UNKNOWN: P.SENT,
    P.GIVEN_UP: P.SENT,
    P.REFUSED: P.SENT,
}
OPEN = {P.SENDING, P.UNKNOWN}


def end(status: PushStatus) -> Act:
    """End a push without acceptance."""
    return lambda tx: pushes.end(tx, 7, status, LATER, reason=Reason.LATE, errcode=1)


MOVES_OF_PUSHES: list[tuple[str, Act, dict[PushStatus, PushStatus]]] = [
    ("accepted", lambda tx: pushes.accept(tx, [(7, LATER, 0)], LATER), S),
    ("refused", end(P.REFUSED), dict.fromkeys(OPEN, P.REFUSED)),
    ("not sent", end(P.NOT_SENT), dict.fromkeys(OPEN, P.NOT_SENT)),
    ("given up", end(P.GIVEN_UP), dict.fromkeys(OPEN, P.GIVEN_UP)),
    ("frozen", lambda tx: pushes.freeze(tx, 7, 2, LATER, reason=Reason.LATE), dict.fromkeys(OPEN, P.UNKNOWN)),
    ("frozen by an earlier attempt", lambda tx: pushes.freeze(tx, 7, 1, LATER), {}),
]


@pytest.mark.parametrize("status", P)
@pytest.mark.parametrize(
    ("act", "moves"), [pytest.param(act, moves, id=name) for name, act, moves in MOVES_OF_PUSHES]
)
def test_moves_of_a_push(
    tx: Transaction, act: Act, moves: dict[PushStatus, PushStatus], status: PushStatus
) -> None:
    """It only ever moves right; from elsewhere, or a second time, nothing changes."""
    tx.execute("UPDATE push_messages SET status = ?, holder = 'c-1'", (status,))
    before = push(tx)

    act(tx)
    once = push(tx)
    act(tx)

    assert once["status"] == moves.get(status, status)
    assert once == before if status not in moves else once != before
    assert push(tx) == once


@pytest.mark.parametrize("status", P)
def test_ending_tells_whether_it_did(tx: Transaction, status: PushStatus) -> None:
    """Whoever ended it, and nobody else, does what follows from that."""
    tx.execute("UPDATE push_messages SET status = ?", (status,))

    assert pushes.end(tx, 7, P.REFUSED, LATER) is (status in OPEN)
    assert pushes.end(tx, 7, P.REFUSED, LATER) is False


@pytest.mark.parametrize("status", P)
def test_taking_a_lease(tx: Transaction, status: PushStatus) -> None:
    """Only an open push is tried again, and each try counts."""
    tx.execute("UPDATE push_messages SET status = ?", (status,))

    pushes.take_again(
        tx,
        loaded(tx),
        send_by=LATER,
        holder="c-2",
        lease_until=LATER + EIGHT,
        window_opened_at=NOON,
        now=LATER,
    )

    assert (push(tx)["attempts"], push(tx)["holder"]) == ((3, "c-2") if status in OPEN else (2, None))
    assert loaded(tx).status is (P.UNKNOWN if status in OPEN else status)


@pytest.mark.parametrize("status", P)
@pytest.mark.parametrize("holder", [None, "c-1"])
def test_waking_a_push(tx: Transaction, status: PushStatus, holder: str | None) -> None:
    """Only a frozen one: what is being tried right now is left to its holder."""
    tx.execute(
        "UPDATE push_messages SET status = ?, holder = ?, lease_until = '2026-11-25'", (status, holder)
    )

    pushes.wake(tx, ["wm1"], NOON)

    woken = status is P.UNKNOWN and holder is None
    assert push(tx)["lease_until"] == ("2026-11-22T04:00:00.000Z" if woken else "2026-11-25")
    pushes.wake(tx, ["wm2"], LATER)
    assert (push(tx)["lease_until"] == "2026-11-22T04:00:00.000Z") is woken


def test_waking_never_delays(tx: Transaction) -> None:
    """What is due already keeps its place in the line."""
    tx.execute("UPDATE push_messages SET status = 'unknown'")
    waking.wake(tx, ["wm1"], ["u1"], LATER)
    pushes.wake(tx, ["wm1"], LATER)

    assert delivery(tx)["due_at"] == push(tx)["lease_until"] == "2026-11-22T04:00:00.000Z"


@pytest.mark.parametrize("status", D)
def test_waking_a_delivery(tx: Transaction, status: DeliveryStatus) -> None:
    """What waits or is parked becomes due, by the person's name or by the user_id; nothing else moves."""
    for people, users in ((["wm1"], []), ([], ["u1"])):
        tx.execute("UPDATE push_deliveries SET status = ?, due_at = '2026-11-25', person = 'wm1'", (status,))
        waking.wake(tx, ["other"], ["other"], NOON)
        assert delivery(tx)["due_at"] == "2026-11-25"
        waking.wake(tx, people, users, NOON)
        assert delivery(tx)["due_at"] == ("2026-11-22T04:00:00.000Z" if status in PENDING else "2026-11-25")


def test_an_attempt_is_accounted_for_once(tx: Transaction) -> None:
    """A second account of it is ignored; lines that account for nothing are as many as were written."""
    first = Line(Entry.REFUSED, push_id=7, attempt=1, reason="window")
    second = Line(Entry.NOT_SENT, push_id=7, attempt=1, reason="late")
    told = Line(Entry.UNKNOWN, push_id=7, detail="attempt 2: timeout")

    timeline.note(tx, [first, told], NOON)
    timeline.note(tx, [second, told, Line(Entry.REFUSED, push_id=8, attempt=1)], NOON)

    assert timeline.accounted(tx, [7, 8, 9]) == {7: {1}, 8: {1}, 9: set()}
    assert [(row["entry"], row["push_id"]) for row in tx.rows("SELECT * FROM push_timeline ORDER BY id")] == [
        ("refused", 7),
        ("unknown", 7),
        ("unknown", 7),
        ("refused", 8),
    ]
