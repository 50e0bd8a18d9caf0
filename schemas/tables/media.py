"""What was uploaded to WeChat: one row a file, however many templates name it."""

from __future__ import annotations

from schemas.tables.shape import Table, integer, text

KF_MEDIA = Table(
    "kf_media",
    (
        text("sha256", required=True),
        text("type", required=True),
        text("filename", required=True),
        integer("bytes", required=True),
        text("media_id"),
        text("created_at"),
        text("expires_at"),
        text("lost_media_id"),
        text("holder"),
        text("lease_until"),
        integer("failures", required=True, default="0"),
        integer("errcode"),
        text("cause"),
        text("updated_at", required=True),
    ),
    key=("sha256", "type"),
)
