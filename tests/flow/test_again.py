"""Replay and backfill: what comes again changes only what it may, whoever else is at it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from consumer.audit import Act
from consumer.fates import Fate
from consumer.letters import Close, Wanted
from ops import again
from ops.again import Again, Outcome, Page, Ways, entries, events
from producer.backfill import Selection, Status
from producer.stream import BEGINNING, MatchStream, StreamId
from schemas.database import Database
from schemas.keys import GROUP
from schemas.receipts import Accepted, RefusalKind, Refused, Unknown
from tests.flow.ledger_house import at
from tests.flow.mirror_house import Application, carried, mirroring, on_stream, wait_for_stream
from tests.flow.stream_house import KEYS, StreamHouse, entry, eventually

BY_ANNA = Act("anna", "replay", "a test", {})
LAST: StreamId = (2**50, 0)
TIMEOUT = Unknown("timeout")
BAD_WORDS = Refused(40201, RefusalKind.CONTENT)


class Ear:
    """Hears how far a run is."""

    def __init__(self, on_page: Callable[[], None] = lambda: None) -> None:
        self.done = 0
        self.waits = asyncio.Event()
        self._on_page = on_page

    def advance(self, events: int) -> None:
        """Count, and let the test do something between two pages."""
        self.done += events
        self._on_page()

    def waiting(self, unread: bool) -> None:  # noqa: ARG002, FBT001 - the protocol's
        """Note that it waits."""
        self.waits.set()


class Operator:
    """Somebody who runs replays and backfills, on connections of their own if need be."""

    def __init__(
        self, streaming: StreamHouse, own: Database | None = None, act: Act | None = BY_ANNA
    ) -> None:
        house = streaming.house
        self.stream = MatchStream(streaming.client(), KEYS.matches, KEYS.mirror_lease)
        self.house = house
        self.ways = Ways(
            house.app, own or house.own, self.stream, lambda: house.now, lambda: house.wall, act, waits=False
        )

    async def run(
        self,
        pages: AsyncIterator[Page],
        *,
        ear: Ear | None = None,
        stop: asyncio.Event | None = None,
        wanted: set[Fate] | None = None,
    ) -> Outcome:
        """Go through pages."""
        outcome = Outcome()
        await Again(self.ways, ear or Ear(), wanted).run(pages, stop or asyncio.Event(), outcome)
        return outcome

    async def replay(self, first: StreamId = BEGINNING, last: StreamId = LAST, **how: Any) -> Outcome:  # noqa: ANN401 - of run
        """Replay a range, up to what is on the stream now."""
        position = await self.stream.position()
        return await self.run(
            entries(self.stream, first, min(last, position.last_generated), position), **how
        )

    async def backfill(self, selection: Selection | None = None, **how: Any) -> Outcome:  # noqa: ANN401 - of run
        """Backfill a selection."""
        pages = events(self.house.app, selection or Selection(), await self.stream.position())
        return await self.run(pages, **how)


async def all_read(streaming: StreamHouse) -> None:
    """Let a consumer read whatever is on the stream, and leave again."""
    stream = MatchStream(streaming.redis, KEYS.matches, KEYS.mirror_lease)

    async def is_so() -> bool:
        position = await stream.position()
        stored = {
            row["entry_id"] for row in await streaming.house.rows("SELECT entry_id FROM push_deliveries")
        }
        pending = {entry_id for entry_id, _, _ in await streaming.pending()}
        return position.last_delivered == position.last_generated and pending <= stored

    await streaming.stream().ensure_group()
    async with streaming.intake():
        await eventually(is_so)


async def taken(streaming: StreamHouse, *match_ids: str) -> None:
    """Matches come by the stream and become rows; their entries are acked."""
    await streaming.add(*match_ids)
    await all_read(streaming)
    ids = [entry_id for entry_id, _, _ in await streaming.pending()]
    if ids:
        await streaming.redis.xack(KEYS.matches, GROUP, *ids)


async def sent(streaming: StreamHouse, *match_ids: str) -> None:
    """They are accepted by WeChat, five at most."""
    await taken(streaming, *match_ids)
    house = streaming.house
    await house.settle(*((attempt, Accepted()) for attempt in (await house.plan()).attempts))


async def slots_used(streaming: StreamHouse) -> int:
    """How many pushes there ever were."""
    return len(await streaming.house.pushes())


async def test_a_replay_of_everything_ever_sent_sends_nothing(streaming: StreamHouse) -> None:
    """Nothing is put on the stream, and if it were, intake and plan would leave it: no slot is burnt."""
    await streaming.house.session()
    await sent(streaming, "m1", "m2", "m3")
    before = await on_stream(streaming)

    outcome = await Operator(streaming).replay()

    assert (outcome.fates, dict(outcome.added)) == ({Fate.SENT: 3}, {})
    assert await on_stream(streaming) == before
    found = await streaming.redis.xrange(KEYS.matches)
    await Operator(streaming).stream.add_again([fields for _, fields in found])
    await all_read(streaming)
    assert (await streaming.house.plan()).attempts == []
    assert await streaming.house.standing() == [("sent", None)] * 3
    assert await slots_used(streaming) == 3


async def test_each_kind_is_told_and_done_as_told(streaming: StreamHouse) -> None:
    """What was said to be left is left; what was said to be decided anew is."""
    house = streaming.house
    await house.session()
    await sent(streaming, "sent")
    await taken(streaming, "dead", "closed")
    for attempt in (await house.plan()).attempts:
        await house.settle((attempt, BAD_WORDS))
    closing = Close(Wanted(("closed:1",)), Act("anna", "dead drop", "old", {}))
    await house.own.exclusive(lambda tx: closing.batch(tx, None, house.now))
    await taken(streaming, "lost")
    for attempt in (await house.plan()).attempts:
        await house.settle((attempt, TIMEOUT))
    await house.prefers(enable_push=0)
    await taken(streaming, "dropped")
    await house.plan()
    await house.prefers(enable_push=1, quiet_hours="11:00-13:00")
    await taken(streaming, "waiting")
    await house.plan()
    await house.prefers(enable_push=1)
    await streaming.add(entry("parked") | {"data": entry("parked")["data"].replace("u1", "u2")})
    await taken(streaming)
    await house.plan()
    await taken(streaming, "missing", "again")
    await house.own.exclusive(lambda tx: tx.execute("DELETE FROM push_deliveries WHERE match_id = 'missing'"))
    await house.own.exclusive(lambda tx: tx.execute("DELETE FROM push_deliveries WHERE match_id = 'again'"))
    await streaming.add({**entry("broken"), "data": "{"}, entry("newer", version="v9"), "again")
    await all_read(streaming)
    await house.own.exclusive(lambda tx: tx.execute("DELETE FROM push_deliveries WHERE match_id = 'again'"))
    await streaming.add("ahead")
    told = {
        Fate.SENT: 1,
        Fate.DEAD: 1,
        Fate.CLOSED: 1,
        Fate.SENDING: 1,
        Fate.DROPPED: 1,
        Fate.WAITING: 1,
        Fate.PARKED: 1,
        Fate.MISSING: 2,
        Fate.REPEATED: 1,
        Fate.UNREADABLE: 1,
        Fate.NEEDS_UPGRADE: 1,
        Fate.ON_ITS_WAY: 1,
    }
    before = await on_stream(streaming)

    looked = await Operator(streaming, act=None).replay()

    assert looked.fates == told
    assert await on_stream(streaming) == before
    assert await house.rows("SELECT * FROM push_audit WHERE act = 'replay'") == []

    outcome = await Operator(streaming).replay()
    assert (outcome.fates, outcome.added) == (told, looked.added)
    assert (await on_stream(streaming))[len(before) :] == ["dropped", "waiting", "parked", "missing", "again"]
    await all_read(streaming)
    assert await house.standing("sent", "dead", "closed", "lost", "newer") == [
        ("sent", None),
        ("dead", "content_refused"),
        ("dropped", "closed"),
        ("sending", None),
        ("parked", "needs_upgrade"),
    ]
    revived = ("dropped", "waiting", "parked", "missing", "again", "ahead")
    assert await house.standing(*revived) == [("waiting", "fresh")] * 6
    assert await house.rows("SELECT done, why FROM push_audit WHERE act = 'replay'") == [
        {"done": 5, "why": "a test"}
    ]


async def test_a_replay_leaves_the_group_alone(streaming: StreamHouse) -> None:
    """It reads past the group: nothing is delivered, claimed or acked by it."""
    await taken(streaming, "m1")
    await streaming.add("m2")
    before = await streaming.redis.xinfo_groups(KEYS.matches)

    await Operator(streaming, act=None).replay()

    assert await streaming.redis.xinfo_groups(KEYS.matches) == before
    assert await streaming.redis.xinfo_consumers(KEYS.matches, GROUP) is not None


async def test_a_second_replay_adds_no_more_than_the_first(streaming: StreamHouse) -> None:
    """The entries that a replay added lie in the next one's range: each match comes once a run."""
    await taken(streaming, "m1", "m2")  # no session: they are parked
    await streaming.house.plan()
    for _ in range(3):
        outcome = await Operator(streaming).replay()
        assert sum(outcome.added.values()) == 2
        await all_read(streaming)
        await streaming.house.plan()

    assert len(await on_stream(streaming)) == 8


async def test_a_backfill_of_a_half_lost_stream_restores_what_is_missing(
    streaming: StreamHouse, application: Application
) -> None:
    """Redis was flushed and the ledger lost half its rows: these come back, and nothing else is touched."""
    house = streaming.house
    await house.session()
    application.commits(*(f"m{nth}" for nth in range(8)))
    async with mirroring(streaming), streaming.intake():
        await streaming.wait_for(*(f"m{nth}" for nth in range(8)))
        await wait_for_stream(streaming, *(f"m{nth}" for nth in range(8)))
    await house.settle(*((attempt, Accepted()) for attempt in (await house.plan()).attempts))
    standing = dict(zip([f"m{nth}" for nth in range(8)], await house.standing(), strict=True))
    lost = ("m1", "m4", "m5", "m7")
    await house.own.exclusive(
        lambda tx: tx.execute("DELETE FROM push_deliveries WHERE match_id IN ('m1', 'm4', 'm5', 'm7')")
    )
    await streaming.redis.flushall()
    only_missing = Selection(Status.MISSING)

    looked = await Operator(streaming, act=None).backfill(only_missing, wanted={Fate.MISSING})
    outcome = await Operator(streaming).backfill(only_missing, wanted={Fate.MISSING})

    assert looked.added == outcome.added == {Fate.MISSING: 4}
    assert await on_stream(streaming) == list(lost)
    await all_read(streaming)
    kept = [match_id for match_id in standing if match_id not in lost]
    assert await house.standing(*kept) == [standing[match_id] for match_id in kept]
    assert await house.standing(*lost) == [("waiting", "fresh")] * 4
    again_ = await Operator(streaming).backfill(only_missing, wanted={Fate.MISSING})
    assert dict(again_.added) == {}


async def test_what_a_backfill_brought_is_not_lost_to_the_mirror(
    streaming: StreamHouse, application: Application
) -> None:
    """Rows that the mirror had not taken are marked as taken: it does not add them again."""
    application.commits("m1", "m2")

    outcome = await Operator(streaming).backfill(Selection(Status.UNMIRRORED))
    async with mirroring(streaming, grace=0.01), streaming.intake():
        await streaming.wait_for("m1", "m2")

        async def is_so() -> bool:
            return await carried(streaming) == ["m1:1", "m2:1"]

        await eventually(is_so)

    assert outcome.added == {Fate.MISSING: 2}
    assert await on_stream(streaming) == ["m1", "m2"]


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(), ["1", "2", "3"]),
        (Selection(since=at("22 12:01")), ["2", "3"]),
        (Selection(until=at("22 12:01")), ["1", "2"]),
        (Selection(from_id=2, to_id=2), ["2"]),
        (Selection(Status.UNMIRRORED), ["3"]),
        (Selection(Status.UNCARRIED), ["2"]),
    ],
    ids=["all", "since", "until", "ids", "unmirrored", "uncarried"],
)
async def test_a_selection(streaming: StreamHouse, selection: Selection, names: list[str]) -> None:
    """By time of commit, by id, and by what became of the row; both ends are included."""
    values = [
        (1, "m1:1", "2026-11-22T04:00:00.000Z", "x", "1-0", "x"),
        (2, "m2:1", "2026-11-22T04:01:00.000Z", "x", "2-0", None),
        (3, "m3:1", "2026-11-22T04:02:00.000Z", None, None, None),
    ]
    await streaming.house.app.exclusive(
        lambda tx: tx.many(
            "INSERT INTO push_outbox (id, event_key, created_at, mirrored_at, stream_id, carried_at,"
            " event_type, user_id, payload) VALUES (?, ?, ?, ?, ?, ?, 'x', 'u', '{}')",
            values,
        )
    )
    position = await Operator(streaming).stream.position()
    pages = [page async for page in events(streaming.house.app, selection, position)]

    assert [item.name for page in pages for item in page.items] == names


async def test_an_interrupted_replay_goes_on_where_it_ended(
    streaming: StreamHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked to stop it ends after its page and says from where to go on; started again it does the rest."""
    monkeypatch.setattr(again, "PAGE", 2)
    await taken(streaming, *(f"m{nth}" for nth in range(5)))
    await streaming.house.plan()
    ids = [entry_id for entry_id, _ in await streaming.redis.xrange(KEYS.matches)]
    stop = asyncio.Event()

    first = await Operator(streaming).replay(ear=Ear(stop.set), stop=stop)
    milliseconds, _, sequence = first.following.partition("-")
    rest = await Operator(streaming).replay((int(milliseconds), int(sequence)), _id(ids[-1]))
    from_the_start = await Operator(streaming).replay(BEGINNING, _id(ids[-1]))

    assert (first.is_interrupted, sum(first.added.values())) == (True, 2)
    assert first.following == f"{_id(ids[1])[0]}-{_id(ids[1])[1] + 1}"
    assert (rest.is_interrupted, sum(rest.added.values())) == (False, 3)
    assert await on_stream(streaming) == [*(f"m{nth}" for nth in range(5))] * 3
    assert sum(from_the_start.added.values()) == 5
    await all_read(streaming)
    assert await streaming.house.standing() == [("waiting", "fresh")] * 5
    assert await streaming.house.rows("SELECT done FROM push_audit") == [
        {"done": 2},
        {"done": 3},
        {"done": 5},
    ]


def _id(text: bytes) -> StreamId:
    milliseconds, _, sequence = text.decode().partition("-")
    return int(milliseconds), int(sequence)


async def test_an_interrupted_backfill_goes_on_where_it_ended(
    streaming: StreamHouse, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off, and started again with the very same words, every event comes at least once."""
    monkeypatch.setattr(again, "PAGE", 2)
    application.commits(*(f"m{nth}" for nth in range(5)))
    stop = asyncio.Event()

    first = await Operator(streaming).backfill(ear=Ear(stop.set), stop=stop)
    assert first.following == "3"
    second = await Operator(streaming).backfill(Selection(from_id=int(first.following)))

    assert [sum(outcome.added.values()) for outcome in (first, second)] == [2, 3]
    await all_read(streaming)
    assert await streaming.matches() == [f"m{nth}" for nth in range(5)]


async def test_two_operators_at_once_double_nothing(
    streaming: StreamHouse, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replays and backfills of the same matches, page by page at once: one row and one message each."""
    monkeypatch.setattr(again, "PAGE", 1)
    house = streaming.house
    application.commits("m1", "m2", "m3")
    async with mirroring(streaming), streaming.intake():
        await streaming.wait_for("m1", "m2", "m3")
    await house.plan()
    assert await house.standing() == [("parked", "no_session")] * 3
    await house.session()
    other = Database(house.own.url, "own", wal=True)
    bert = Operator(streaming, other)
    try:
        async with streaming.intake("b-1"):
            await asyncio.gather(
                Operator(streaming).backfill(), bert.backfill(), bert.replay(), Operator(streaming).replay()
            )
        await all_read(streaming)
    finally:
        await other.close()
    attempts = (await house.plan()).attempts
    await house.settle(*((attempt, Accepted()) for attempt in attempts))
    await Operator(streaming).backfill()
    await all_read(streaming)

    assert sorted(attempt.letter.matches for attempt in attempts) == [
        (("m1", 1),),
        (("m2", 1),),
        (("m3", 1),),
    ]
    assert (await house.plan()).attempts == []
    assert await house.standing() == [("sent", None)] * 3


async def test_it_waits_for_the_consumers(streaming: StreamHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """While they have not read what is there, or planned what is due, nothing is added."""
    monkeypatch.setattr(again, "PAGE", 2)
    monkeypatch.setattr(again, "SAY_AFTER", 0)
    await taken(streaming, *(f"m{nth}" for nth in range(4)))
    await streaming.house.plan()
    operator = Operator(streaming)
    patient = Ways(
        *(
            operator.ways.app,
            operator.ways.own,
            operator.stream,
            operator.ways.now,
            operator.ways.wall,
            BY_ANNA,
        )
    )
    operator.ways = patient
    ear, stop = Ear(), asyncio.Event()

    run = asyncio.create_task(operator.replay(ear=ear, stop=stop))
    await asyncio.wait_for(ear.waits.wait(), 20)
    assert len(await on_stream(streaming)) == 4 + 2  # the second page waits for the first to be read
    async with streaming.intake():
        outcome = await run

    assert sum(outcome.added.values()) == 4
    monkeypatch.setattr(again, "MOST_DUE", 1)
    held = asyncio.create_task(operator.replay(ear=(impatient := Ear()), stop=stop))
    await all_read(streaming)
    await asyncio.wait_for(impatient.waits.wait(), 20)
    stop.set()
    assert (await held).is_interrupted
    assert impatient.done == 0
