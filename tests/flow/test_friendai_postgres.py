"""FriendAI in production: its own tables on PostgreSQL, of PostgreSQL's types, filled before kfpush came."""

import re
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import pytest

from consumer import host
from consumer.projection import Projection
from consumer.world import World
from ops import migrate
from producer import outbox
from producer.outbox import Outbox
from schemas.database import in_exclusive
from schemas.receipts import Accepted
from schemas.tables import OWN_TABLES
from tests.engines import Engine, ask, session
from tests.flow.inbound_house import InboundHouse, word
from tests.flow.ledger_house import NOON, LedgerHouse, at, ledger_house, match

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)

TABLES = """
CREATE TABLE user_intents (id SERIAL PRIMARY KEY, user_id VARCHAR(128) NOT NULL, name TEXT, conditions JSONB,
    max_push_per_day INTEGER DEFAULT 5, status VARCHAR(20) DEFAULT 'active', expire_at TIMESTAMP);
CREATE TABLE intent_matches (id SERIAL PRIMARY KEY, intent_id INTEGER, user_id VARCHAR(128),
    match_score NUMERIC(4, 3), is_pushed BOOLEAN DEFAULT FALSE, pushed_at TIMESTAMP,
    push_channel VARCHAR(50));
CREATE TABLE push_history (id SERIAL PRIMARY KEY, user_id VARCHAR(128) NOT NULL, match_ids JSONB,
    push_type VARCHAR(20), message TEXT, status VARCHAR(20) DEFAULT 'sent',
    sent_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP, read_at TIMESTAMP);
CREATE TABLE user_push_preferences (user_id VARCHAR(128) PRIMARY KEY, enable_push BOOLEAN DEFAULT TRUE,
    daily_limit INTEGER DEFAULT 10, quiet_hours JSONB, batch_mode VARCHAR(20) DEFAULT 'smart',
    min_score NUMERIC(3, 2) DEFAULT 0.7, preferred_time TIME, updated_at TIMESTAMP);
CREATE TABLE wechat_kf_sessions (id SERIAL PRIMARY KEY, user_id VARCHAR(128) NOT NULL,
    external_userid VARCHAR(128), open_kfid VARCHAR(128), last_message_time TIMESTAMP,
    message_count_48h INTEGER DEFAULT 0, UNIQUE (user_id, open_kfid));
CREATE TABLE push_templates (id SERIAL PRIMARY KEY, template_name VARCHAR(100) UNIQUE NOT NULL,
    template_type VARCHAR(20), content_template TEXT NOT NULL, miniprogram_config JSONB,
    is_active BOOLEAN DEFAULT TRUE);
INSERT INTO user_intents (user_id, max_push_per_day, expire_at)
    VALUES ('oABC', 1, NULL), ('oABC', 5, '2026-11-21');
INSERT INTO intent_matches (intent_id, user_id, match_score) VALUES (1, 'oABC', 0.85), (2, 'oABC', 0.9);
INSERT INTO user_push_preferences (user_id, quiet_hours, min_score, preferred_time)
    VALUES ('oABC', '{"start": "22:00", "end": "08:00"}', 0.80, '09:00'), ('oDEF', NULL, NULL, NULL);
INSERT INTO user_push_preferences (user_id, enable_push) VALUES ('oGHI', FALSE);
INSERT INTO wechat_kf_sessions (user_id, external_userid, open_kfid, last_message_time)
    VALUES ('oABC', 'wm1', 'wk1', '2026-11-22 11:00:00.25'), ('oDEF', 'wm2', 'wk1', 'infinity'),
           ('oGHI', 'wm3', 'wk1', '2026-11-22 11:00:00.25');
INSERT INTO push_templates (template_name, template_type, content_template, is_active)
    VALUES ('ours', 'text', '我们自己的 {profile_name}', TRUE), ('old', 'text', 'x', FALSE);
"""


@pytest.fixture
async def house(engine: Engine) -> AsyncIterator[LedgerHouse]:
    """Its database, migrated with kfpush's tables beside its own; the ledger in the same one."""
    url = engine.empty()
    with session(url) as opened:
        opened.raw.execute(TABLES)
    for part in (migrate.APP, migrate.OWN):
        migrate.migrate(url, part, NOON)
    async with ledger_house({migrate.APP: url, migrate.OWN: url}) as made:
        yield made


LEDGER = "GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO runner;"
RUNNER = """
GRANT SELECT, INSERT, UPDATE ON push_outbox, push_projected, push_outcomes, push_installation TO runner;
GRANT SELECT, INSERT, UPDATE ON push_history, wechat_kf_sessions TO runner;
GRANT USAGE ON SEQUENCE push_history_id_seq, wechat_kf_sessions_id_seq TO runner;
GRANT SELECT, UPDATE ON intent_matches TO runner;
GRANT SELECT, INSERT, UPDATE ON user_push_preferences TO runner;
GRANT SELECT ON push_templates, user_intents, push_schema TO runner;
"""


@pytest.fixture
async def house_of_a_runner(house: LedgerHouse) -> AsyncIterator[LedgerHouse]:
    """The same, opened by a role that may no more than the operator's page asks for."""
    tables = ", ".join(table.name for table in OWN_TABLES)
    with session(house.app.url) as opened:
        opened.raw.execute("CREATE ROLE runner LOGIN;" + LEDGER.format(tables) + RUNNER)
    url = re.sub("//[^@]*@", "//runner@", house.app.url)
    try:
        async with ledger_house({migrate.APP: url, migrate.OWN: url}) as made:
            yield made
    finally:
        with session(house.app.url) as opened:
            opened.raw.execute("DROP OWNED BY runner; DROP ROLE runner")


async def test_a_role_that_only_runs(house_of_a_runner: LedgerHouse) -> None:
    """What the operator's page asks for is enough to mirror, plan, settle and show, and to add events."""
    house = house_of_a_runner
    with session(house.app.url) as host, in_exclusive(host):
        Outbox().add(host.raw, match("1", "oABC", intent_id=1))
    rows = await house.app.read(lambda tx: outbox.unmirrored(tx, 10))
    await house.app.exclusive(lambda tx: outbox.mark_mirrored(tx, [(rows[0].id, "1-1")], house.now))
    await house.app.exclusive(lambda tx: outbox.mark_carried(tx, [rows[0].id], house.now))

    await house.sent(Accepted(), match("1", "oABC", intent_id=1))
    await project(house)

    assert await house.standing("1") == [("sent", None)]
    assert await house.host("SELECT match_ids, status FROM push_history") == [("[1]", "sent")]
    assert await house.host("SELECT is_pushed FROM intent_matches WHERE id = 1") == [(True,)]


async def project(house: LedgerHouse) -> None:
    """Show what was settled."""
    world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
    await Projection(house.app, house.own, world=world).project()


async def test_migrating_keeps_types_and_rows(house: LedgerHouse) -> None:
    """Missing columns come, nothing else changes, and a second time nothing is left to do."""
    assert migrate.plan(house.app.url, migrate.APP) == []
    assert "push_channel" in await house.app.read(lambda tx: tx.columns("push_history"))
    types = "SELECT data_type FROM information_schema.columns WHERE table_name = ? AND column_name = ?"
    assert ask(house.app.url, types, "user_push_preferences", "enable_push") == [("boolean",)]
    assert ask(house.app.url, types, "user_push_preferences", "open_kfid") == [("text",)]
    names = "SELECT template_name, is_active FROM push_templates ORDER BY id"
    assert ask(house.app.url, names) == [
        ("ours", True),
        ("old", False),
        ("match_notification_text", True),
        ("match_notification_simple", True),
    ]


async def test_its_inputs_are_understood(house: LedgerHouse) -> None:
    """Booleans, JSON, numbers and times of its types gate as texts do; an instant that is none closes."""
    house.now = house.wall = at("22 22:30")

    await house.arrive(
        match("1", "oABC", intent_id=1),
        match("2", "oABC", intent_id=2, score=0.9),
        match("3", "oABC", score=0.79),
        match("4", "oDEF"),
        match("5", "oGHI"),
    )
    await house.plan()

    assert await house.standing("1", "2", "3", "4", "5") == [
        ("waiting", "quiet_hours"),
        ("dropped", "withdrawn"),
        ("dropped", "below_min_score"),
        ("parked", "no_session"),
        ("dropped", "push_disabled"),
    ]
    assert await house.due("1") == at("23 08:00")


async def test_its_screens_are_written(house: LedgerHouse) -> None:
    """In its types: JSON, booleans, timestamps in UTC; an id that no column of its holds is not its."""
    await house.sent(Accepted(), match("1", "oABC", intent_id=1), match("m1", "oABC"))

    await project(house)

    history = "SELECT id, match_ids, message, status, sent_at, push_channel FROM push_history ORDER BY id"
    assert await house.host(history) == [
        (1, "[1]", "我们自己的 张三", "sent", "2026-11-22 04:00:00+00", "wechat_kf"),
        (2, '["m1"]', "我们自己的 张三", "sent", "2026-11-22 04:00:00+00", "wechat_kf"),
    ]
    told = "SELECT id, is_pushed, pushed_at, push_channel FROM intent_matches ORDER BY id"
    assert await house.host(told) == [
        (1, True, "2026-11-22T04:00:00", "wechat_kf"),
        (2, False, None, None),
    ]
    assert await house.host("SELECT message_count_48h FROM wechat_kf_sessions WHERE user_id = 'oABC'") == [
        (2,)
    ]


async def test_a_row_that_its_table_refuses(house: LedgerHouse) -> None:
    """It is not shown, loudly; the others are, and nothing is tried for ever."""
    await house.host("ALTER TABLE push_history ADD CONSTRAINT short CHECK (length(message) < 12)")
    await house.sent(Accepted(), match("1", "oABC", intent_id=1, profile_name="长" * 20), match("m1", "oABC"))

    await project(house)
    await project(house)

    assert await house.host("SELECT match_ids FROM push_history") == [('["m1"]',)]
    assert await house.rows("SELECT id FROM push_messages WHERE projected_at IS NULL") == []


async def test_a_word_opens_the_window(house: LedgerHouse) -> None:
    """The host notes it in its own type, and what was parked goes."""
    await migrate.adopt_windows(house.app, house.own, ZoneInfo("Asia/Shanghai"), NOON)
    await house.arrive(match("1", "oABC", intent_id=1))
    assert (await house.plan()).attempts == []
    house.later(minutes=5)

    await house.host(
        "UPDATE wechat_kf_sessions SET last_message_time = ? WHERE user_id = 'oABC'", "2026-11-22 12:04"
    )

    assert await house.watch() == 1
    house.later(seconds=1.5)
    assert len((await house.plan()).attempts) == 1
    opened = await house.rows("SELECT opened_at FROM kf_windows WHERE external_userid = 'wm1'")
    assert [row["opened_at"] for row in opened] == ["2026-11-22T04:04:00.000Z"]


async def test_an_application_with_many_users(house: LedgerHouse) -> None:
    """More of them than a statement takes values: all their windows can be adopted, part by part."""
    many = 66_000
    await house.host(
        "INSERT INTO wechat_kf_sessions (user_id, external_userid, open_kfid, last_message_time)"
        " SELECT 'u' || n, 'wmX' || n, 'wk2', '2026-11-22 03:00:00' FROM generate_series(1, ?) AS n",
        many,
    )

    parts = await house.app.read(host.all_sessions)

    assert sum(map(len, parts)) == many + 3
    assert max(map(len, parts)) <= 1000


async def test_words_are_noted_in_its_own_types(house: LedgerHouse) -> None:
    """A TIMESTAMP without a zone gets the host's local time, as its own handler would write it."""
    hearing = InboundHouse(house)
    await hearing.hears(word(at("22 11:58"), phone="wm1"), word(at("22 11:59"), phone="wmStranger"))

    assert await house.host(
        "SELECT user_id, last_message_time, message_count_48h FROM wechat_kf_sessions"
        " WHERE external_userid IN ('wm1', 'wmStranger') ORDER BY user_id"
    ) == [("oABC", "2026-11-22T11:58:00", 0), ("wmStranger", "2026-11-22T11:59:00", 0)]
    await house.arrive(match("1", "oABC", intent_id=1))
    house.later(seconds=2)
    await house.plan()
    assert (await hearing.window("wm1"))["opened_at"] == "2026-11-22T03:58:00.000Z"
    assert (await hearing.window("wmStranger"))["opened_at"] == "2026-11-22T03:59:00.000Z"
