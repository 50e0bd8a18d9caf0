"""FriendAI's tables: created where absent, given missing columns where present, never changed otherwise."""

from __future__ import annotations

from schemas.tables.shape import Column, Index, Table, integer, text

_STAMPS = (
    text("created_at", default="CURRENT_TIMESTAMP"),
    text("updated_at", default="CURRENT_TIMESTAMP"),
)

USER_PUSH_PREFERENCES = Table(
    "user_push_preferences",
    (
        text("user_id", required=True),
        integer("enable_push", default="1"),
        integer("daily_limit", default="10"),
        text("quiet_hours"),
        text("batch_mode", default="'smart'"),
        Column("min_score", "REAL", default="0.7"),
        text("preferred_time"),
        text("open_kfid"),
        text("external_userid"),
        text("last_message_time"),
        integer("push_count_48h", default="0"),
        *_STAMPS,
    ),
    key=("user_id",),
)

WECHAT_KF_SESSIONS = Table(
    "wechat_kf_sessions",
    (
        integer("id"),
        text("user_id", required=True),
        text("external_userid"),
        text("open_kfid"),
        text("last_message_time"),
        integer("message_count_48h", default="0"),
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
        integer("id"),
        text("template_name", required=True),
        text("template_type"),
        text("title_template"),
        text("content_template", required=True),
        text("detail_template"),
        text("miniprogram_config"),
        integer("is_active", default="1"),
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
        integer("id"),
        text("user_id", required=True),
        text("match_ids"),
        text("push_type"),
        text("message"),
        text("status", default="'sent'"),
        text("sent_at", default="CURRENT_TIMESTAMP"),
        text("read_at"),
        text("open_kfid"),
        text("external_userid"),
        text("push_channel", default="'wechat_kf'"),
    ),
    key=("id",),
    auto=True,
    indexes=(Index("push_history_user", ("user_id", "sent_at")),),
)
