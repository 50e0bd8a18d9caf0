"""What people set and did, and what kfpush knows of itself."""

from __future__ import annotations

from schemas.tables.shape import Index, Table, integer, text

PUSH_TEMPLATE_VERSIONS = Table(
    "push_template_versions",
    (
        text("name", required=True),
        integer("version", required=True),
        text("variant", required=True, default="''"),
        integer("weight", required=True, default="1"),
        text("kind", required=True, default="'text'"),
        text("body", required=True),
        text("title"),
        text("detail"),
        text("config"),
        text("hash", required=True),
        text("created_at", required=True),
    ),
    key=("name", "version", "variant"),
    unique=(("name", "hash"),),
)

PUSH_SETTINGS = Table(
    "push_settings",
    (
        text("user_id", required=True),
        text("timezone"),
        integer("stop"),
        text("locale"),
        text("summary"),
        text("updated_at", required=True),
    ),
    key=("user_id",),
)

PUSH_SUMMARIES = Table(
    "push_summaries",
    (
        text("user_id", required=True),
        text("due_at"),
        text("schedule"),
        text("occasion"),
        text("told_at"),
        text("result"),
        text("updated_at", required=True),
    ),
    key=("user_id",),
    indexes=(Index("push_summaries_due", ("due_at",), where="due_at IS NOT NULL"),),
)

PUSH_PAUSES = Table(
    "push_pauses",
    (
        text("scope", required=True),
        text("target", required=True, default="''"),
        text("reason", required=True),
        integer("errcode"),
        text("author", required=True),
        text("note"),
        text("paused_at", required=True),
        text("until"),
        integer("probes", required=True, default="0"),
        text("probe_at"),
    ),
    key=("scope", "target", "author"),
)

PUSH_AUDIT = Table(
    "push_audit",
    (
        integer("id"),
        text("at", required=True),
        text("author", required=True),
        text("act", required=True),
        text("why"),
        integer("done"),
        text("detail"),
    ),
    key=("id",),
    auto=True,
)

PUSH_INSTALLATION = Table(
    "push_installation",
    (text("name", required=True), text("value", required=True)),
    key=("name",),
)

PUSH_SCHEMA = Table(
    "push_schema",
    (text("part", required=True), integer("version", required=True), text("migrated_at", required=True)),
    key=("part",),
)
