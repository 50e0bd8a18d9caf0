"""Intake on a real server: every entry becomes a row or a dead letter, whatever it is and whoever is away."""

import asyncio
import json
import random
import string

import pytest

from consumer import intake
from schemas import entries
from schemas.receipts import Accepted
from tests.flow.stream_house import KEYS, StreamHouse, entry, eventually


async def letters(streaming: StreamHouse) -> list[dict[str, object]]:
    """The dead letters."""
    return await streaming.house.rows("SELECT * FROM push_dead_letters ORDER BY id")


async def test_fresh_entries_become_rows(streaming: StreamHouse) -> None:
    """From the stream's beginning; they stay pending until their walk ends."""
    ids = await streaming.add("m1", "m2")

    async with streaming.intake():
        await asyncio.wait_for(streaming.stored.wait(), 20)
        await streaming.wait_for("m1", "m2")
        ids += await streaming.add("m3")
        await streaming.wait_for("m1", "m2", "m3")

    assert await streaming.pending() == [(each, "a-1", 1) for each in ids]
    assert await streaming.house.standing() == [("waiting", "fresh")] * 3
    entries = await streaming.house.rows("SELECT entry_id FROM push_deliveries ORDER BY match_id")
    assert [row["entry_id"] for row in entries] == ids


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"something": "else"}, "the entry lacks type, subject, data"),
        (entry("m1", data="nonsense"), "Invalid JSON"),
        (entry("m1", subject="m1:" + "9" * 5000), "not an event key"),
        (
            entry("m1", data=json.dumps({"match_id": "m1", "note": "字" * 30_000}, ensure_ascii=False)),
            "too many",
        ),
    ],
    ids=["no fields of ours", "no JSON", "an endless number", "too large"],
)
async def test_an_unreadable_entry(streaming: StreamHouse, bad: dict[str, str], error: str) -> None:
    """A dead letter at once, whole, then acked; its neighbours go on."""
    [before, dead, after] = await streaming.add("a", bad, "b")

    async with streaming.intake():
        await streaming.wait_for("a", "b")
        await streaming.wait_for_pending((before, "a-1", 1), (after, "a-1", 1))

    [letter] = await letters(streaming)
    assert (letter["entry_id"], letter["reason"], letter["deliveries"]) == (dead, "unreadable_event", 1)
    assert error in str(letter["error"])
    assert dict(json.loads(str(letter["raw"]))) == bad
    assert letter["event_key"] == bad.get("id")


NOISE = "".join(random.Random(7).choices(string.ascii_letters, k=9000))
"""No database can make it shorter, and no index of PostgreSQL's holds it."""


@pytest.mark.parametrize("bad", [{"id": NOISE}, entry("m1", version="v2", subject=f"{NOISE}:1")])
async def test_what_calls_itself_by_an_endless_name(streaming: StreamHouse, bad: dict[str, str]) -> None:
    """It is a dead letter like any other: nobody behind it waits for an index that cannot hold it."""
    await streaming.add("a", bad, "b")

    async with streaming.intake():
        await streaming.wait_for("a", "b")

    [letter] = await letters(streaming)
    assert dict(json.loads(str(letter["raw"]))) == bad


async def test_an_entry_that_is_no_utf8(streaming: StreamHouse) -> None:
    """Every byte is kept: what is no text, as base64."""
    await streaming.add({"id": "m1:1", "data": b"\xff\x00ok", b"\xfe": "x"})  # type: ignore[dict-item]

    async with streaming.intake():
        await eventually(lambda: letters(streaming))

    [letter] = await letters(streaming)
    assert json.loads(str(letter["raw"])) == [
        ["id", "m1:1"],
        ["data", {"base64": "/wBvaw=="}],
        [{"base64": "/g=="}, "x"],
    ]
    assert (letter["event_key"], letter["error"]) == ("m1:1", "the entry is not UTF-8")


async def test_the_same_event_twice(streaming: StreamHouse) -> None:
    """In one batch or later: one row, and the second entry is acked at once."""
    [first, *_] = await streaming.add("m1", "m1", "m1")

    async with streaming.intake():
        await streaming.wait_for("m1")
        await streaming.wait_for_pending((first, "a-1", 1))
        await streaming.add("m1")
        [other] = await streaming.add("m2")
        await streaming.wait_for("m1", "m2")

    assert await streaming.pending() == [(first, "a-1", 1), (other, "a-1", 1)]


async def test_an_event_whose_match_was_sent(streaming: StreamHouse) -> None:
    """A late repetition changes nothing, also when it asks to look again."""
    await streaming.house.session()
    await streaming.house.sent(Accepted(), "m1")
    await streaming.add("m1", entry("m1", again="1"))
    [marker] = await streaming.add("m2")

    async with streaming.intake():
        await streaming.wait_for("m1", "m2")
        await streaming.wait_for_pending((marker, "a-1", 1))

    assert await streaming.house.standing("m1") == [("sent", None)]


async def test_an_event_that_asks_to_look_again(streaming: StreamHouse) -> None:
    """A missing row is made, a dropped one is due again."""
    await streaming.house.arrive("m1")
    await streaming.house.prefers(enable_push=0)
    await streaming.house.plan()
    assert await streaming.house.standing("m1") == [("dropped", "push_disabled")]
    await streaming.add(entry("m1", again="1"), entry("m2", again="1"))

    async with streaming.intake():
        await streaming.wait_for("m1", "m2")

    assert await streaming.house.standing("m1", "m2") == [("waiting", "fresh")] * 2


async def test_a_newer_version_waits_for_newer_code(
    streaming: StreamHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a row at once, acked, never due; the code that knows it decodes it when it starts."""
    await streaming.add(entry("m2", version="v2", extra="kept"), entry("m3", version="v3"))
    async with streaming.intake():
        await streaming.wait_for("m2", "m3")
        await streaming.wait_for_pending()
    assert await streaming.house.standing() == [("parked", "needs_upgrade")] * 2
    assert not await streaming.house.find_due()

    monkeypatch.setattr(entries, "VERSION", 2)
    [marker] = await streaming.add("m4")
    async with streaming.intake():
        await streaming.wait_for("m2", "m3", "m4")
        await streaming.wait_for_pending((marker, "a-1", 1))

    assert await streaming.house.standing() == [
        ("waiting", "fresh"),
        ("parked", "needs_upgrade"),
        ("waiting", "fresh"),
    ]
    assert (await streaming.house.find_due()).user_ids == ("u1",)


@pytest.mark.parametrize("deliveries", [4, 5, 9])
@pytest.mark.parametrize("name", ["a-1", "a-2"], ids=["its own", "another's"])
async def test_poison(streaming: StreamHouse, deliveries: int, name: str) -> None:
    """Handed out five times and never settled: whoever takes it next buries it instead of dying on it."""
    [entry_id] = await streaming.add("m1")
    await streaming.stream(name).ensure_group()
    await streaming.stream(name).fresh(1, block=0)
    for _ in range(deliveries - 1):
        await streaming.stream(name).claim(entry_id, 0)
    assert await streaming.pending() == [(entry_id, name, deliveries)]

    async with streaming.intake("a-1", idle=0.001):
        if deliveries < 5:
            await streaming.wait_for("m1")
        else:
            await streaming.wait_for_pending()

    if deliveries < 5:
        assert await letters(streaming) == []
        return
    [letter] = await letters(streaming)
    assert (letter["reason"], letter["deliveries"], letter["event_key"]) == ("poison", deliveries, "m1:1")
    assert dict(json.loads(str(letter["raw"]))) == entry("m1")
    assert await streaming.matches() == []


async def test_poison_whose_row_exists(streaming: StreamHouse) -> None:
    """It only lacked the ack: nothing is buried."""
    [entry_id] = await streaming.add("m1")
    await streaming.house.arrive("m1")
    await streaming.stream("a-2").ensure_group()
    await streaming.stream("a-2").fresh(1, block=0)
    for _ in range(6):
        await streaming.stream("a-2").claim(entry_id, 0)

    async with streaming.intake(idle=0.001):
        await streaming.wait_for_pending()

    assert await letters(streaming) == []


async def test_what_another_left_behind(streaming: StreamHouse) -> None:
    """Entries of a consumer that died are taken over; those whose rows exist are acked."""
    ids = await streaming.add("m1", "m2", "m3")
    await streaming.stream("dead-1").ensure_group()
    await streaming.stream("dead-1").fresh(3, block=0)
    await streaming.house.arrive("m2")

    async with streaming.intake(idle=0.001):
        await streaming.wait_for("m1", "m2", "m3")

    assert ids[1] not in [entry_id for entry_id, _, _ in await streaming.pending()]


async def test_what_was_deleted_while_pending(streaming: StreamHouse) -> None:
    """There is nothing to store; the outbox knows better and adds it again."""
    ids = await streaming.add("m1", "m2")
    await streaming.stream("a-1").ensure_group()
    await streaming.stream("a-1").fresh(3, block=0)
    await streaming.redis.xdel(KEYS.matches, ids[0])

    async with streaming.intake("a-1"):
        await streaming.wait_for("m2")
        await streaming.wait_for_pending()

    assert await letters(streaming) == []


async def test_what_its_name_had_read(streaming: StreamHouse) -> None:
    """A consumer that comes back under its name takes up what it had read and not stored."""
    [first] = await streaming.add("m1")
    await streaming.stream("a-1").ensure_group()
    await streaming.stream("a-1").fresh(1, block=0)

    async with streaming.intake("a-2"):
        [other] = await streaming.add("m2")
        await streaming.wait_for("m2")
    assert await streaming.pending() == [(first, "a-1", 1), (other, "a-2", 1)]
    async with streaming.intake("a-1"):
        await streaming.wait_for("m1", "m2")


async def test_back_pressure(streaming: StreamHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """While enough rows are due the stream holds the rest, unread."""
    monkeypatch.setattr(intake, "MOST_DUE", 2)
    monkeypatch.setattr(intake, "BACK_PRESSURE_WAIT", 0.01)
    await streaming.add("m1", "m2")

    async with streaming.intake():
        await streaming.wait_for("m1", "m2")
        await streaming.add("m3", "m4")
        await asyncio.sleep(0.1)
        assert len(await streaming.pending()) == 2

        await streaming.house.plan()
        await streaming.wait_for("m1", "m2", "m3", "m4")
