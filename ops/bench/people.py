"""Invented people and their matches, of usual size: one match each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from schemas.entries import Envelope
from schemas.events import MatchCreated, payload_of, type_of
from schemas.times import to_text

ACCOUNTS: Final = ("wkAAAA", "wkBBBB", "wkCCCC")


def user_of(prefix: str, n: int) -> str:
    """The user_id of a match."""
    return f"user-{prefix}{n:07d}"


def phone_of(user_id: str) -> str:
    """The external_userid of a user, of WeChat's length."""
    return f"wm{hashlib.sha256(user_id.encode()).hexdigest()[:30]}"


def match_of(prefix: str, n: int) -> MatchCreated:
    """A match of usual size, of a user of its own."""
    return MatchCreated(
        match_id=f"{prefix}{n:07d}",
        user_id=user_of(prefix, n),
        intent_id=f"{n % 5000}",
        intent_name="找一位懂 PostgreSQL 的后端工程师",
        profile_id=f"{n}",
        profile_name="张三",
        score=0.85,
        explanation="五年后端经验，做过支付系统的数据库迁移，人在上海，可以下周见面。",
        matched_conditions=("五年以上后端经验", "熟悉 PostgreSQL", "在上海"),
        match_type="profile",
        occurred_at=datetime.now(UTC),
    )


def matches(prefix: str, count: int) -> Iterator[MatchCreated]:
    """So many of them."""
    return (match_of(prefix, n) for n in range(count))


def entry_of(match: MatchCreated) -> dict[str, str]:
    """A match's fields on the stream."""
    return Envelope(match.key, type_of(match), to_text(datetime.now(UTC)), payload_of(match)).fields()
