"""What a producer may say, and how it is written down."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InvalidEvent
from schemas.events import (
    MatchCreated,
    event_key,
    match_from,
    match_from_json,
    match_from_ledger,
    payload_of,
    split_key,
    to_json,
)

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)

FRIENDAI = {
    "match_id": 17,
    "intent_id": 3,
    "intent_name": "寻找技术合伙人",
    "profile_id": 42,
    "profile_name": "张三",
    "score": 0.85,
    "match_type": "hybrid",
    "matched_conditions": ["包含关键词'AI'", "location符合'北京'"],
    "explanation": "张三完美匹配：...",
    "user_id": "oABC",
}
LEAST = {"match_id": "m1", "user_id": "u1", "profile_name": "张三", "score": 0.85}


def test_a_match_as_friendai_has_it() -> None:
    """FriendAI's own mapping, integer ids and all, is a MatchCreated of revision 1."""
    match = match_from(FRIENDAI)

    assert (match.match_id, match.revision, match.key) == ("17", 1, "17:1")
    assert (match.intent_id, match.profile_id) == ("3", "42")
    assert match.matched_conditions == ("包含关键词'AI'", "location符合'北京'")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"score": float("nan")}, "score"),
        ({"score": float("inf")}, "score"),
        ({"score": 1.0000001}, "score"),
        ({"score": -0.1}, "score"),
        ({"score": None}, "score"),
        ({"score": "high"}, "score"),
        ({"match_id": ""}, "match_id"),
        ({"match_id": "two words"}, "match_id"),
        ({"match_id": "m1\n"}, "match_id"),
        ({"match_id": "m\0"}, "match_id"),
        ({"user_id": "u\x1b[0m"}, "user_id"),
        ({"match_id": "m" * 129}, "match_id"),
        ({"match_id": None}, "match_id"),
        ({"match_id": True}, "match_id"),
        ({"match_id": 1.5}, "match_id"),
        ({"user_id": " "}, "user_id"),
        ({"revision": 0}, "revision"),
        ({"revision": -1}, "revision"),
        ({"revision": 2**53 + 1}, "revision"),
        ({"revision": 1.5}, "revision"),
        ({"profile_name": ""}, "profile_name"),
        ({"profile_name": "长" * 501}, "profile_name"),
        ({"profile_name": "half a pair \ud800"}, "profile_name"),
        ({"explanation": "长" * 10_001}, "explanation"),
        ({"matched_conditions": "not a list"}, "matched_conditions"),
        ({"matched_conditions": [1]}, "matched_conditions.0"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ({"expires_at": "9999-12-31T23:59:59-10:00"}, "expires_at"),
    ],
)
def test_what_is_refused_is_named(change: dict[str, object], named: str) -> None:
    """A wrong field is named, and its value, which may be personal, is not repeated."""
    with pytest.raises(InvalidEvent) as refused:
        match_from(LEAST | change)

    assert str(refused.value).startswith(f"{named}: ")
    assert "张三" not in str(refused.value)


@pytest.mark.parametrize("missing", ["match_id", "user_id", "profile_name", "score"])
def test_what_is_missing_is_named(missing: str) -> None:
    """Four fields are needed."""
    with pytest.raises(InvalidEvent, match=f"{missing}: Field required"):
        match_from({name: value for name, value in LEAST.items() if name != missing})


def test_several_complaints_come_at_once() -> None:
    """A producer mends everything in one go."""
    with pytest.raises(InvalidEvent, match=r"match_id: .*; user_id: .*; score: "):
        match_from({"match_id": "", "user_id": "", "profile_name": "x", "score": 2})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        '{"match_id": "m1", "user_id": "u1", "profile_name": "x", "score": NaN}',
        '{"match_id": "m1", "user_id": "u1", "profile_name": "\\ud800", "score": 1}',
        '{"match_id": "m1", "user_id": "u1", "profile_name": "x", "score": 1, "x": ' + "[" * 9999 + "}",
    ],
)
def test_what_is_no_json_object(text: str) -> None:
    """Anything but an object that JSON's rules allow is refused, also one that nests without end."""
    with pytest.raises(InvalidEvent):
        match_from_json(text)


@pytest.mark.parametrize("character", ["x", "字"])
def test_size_is_counted_in_bytes(character: str) -> None:
    """64 KiB of UTF-8 is the most, in whatever script, as text or as bytes."""
    frame = len(json.dumps(LEAST | {"note": ""}, ensure_ascii=False).encode())
    room = (64 * 1024 - frame) // len(character.encode())
    fits = json.dumps(LEAST | {"note": character * room}, ensure_ascii=False)
    large = json.dumps(LEAST | {"note": character * (room + 1)}, ensure_ascii=False)

    assert match_from_json(fits) == match_from_json(fits.encode())
    for text in (large, large.encode()):
        with pytest.raises(InvalidEvent, match="65536"):
            match_from_json(text)
    with pytest.raises(InvalidEvent, match="65536"):
        payload_of(match_from(json.loads(large) | {"more": "x" * 99}))


def test_what_grew_when_it_was_read_is_kept_all_the_same() -> None:
    """The limit judges what comes in; what was let in is never too large for the ledger."""
    frame = len(json.dumps(LEAST | {"n": []}))
    text = json.dumps(LEAST | {"n": []}).replace("[]", "[" + ",".join(["1e15"] * 10_000) + "]")
    assert frame < len(text) < 64 * 1024

    assert len(to_json(match_from_json(text))) > 64 * 1024


@pytest.mark.parametrize("value", [object(), {1, object()}, "half \ud800"])
def test_what_json_has_no_word_for(value: object) -> None:
    """A further field that cannot be written is refused when the event is added, not later."""
    with pytest.raises(InvalidEvent, match="match m1: one of its further fields"):
        payload_of(match_from(LEAST | {"note": value}))


def test_unknown_fields_travel_on() -> None:
    """Fields of a newer producer, empty ones and strangely named ones too, come out as they went in."""
    further = {"note": None, "deep": {"a": [1, None]}, "cls": 1, "self": 2, "_fields_set": ["x"], "key": 3}

    written = payload_of(match_from(LEAST | further))

    assert LEAST | further == {name: json.loads(written)[name] for name in LEAST | further}
    assert written == to_json(match_from_ledger(written))
    assert written == payload_of(match_from_json(written))


def test_times_become_utc_and_travel() -> None:
    """A time without a zone is UTC; both times survive the ledger."""
    match = match_from(
        LEAST | {"occurred_at": "2026-11-22T10:00:00", "expires_at": "2026-11-30T08:00:00+08:00"}
    )

    assert datetime(2026, 11, 22, 10, tzinfo=UTC) == match.occurred_at
    assert datetime(2026, 11, 30, 0, tzinfo=UTC) == match.expires_at
    assert match == match_from_ledger(to_json(match))


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({}, "2026-11-29T06:00:00+00:00"),
        ({"occurred_at": "2026-11-20T06:00:00Z"}, "2026-11-27T06:00:00+00:00"),
        ({"occurred_at": "2026-11-20T06:00:00Z", "expires_at": "2026-11-23T00:00:00Z"}, "2026-11-23"),
        ({"expires_at": "9999-12-31T23:59:59Z"}, "9999-12-31T23:59:59+00:00"),
        # a producer's clock that runs ahead makes nothing live longer
        ({"occurred_at": "2027-11-22T06:00:00Z"}, "2026-11-29T06:00:00+00:00"),
        ({"occurred_at": "9999-12-31T23:59:59Z"}, "2026-11-29T06:00:00+00:00"),
        ({"occurred_at": "0001-01-01T00:00:00Z"}, "0001-01-08T00:00:00+00:00"),
    ],
)
def test_expiry(times: dict[str, str], expected: str) -> None:
    """Seven days from when it occurred, if the producer says nothing else."""
    found = match_from(LEAST | times).expiry(NOW)

    assert datetime.fromisoformat(expected).replace(tzinfo=UTC) == found


def test_the_ledger_is_read_leniently() -> None:
    """A stricter rule of newer code does not stop what an older one let in."""
    old = {"match_id": "m1", "user_id": "u1", "profile_name": "长" * 600, "score": 0.85, "cls": 1}

    match = match_from_ledger(json.dumps(old))

    assert (match.key, match.profile_name, match.score) == ("m1:1", "长" * 600, 0.85)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("17:1", ("17", 1)),
        ("a:b:c:12", ("a:b:c", 12)),
        ("::3", (":", 3)),
        ("17:9007199254740992", ("17", 9007199254740992)),
    ],
)
def test_split_key(key: str, expected: tuple[str, int]) -> None:
    """The last colon parts the revision from an id that may have colons of its own."""
    assert expected == split_key(key)
    assert key == event_key(*expected)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "17",
        ":1",
        "17:",
        "17:x",
        "17:-1",
        "17:0",
        "17:01",
        "17:1 ",
        "17:１",
        "17:" + "9" * 17,
        "1" * 129 + ":1",
        "1:" + "9" * 5000,
    ],  # noqa: RUF100
)
def test_what_is_no_key(key: str) -> None:
    """A revision is written one way, in digits that fit a database's integer."""
    with pytest.raises(InvalidEvent, match="not an event key"):
        split_key(key)


words = st.text(min_size=1, max_size=20).filter(lambda text: not text.isspace())
ids = st.one_of(st.integers(0, 2**60), st.from_regex(r"[0-9A-Za-z:_-]{1,40}", fullmatch=True))
further = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.text(max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(deadline=None)
@given(
    ids,
    st.integers(1, 2**53),
    words,
    st.floats(0, 1),
    st.datetimes(timezones=st.sampled_from([UTC, None])),
    st.dictionaries(words.map(lambda name: f"x-{name}"), further, max_size=3),
)
def test_payload_round_trip(
    match_id: int | str,
    revision: int,
    name: str,
    score: float,
    at: datetime,
    more: dict[str, object],
) -> None:
    """What is written is read back the same, byte for byte the second time."""
    values = {
        "match_id": match_id,
        "revision": revision,
        "user_id": "u",
        "profile_name": name,
        "score": score,
    }
    match = match_from(values | {"occurred_at": at} | more)

    written = payload_of(match)
    read: list[Callable[[str], MatchCreated]] = [match_from_json, match_from_ledger]

    assert [written, written] == [payload_of(reader(written)) for reader in read]
    assert (f"{match_id}:{revision}", name, score) == (match.key, match.profile_name, match.score)
    assert more == {key: json.loads(written)[key] for key in more}
    assert at.replace(tzinfo=UTC) == match.occurred_at
    assert (str(match_id), revision) == split_key(match.key)
    assert NOW + timedelta(days=7) >= match.expiry(NOW)
