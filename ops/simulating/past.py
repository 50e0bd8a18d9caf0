"""What happened to one person: what no plan could have changed, and what was made of it.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from consumer import counting
from consumer.counting import MATCH, Use
from consumer.facts import Candidate, Intent, Window
from consumer.inbound import talk
from ops.simulating.story import Key, Lived, Message, Story, Withdrawal, Word
from schemas.decisions import Reason, RecipientKey
from schemas.states import DeliveryStatus, Entry, PushStatus

_KEPT_BACK = frozenset({Reason.BLOCKED_CONTENT, Reason.HELD_OUT})


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class PastUser:
    """One user_id of a person: their rows as they stand now, for nobody keeps what they were."""

    host: Mapping[str, object] | None
    own: Mapping[str, object] | None
    phones: frozenset[str]
    intents: Mapping[str, Intent] = field(default_factory=dict)
    stopped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PastMatch:
    """A match, and how its row stands now."""

    candidate: Candidate
    status: str
    reason: str | None
    updated_at: datetime
    withdrawn_at: datetime | None = None
    event: str = ""
    """Its JSON, where somebody wants to render it."""

    @property
    def key(self) -> Key:
        """The (match_id, revision) pair."""
        return self.candidate.match_id, self.candidate.revision


@dataclass(frozen=True, slots=True)
class PastMessage:
    """A message that WeChat took, as it counts, and what it carried."""

    use: Use
    at: datetime
    status: str
    matches: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class PutOff:
    """A match was deferred or parked, for a reason."""

    key: Key
    entry: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """One person's past: ``story`` lacks the users' wishes, which are what one may want to change."""

    story: Story
    users: Mapping[str, PastUser]
    lived: Lived
    events: Mapping[Key, str] = field(default_factory=dict)
    """The matches' JSON, where somebody wants to render them."""


def past_of(
    name: str,
    span: Span,
    users: Mapping[str, PastUser],
    matches: Sequence[PastMatch],
    said: Collection[Word],
    messages: Sequence[PastMessage],
    put_off: Iterable[PutOff],
) -> Past:
    """Put together what is known of one person; ``said`` may reach back further than the span.

    What a word list blocked, or an experiment held out, is left away: no plan would have sent it.
    """
    matches = [match for match in matches if not _is_kept_back(match)]
    words = sorted(said, key=lambda word: word.at)
    before = [word for word in words if word.at < span.since]
    during = [message for message in messages if message.at >= span.since]
    story = Story(
        start=span.since,
        end=span.until,
        users={},
        words=tuple(word for word in words if span.since <= word.at < span.until),
        matches=tuple(
            sorted((match.candidate for match in matches), key=lambda one: (one.created_at, one.match_id))
        ),
        withdrawals=tuple(
            Withdrawal(match.withdrawn_at, *match.key)
            for match in matches
            if match.withdrawn_at is not None and match.withdrawn_at < span.until
        ),
        windows=_windows(before),
        uses=tuple(
            message.use for message in messages if span.since - counting.REACH <= message.at < span.since
        ),
        others=tuple(message.use for message in during if not message.matches),
        name=name,
    )
    events = {match.key: match.event for match in matches if match.event}
    return Past(story, users, _lived(span, matches, during, put_off), events)


def _is_kept_back(match: PastMatch) -> bool:
    return match.status == DeliveryStatus.DROPPED and match.reason in _KEPT_BACK


def _windows(before: Iterable[Word]) -> tuple[Window, ...]:
    """The windows as they were when the span began; their slots are counted from what was sent."""
    found: dict[RecipientKey, Window] = {}
    for word in before:
        window = found.get(word.recipient, Window(word.recipient))
        found[word.recipient] = talk.spoke(talk.heard(window, word.at), word.at)
    return tuple(found.values())


def _lived(
    span: Span,
    matches: Sequence[PastMatch],
    messages: Iterable[PastMessage],
    put_off: Iterable[PutOff],
) -> Lived:
    """What became of it really, by the end of the span."""
    known = {match.key: match.candidate for match in matches}
    lived = Lived(
        [
            Message(
                message.at,
                message.use.recipient,
                message.use.user_id,
                tuple(known[key] for key in message.matches if key in known and _arrived(message)),
            )
            for message in messages
            if message.matches or message.use.kind == MATCH
        ]
    )
    for match in matches:
        if match.updated_at >= span.until:
            continue  # what is known of it came later
        if match.status == DeliveryStatus.DROPPED and match.reason in set(Reason):
            lived.dropped[match.key] = Reason(match.reason)
        elif match.status == DeliveryStatus.DEAD:
            lived.dead.add(match.key)
    for item in put_off:
        if item.key in known:
            (lived.parked if item.entry == Entry.PARKED else lived.deferred).add(item.key)
            lived.hit_the_wall = lived.hit_the_wall or item.reason == Reason.NO_SLOT
    return lived


def _arrived(message: PastMessage) -> bool:
    return message.status in {PushStatus.SENT, PushStatus.RECALLED}
