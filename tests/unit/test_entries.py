"""An event on the stream: what is written, what is read, and everything that is no event."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.entries import Envelope, decode
from schemas.errors import InvalidEvent, NewerEventVersion
from schemas.events import match_from, payload_of

LEAST = {"match_id": "m1", "user_id": "u1", "profile_name": "张三", "score": 0.85}


def entry(
    subject: str = "m1:1",
    kind: str = "kfpush.match.created.v1",
    data: str | bytes | None = None,
    **more: str,
) -> dict[bytes, bytes]:
    """A stream entry as Redis hands it out."""
    raw = json.dumps(LEAST) if data is None else data
    fields = {b"type": kind.encode(), b"subject": subject.encode(), b"data": _bytes(raw)}
    return fields | {name.encode(): value.encode() for name, value in more.items()}


def _bytes(raw: str | bytes) -> bytes:
    return raw if isinstance(raw, bytes) else raw.encode()


def test_an_entry_is_a_cloudevent_and_comes_back() -> None:
    """What the mirror writes, intake reads."""
    match = match_from(LEAST | {"match_id": 17})
    envelope = Envelope(
        match.key, "kfpush.match.created.v1", "2026-11-22T06:00:00.000Z", payload_of(match), "00-ab-cd-01"
    )

    fields = envelope.fields()
    arrived = decode({name.encode(): value.encode() for name, value in fields.items()})

    assert (fields["id"], fields["subject"], fields["type"]) == ("17:1", "17:1", "kfpush.match.created.v1")
    assert (
        fields["specversion"],
        fields["source"],
        fields["datacontenttype"],
    ) == ("1.0", "kfpush/outbox", "application/json")
    assert fields["traceparent"] == "00-ab-cd-01"
    assert "again" not in fields
    assert (match, False) == (arrived.event, arrived.again)


def test_an_entry_may_ask_to_look_again() -> None:
    """Replay and backfill mark their entries."""
    match = match_from(LEAST)
    fields = Envelope(match.key, "kfpush.match.created.v1", "", payload_of(match), again=True).fields()

    assert decode({name.encode(): value.encode() for name, value in fields.items()}).again


def without(name: str) -> dict[bytes, bytes]:
    """An entry that lacks a field."""
    return {key: value for key, value in entry().items() if key != name.encode()}


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "the entry lacks type, subject, data"),
        (without("type"), "the entry lacks type"),
        (without("subject"), "the entry lacks subject"),
        (without("data"), "the entry lacks data"),
        (entry(data=b"\xff\xfe"), "the entry is not UTF-8"),
        (entry() | {b"\xff": b"x"}, "the entry is not UTF-8"),
        (entry(kind="kfpush.match.created"), "unknown event type"),
        (entry(kind="kfpush.match.created.v0"), "unknown event type"),
        (entry(kind="kfpush.match.deleted.v1"), "unknown event type"),
        (entry(kind="kfpush.match.created.v1x"), "unknown event type"),
        (entry(kind="kfpush.match.created.v" + "9" * 5000), "unknown event type"),
        (entry(subject="m1"), "not an event key"),
        (entry(subject="m1:" + "9" * 5000), "not an event key"),
        (entry(subject="m1:2"), "does not belong to its data"),
        (entry(subject="m2:1"), "does not belong to its data"),
        (entry(data="{}"), "match_id: Field required"),
        (entry(data="nonsense"), "Invalid JSON"),
        (entry(data=b"x" * 65_537), "too many"),
        (entry(subject="x:" + "9" * 17, kind="kfpush.match.created.v2"), "not an event key"),
    ],
)
def test_what_cannot_be_decoded(fields: dict[bytes, bytes], complaint: str) -> None:
    """Every bad shape is an InvalidEvent that says what is wrong, and never a newer version."""
    with pytest.raises(InvalidEvent, match=complaint) as refused:
        decode(fields)

    assert not isinstance(refused.value, NewerEventVersion)


@pytest.mark.parametrize("version", ["2", "17", "999999999"])
def test_a_newer_version_is_kept_and_not_read(version: str) -> None:
    """Its subject is all that this kfpush reads, whatever its data look like."""
    with pytest.raises(NewerEventVersion, match=r"^a:b:7$"):
        decode(entry(subject="a:b:7", kind=f"kfpush.match.created.v{version}", data="{not even json"))


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([b"type", b"subject", b"data", b"again", b"id"]),
        st.one_of(
            st.binary(max_size=80),
            st.sampled_from([b"kfpush.match.created.v1", b"m1:1", json.dumps(LEAST).encode()]),
        ),
    ),
)
def test_decode_raises_nothing_else(fields: dict[bytes, bytes]) -> None:
    """Whatever bytes somebody put on the stream, they are an event or an InvalidEvent."""
    try:
        arrived = decode(fields)
    except InvalidEvent:
        return
    assert arrived.event.key == "m1:1"
