"""A match that came to what it was for: its event, its key, and how it travels."""

import json

import pytest

from schemas.entries import Arrived, Envelope, decode
from schemas.errors import InvalidEvent
from schemas.events import (
    OF_ALL,
    MatchConverted,
    is_conversion,
    is_withdrawal,
    key_range,
    payload_of,
    revision_in,
    split_key,
    type_of,
)

MET = MatchConverted(match_id="m1", user_id="u1", name="met")


def entry(key: str, kind: str, data: str) -> dict[bytes, bytes]:
    """A stream entry as Redis hands it out."""
    fields = Envelope(key, kind, "2026-11-22T06:00:00.000Z", data).fields()
    return {name.encode(): value.encode() for name, value in fields.items()}


def test_it_comes_back() -> None:
    """What the mirror writes, intake reads."""
    assert (MET.key, type_of(MET)) == ("m1:converted", "kfpush.match.converted.v1")

    assert decode(entry(MET.key, type_of(MET), payload_of(MET))) == Arrived(MET, again=False)


@pytest.mark.parametrize(
    ("key", "match_id", "revision", "converts"),
    [
        ("m1:converted", "m1", OF_ALL, True),
        ("a:1:converted", "a:1", OF_ALL, True),
        # ids may look like keys themselves
        ("m1:1:withdrawn:converted", "m1:1:withdrawn", OF_ALL, True),
        ("m1:converted:converted", "m1:converted", OF_ALL, True),
        ("m1:converted:2", "m1:converted", 2, False),
        ("m1:converted:2:withdrawn", "m1:converted", 2, False),
    ],
)
def test_keys(key: str, match_id: str, revision: int, converts: bool) -> None:  # noqa: FBT001 - a table's column
    """A conversion is of all of a match; no two events share a key, whatever ids look like."""
    assert (split_key(key), is_conversion(key)) == ((match_id, revision), converts)
    first, below = key_range(match_id)
    assert first <= key < below
    if converts:
        assert revision_in(key, match_id) is None
        assert not is_withdrawal(key)


@pytest.mark.parametrize("key", [":converted", "converted", "m1", ""])
def test_what_is_no_key(key: str) -> None:
    """It names no match."""
    assert not is_conversion(key)
    with pytest.raises(InvalidEvent, match="not an event key"):
        split_key(key)


@pytest.mark.parametrize("name", ["", "说过话", "a b", "X" * 3, "x" * 41])
def test_a_name_is_a_word_for_counting(name: str) -> None:
    """Not what somebody typed: it stands in reports."""
    data = json.dumps({"match_id": "m1", "user_id": "u1", "name": name})

    with pytest.raises(InvalidEvent, match="name"):
        decode(entry("m1:converted", "kfpush.match.converted.v1", data))


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("m1:1", "kfpush.match.converted.v1"),
        ("m1:1:withdrawn", "kfpush.match.converted.v1"),
        ("m1:converted", "kfpush.match.created.v1"),
        ("m1:converted", "kfpush.match.withdrawn.v2"),
    ],
)
def test_a_key_of_another_kind_is_refused(subject: str, kind: str) -> None:
    """What it says it is and what its key says must be one."""
    with pytest.raises(InvalidEvent, match="is none of"):
        decode(entry(subject, kind, payload_of(MET)))


def test_a_newer_version_is_read_all_the_same() -> None:
    """Its subject says what was converted: waiting for newer code would count it late or never."""
    arrived = decode(entry("m1:converted", "kfpush.match.converted.v2", '{"user_id": "u1", "when": []}'))

    assert isinstance(arrived.event, MatchConverted)
    assert (arrived.event.key, arrived.event.name, arrived.event.user_id) == (
        "m1:converted",
        "converted",
        "u1",
    )
