"""Every table, declared once: columns, keys, indexes, and which database it lives in.

``app`` is the application's database (kfpush adds ``push_outbox`` and ``push_projected`` there, and creates
the host's own tables where they are absent); ``own`` is kfpush's ledger.  They may be one file.
The declarations are plain values; ``ops/migrate.py`` turns them into tables.

Types are the two that mean the same in SQLite and PostgreSQL: TEXT and INTEGER (and REAL for scores).
Our instants are TEXT (see ``times``); booleans are 0 and 1.
"""

from __future__ import annotations

from schemas.tables.app import PUSH_OUTBOX, PUSH_OUTCOMES, PUSH_PROJECTED
from schemas.tables.experiments import PUSH_CONVERSIONS, PUSH_EXPERIMENTS, PUSH_OPENS
from schemas.tables.host import (
    PUSH_HISTORY,
    PUSH_TEMPLATES,
    USER_INTENTS,
    USER_PUSH_PREFERENCES,
    WECHAT_KF_SESSIONS,
)
from schemas.tables.inbound import KF_CURSORS, KF_INBOUND, KF_NOTICES, KF_WINDOWS, PUSH_FORWARDS
from schemas.tables.ledger import PUSH_DEAD_LETTERS, PUSH_DELIVERIES, PUSH_MESSAGES, PUSH_TIMELINE
from schemas.tables.media import KF_MEDIA
from schemas.tables.shape import Column, Index, Table
from schemas.tables.upkeep import (
    PUSH_AUDIT,
    PUSH_INSTALLATION,
    PUSH_PAUSES,
    PUSH_SCHEMA,
    PUSH_SETTINGS,
    PUSH_SUMMARIES,
    PUSH_TEMPLATE_VERSIONS,
)

__all__ = (
    "APP_SCHEMA_VERSION",
    "APP_TABLES",
    "HOST_TABLES",
    "KF_CURSORS",
    "KF_INBOUND",
    "KF_MEDIA",
    "KF_NOTICES",
    "KF_WINDOWS",
    "OWN_SCHEMA_VERSION",
    "OWN_TABLES",
    "PUSH_AUDIT",
    "PUSH_CONVERSIONS",
    "PUSH_DEAD_LETTERS",
    "PUSH_DELIVERIES",
    "PUSH_EXPERIMENTS",
    "PUSH_FORWARDS",
    "PUSH_HISTORY",
    "PUSH_INSTALLATION",
    "PUSH_MESSAGES",
    "PUSH_OPENS",
    "PUSH_OUTBOX",
    "PUSH_OUTCOMES",
    "PUSH_PAUSES",
    "PUSH_PROJECTED",
    "PUSH_SCHEMA",
    "PUSH_SETTINGS",
    "PUSH_SUMMARIES",
    "PUSH_TEMPLATES",
    "PUSH_TEMPLATE_VERSIONS",
    "PUSH_TIMELINE",
    "USER_INTENTS",
    "USER_PUSH_PREFERENCES",
    "WECHAT_KF_SESSIONS",
    "Column",
    "Index",
    "Table",
)

APP_SCHEMA_VERSION = 2
OWN_SCHEMA_VERSION = 4

APP_TABLES = (PUSH_SCHEMA, PUSH_OUTBOX, PUSH_PROJECTED, PUSH_OUTCOMES, PUSH_INSTALLATION)
"""kfpush's own tables in the application's database."""

HOST_TABLES = (
    USER_PUSH_PREFERENCES,
    WECHAT_KF_SESSIONS,
    PUSH_TEMPLATES,
    PUSH_HISTORY,
    USER_INTENTS,
)
"""FriendAI's tables: created where absent, given missing columns where present, never changed otherwise."""

OWN_TABLES = (
    PUSH_SCHEMA,
    PUSH_DELIVERIES,
    PUSH_MESSAGES,
    PUSH_TIMELINE,
    KF_WINDOWS,
    KF_NOTICES,
    KF_CURSORS,
    KF_INBOUND,
    KF_MEDIA,
    PUSH_FORWARDS,
    PUSH_TEMPLATE_VERSIONS,
    PUSH_EXPERIMENTS,
    PUSH_OPENS,
    PUSH_CONVERSIONS,
    PUSH_SETTINGS,
    PUSH_SUMMARIES,
    PUSH_DEAD_LETTERS,
    PUSH_PAUSES,
    PUSH_AUDIT,
    PUSH_INSTALLATION,
)
"""kfpush's ledger."""
