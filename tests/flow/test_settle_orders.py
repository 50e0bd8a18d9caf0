"""Receipts may be repeated, late and out of order: the outcome is the one that the rules demand."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.book import Wording
from consumer.compose import Carried, match_letter
from consumer.ledger import arrivals, deliveries, pushes
from consumer.ledger.arrivals import Incoming
from consumer.ledger.pushes import Attempt
from consumer.send import Report
from consumer.settle import Moment, Runs, settle
from consumer.templates import compile_template
from schemas.database import Transaction
from schemas.decisions import RecipientKey
from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown
from tests.engines import Engine
from tests.flow.ledger_house import EIGHT, INSTALLATION, NOON, match

ACCEPTED, REPEATED = Accepted(), Accepted(repeated=True)
SILENCE = Unknown("timeout")
LATE = NotSent(NotSentCause.LATE)
WINDOW = Refused(95001, RefusalKind.WINDOW)
THROTTLED = Refused(45009, RefusalKind.THROTTLED)
CORP = Refused(40001, RefusalKind.CORP_CONFIG)
STRANGE = Refused(77777, RefusalKind.UNCLASSIFIED)
CONTENT = Refused(40201, RefusalKind.CONTENT)
RECIPIENT = Refused(40096, RefusalKind.RECIPIENT)
EVERY = [ACCEPTED, REPEATED, SILENCE, LATE, WINDOW, THROTTLED, CORP, STRANGE, CONTENT, RECIPIENT]


def three_attempts(tx: Transaction, count: int = 3) -> list[Attempt]:
    """One push of the match m1, tried so many times, none of which anybody has reported yet."""
    event = match("m1")
    arrivals.insert_fresh(tx, [Incoming(event, "e1")], NOON)
    letter = match_letter(
        [Carried(event, 0)],
        kind="match",
        wording=Wording("w", 1, compile_template("{match_id}")),
        recipient=RecipientKey("wk1", "wm1"),
        person="wm1",
        installation=INSTALLATION,
    )
    terms = {"send_by": NOON + EIGHT, "lease_until": NOON, "window_opened_at": NOON - EIGHT, "now": NOON}
    drafts = [pushes.Draft(letter, NOON + EIGHT, NOON - EIGHT)]
    [first] = pushes.write(tx, drafts, holder="c-1", lease_until=NOON, now=NOON)
    assert first is not None
    attempts = [first]
    deliveries.reserve(tx, [(("m1", 1), first.push_id, "wm1")], NOON)
    for _ in range(count - 1):
        [push] = pushes.load(tx, [attempts[0].push_id]).values()
        attempts.append(pushes.take_again(tx, push, holder="c-2", **terms))
    return attempts


def report(tx: Transaction, *group: tuple[Attempt, Receipt]) -> None:
    """Settle a group of receipts."""
    reports = [Report(attempt, receipt, 0.1) for attempt, receipt in group]
    settle(tx, reports, Runs(), Moment(NOON + EIGHT, NOON + EIGHT, 0.5, timedelta(seconds=8)))


def standing(tx: Transaction) -> tuple[str, str]:
    """The push's status, and its match's."""
    [push] = tx.rows("SELECT status FROM push_messages")
    [delivery] = tx.rows("SELECT status FROM push_deliveries")
    return push["status"], delivery["status"]


def accounts(tx: Transaction) -> list[int]:
    """The attempts that are accounted for, as often as they are."""
    rows = tx.rows("SELECT attempt FROM push_timeline WHERE attempt IS NOT NULL ORDER BY attempt")
    return [row["attempt"] for row in rows]


def everything(tx: Transaction) -> list[list[tuple[object, ...]]]:
    """All that a settle may write, but for the lines that only tell of silence."""
    return [
        [tuple(row) for row in tx.rows(sql)]
        for sql in (
            "SELECT * FROM push_messages",
            "SELECT * FROM push_deliveries",
            "SELECT * FROM push_timeline WHERE attempt IS NOT NULL",
        )
    ]


@pytest.mark.parametrize(
    ("receipts", "expected", "accounted"),
    [
        # any acceptance wins
        ([ACCEPTED, SILENCE, SILENCE], ("sent", "sent"), []),
        ([WINDOW, REPEATED, LATE], ("sent", "sent"), [1, 3]),
        ([CONTENT, ACCEPTED, SILENCE], ("sent", "sent"), [1]),
        ([RECIPIENT, RECIPIENT, REPEATED], ("sent", "sent"), [1, 2]),
        ([ACCEPTED, REPEATED, ACCEPTED], ("sent", "sent"), []),
        # bytes and recipient never change
        ([CONTENT, SILENCE, SILENCE], ("refused", "dead"), [1]),
        ([WINDOW, LATE, RECIPIENT], ("refused", "dead"), [1, 2, 3]),
        # a refusal of the moment counts when every other attempt is accounted for
        ([WINDOW, WINDOW, WINDOW], ("refused", "waiting"), [1, 2, 3]),
        ([THROTTLED, CORP, WINDOW], ("refused", "waiting"), [1, 2, 3]),
        ([LATE, LATE, LATE], ("not_sent", "waiting"), [1, 2, 3]),
        ([STRANGE, STRANGE, STRANGE], ("refused", "dead"), [1, 2, 3]),
        # and not before
        ([WINDOW, SILENCE, WINDOW], ("unknown", "sending"), [1, 3]),
        ([SILENCE, LATE, THROTTLED], ("unknown", "sending"), [2, 3]),
        ([STRANGE, STRANGE, SILENCE], ("unknown", "sending"), [1, 2]),
        ([SILENCE, SILENCE, SILENCE], ("unknown", "sending"), []),
    ],
)
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
@pytest.mark.parametrize("at_once", [True, False])
def test_three_attempts_in_every_order(
    engine: Engine,
    receipts: list[Receipt],
    expected: tuple[str, str],
    accounted: list[int],
    order: tuple[int, ...],
    at_once: bool,  # noqa: FBT001
) -> None:
    """In one group or three, whichever comes first."""
    with engine.ledger() as tx:
        attempts = three_attempts(tx)
        group = [(attempts[number], receipts[number]) for number in order]
        if at_once:
            report(tx, *group)
        else:
            for item in group:
                report(tx, item)

        assert standing(tx) == expected
        assert accounts(tx) == accounted


schedules = st.lists(st.integers(0, 2), min_size=1, max_size=9)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # many, and every order above runs on both
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(EVERY), min_size=3, max_size=3), schedules, st.data())
def test_any_order_and_repetition(
    engine: Engine, receipts: list[Receipt], schedule: list[int], data: st.DataObject
) -> None:
    """Each attempt may be reported never, once or often, in groups of any size."""
    with engine.ledger() as tx:
        attempts = three_attempts(tx)
        rest = [(attempts[number], receipts[number]) for number in schedule]
        while rest:
            size = data.draw(st.integers(1, len(rest)))
            report(tx, *rest[:size])
            rest = rest[size:]

        heard = {number: receipts[number] for number in set(schedule)}
        kinds = [each.kind for each in heard.values() if isinstance(each, Refused)]
        silent = len(heard) < 3 or SILENCE in heard.values()
        push, delivery = standing(tx)
        if any(isinstance(each, Accepted) for each in heard.values()):
            assert (push, delivery) == ("sent", "sent")
        elif RefusalKind.CONTENT in kinds or RefusalKind.RECIPIENT in kinds:
            assert (push, delivery) == ("refused", "dead")
        elif silent:
            # a push of which nothing was heard but old news may still be in its last attempt
            assert (push, delivery) == ("unknown", "sending")
        else:
            assert push in {"refused", "not_sent"}
            assert delivery in {"waiting", "dead"}
        refused = [number + 1 for number, each in heard.items() if isinstance(each, Refused | NotSent)]
        assert accounts(tx) == sorted(refused)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # many, and every order above runs on both
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(EVERY), min_size=3, max_size=3), st.permutations(range(3)), schedules)
def test_old_news_changes_nothing(
    engine: Engine, receipts: list[Receipt], order: list[int], again: list[int]
) -> None:
    """Once all three were settled, saying any of it again leaves every row as it is."""
    with engine.ledger() as tx:
        attempts = three_attempts(tx)
        for number in order:
            report(tx, (attempts[number], receipts[number]))
        before, stood = everything(tx), standing(tx)

        for number in again:
            report(tx, (attempts[number], receipts[number]))

        assert standing(tx) == stood
        if stood[0] != "unknown":  # of an open one, the latest attempt may say again when the next is due
            assert everything(tx) == before
