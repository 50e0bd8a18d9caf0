"""Close calls: each of these once lost, doubled, delayed or misdirected a message."""

import pytest

from consumer import pauses
from consumer.host import MOST_USERS
from schemas.decisions import Reason
from schemas.receipts import Accepted, Receipt, RefusalKind, Refused, Unknown
from schemas.states import PauseScope
from tests.flow.ledger_house import LedgerHouse, at, match, recipients

THROTTLED = Refused(45033, RefusalKind.THROTTLED)
NO_WINDOW = Refused(95001, RefusalKind.WINDOW)
NOT_ALLOWED = Refused(48002, RefusalKind.CORP_CONFIG)
TIMEOUT = Unknown("timeout")


async def test_a_shared_phone_lends_nobody_another_phone(house: LedgerHouse) -> None:
    """Who shares a phone with somebody gets messages there, and never on the other's own phone."""
    await house.session("a", "wmA", "wk1", "2026-11-22T11:30:00")
    await house.session("a", "wmShared", "wk2")
    await house.session("b", "wmShared", "wk2")

    await house.arrive(match("m1", "b"))

    assert recipients((await house.plan()).attempts) == [("wk2", "wmShared")]


async def test_a_phone_that_everybody_has_is_nobodys(house: LedgerHouse) -> None:
    """A placeholder makes no crowd of strangers one person; who has a phone besides is reached there."""
    names = [f"u{number}" for number in range(MOST_USERS + 1)]
    await house.app.exclusive(
        lambda tx: tx.many(
            "INSERT INTO wechat_kf_sessions (user_id, external_userid, open_kfid, last_message_time)"
            " VALUES (?, 'unknown', 'wk1', '2026-11-22T11:00:00')",
            [(name,) for name in names],
        )
    )
    await house.session("u2", "wm2", "wk2")
    await house.arrive(match("m1", "u1"), match("m2", "u2"))

    outcome = await house.plan()

    assert recipients(outcome.attempts) == [("wk2", "wm2")]
    assert await house.standing("m1") == [("parked", "no_session")]
    assert [text.split(" are ")[0] for text in outcome.complaints] == [
        "wechat_kf_sessions: 1 external_userid named by more than 100 user_ids each"
    ]


async def test_a_session_of_nobody_joins_nobody(house: LedgerHouse) -> None:
    """Rows with an empty user_id do not make one person of two strangers."""
    await house.session("a", "wmA", "wk1")
    await house.session("", "wmA", "wk2")
    await house.session("", "wmB", "wk3", "2026-11-22T11:30:00")

    await house.arrive(match("m1", "a"))

    assert recipients((await house.plan()).attempts) == [("wk1", "wmA")]


async def test_a_phone_number_for_a_name_hears_its_own_word(house: LedgerHouse) -> None:
    """A match of user ``wm9`` wakes when the host notes that phone's word under another user_id."""
    await house.session("openid", "wm9", "wk1", None)
    await house.arrive(match("m1", "wm9"))
    assert (await house.plan()).attempts == []

    await house.session("openid", "wm9", "wk1", "2026-11-22T12:00:00")

    assert await house.watch() == 1
    house.later(seconds=1.5)
    assert recipients((await house.plan()).attempts) == [("wk1", "wm9")]


async def test_throttling_rests_and_an_older_acceptance_does_not_wake_it(house: LedgerHouse) -> None:
    """An acceptance that left before the limit was met says nothing about it; nothing goes for a minute."""
    for number in (1, 2):
        await house.session(f"u{number}", f"wm{number}")
    await house.arrive(match("m1", "u1"), match("m2", "u2"))
    first, second = (await house.plan()).attempts
    house.later(seconds=1)

    await house.settle((first, THROTTLED))
    house.later(seconds=1)
    await house.settle((second, Accepted()))

    assert await house.rows("SELECT reason FROM push_pauses") == [{"reason": "throttled"}]
    assert await house.standing("m1") == [("waiting", "throttled")]
    assert await house.due("m1") == at("22 12:01:01")
    house.later(seconds=58)
    assert (await house.plan()).attempts == []
    house.later(seconds=2)
    await house.settle((await house.plan_one(), Accepted()))
    assert await house.own.read(lambda tx: pauses.active(tx, house.now)) == []


async def test_an_expired_pause_stops_no_later_one(house: LedgerHouse) -> None:
    """A person's pause that is over does not keep kfpush from pausing by itself."""
    await house.session()
    await house.own.exclusive(
        lambda tx: tx.execute(
            "INSERT INTO push_pauses (scope, target, reason, author, paused_at, until)"
            " VALUES ('corp', '', 'paused', 'ops', '2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z')"
        )
    )

    await house.sent(NOT_ALLOWED, "m1")

    pauses_now = await house.rows("SELECT author, errcode, until FROM push_pauses")
    assert pauses_now == [{"author": "kfpush", "errcode": 48002, "until": None}]
    assert (await house.plan()).attempts == []


async def test_a_persons_pause_in_force_stays(house: LedgerHouse) -> None:
    """What a person paused is not taken over by a refusal of something that left before: both hold."""
    await house.session()
    await house.arrive("m1")
    attempt = await house.plan_one()
    await house.own.exclusive(
        lambda tx: tx.execute(
            "INSERT INTO push_pauses (scope, target, reason, author, paused_at)"
            " VALUES ('corp', '', 'paused', 'ops', '2026-11-22T04:00:00.000Z')"
        )
    )

    await house.settle((attempt, NOT_ALLOWED))

    found = await house.own.read(lambda tx: pauses.active(tx, house.now))
    assert [(pause.scope, pause.reason, pause.author) for pause in found] == [
        (PauseScope.CORP, Reason.PAUSED, "kfpush"),
        (PauseScope.CORP, Reason.PAUSED, "ops"),
    ]


async def test_a_replay_leaves_alone_what_may_have_been_sent(house: LedgerHouse) -> None:
    """Dropped while nobody knew whether WeChat has it: a replay does not make a second message of it."""
    await house.session()
    await house.sent(TIMEOUT, "m1")
    await house.prefers(enable_push=0)
    house.later(minutes=2)
    await house.plan()
    assert await house.pushes() == [("given_up",)]
    assert await house.standing("m1") == [("dropped", "push_disabled")]
    await house.prefers(enable_push=1)

    await house.arrive("m1", again=True)

    assert (await house.plan()).attempts == []
    assert await house.standing("m1") == [("dropped", "push_disabled")]


async def test_a_replay_of_what_was_only_dropped_looks_again(house: LedgerHouse) -> None:
    """Dropped before anything left: a replay decides anew."""
    await house.session()
    await house.prefers(enable_push=0)
    await house.arrive("m1")
    await house.plan()
    await house.prefers(enable_push=1)

    await house.arrive("m1", again=True)

    assert len((await house.plan()).attempts) == 1


@pytest.mark.parametrize("broken", ["event = '{}'", "event = 'no json'", "expires_at = NULL"])
async def test_an_unreadable_row_stops_nobody_else(house: LedgerHouse, broken: str) -> None:
    """A row that cannot be read sets its own person aside for an hour; everybody else is planned."""
    for number in (1, 2):
        await house.session(f"u{number}", f"wm{number}")
    await house.arrive(match("m1", "u1"), match("m2", "u2"))
    await house.own.exclusive(
        lambda tx: tx.execute(f"UPDATE push_deliveries SET {broken} WHERE match_id = 'm1'")
    )

    attempts = (await house.plan()).attempts

    assert recipients(attempts) == [("wk1", "wm2")]
    assert await house.standing("m1") == [("waiting", "planning_failed")]
    assert await house.due("m1") == at("22 13:00")


async def test_bytes_that_are_no_text_stop_nobody(house: LedgerHouse) -> None:
    """GBK in a host's cell is read as it can be; other users' messages go."""
    for number in (1, 2):
        await house.session(f"u{number}", f"wm{number}")
    await house.host("UPDATE wechat_kf_sessions SET open_kfid = CAST(x'CEA2' AS TEXT) WHERE user_id = 'u1'")
    await house.host(
        "INSERT INTO push_templates (template_name, template_type, content_template, is_active)"
        " VALUES ('gbk', 'link', CAST(x'CEA2' AS TEXT), 0)"
    )

    await house.arrive(match("m1", "u1"), match("m2", "u2"))

    assert ("wk1", "wm2") in recipients((await house.plan()).attempts)


@pytest.mark.parametrize("said", ["1795316400", "1795316400.5"])
async def test_a_unix_time_is_a_time(house: LedgerHouse, said: str) -> None:
    """A host that notes seconds since 1970 is understood."""
    await house.session(said=said)

    await house.arrive("m1")

    assert len((await house.plan()).attempts) == 1


async def test_a_word_from_the_future_counts_when_its_time_comes(house: LedgerHouse) -> None:
    """A host whose clock runs ahead is not believed yet, and not forgotten."""
    await house.session(said="2026-11-22T12:06:00")
    await house.arrive("m1")
    assert (await house.plan()).attempts == []
    assert await house.watch() == 1

    house.later(minutes=2)
    await house.watch()
    house.later(seconds=1.5)

    assert len((await house.plan()).attempts) == 1


async def test_a_word_while_an_attempt_was_on_its_way_is_not_lost(house: LedgerHouse) -> None:
    """A refusal that comes after the word reopened the window does not freeze the push for days."""
    await house.session()
    [first] = await house.sent(TIMEOUT, "m1")
    house.later(seconds=30)
    second = await house.plan_one()
    assert (second.push_id, second.number) == (first.push_id, 2)
    await house.session(said="2026-11-22T12:00:29")
    await house.sent(Accepted(), "m2")  # planning it reads the word

    await house.settle((second, NO_WINDOW))
    house.later(seconds=1)

    third = await house.plan_one()
    assert (third.push_id, third.number) == (first.push_id, 3)


async def test_a_frozen_push_does_not_need_the_hosts_row(house: LedgerHouse) -> None:
    """The host deletes its session row while an outcome is unknown: the letter is tried again anyway."""
    await house.session()
    await house.sent(TIMEOUT, "m1")
    await house.host("DELETE FROM wechat_kf_sessions")
    house.later(seconds=30)

    attempt = await house.plan_one()

    assert (attempt.number, recipients([attempt])) == (2, [("wk1", "wm1")])


async def test_giving_up_wakes_who_waits_for_a_slot(house: LedgerHouse) -> None:
    """A push given up after 72 hours frees its slot in a window opened since; the parked match notices."""
    await house.session()
    await house.sent(TIMEOUT, "m0")
    await house.prefers(quiet_hours="00:00-23:59")
    house.later(hours=71, minutes=30)
    await house.session(said="2026-11-25T11:29:00")
    await house.prefers(quiet_hours="")
    await house.host("UPDATE user_push_preferences SET daily_limit = 99")
    for number in range(1, 5):
        await house.arrive(f"m{number}")
        for attempt in (await house.plan()).attempts:
            if attempt.number == 1:
                await house.settle((attempt, Accepted()))
    await house.arrive("m5")
    await house.plan()
    assert await house.standing("m5") == [("parked", "no_slot")]

    house.later(minutes=31)
    await house.plan()

    assert await house.standing("m0") == [("dead", "outcome_unknown")]
    assert await house.due("m5") == house.now


async def test_a_lease_taken_meanwhile_is_not_taken_again(house: LedgerHouse) -> None:
    """Two planners found the same push due; only the first one tries it."""
    await house.session()
    await house.sent(TIMEOUT, "m1")
    house.later(seconds=30)
    due = await house.find_due()

    first = (await house.plan(due, "c-1")).attempts
    second = (await house.plan(due, "c-2")).attempts

    assert [attempt.number for attempt in first] == [2]
    assert second == []


async def test_a_round_ends_and_the_rest_stays_due(house: LedgerHouse) -> None:
    """Many people with much in wait are planned in several short transactions, and none is forgotten."""
    house.places = 400
    for number in range(8):
        await house.session(f"u{number}", f"wm{number}", "wk1", "2026-11-01T00:00:00")
        await house.arrive(*(match(f"m{number}-{nth}", f"u{number}") for nth in range(100)))

    rounds = 0
    while (await house.plan()).decided:
        rounds += 1

    assert rounds > 1
    assert await house.rows("SELECT status, reason, count(*) AS n FROM push_deliveries GROUP BY 1, 2") == [
        {"status": "parked", "reason": "window_closed", "n": 800}
    ]


async def test_looking_again_writes_only_what_changed(house: LedgerHouse) -> None:
    """A parked match that is looked at and stays parked keeps its row as it was."""
    await house.session(said="2026-11-01T00:00:00")
    await house.arrive("m1")
    await house.plan()
    [before] = await house.rows("SELECT * FROM push_deliveries")
    house.later(minutes=1)
    await house.arrive("m2")

    await house.plan()

    [after] = await house.rows("SELECT * FROM push_deliveries WHERE match_id = 'm1'")
    assert after == before


async def test_a_changed_preference_reaches_what_waits(house: LedgerHouse) -> None:
    """Who ends their quiet hours at night need not wait for the morning; unchanged rows wake nobody."""
    await house.session()
    await house.prefers(quiet_hours="11:00-13:00")
    await house.arrive("m1")
    assert (await house.plan()).attempts == []
    watch = house.watcher()
    assert [await watch(), await watch(), await watch()] == [0, 0, 0]

    await house.host("UPDATE user_push_preferences SET quiet_hours = ''")

    assert await watch() == 1
    assert len((await house.plan()).attempts) == 1


RECEIPTS: list[Receipt] = [Accepted(), TIMEOUT, NO_WINDOW, NOT_ALLOWED, THROTTLED]


@pytest.mark.parametrize("receipt", RECEIPTS, ids=str)
async def test_no_receipt_makes_planning_spin(house: LedgerHouse, receipt: Receipt) -> None:
    """With the clock standing still, any answer leads to rest within a few rounds, not to calls for ever."""
    await house.session()
    await house.arrive(*(f"m{number}" for number in range(12)))
    calls = 0
    for _ in range(40):
        attempts = (await house.plan()).attempts
        if not attempts:
            break
        calls += len(attempts)
        await house.settle(*((attempt, receipt) for attempt in attempts))

    assert calls <= 5
    assert (await house.plan()).attempts == []
