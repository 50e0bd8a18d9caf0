"""What the host's screens read: one row for each message that WeChat accepted, in the host's own types."""

import pytest

from consumer.projection import PAGE, Projection
from consumer.world import World
from schemas.database import Database
from schemas.errors import DatabaseBusy
from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown
from tests.engines import held
from tests.flow.ledger_house import LedgerHouse, match

WANTED = "user_id, match_ids, push_type, message, status, sent_at, open_kfid, external_userid, push_channel"

MATCHES = (
    "CREATE TABLE intent_matches (id INTEGER PRIMARY KEY, is_pushed BOOLEAN DEFAULT FALSE, pushed_at TEXT,"
    " push_channel TEXT)"
)

COPIED = (
    "open_kfid, external_userid, user_id, person, kind, matches, body, status, send_by, attempts,"
    " reserved_at, tried_at, accepted_at, settled_at"
)


def projection(house: LedgerHouse, app: Database | None = None) -> Projection:
    """The room, over the house's databases."""
    world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
    return Projection(app or house.app, house.own, world=world)


async def history(house: LedgerHouse, columns: str = "id, match_ids, status") -> list[tuple[object, ...]]:
    """The host's rows."""
    return await house.host(f"SELECT {columns} FROM push_history ORDER BY id")


async def test_a_message_is_shown(house: LedgerHouse) -> None:
    """Ids as integers where they are, the time as CURRENT_TIMESTAMP writes it."""
    await house.session()
    await house.template("{profile_name} {score}%")
    await house.sent(Accepted(), match("17"))

    await projection(house).project()

    assert await history(house, WANTED) == [
        ("u1", "[17]", "text", "张三 85%", "sent", "2026-11-22 04:00:00", "wk1", "wm1", "wechat_kf")
    ]
    assert await house.host("SELECT history_id, status FROM push_projected") == [(1, "sent")]


@pytest.mark.parametrize(
    ("match_id", "expected"),
    [
        ("17", "[17]"),
        ("017", '["017"]'),
        ("m1", '["m1"]'),
        ("9" * 22, f'["{"9" * 22}"]'),
        ("１７", '["\\uff11\\uff17"]'),
    ],
)
async def test_ids_as_the_host_types_them(house: LedgerHouse, match_id: str, expected: str) -> None:
    """Integers there, strings elsewhere; none is changed on the way, none is too long for a column."""
    await house.host(MATCHES)
    await house.session()
    await house.sent(Accepted(), match(match_id))

    await projection(house).project()

    assert await history(house, "match_ids") == [(expected,)]


async def test_exactly_once(house: LedgerHouse) -> None:
    """Asked again, asked by two, or after a crash between the two databases: one row."""
    await house.session()
    await house.sent(Accepted(), "1", "2")
    await projection(house).project()
    assert await history(house) == [(1, "[1]", "sent"), (2, "[2]", "sent")]

    await projection(house).project()
    await house.own.exclusive(lambda tx: tx.execute("UPDATE push_messages SET projected_at = NULL"))
    await projection(house).project()

    assert await history(house) == [(1, "[1]", "sent"), (2, "[2]", "sent")]
    assert {row["projected_at"] for row in await house.rows("SELECT projected_at FROM push_messages")} == {
        "2026-11-22T04:00:00.000Z"
    }


@pytest.mark.parametrize(
    "receipt",
    [Unknown("timeout"), Refused(40201, RefusalKind.CONTENT), NotSent(NotSentCause.LATE)],
    ids=["unknown", "refused", "not sent"],
)
async def test_what_nobody_got_is_not_shown(house: LedgerHouse, receipt: Receipt) -> None:
    """Only what WeChat accepted is history."""
    await house.session()
    await house.sent(receipt, "1")

    await projection(house).project()

    assert await history(house) == []


async def test_good_news_after_giving_up(house: LedgerHouse) -> None:
    """It was not shown while nobody knew, and is shown now."""
    await house.session()
    [attempt] = await house.sent(Unknown("timeout"), match("1", expires_at="2027-01-01T00:00:00Z"))
    house.later(hours=72)
    await house.plan()
    await projection(house).project()
    assert await history(house) == []

    await house.settle((attempt, Accepted(repeated=True)))
    await projection(house).project()

    assert await history(house, "match_ids, status, sent_at") == [("[1]", "sent", "2026-11-22 04:00:08")]


async def test_a_message_that_failed_afterwards(house: LedgerHouse) -> None:
    """The row that is there tells of it; there is no second one."""
    await house.session()
    await house.sent(Accepted(), "1")
    await projection(house).project()
    await house.host("UPDATE push_history SET read_at = 'x'")
    await house.own.exclusive(
        lambda tx: tx.execute("UPDATE push_messages SET status = 'failed', projected_at = NULL")
    )

    for _ in range(2):
        await projection(house).project()

    assert await history(house, "id, status, read_at") == [(1, "failed", "x")]
    assert await house.host("SELECT status FROM push_projected") == [("failed",)]


async def test_a_match_says_that_it_was_pushed(house: LedgerHouse) -> None:
    """As FriendAI's own code would have noted it; the matches that nobody got stay as they were."""
    await house.host(MATCHES)
    await house.host("INSERT INTO intent_matches (id) VALUES (17), (18)")
    await house.session()
    await house.sent(Accepted(), "17")
    await house.sent(Unknown("timeout"), "18")

    await projection(house).project()

    told = "SELECT id, is_pushed, pushed_at, push_channel FROM intent_matches ORDER BY id"
    assert await house.host(told) == [(17, 1, "2026-11-22 04:00:00", "wechat_kf"), (18, 0, None, None)]

    await house.own.exclusive(
        lambda tx: tx.execute("UPDATE push_messages SET status = 'failed', projected_at = NULL WHERE id = 1")
    )
    await projection(house).project()

    assert (await house.host(told))[0] == (17, 0, None, None)


async def test_matches_with_ids_of_their_own_and_fewer_columns(house: LedgerHouse) -> None:
    """A host's ids may be texts; a match it deleted is missed by nobody."""
    await house.host("CREATE TABLE intent_matches (id TEXT PRIMARY KEY, is_pushed BOOLEAN DEFAULT FALSE)")
    await house.host("INSERT INTO intent_matches (id) VALUES ('m1'), ('17')")
    await house.session()
    await house.sent(Accepted(), "m1", "17", "gone")

    await projection(house).project()

    assert await house.host("SELECT id, is_pushed FROM intent_matches ORDER BY id") == [("17", 1), ("m1", 1)]


async def test_a_match_that_the_host_does_not_let_change(house: LedgerHouse) -> None:
    """It stays as the host has it; its message is in the history, and other matches are marked."""
    await house.host(
        "CREATE TABLE intent_matches (id TEXT PRIMARY KEY, is_pushed INTEGER,"
        " CHECK (id <> 'm1' OR is_pushed = 0))"
    )
    await house.host("INSERT INTO intent_matches VALUES ('m1', 0), ('m2', 0)")
    await house.session()
    await house.sent(Accepted(), "m1", "m2")

    await projection(house).project()

    assert await history(house, "match_ids") == [('["m1"]',), ('["m2"]',)]
    assert await house.host("SELECT is_pushed FROM intent_matches ORDER BY id") == [(0,), (1,)]


async def test_how_much_of_a_window_is_used(house: LedgerHouse) -> None:
    """What was accepted in the window that stands, set and never added to; a new word begins anew."""
    counts = (
        "SELECT user_id, message_count_48h, push_count_48h FROM wechat_kf_sessions"
        " LEFT JOIN user_push_preferences USING (user_id) ORDER BY user_id"
    )
    await house.session()
    await house.session("u2", "wm2")
    await house.prefers("u1", push_count_48h=9)
    await house.sent(Accepted(), "1", "2")
    await house.sent(Unknown("timeout"), "3")

    for _ in range(2):
        await projection(house).project()
        await house.own.exclusive(lambda tx: tx.execute("UPDATE push_messages SET projected_at = NULL"))

    assert await house.host(counts) == [("u1", 2, 2), ("u2", 0, None)]

    house.later(minutes=5)
    await house.session(said="2026-11-22T12:04:00")
    await house.sent(Accepted(), "4")  # and with it the third, tried again
    await projection(house).project()

    assert await house.host(counts) == [("u1", 2, 2), ("u2", 0, None)]
    assert await house.pushes() == [("sent",)] * 4


async def test_a_host_that_cleans_up(house: LedgerHouse) -> None:
    """A row it deleted does not come back, and its absence breaks nothing."""
    await house.session()
    await house.sent(Accepted(), "1")
    await projection(house).project()
    await house.host("DELETE FROM push_history")
    await house.own.exclusive(
        lambda tx: tx.execute("UPDATE push_messages SET status = 'failed', projected_at = NULL")
    )

    await projection(house).project()

    assert await history(house) == []


async def test_a_host_with_fewer_columns(house: LedgerHouse) -> None:
    """Only columns that are there are written."""
    await house.host("DROP TABLE push_history")
    await house.host(
        "CREATE TABLE push_history (id INTEGER DEFAULT 1 PRIMARY KEY, user_id TEXT, match_ids TEXT,"
        " sent_at TEXT)"
    )
    await house.session()
    await house.sent(Accepted(), "17")

    await projection(house).project()

    assert await house.host("SELECT * FROM push_history") == [(1, "u1", "[17]", "2026-11-22 04:00:00")]


@pytest.mark.parametrize("columns", [None, "user_id TEXT, message TEXT", "note TEXT"])
async def test_a_host_without_a_history(house: LedgerHouse, columns: str | None) -> None:
    """Nor with one that nobody could find a row of again: its other screens are kept true."""
    await house.host("DROP TABLE push_history")
    if columns:
        await house.host(f"CREATE TABLE push_history ({columns})")
    await house.session()
    [attempt] = await house.sent(Accepted(), match("17"))

    await projection(house).project()
    await house.own.exclusive(
        lambda tx: tx.execute("UPDATE push_messages SET status = 'failed', projected_at = NULL")
    )
    await projection(house).project()

    assert await house.host("SELECT message_count_48h FROM wechat_kf_sessions") == [(1,)]
    assert await house.host("SELECT msgid, history_id, status FROM push_projected") == [
        (attempt.letter.msgid, None, "failed")
    ]


async def test_a_host_that_is_busy(house: LedgerHouse) -> None:
    """Nothing is taken for shown that is not; the next time it is."""
    await house.session()
    await house.sent(Accepted(), "1")
    impatient = Database(house.app.url, "app", busy_timeout=0.05)

    with held(house.app.url), pytest.raises(DatabaseBusy):
        await projection(house, impatient).project()
    assert await house.pushes("projected_at") == [(None,)]
    await projection(house, impatient).project()
    await impatient.close()

    assert await history(house) == [(1, "[1]", "sent")]


async def test_more_than_a_page(house: LedgerHouse) -> None:
    """It tells whether there may be more."""
    await house.session()
    await house.sent(Accepted(), "1", "2", "3")
    await house.own.exclusive(
        lambda tx: tx.many(
            f"INSERT INTO push_messages (msgid, {COPIED}) SELECT msgid || ?, {COPIED} FROM push_messages"
            " WHERE id = 1",
            [(number,) for number in range(PAGE)],
        )
    )
    room = projection(house)

    assert [await room.project(), await room.project(), await room.project()] == [True, False, False]
    assert len(await history(house)) == PAGE + 3


async def test_nothing_to_show(house: LedgerHouse) -> None:
    """An empty ledger touches no host."""
    await house.host("DROP TABLE push_history")

    assert await projection(house).project() is False
