"""kfpush's own tables in the application's database: the outbox, and what the host reads of us."""

from __future__ import annotations

from schemas.tables.shape import Index, Table, integer, text

PUSH_OUTBOX = Table(
    "push_outbox",
    (
        integer("id"),
        text("event_key", required=True),
        text("event_type", required=True),
        text("user_id", required=True),
        text("payload", required=True),
        text("traceparent"),
        text("created_at", required=True),
        text("mirrored_at"),
        text("stream_id"),
        text("carried_at"),
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
    (text("msgid", required=True), integer("history_id"), text("status", required=True)),
    key=("msgid",),
)

PUSH_OUTCOMES = Table(
    "push_outcomes",
    (
        integer("id"),
        text("outcome_key", required=True),
        text("at", required=True),
        text("outcome", required=True),
        text("user_id", required=True),
        text("match_ids", required=True, default="'[]'"),
        text("msgid"),
        text("reason"),
    ),
    key=("id",),
    auto=True,
    unique=(("outcome_key",),),
)
