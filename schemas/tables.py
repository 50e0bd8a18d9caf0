"""Every table, declared once: columns, keys, indexes, and which database it lives in.

``app`` is the application's database (kfpush adds ``push_outbox`` and ``push_projected`` there, and creates
the host's own tables where they are absent); ``own`` is kfpush's ledger.  They may be one file.
The declarations are plain values; ``ops/migrate.py`` turns them into tables.

Types are the two that mean the same in SQLite and PostgreSQL: TEXT and INTEGER (and REAL for scores).
Our instants are TEXT (see ``times``); booleans are 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

APP_SCHEMA_VERSION = 2
OWN_SCHEMA_VERSION = 3

Type = Literal["TEXT", "INTEGER", "REAL", "BLOB"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``default`` is a SQL literal or CURRENT_TIMESTAMP."""

    name: str
    type: Type
    not_null: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """One index; ``where`` makes it partial.  No index leads with a status (design: it costs 25 times)."""

    name: str
    columns: tuple[str, ...]
    where: str | None = None
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table. ``key`` is its primary key; ``auto`` says that the key counts by itself.

    One that is not ``made`` is the host's alone: where it is there, it is given our indexes and no more.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    auto: bool = False
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[Index, ...] = field(default=())
    made: bool = True


def _text(name: str, *, required: bool = False, default: str | None = None) -> Column:
    return Column(name, "TEXT", not_null=required, default=default)


def _int(name: str, *, required: bool = False, default: str | None = None) -> Column:
    return Column(name, "INTEGER", not_null=required, default=default)


PUSH_OUTBOX = Table(
    "push_outbox",
    (
        _int("id"),
        _text("event_key", required=True),
        _text("event_type", required=True),
        _text("user_id", required=True),
        _text("payload", required=True),
        _text("traceparent"),
        _text("created_at", required=True),
        _text("mirrored_at"),
        _text("stream_id"),
        _text("carried_at"),
    ),
    key=("id",),
    auto=True,
    unique=(("event_key",),),
    indexes=(
        Index("push_outbox_unmirrored", ("id",), where="mirrored_at IS NULL"),
        Index("push_outbox_uncarried", ("mirrored_at",), where="carried_at IS NULL"),
    ),
)

PUSH_PROJECTED = Table(
    "push_projected",
    (_text("msgid", required=True), _int("history_id"), _text("status", required=True)),
    key=("msgid",),
)

PUSH_OUTCOMES = Table(
    "push_outcomes",
    (
        _int("id"),
        _text("outcome_key", required=True),
        _text("at", required=True),
        _text("outcome", required=True),
        _text("user_id", required=True),
        _text("match_ids", required=True, default="'[]'"),
        _text("msgid"),
        _text("reason"),
    ),
    key=("id",),
    auto=True,
    unique=(("outcome_key",),),
)

PUSH_DELIVERIES = Table(
    "push_deliveries",
    (
        _text("match_id", required=True),
        _int("revision", required=True),
        _text("user_id", required=True),
        _text("person"),
        _text("intent_id"),
        _text("status", required=True),
        _text("reason"),
        _text("due_at"),
        _text("expires_at"),
        _int("push_id"),
        _int("generation", required=True, default="0"),
        _int("released", required=True, default="0"),
        _text("entry_id"),
        _text("withdrawn_at"),
        _text("event", required=True),
        _text("created_at", required=True),
        _text("updated_at", required=True),
    ),
    key=("match_id", "revision"),
    indexes=(
        Index("push_deliveries_due", ("due_at",), where="status IN ('waiting', 'parked')"),
        Index("push_deliveries_user", ("user_id", "expires_at"), where="status IN ('waiting', 'parked')"),
        Index("push_deliveries_person", ("person",), where="status IN ('waiting', 'parked')"),
        Index("push_deliveries_push", ("push_id",), where="push_id IS NOT NULL"),
        Index("push_deliveries_paused", ("due_at",), where="status = 'waiting' AND reason = 'paused'"),
        Index("push_deliveries_dead", ("reason",), where="status = 'dead'"),
        Index("push_deliveries_dead_since", ("updated_at", "match_id", "revision"), where="status = 'dead'"),
        Index("push_deliveries_behind", ("match_id",), where="reason = 'older_in_flight'"),
    ),
)

PUSH_MESSAGES = Table(
    "push_messages",
    (
        _int("id"),
        _text("msgid", required=True),
        _text("open_kfid", required=True),
        _text("external_userid", required=True),
        _text("user_id", required=True),
        _text("person", required=True),
        _text("kind", required=True),
        _text("matches", required=True),
        _text("body", required=True),
        _text("template"),
        _int("version"),
        _text("variant"),
        _text("status", required=True),
        _text("reason"),
        _text("send_by", required=True),
        _int("attempts", required=True),
        _text("holder"),
        _text("lease_until"),
        _text("window_opened_at"),
        _int("errcode"),
        _text("reserved_at", required=True),
        _text("tried_at", required=True),
        _text("accepted_at"),
        _text("settled_at"),
        _text("projected_at"),
    ),
    key=("id",),
    auto=True,
    unique=(("msgid",),),
    indexes=(
        Index("push_messages_due", ("lease_until",), where="status IN ('sending', 'unknown')"),
        Index(
            "push_messages_open", ("external_userid", "open_kfid"), where="status IN ('sending', 'unknown')"
        ),
        Index("push_messages_slots", ("external_userid", "accepted_at")),
        Index("push_messages_day", ("user_id", "accepted_at")),
        Index("push_messages_unprojected", ("id",), where="settled_at IS NOT NULL AND projected_at IS NULL"),
    ),
)

PUSH_TIMELINE = Table(
    "push_timeline",
    (
        _int("id"),
        _text("at", required=True),
        _text("entry", required=True),
        _text("match_id"),
        _int("revision"),
        _int("push_id"),
        _int("attempt"),
        _text("reason"),
        _text("until"),
        _text("detail"),
        _text("author"),
    ),
    key=("id",),
    auto=True,
    unique=(("push_id", "attempt"),),
    indexes=(
        Index("push_timeline_match", ("match_id", "revision"), where="match_id IS NOT NULL"),
        Index("push_timeline_push", ("push_id",), where="push_id IS NOT NULL"),
    ),
)

KF_WINDOWS = Table(
    "kf_windows",
    (
        _text("open_kfid", required=True),
        _text("external_userid", required=True),
        _text("opened_at"),
        _text("exhausted"),
        _int("service_state"),
        _text("state_at"),
        _int("muted", required=True, default="0"),
        _text("host_seen"),
        _text("updated_at", required=True),
    ),
    key=("open_kfid", "external_userid"),
    indexes=(
        Index("kf_windows_person", ("external_userid",)),
        Index("kf_windows_opened", ("opened_at", "exhausted")),
    ),
)

KF_NOTICES = Table(
    "kf_notices",
    (
        _text("open_kfid", required=True),
        _text("token"),
        _text("notified_at", required=True),
        _text("revoked_at"),
    ),
    key=("open_kfid",),
)

KF_CURSORS = Table(
    "kf_cursors",
    (
        _text("open_kfid", required=True),
        _text("next_cursor"),
        _text("pulled_at"),
        _text("polled_at"),
        _text("caught_up_at"),
        _text("holder"),
        _text("lease_until"),
    ),
    key=("open_kfid",),
)

KF_INBOUND = Table(
    "kf_inbound",
    (
        _text("open_kfid", required=True),
        _text("item_key", required=True),
        _text("external_userid"),
        _text("send_time"),
        _int("origin"),
        _text("msgtype"),
        _text("event_type"),
        _int("tapped", required=True, default="0"),
        _text("effect", required=True),
        _int("push_id"),
        _text("raw"),
        _text("received_at", required=True),
    ),
    key=("open_kfid", "item_key"),
    indexes=(Index("kf_inbound_person", ("external_userid", "send_time")),),
)

PUSH_FORWARDS = Table(
    "push_forwards",
    (
        _int("id"),
        _text("open_kfid", required=True),
        _text("item_key", required=True),
        _text("external_userid", required=True),
        _text("body"),
        _text("queued_at", required=True),
        _int("attempts", required=True, default="0"),
        _text("due_at"),
        _text("gave_up_at"),
        _text("cause"),
    ),
    key=("id",),
    auto=True,
    unique=(("open_kfid", "item_key"),),
    indexes=(
        Index("push_forwards_due", ("due_at",), where="gave_up_at IS NULL"),
        Index("push_forwards_person", ("external_userid", "open_kfid", "id"), where="gave_up_at IS NULL"),
        Index("push_forwards_old", ("gave_up_at",), where="gave_up_at IS NOT NULL"),
    ),
)

PUSH_TEMPLATE_VERSIONS = Table(
    "push_template_versions",
    (
        _text("name", required=True),
        _int("version", required=True),
        _text("variant", required=True, default="''"),
        _int("weight", required=True, default="1"),
        _text("body", required=True),
        _text("hash", required=True),
        _text("created_at", required=True),
    ),
    key=("name", "version", "variant"),
    unique=(("name", "hash"),),
)

PUSH_SETTINGS = Table(
    "push_settings",
    (
        _text("user_id", required=True),
        _text("timezone"),
        _int("stop"),
        _text("locale"),
        _text("updated_at", required=True),
    ),
    key=("user_id",),
)

PUSH_DEAD_LETTERS = Table(
    "push_dead_letters",
    (
        _int("id"),
        _text("event_key"),
        _text("match_id"),
        _int("revision"),
        _int("push_id"),
        _text("entry_id"),
        _text("reason", required=True),
        _text("error", required=True),
        _text("raw"),
        _int("deliveries"),
        _text("buried_at", required=True),
        _text("redriven_at"),
        _text("dropped_at"),
        _text("closed_by"),
        _text("closed_why"),
    ),
    key=("id",),
    auto=True,
    unique=(("entry_id",),),
    indexes=(
        Index(
            "push_dead_letters_open",
            ("buried_at", "entry_id"),
            where="redriven_at IS NULL AND dropped_at IS NULL",
        ),
        Index("push_dead_letters_key", ("event_key",), where="event_key IS NOT NULL"),
        Index("push_dead_letters_match", ("match_id", "revision"), where="match_id IS NOT NULL"),
    ),
)

PUSH_PAUSES = Table(
    "push_pauses",
    (
        _text("scope", required=True),
        _text("target", required=True, default="''"),
        _text("reason", required=True),
        _int("errcode"),
        _text("author", required=True),
        _text("note"),
        _text("paused_at", required=True),
        _text("until"),
        _int("probes", required=True, default="0"),
        _text("probe_at"),
    ),
    key=("scope", "target", "author"),
)

PUSH_AUDIT = Table(
    "push_audit",
    (
        _int("id"),
        _text("at", required=True),
        _text("author", required=True),
        _text("act", required=True),
        _text("why"),
        _int("done"),
        _text("detail"),
    ),
    key=("id",),
    auto=True,
)

PUSH_INSTALLATION = Table(
    "push_installation",
    (_text("name", required=True), _text("value", required=True)),
    key=("name",),
)

PUSH_SCHEMA = Table(
    "push_schema",
    (_text("part", required=True), _int("version", required=True), _text("migrated_at", required=True)),
    key=("part",),
)

_STAMPS = (
    _text("created_at", default="CURRENT_TIMESTAMP"),
    _text("updated_at", default="CURRENT_TIMESTAMP"),
)

USER_PUSH_PREFERENCES = Table(
    "user_push_preferences",
    (
        _text("user_id", required=True),
        _int("enable_push", default="1"),
        _int("daily_limit", default="10"),
        _text("quiet_hours"),
        _text("batch_mode", default="'smart'"),
        Column("min_score", "REAL", default="0.7"),
        _text("preferred_time"),
        _text("open_kfid"),
        _text("external_userid"),
        _text("last_message_time"),
        _int("push_count_48h", default="0"),
        *_STAMPS,
    ),
    key=("user_id",),
)

WECHAT_KF_SESSIONS = Table(
    "wechat_kf_sessions",
    (
        _int("id"),
        _text("user_id", required=True),
        _text("external_userid"),
        _text("open_kfid"),
        _text("last_message_time"),
        _int("message_count_48h", default="0"),
        *_STAMPS,
    ),
    key=("id",),
    auto=True,
    unique=(("user_id", "open_kfid"),),
    indexes=(Index("wechat_kf_sessions_external", ("external_userid",)),),
)

PUSH_TEMPLATES = Table(
    "push_templates",
    (
        _int("id"),
        _text("template_name", required=True),
        _text("template_type"),
        _text("title_template"),
        _text("content_template", required=True),
        _text("detail_template"),
        _text("miniprogram_config"),
        _int("is_active", default="1"),
        *_STAMPS,
    ),
    key=("id",),
    auto=True,
    unique=(("template_name",),),
)

USER_INTENTS = Table(
    "user_intents",
    (),
    key=("id",),
    made=False,
    indexes=(Index("user_intents_user", ("user_id",)),),
)

PUSH_HISTORY = Table(
    "push_history",
    (
        _int("id"),
        _text("user_id", required=True),
        _text("match_ids"),
        _text("push_type"),
        _text("message"),
        _text("status", default="'sent'"),
        _text("sent_at", default="CURRENT_TIMESTAMP"),
        _text("read_at"),
        _text("open_kfid"),
        _text("external_userid"),
        _text("push_channel", default="'wechat_kf'"),
    ),
    key=("id",),
    auto=True,
    indexes=(Index("push_history_user", ("user_id", "sent_at")),),
)

APP_TABLES = (PUSH_SCHEMA, PUSH_OUTBOX, PUSH_PROJECTED, PUSH_OUTCOMES)
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
    PUSH_FORWARDS,
    PUSH_TEMPLATE_VERSIONS,
    PUSH_SETTINGS,
    PUSH_DEAD_LETTERS,
    PUSH_PAUSES,
    PUSH_AUDIT,
    PUSH_INSTALLATION,
)
"""kfpush's ledger."""
