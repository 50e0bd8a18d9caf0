"""What is tried out, and what came of messages: experiments, opens, conversions."""

from __future__ import annotations

from schemas.tables.shape import Column, Index, Table, integer, text

PUSH_EXPERIMENTS = Table(
    "push_experiments",
    (
        text("name", required=True),
        text("template", required=True),
        text("salt", required=True),
        text("variants", required=True),
        Column("holdout", "REAL", not_null=True, default="0"),
        text("started_at", required=True),
        text("author", required=True),
        text("note", required=True),
        text("ended_at"),
        text("ended_by"),
        text("ended_why"),
    ),
    key=("name",),
    indexes=(
        # One experiment a template at a time: whoever starts a second one is refused by the database itself.
        Index("push_experiments_running", ("template",), where="ended_at IS NULL", unique=True),
    ),
)

PUSH_OPENS = Table(
    "push_opens",
    (
        integer("push_id", required=True),
        text("match_id", required=True, default="''"),
        text("proxy", required=True),
        text("at", required=True),
    ),
    key=("push_id", "match_id", "proxy"),
)

PUSH_CONVERSIONS = Table(
    "push_conversions",
    (text("match_id", required=True), text("at", required=True), text("name", required=True)),
    key=("match_id",),
)
