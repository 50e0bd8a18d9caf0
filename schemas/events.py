"""Events: what a producer says, and how it is written down.  How it travels is told by ``entries``.

Event  MatchCreated (kfpush.match.created.v1)    key <match_id>:<revision>
| MatchWithdrawn (kfpush.match.withdrawn.v1) key <match_id>:<revision>:withdrawn
| MatchConverted (kfpush.match.converted.v1) key <match_id>:converted
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticSerializationError

from schemas.errors import InvalidEvent

MATCH_CREATED: Final = "kfpush.match.created"
MATCH_WITHDRAWN: Final = "kfpush.match.withdrawn"
MATCH_CONVERTED: Final = "kfpush.match.converted"
VERSION: Final = 1
"""The version of all that this kfpush writes, and the newest it reads."""

DEFAULT_LIFETIME = timedelta(days=7)
"""A match without its own expiry is not worth a message after this long."""

MAX_PAYLOAD_BYTES: Final = 64 * 1024
"""More than this is a mistake of the producer; a KF message holds 2,048 bytes."""

_LONGEST_ID: Final = 128
_WITHDRAWN: Final = ":withdrawn"
_CONVERTED: Final = ":converted"
OF_ALL: Final = 0
"""Stands for the revision in what is said of a match as a whole."""
_KEY = re.compile(
    rf"(?P<match_id>.{{1,{_LONGEST_ID}}}):(?P<revision>[1-9][0-9]{{0,15}})(?:{_WITHDRAWN})?", re.DOTALL
)
"""Numbers as we write them, and of a length that every reader of them can hold."""
_CONVERSION = re.compile(rf"(?P<match_id>.{{1,{_LONGEST_ID}}}){_CONVERTED}", re.DOTALL)
_OWN_KEY = re.compile(r":(?P<revision>\d+)(:[a-z]+)?")
"""What follows the match's id in a key: its revision, and for other events than the match itself, which."""


def _id_text(value: object) -> object:
    """Accept integer ids as FriendAI has them; anything else is left for pydantic to judge."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _aware(value: datetime) -> datetime:
    """Read a time without a zone as UTC."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("no such instant: in UTC it lies outside of the years 1 to 9999") from None


Instant = Annotated[datetime, AfterValidator(_aware)]
_IN_ID: Final = r"^[^\s\x00-\x1f\x7f]+$"
"""Neither space nor control characters: no terminal shows those, and PostgreSQL has no NUL."""

Id = Annotated[str, Field(min_length=1, max_length=_LONGEST_ID, pattern=_IN_ID), BeforeValidator(_id_text)]

DEFAULT_CONVERSION: Final = "converted"
ConversionName = Annotated[str, Field(pattern=r"^[a-z0-9_.-]{1,40}$")]
"""A word for reports to count by: nothing that anybody typed."""


class MatchCreated(BaseModel):
    """A user's intent matched a contact.

    ``score`` is 0..1; ids are texts (integers are accepted); times are aware instants (a time without a
    zone is UTC); ``revision`` counts from 1 and rises when the same match is scored again.  A match with an
    ``urgent_reason`` (why, for the record) is not held to be gathered with others.
    Fields this version does not know are kept and travel on.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    match_id: Id
    revision: int = Field(default=1, ge=1, le=2**53)
    user_id: Id
    intent_id: Id | None = None
    intent_name: str = Field(default="", max_length=500)
    profile_id: Id | None = None
    profile_name: str = Field(min_length=1, max_length=500)
    score: float = Field(ge=0, le=1, allow_inf_nan=False)
    explanation: str = Field(default="", max_length=10_000)
    matched_conditions: tuple[str, ...] = ()
    match_type: str = Field(default="", max_length=100)
    urgent_reason: str = Field(default="", max_length=200)
    occurred_at: Instant | None = None
    expires_at: Instant | None = None

    @property
    def key(self) -> str:
        """The idempotency key: one visible message per key."""
        return event_key(self.match_id, self.revision)

    def expiry(self, created_at: datetime) -> datetime:
        """Tell when the match is no longer worth a message; what claims to come from the future is of now."""
        return self.expires_at or min(self.occurred_at or created_at, created_at) + DEFAULT_LIFETIME


class MatchWithdrawn(BaseModel):
    """The application takes a match back: what of it has not gone out does not go out.

    ``revision`` is the newest the application has announced; older ones fall with it.  It may come before
    the match itself, and is final for that revision.  Fields this version does not know travel on.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    match_id: Id
    revision: int = Field(default=1, ge=1, le=2**53)
    user_id: Id
    reason: str = Field(default="", max_length=500)
    occurred_at: Instant | None = None

    @property
    def key(self) -> str:
        """The idempotency key: a match revision is withdrawn once."""
        return withdrawal_key(self.match_id, self.revision)


class MatchConverted(BaseModel):
    """What a match was for has happened: they talked, met, signed; ``name`` says which, in a word.

    Counted once a match, whichever revision led to it, and first told wins.  It may come before the match
    itself.  Fields this version does not know travel on.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    match_id: Id
    user_id: Id
    name: ConversionName = DEFAULT_CONVERSION
    occurred_at: Instant | None = None

    @property
    def key(self) -> str:
        """The idempotency key: a match is converted once."""
        return conversion_key(self.match_id)


Event = MatchCreated | MatchWithdrawn | MatchConverted
E = TypeVar("E", MatchCreated, MatchWithdrawn, MatchConverted)


def event_key(match_id: str, revision: int) -> str:
    """Write the idempotency key of a match revision."""
    return f"{match_id}:{revision}"


def withdrawal_key(match_id: str, revision: int) -> str:
    """Write the idempotency key of a match revision's withdrawal."""
    return f"{match_id}:{revision}{_WITHDRAWN}"


def conversion_key(match_id: str) -> str:
    """Write the idempotency key of a match's conversion."""
    return f"{match_id}{_CONVERTED}"


def is_conversion(key: str) -> bool:
    """Whether a key is that of a conversion."""
    return _CONVERSION.fullmatch(key) is not None


def is_withdrawal(key: str) -> bool:
    """Whether a key is that of a withdrawal."""
    return key.endswith(_WITHDRAWN) and _KEY.fullmatch(key) is not None


def split_key(key: str) -> tuple[str, int]:
    """Read (match_id, revision) from an event's key, a withdrawal's too; of a conversion's, ``OF_ALL``.

    Raises:
        InvalidEvent: it is no such key.

    """
    converted = _CONVERSION.fullmatch(key)
    if converted is not None:
        return converted["match_id"], OF_ALL
    found = _KEY.fullmatch(key)
    if found is None:
        message = f"not an event key: {key[:80]!r} (expected <match_id>:<revision>)"
        raise InvalidEvent(message)
    return found["match_id"], int(found["revision"])


def key_range(match_id: str) -> tuple[str, str]:
    """Tell between which texts (from, below) every key of a match lies, for an index to find them."""
    return f"{match_id}:", f"{match_id};"  # the character after the colon


def revision_in(key: str, match_id: str) -> int | None:
    """Read which revision of this match a key speaks of; None for another match's."""
    found = _OWN_KEY.fullmatch(key, len(match_id)) if key.startswith(match_id) else None
    return None if found is None else int(found["revision"])


def type_of(event: Event) -> str:
    """Write the CloudEvents type of an event."""
    return f"{_TYPES[type(event)]}.v{VERSION}"


_TYPES: Final[Mapping[type[Event], str]] = {
    MatchCreated: MATCH_CREATED,
    MatchWithdrawn: MATCH_WITHDRAWN,
    MatchConverted: MATCH_CONVERTED,
}


def _complaint(error: ValidationError) -> str:
    """Name the fields that are wrong and why; never their values, which may be personal data."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'match'}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False)
    )


def match_from(values: Mapping[str, object]) -> MatchCreated:
    """Validate a producer's mapping.

    Raises:
        InvalidEvent: naming every field that is wrong.

    """
    try:
        return MatchCreated.model_validate(values)
    except ValidationError as error:
        raise InvalidEvent(_complaint(error)) from None


def match_from_json(text: str | bytes) -> MatchCreated:
    """Validate one JSON object.

    Raises:
        InvalidEvent: naming every field that is wrong, or where the JSON breaks.

    """
    return _from_json(MatchCreated, text)


def withdrawal_from_json(text: str | bytes) -> MatchWithdrawn:
    """Validate one JSON object.

    Raises:
        InvalidEvent: naming every field that is wrong, or where the JSON breaks.

    """
    return _from_json(MatchWithdrawn, text)


def conversion_from_json(text: str | bytes) -> MatchConverted:
    """Validate one JSON object.

    Raises:
        InvalidEvent: naming every field that is wrong, or where the JSON breaks.

    """
    return _from_json(MatchConverted, text)


def _from_json(kind: type[E], text: str | bytes) -> E:
    size = len(text.encode(errors="replace")) if isinstance(text, str) else len(text)
    if size > MAX_PAYLOAD_BYTES:
        message = f"{size} bytes are too many; a match has at most {MAX_PAYLOAD_BYTES}"
        raise InvalidEvent(message)
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise InvalidEvent(_complaint(error)) from None


def match_from_ledger(text: str) -> MatchCreated:
    """Read a match that was validated when it came in: a stricter rule of newer code does not stop it."""
    try:
        return MatchCreated.model_validate_json(text)
    except ValidationError:
        known = {name: value for name, value in json.loads(text).items() if name in MatchCreated.model_fields}
        return MatchCreated.model_construct(**known)


def to_json(event: Event) -> str:
    """Write an event as JSON, unknown fields included, whatever its size.

    Raises:
        InvalidEvent: an unknown field holds something that JSON has no word for.

    """
    unset = {name for name in type(event).model_fields if getattr(event, name) is None}
    try:
        return event.model_dump_json(exclude=unset)
    except PydanticSerializationError:
        message = f"match {event.match_id}: one of its further fields cannot be written as JSON"
        raise InvalidEvent(message) from None


def payload_of(event: Event) -> str:
    """Write an event as the JSON that the outbox keeps and the stream carries.

    Raises:
        InvalidEvent: it is too large, or cannot be written.

    """
    payload = to_json(event)
    if len(payload.encode()) > MAX_PAYLOAD_BYTES:
        message = f"match {event.match_id}: the event is larger than {MAX_PAYLOAD_BYTES} bytes"
        raise InvalidEvent(message)
    return payload
