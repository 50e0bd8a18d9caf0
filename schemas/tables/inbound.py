"""What is known of conversations: windows, notices, cursors, and what people said."""

from __future__ import annotations

from schemas.tables.shape import Index, Table, integer, text

KF_WINDOWS = Table(
    "kf_windows",
    (
        text("open_kfid", required=True),
        text("external_userid", required=True),
        text("opened_at"),
        text("exhausted"),
        integer("service_state"),
        text("state_at"),
        integer("muted", required=True, default="0"),
        text("muted_at"),
        text("host_seen"),
        text("hours"),
        text("tapped_at"),
        text("updated_at", required=True),
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
        text("open_kfid", required=True),
        text("token"),
        text("notified_at", required=True),
        text("revoked_at"),
    ),
    key=("open_kfid",),
)

KF_CURSORS = Table(
    "kf_cursors",
    (
        text("open_kfid", required=True),
        text("next_cursor"),
        text("pulled_at"),
        text("polled_at"),
        text("caught_up_at"),
        text("holder"),
        text("lease_until"),
    ),
    key=("open_kfid",),
)

KF_INBOUND = Table(
    "kf_inbound",
    (
        text("open_kfid", required=True),
        text("item_key", required=True),
        text("external_userid"),
        text("send_time"),
        integer("origin"),
        text("msgtype"),
        text("event_type"),
        integer("tapped", required=True, default="0"),
        text("effect", required=True),
        integer("push_id"),
        text("answer"),
        text("raw"),
        text("received_at", required=True),
    ),
    key=("open_kfid", "item_key"),
    indexes=(
        Index("kf_inbound_person", ("external_userid", "send_time")),
        Index("kf_inbound_stops", ("send_time",), where="effect = 'stopped'"),
        Index("kf_inbound_raw", ("received_at",), where="raw IS NOT NULL"),
    ),
)

PUSH_FORWARDS = Table(
    "push_forwards",
    (
        integer("id"),
        text("open_kfid", required=True),
        text("item_key", required=True),
        text("external_userid", required=True),
        text("body"),
        text("queued_at", required=True),
        integer("attempts", required=True, default="0"),
        text("due_at"),
        text("gave_up_at"),
        text("cause"),
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
