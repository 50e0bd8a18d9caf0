"""The ledger: where each match and each message stands, and what happened to them."""

from __future__ import annotations

from schemas.tables.shape import Index, Table, integer, text

PUSH_DELIVERIES = Table(
    "push_deliveries",
    (
        text("match_id", required=True),
        integer("revision", required=True),
        text("user_id", required=True),
        text("person"),
        text("intent_id"),
        text("status", required=True),
        text("reason"),
        text("due_at"),
        text("expires_at"),
        integer("push_id"),
        integer("generation", required=True, default="0"),
        integer("released", required=True, default="0"),
        text("entry_id"),
        text("withdrawn_at"),
        text("event", required=True),
        text("created_at", required=True),
        text("updated_at", required=True),
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
        integer("id"),
        text("msgid", required=True),
        text("open_kfid", required=True),
        text("external_userid", required=True),
        text("user_id", required=True),
        text("person", required=True),
        text("kind", required=True),
        text("matches", required=True),
        text("body", required=True),
        text("template"),
        integer("version"),
        text("variant"),
        text("experiment"),
        text("msgtype"),
        text("status", required=True),
        text("reason"),
        text("send_by", required=True),
        integer("attempts", required=True),
        text("holder"),
        text("lease_until"),
        text("window_opened_at"),
        integer("errcode"),
        text("reserved_at", required=True),
        text("tried_at", required=True),
        text("accepted_at"),
        text("settled_at"),
        text("projected_at"),
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
        Index("push_messages_experiment", ("experiment", "user_id", "id"), where="experiment <> ''"),
        Index("push_messages_unprojected", ("id",), where="settled_at IS NOT NULL AND projected_at IS NULL"),
    ),
)

PUSH_TIMELINE = Table(
    "push_timeline",
    (
        integer("id"),
        text("at", required=True),
        text("entry", required=True),
        text("match_id"),
        integer("revision"),
        integer("push_id"),
        integer("attempt"),
        text("reason"),
        text("until"),
        text("detail"),
        text("author"),
    ),
    key=("id",),
    auto=True,
    unique=(("push_id", "attempt"),),
    indexes=(
        Index("push_timeline_match", ("match_id", "revision"), where="match_id IS NOT NULL"),
        Index("push_timeline_push", ("push_id",), where="push_id IS NOT NULL"),
    ),
)

PUSH_DEAD_LETTERS = Table(
    "push_dead_letters",
    (
        integer("id"),
        text("event_key"),
        text("match_id"),
        integer("revision"),
        integer("push_id"),
        text("entry_id"),
        text("reason", required=True),
        text("error", required=True),
        text("raw"),
        integer("deliveries"),
        text("buried_at", required=True),
        text("redriven_at"),
        text("dropped_at"),
        text("closed_by"),
        text("closed_why"),
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
