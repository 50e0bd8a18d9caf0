"""Events: what a producer says, how it is written down, and how it travels on the stream.

``MatchCreated`` is version 1 of ``kfpush.match.created``.  On the stream an event is a CloudEvent whose
attributes are plain, readable fields (id, type, source, time, subject, datacontenttype, traceparent, data).
``id`` and ``subject`` are the idempotency key, ``<match_id>:<revision>``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticSerializationError

from schemas.errors import InvalidEvent, NewerEventVersion
from schemas.times import to_text

MATCH_CREATED: Final = "kfpush.match.created"
MATCH_CREATED_VERSION: Final = 1
SOURCE: Final = "kfpush/outbox"
DEFAULT_LIFETIME = timedelta(days=7)
"""A match without its own expiry is not worth a message after this long."""

MAX_PAYLOAD_BYTES: Final = 64 * 1024
"""More than this is a mistake of the producer; a KF message holds 2,048 bytes."""

_TYPE = re.compile(r"(?P<name>[a-z.]+)\.v(?P<version>[1-9][0-9]{0,8})")
_KEY = re.compile(r"(?P<match_id>.+):(?P<revision>[1-9][0-9]{0,15})", re.DOTALL)
"""Numbers as we write them, and of a length that every reader of them can hold."""
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
Id = Annotated[str, BeforeValidator(_id_text), Field(min_length=1, max_length=128, pattern=r"^\S+$")]


class MatchCreated(BaseModel):
    """A user's intent matched a contact.

    ``score`` is 0..1; ids are texts (integers are accepted); times are aware instants (a time without a
    zone is UTC); ``revision`` counts from 1 and rises when the same match is scored again.
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
    occurred_at: Instant | None = None
    expires_at: Instant | None = None

    @property
    def key(self) -> str:
        """The idempotency key: one visible message per key."""
        return event_key(self.match_id, self.revision)

    def expiry(self, created_at: datetime) -> datetime:
        """Tell when the match is no longer worth a message; what claims to come from the future is of now."""
        return self.expires_at or min(self.occurred_at or created_at, created_at) + DEFAULT_LIFETIME


def event_key(match_id: str, revision: int) -> str:
    """Write the idempotency key of a match revision."""
    return f"{match_id}:{revision}"


def split_key(key: str) -> tuple[str, int]:
    """Read (match_id, revision) from an idempotency key."""
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


def event_type(version: int = MATCH_CREATED_VERSION) -> str:
    """Write the CloudEvents type of a MatchCreated."""
    return f"{MATCH_CREATED}.v{version}"


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
    size = len(text.encode(errors="replace")) if isinstance(text, str) else len(text)
    if size > MAX_PAYLOAD_BYTES:
        message = f"{size} bytes are too many; a match has at most {MAX_PAYLOAD_BYTES}"
        raise InvalidEvent(message)
    try:
        return MatchCreated.model_validate_json(text)
    except ValidationError as error:
        raise InvalidEvent(_complaint(error)) from None


def match_from_ledger(text: str) -> MatchCreated:
    """Read a match that was validated when it came in: a stricter rule of newer code does not stop it."""
    try:
        return MatchCreated.model_validate_json(text)
    except ValidationError:
        known = {name: value for name, value in json.loads(text).items() if name in MatchCreated.model_fields}
        return MatchCreated.model_construct(**known)


def to_json(match: MatchCreated) -> str:
    """Write a match as JSON, unknown fields included, whatever its size.

    Raises:
        InvalidEvent: an unknown field holds something that JSON has no word for.

    """
    unset = {name for name in type(match).model_fields if getattr(match, name) is None}
    try:
        return match.model_dump_json(exclude=unset)
    except PydanticSerializationError:
        message = f"match {match.match_id}: one of its further fields cannot be written as JSON"
        raise InvalidEvent(message) from None


def payload_of(match: MatchCreated) -> str:
    """Write a match as the JSON that the outbox keeps and the stream carries.

    Raises:
        InvalidEvent: it is too large, or cannot be written.

    """
    payload = to_json(match)
    if len(payload.encode()) > MAX_PAYLOAD_BYTES:
        message = f"match {match.match_id}: the event is larger than {MAX_PAYLOAD_BYTES} bytes"
        raise InvalidEvent(message)
    return payload


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event as it stands in the outbox, ready to travel."""

    key: str
    type: str
    time: str
    data: str
    traceparent: str | None = None
    again: bool = False

    def fields(self) -> dict[str, str]:
        """Write the stream entry's fields."""
        fields = {
            "specversion": "1.0",
            "id": self.key,
            "type": self.type,
            "source": SOURCE,
            "time": self.time,
            "subject": self.key,
            "datacontenttype": "application/json",
            "data": self.data,
        }
        if self.traceparent:
            fields["traceparent"] = self.traceparent
        if self.again:
            fields["again"] = "1"
        return fields


@dataclass(frozen=True, slots=True)
class Arrived:
    """A decoded stream entry."""

    match: MatchCreated
    again: bool


def decode(fields: Mapping[bytes, bytes]) -> Arrived:
    """Read a stream entry.

    Raises:
        NewerEventVersion: the event is well formed but of a version this kfpush does not know.
        InvalidEvent: anything else that cannot be read; the text says what.

    """
    try:
        texts = {name.decode(): value.decode() for name, value in fields.items()}
    except UnicodeDecodeError:
        message = "the entry is not UTF-8"
        raise InvalidEvent(message) from None
    missing = [name for name in ("type", "subject", "data") if name not in texts]
    if missing:
        message = f"the entry lacks {', '.join(missing)}"
        raise InvalidEvent(message)
    found = _TYPE.fullmatch(texts["type"])
    if found is None or found["name"] != MATCH_CREATED:
        message = f"unknown event type {texts['type'][:80]!r}"
        raise InvalidEvent(message)
    split_key(texts["subject"])
    if int(found["version"]) > MATCH_CREATED_VERSION:
        raise NewerEventVersion(texts["subject"])
    match = match_from_json(texts["data"])
    if match.key != texts["subject"]:
        message = f"subject {texts['subject'][:80]!r} does not belong to its data"
        raise InvalidEvent(message)
    return Arrived(match, texts.get("again") == "1")


def time_of(match: MatchCreated, now: datetime) -> str:
    """Tell the CloudEvents time: when it occurred, or now."""
    return to_text(match.occurred_at or now)
