"""Counting from rows: which pushes take a slot of a window, which a message of a user's day.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from consumer.facts import WINDOW, Window
from schemas.decisions import RecipientKey

MATCH: Final = "match"
"""The kind of push that carries matches."""

SUMMARY: Final = "summary"
"""The kind that sums up a user's day, and carries what waits."""

_OF_THE_DAY: Final = (MATCH, SUMMARY)
"""What limits count; what users ask for is not of these."""

REACH: Final = max(WINDOW, timedelta(days=2)) + timedelta(hours=2)
"""How far back accepted pushes are read: a whole window, and a local day in any zone."""


@dataclass(frozen=True, slots=True)
class Use:
    """One push as it counts: in slots while open or accepted in the window, in limits per local day."""

    push_id: int
    recipient: RecipientKey
    user_id: str
    kind: str
    accepted_at: datetime | None
    """None while it is open: it counts whenever it was reserved."""
    window_opened_at: datetime | None
    """The window that its last attempt began with."""
    is_failed: bool = False
    """It used a slot, and nobody got it."""
    invites_a_tap: bool = False
    reserved_at: datetime | None = None
    """When an open push was reserved; of others it is not asked."""


def is_in(opened_at: datetime | None, use: Use) -> bool:
    """Whether a push takes a slot of the window that opened then.

    Those do that are open, that were accepted since, or whose attempt began with it: two clocks never agree,
    and WeChat's word of when the user spoke may be ahead of our own clock.
    """
    if use.accepted_at is None or opened_at is None:
        return True
    began_with = use.window_opened_at
    return use.accepted_at >= opened_at or (began_with is not None and began_with >= opened_at)


def counted(window: Window, uses: Iterable[Use], *, but: int | None = None) -> Window:
    """Fill in what is counted of a window: its used slots, and what the planner is to know of its messages.

    ``but`` is a push whose own slot does not count: the one about to be tried again.

    One more slot is kept for who taps on a message of it: a tap gives no new messages, as far as is known,
    and without one kept back its answer might find none.
    """
    own = [
        use
        for use in uses
        if use.recipient == window.recipient and use.push_id != but and is_in(window.opened_at, use)
    ]
    if not own:
        return window
    return replace(
        window,
        used=len(own),
        for_taps=int(any(use.invites_a_tap for use in own)),
        unanswered=sum(use.kind == MATCH and not _is_answered(window, use) for use in own),
        pushed_at=max(filter(None, (use.accepted_at or use.reserved_at for use in own)), default=None),
    )


def _is_answered(window: Window, use: Use) -> bool:
    """Whether the user tapped since; a word would have opened another window."""
    tapped_at, at = window.tapped_at, use.accepted_at or use.reserved_at
    return tapped_at is not None and at is not None and at <= tapped_at


def sent_today(
    user_id: str,
    day_start: datetime,
    uses: Iterable[Use],
    *,
    but: int | None = None,
) -> list[int]:
    """List a user's match messages since local midnight, in flight included, by push id."""
    return [
        use.push_id
        for use in uses
        if use.user_id == user_id
        and use.kind in _OF_THE_DAY
        and use.push_id != but
        and not use.is_failed
        and (use.accepted_at is None or use.accepted_at >= day_start)
    ]
