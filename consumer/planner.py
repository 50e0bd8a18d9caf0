"""The planner: what goes out to one person now, what is merged with what, and what waits until when.  Pure.

The policy says what may go.  Of that, what goes to one user goes in one message, the best and the soonest to
expire first, and ``holding`` says whether now; what does not fit is told of in it and waits to be asked for.
The same facts and rows have the same answer, in whatever order the rows come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from consumer.facts import Candidate, Person
from consumer.holding import (
    MOST_TOGETHER,
    Purse,
    asked_until,
    ends_at,
    goes_at_once,
    hold,
    later,
    leaves_quiet_at,
)
from consumer.policy import judge, usable
from consumer.spending import MARGIN
from schemas.decisions import Decision, Defer, Park, Reason, Send
from schemas.preferences import Preferences

_ASKED: Final = Park(Reason.MORE)

SOON: Final = timedelta(hours=24)
"""What expires within so long may have no other chance."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A decision about some matches; with ``Send`` they share one message, in this order.

    ``behind`` found no room in it and is told of there; ``behind_waits`` says what becomes of it once the
    message is reserved.
    """

    matches: tuple[Candidate, ...]
    decision: Decision
    behind: tuple[Candidate, ...] = ()
    behind_waits: Defer | Park = _ASKED


def plan(person: Person, rows: Sequence[Candidate], now: datetime) -> tuple[Planned, ...]:
    """Decide about every row; all belong to ``person``."""
    if len(rows) == 1 and not rows[0].alone:
        [row] = rows
        decision = judge(person, row, now)
        if not isinstance(decision, Send):
            return (_waits(person, row, decision, now),)
        [window] = (window for window in person.windows if window.recipient == decision.recipient)
        if goes_at_once(person, person.users[row.user_id], window, row):
            return (Planned((row,), decision),)
    return tuple(_of_all(person, rows, now))


def _of_all(person: Person, rows: Sequence[Candidate], now: datetime) -> Iterator[Planned]:
    """Decide user by user: who has what is most urgent, or the best, comes first to the slots they share."""
    ranked = sorted(rows, key=lambda row: _rank(person, row, now))
    by_user: dict[str, list[Candidate]] = {}
    for row in ranked:
        by_user.setdefault(row.user_id, []).append(row)
    for own in by_user.values():
        for item in _of_user(person, own, now):
            if isinstance(item.decision, Send):
                person = _after(person, item, now)
            yield item


def _rank(person: Person, row: Candidate, now: datetime) -> tuple[object, ...]:
    return (
        not row.urgent,
        not row.released,
        row.score < person.strong_score,
        row.expires_at - now > SOON,
        -row.score,
        row.expires_at,
        row.created_at,
        row.match_id,
        row.revision,
    )


def _of_user(person: Person, rows: Sequence[Candidate], now: datetime) -> Iterator[Planned]:
    """Decide about the matches of one user, best first."""
    for row in rows:
        if row.alone:
            item = Planned((row,), judge(person, row, now))
            if isinstance(item.decision, Send):
                person = _after(person, item, now)
                yield item
            else:
                yield _waits(person, row, item.decision, now)
    left = [row for row in rows if not row.alone]
    while left:
        ready: list[tuple[Candidate, Send]] = []
        for row in left:
            decision = judge(person, row, now)
            if isinstance(decision, Send):
                ready.append((row, decision))
            else:
                yield _waits(person, row, decision, now)
        if not ready:
            return
        decided, left = _together(person, ready, now)
        for item in decided:
            if isinstance(item.decision, Send):
                person = _after(person, item, now)
            yield item


def _together(
    person: Person, ready: Sequence[tuple[Candidate, Send]], now: datetime
) -> tuple[list[Planned], list[Candidate]]:
    """Decide about what may go to one user now; what is left is for another message, where it is time."""
    rows = [row for row, _ in ready]
    purse = _purse(person, rows[0].user_id, ready[0][1], now)
    held = hold(person, purse, rows, now)
    if held is not None:
        return [Planned((row,), _until(person, purse, row, held, now)) for row in rows], []
    is_asked_for = any(row.released for row in rows)
    carried: list[Candidate] = []
    over: list[Planned] = []
    behind: list[Candidate] = []
    send_by = ready[0][1].send_by
    limited = person
    for row, decision in ready:
        if _is_over(limited, row):
            over.append(_waits(limited, row, judge(limited, row, now), now))
        elif len(carried) == MOST_TOGETHER:
            behind.append(row)
        else:
            carried.append(row)
            send_by = min(send_by, decision.send_by)
            limited = _counted(limited, row)
    message = Planned(tuple(carried), replace(ready[0][1], send_by=send_by))
    if not behind:
        return [message, *over], []
    after = _after(person, message, now)
    following = judge(after, behind[0], now)
    if isinstance(following, Send):
        if not is_asked_for and now >= ends_at(person, purse):
            return [message, *over], behind  # there is no later moment for them
        waits: Defer | Park = later(after, _purse(after, rows[0].user_id, following, now), now)
    else:
        waits = replace(following, reason=Reason.MORE) if isinstance(following, Defer) else Park(Reason.MORE)
    return [replace(message, behind=tuple(behind), behind_waits=waits), *over], []


def _until(person: Person, purse: Purse, row: Candidate, held: Defer, now: datetime) -> Defer:
    """What a match waits for that is held with others: it may have been told of, and have its own time."""
    if row.told and now < asked_until(purse, now):
        return later(person, purse, now)
    return held


def _waits(person: Person, row: Candidate, decision: Decision, now: datetime) -> Planned:
    """What does not go now; who waits for the end of quiet hours waits for their turn after it."""
    if isinstance(decision, Defer) and decision.reason is Reason.QUIET_HOURS and not row.urgent:
        user = person.users[row.user_id]
        assert isinstance(user.preferences, Preferences)  # noqa: S101 - quiet hours were read
        turn = leaves_quiet_at(person, user.preferences, decision.until)
        left = usable(person, user, now)
        closes = [window.closes_at for window in left if window.closes_at] if isinstance(left, list) else []
        if closes and turn + MARGIN <= min(max(closes), row.expires_at) - person.send_timeout:
            decision = replace(decision, until=turn)
    return Planned((row,), decision)


def _purse(person: Person, user_id: str, send: Send, now: datetime) -> Purse:
    """What is left for one user, whom this message may go to."""
    user = person.users[user_id]
    left = usable(person, user, now)
    assert isinstance(left, list)  # noqa: S101 - something may go
    assert isinstance(user.preferences, Preferences)  # noqa: S101 - the same
    working = [window for window in left if window.recipient.open_kfid not in person.paused]
    own = [window for window in person.windows if window.recipient.external_userid in user.phones]
    return Purse(
        user.preferences,
        next(window for window in working if window.recipient == send.recipient),
        messages=sum(window.slots_left(person.slots_kept_back) for window in working),
        today=user.preferences.daily_limit - user.today,
        unanswered=sum(window.unanswered for window in own),
        pushed_at=max((window.pushed_at for window in own if window.pushed_at), default=None),
    )


def _after(person: Person, item: Planned, now: datetime) -> Person:
    """The person as known once this message is reserved."""
    sent = item.decision
    assert isinstance(sent, Send)  # noqa: S101 - nothing else is reserved
    user_id = item.matches[0].user_id
    user = person.users[user_id]
    person = replace(
        person,
        windows=tuple(
            window.with_push(now) if window.recipient == sent.recipient else window
            for window in person.windows
        ),
        users={**person.users, user_id: replace(user, today=user.today + 1)},
    )
    for row in item.matches:
        person = _counted(person, row)
    return person


def _is_over(person: Person, row: Candidate) -> bool:
    """Whether those before it in the same message have left nothing of its intent's limit."""
    intent = person.users[row.user_id].intents.get(row.intent_id or "")
    return intent is not None and intent.daily_limit is not None and intent.today >= intent.daily_limit


def _counted(person: Person, row: Candidate) -> Person:
    """The person once a match of this intent goes: one of its matches of today less."""
    user = person.users[row.user_id]
    if row.intent_id is None or row.intent_id not in user.intents:
        return person
    intent = user.intents[row.intent_id]
    intents = {**user.intents, row.intent_id: replace(intent, today=intent.today + 1)}
    return replace(person, users={**person.users, row.user_id: replace(user, intents=intents)})
