"""A match taken back: its event, its key, and how it travels."""

import json

import pytest

from schemas.entries import Arrived, Envelope, decode
from schemas.errors import InvalidEvent
from schemas.events import (
    MatchWithdrawn,
    is_withdrawal,
    match_from,
    payload_of,
    revision_in,
    split_key,
    type_of,
)

TAKEN_BACK = MatchWithdrawn(match_id="m1", revision=2, user_id="u1", reason="联系人已删除")


def entry(key: str, kind: str, data: str) -> dict[bytes, bytes]:
    """A stream entry as Redis hands it out."""
    fields = Envelope(key, kind, "2026-11-22T06:00:00.000Z", data).fields()
    return {name.encode(): value.encode() for name, value in fields.items()}


def test_it_comes_back() -> None:
    """What the mirror writes, intake reads."""
    assert (TAKEN_BACK.key, type_of(TAKEN_BACK)) == ("m1:2:withdrawn", "kfpush.match.withdrawn.v1")

    fields = entry(TAKEN_BACK.key, type_of(TAKEN_BACK), payload_of(TAKEN_BACK))

    assert decode(fields) == Arrived(TAKEN_BACK, again=False)


@pytest.mark.parametrize(
    ("key", "expected", "withdraws"),
    [
        ("m1:2:withdrawn", ("m1", 2), True),
        ("m1:2", ("m1", 2), False),
        ("a:1:1:withdrawn", ("a:1", 1), True),
        # ids may look like keys themselves
        ("m1:2:withdrawn:3", ("m1:2:withdrawn", 3), False),
        ("m1:2:withdrawn:3:withdrawn", ("m1:2:withdrawn", 3), True),
    ],
)
def test_keys(key: str, expected: tuple[str, int], withdraws: bool) -> None:  # noqa: FBT001 - a table's column
    """A key says which revision it speaks of, and whether it takes it back."""
    assert (split_key(key), is_withdrawal(key)) == (expected, withdraws)
    assert revision_in(key, expected[0]) == expected[1]


@pytest.mark.parametrize("key", ["m1:withdrawn", ":1:withdrawn", "m1:0:withdrawn", "withdrawn"])
def test_what_is_no_key(key: str) -> None:
    """It names no revision of any match."""
    assert not is_withdrawal(key)
    with pytest.raises(InvalidEvent, match="not an event key"):
        split_key(key)


@pytest.mark.parametrize(
    ("key", "kind", "error"),
    [
        ("m1:2", "kfpush.match.withdrawn.v1", "is none of"),
        ("m1:2:withdrawn", "kfpush.match.created.v1", "is none of"),
        ("m1:2:withdrawn", "kfpush.match.created.v9", "is none of"),
        ("m1:3:withdrawn", "kfpush.match.withdrawn.v1", "does not belong to its data"),
        ("m1:2:withdrawn", "kfpush.match.deleted.v1", "unknown event type"),
    ],
)
def test_a_key_of_something_else(key: str, kind: str, error: str) -> None:
    """Type, key and data have to say the same."""
    with pytest.raises(InvalidEvent, match=error):
        decode(entry(key, kind, payload_of(TAKEN_BACK)))


@pytest.mark.parametrize(
    ("data", "user_id"),
    [
        (json.dumps({"user_id": "u1", "since": 7}), "u1"),
        (json.dumps({"user_id": 7}), ""),
        (json.dumps({"user_id": "\ud800"}), ""),
        ("[]", ""),
        ("not even JSON", ""),
    ],
)
def test_a_newer_version_is_kept_to(data: str, user_id: str) -> None:
    """Its subject says what is withdrawn: to wait for newer code would send what nobody wants sent."""
    arrived = decode(entry("m1:2:withdrawn", "kfpush.match.withdrawn.v2", data))

    assert isinstance(arrived.event, MatchWithdrawn)
    assert (arrived.event.match_id, arrived.event.revision, arrived.event.user_id) == ("m1", 2, user_id)
    assert arrived.event.key == "m1:2:withdrawn"


def test_a_match_is_not_a_withdrawal() -> None:
    """Their types differ by name, not by version."""
    assert type_of(match_from({"match_id": 1, "user_id": "u", "profile_name": "n", "score": 1})) == (
        "kfpush.match.created.v1"
    )
