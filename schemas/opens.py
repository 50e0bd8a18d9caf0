"""What stands for "opened": WeChat has no read receipt, so every such number names what it was taken from."""

from __future__ import annotations

from enum import StrEnum


class Proxy(StrEnum):
    """Something that somebody who has not seen a message does not do.  The values are stored."""

    VIEWED = "viewed"
    """They asked to see one of its matches: 查看."""
    TAPPED = "tapped"
    """They asked by a tap on an item of a menu."""
    MINIPROGRAM = "miniprogram"
    """The application reports that its page was opened from the message."""
    REPLIED = "replied"
    """They said something, soon after it."""
