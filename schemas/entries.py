"""Entries: how an event travels on the stream, as a CloudEvent whose attributes are plain, readable fields.

(id, type, source, time, subject, datacontenttype, traceparent, data.)  ``id`` and ``subject`` are the
event's idempotency key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.errors import InvalidEvent, NewerEventVersion
from schemas.events import (
    MATCH_CONVERTED,
    MATCH_CREATED,
    MATCH_WITHDRAWN,
    VERSION,
    Event,
    MatchConverted,
    MatchWithdrawn,
    conversion_from_json,
    is_conversion,
    is_withdrawal,
    match_from_json,
    split_key,
    withdrawal_from_json,
)

SOURCE: Final = "kfpush/outbox"

_ALL: Final = (MATCH_CREATED, MATCH_WITHDRAWN, MATCH_CONVERTED)
_TYPE = re.compile(r"(?P<name>[a-z.]+)\.v(?P<version>[1-9][0-9]{0,8})")


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

    event: Event
    again: bool


def decode(fields: Mapping[bytes, bytes]) -> Arrived:
    """Read a stream entry.

    A withdrawal or a conversion of a newer version is read all the same: its subject says of what.

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
    event = _event(texts["type"], texts["subject"], texts["data"])
    if event.key != texts["subject"]:
        message = f"subject {texts['subject'][:80]!r} does not belong to its data"
        raise InvalidEvent(message)
    return Arrived(event, texts.get("again") == "1")


def _event(type_text: str, subject: str, data: str) -> Event:
    found = _TYPE.fullmatch(type_text)
    if found is None or found["name"] not in _ALL:
        message = f"unknown event type {type_text[:80]!r}"
        raise InvalidEvent(message)
    match_id, revision = split_key(subject)
    if _name_of(subject) != found["name"]:
        message = f"subject {subject[:80]!r} is none of {type_text[:80]!r}"
        raise InvalidEvent(message)
    is_newer = int(found["version"]) > VERSION
    if found["name"] == MATCH_CREATED:
        if is_newer:
            raise NewerEventVersion(subject)
        return match_from_json(data)
    if found["name"] == MATCH_WITHDRAWN:
        if not is_newer:
            return withdrawal_from_json(data)
        return MatchWithdrawn.model_construct(match_id=match_id, revision=revision, user_id=_user_in(data))
    if not is_newer:
        return conversion_from_json(data)
    return MatchConverted.model_construct(match_id=match_id, user_id=_user_in(data))


def _name_of(subject: str) -> str:
    """What kind of event a key belongs to."""
    if is_conversion(subject):
        return MATCH_CONVERTED
    return MATCH_WITHDRAWN if is_withdrawal(subject) else MATCH_CREATED


def _user_in(data: str) -> str:
    """The user named by data of a newer version, if it still names one there."""
    try:
        user_id = json.loads(data)["user_id"]
        user_id.encode()  # JSON can name half a character, which no database holds
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return ""
    return str(user_id)
