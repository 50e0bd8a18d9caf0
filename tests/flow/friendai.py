"""A host application's database, older than ours, with data of all the kinds it is known to hold."""

import sqlite3
from pathlib import Path

TABLES = """
CREATE TABLE user_intents (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id TEXT, name TEXT, conditions TEXT,
    threshold REAL DEFAULT 0.7, max_push_per_day INT DEFAULT 5, status TEXT DEFAULT 'active',
    created_at TEXT);
CREATE TABLE intent_matches (id INTEGER PRIMARY KEY AUTOINCREMENT, intent_id INT, profile_id INT,
    user_id TEXT, match_score REAL, is_pushed BOOLEAN DEFAULT 0, status TEXT DEFAULT 'pending',
    created_at TEXT,
    UNIQUE (intent_id, profile_id));
CREATE TABLE push_history (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id TEXT NOT NULL, match_ids TEXT,
    push_type TEXT, message TEXT, status TEXT DEFAULT 'sent', sent_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    read_at TIMESTAMP);
CREATE TABLE user_push_preferences (user_id TEXT PRIMARY KEY, enable_push BOOLEAN DEFAULT 1,
    daily_limit INT DEFAULT 10, quiet_hours TEXT, batch_mode TEXT DEFAULT 'smart', min_score REAL DEFAULT 0.7,
    preferred_time TEXT, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP);
CREATE TABLE wechat_kf_sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id TEXT NOT NULL,
    external_userid TEXT, open_kfid TEXT, last_message_time TIMESTAMP, message_count_48h INT DEFAULT 0,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP, UNIQUE (user_id, open_kfid));
CREATE TABLE push_templates (id INTEGER PRIMARY KEY AUTOINCREMENT, template_name TEXT UNIQUE NOT NULL,
    template_type TEXT, content_template TEXT NOT NULL, is_active BOOLEAN DEFAULT 1);
CREATE TABLE "push_history_user-1" (id INTEGER PRIMARY KEY, push_status TEXT);
CREATE TABLE users (openid TEXT PRIMARY KEY, nickname TEXT);
CREATE VIEW active_intents AS SELECT * FROM user_intents WHERE status = 'active';
CREATE TRIGGER noticed AFTER INSERT ON intent_matches BEGIN
    UPDATE user_intents SET status = status WHERE id = new.intent_id; END;
"""

DATA = """
INSERT INTO user_intents (user_id, name, conditions, created_at)
    VALUES ('oABC', '寻找技术合伙人', '{"keywords": ["AI"]}', '2026-11-20T10:00:00.123456');
INSERT INTO intent_matches (intent_id, profile_id, user_id, match_score, created_at)
    VALUES (1, 42, 'oABC', 0.85, '2026-11-20 02:00:00');
INSERT INTO push_history (user_id, match_ids, push_type, message, sent_at)
    VALUES ('oABC', '[1]', 'text', '找到匹配的联系人', '2026-11-20 02:00:01'),
           ('oDEF', NULL, NULL, NULL, NULL);
INSERT INTO user_push_preferences (user_id, quiet_hours, updated_at)
    VALUES ('oABC', '22:00-08:00', '2026-11-20T10:00:00'), ('oDEF', '', NULL), ('oGHI', NULL, 'yesterday');
INSERT INTO wechat_kf_sessions (user_id, external_userid, open_kfid, last_message_time, updated_at)
    VALUES ('oABC', 'wm1', 'wk1', '2026-11-22 03:00:00', NULL),
           ('oDEF', 'wm2', 'wk1', '2026-11-22T11:00:00.5', '2026-11-22T11:00:00'),
           ('oGHI', 'wm3', 'wk1', '2026-11-19 03:00:00', '2026-11-19 03:00:00'),
           ('oJKL', 'wm4', 'wk1', 'unreadable', NULL), ('oMNO', NULL, NULL, NULL, NULL);
INSERT INTO push_templates (template_name, template_type, content_template, is_active)
    VALUES ('match_notification_text', 'text', '我们自己的 {profile_name}', 1), ('old', 'text', 'x', 0);
INSERT INTO users VALUES ('oABC', '小明'), ('oDEF', NULL);
"""


def make(path: Path) -> None:
    """Make the database, as an application in rollback-journal mode leaves it."""
    connection = sqlite3.connect(path)
    connection.executescript(TABLES + DATA)
    connection.close()


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables, as far as the columns go that the host's own code asks for."""
    ours = {
        "push_schema",
        "push_outbox",
        "push_projected",
        "push_outcomes",
        "push_installation",
        "sqlite_sequence",
    }
    columns = {
        "push_history": "id, user_id, match_ids, push_type, message, status, sent_at, read_at",
        "user_push_preferences": (
            "user_id, enable_push, daily_limit, quiet_hours, batch_mode, min_score, preferred_time,"
            " created_at, updated_at"
        ),
        "push_templates": "id, template_name, template_type, content_template, is_active",
    }
    connection = sqlite3.connect(path)
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {
        name: connection.execute(f'SELECT {columns.get(name, "*")} FROM "{name}" ORDER BY 1').fetchall()
        for name in names
        if name not in ours
    }
    connection.close()
    return found
