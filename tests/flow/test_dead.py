"""Dead letters: looked at, taken up again, closed; by two at once, and by one who was interrupted."""

from datetime import datetime, timedelta

import pytest

from consumer import deadletters, letters
from consumer.audit import Act
from consumer.deadletters import Poison
from consumer.letters import Batch, Close, Redrive, Wanted
from consumer.redrive import Fate
from schemas.database import Database
from schemas.decisions import Reason
from schemas.events import MatchWithdrawn
from schemas.receipts import Accepted, RefusalKind, Refused, Unknown
from tests.flow.ledger_house import LedgerHouse, at, match
from tests.flow.stream_house import entry

BAD_WORDS = Refused(40201, RefusalKind.CONTENT)
BY_ANNA = Act("anna", "dead redrive", "template mended", {})
EVERYTHING = Wanted()
TIMEOUT = Unknown("timeout")


async def run(
    step: Redrive | Close, house: LedgerHouse, own: Database | None = None, batches: int = 100
) -> dict[Fate, int]:
    """Run an act batch by batch, at most so many; tell what became of how many."""
    told: dict[Fate, int] = {}
    batch: Batch | None = None
    for _ in range(batches):
        before = batch
        batch = await (own or house.own).exclusive(lambda tx: step.batch(tx, before, house.now))  # noqa: B023
        for item in batch.judged:
            told[item.fate] = told.get(item.fate, 0) + 1
        if batch.at is None:
            break
    return told


def redrive(
    *names: str, resend: bool = False, act: Act | None = BY_ANNA, until: datetime | None = None
) -> Redrive:
    """Take up letters again, as Anna."""
    return Redrive(Wanted(names, until=until), resend, act)


async def refused(house: LedgerHouse, *match_ids: str) -> None:
    """Matches of one user, each refused for its content, a second apart."""
    await house.session()
    for match_id in match_ids:
        await house.sent(BAD_WORDS, match_id)
        house.later(seconds=1)


async def given_up(house: LedgerHouse, match_id: str = "m1") -> None:
    """A match whose message nobody learnt of for three days."""
    await house.session()
    await house.sent(TIMEOUT, match(match_id, expires_at="2026-12-22T00:00:00Z"))
    house.later(hours=72)
    await house.plan()
    await house.session(said="2026-11-25T11:30:00")
    await house.look_again()


async def bury(
    house: LedgerHouse, entry_id: str, fields: dict[str, str], reason: Reason = Reason.POISON
) -> None:
    """An entry is put aside."""
    raw = {name.encode(): text.encode("utf-8", "surrogateescape") for name, text in fields.items()}
    letter = Poison(entry_id, raw, reason, "handed out 5 times", 5)
    await house.own.exclusive(lambda tx: deadletters.bury(tx, [letter], house.now))


async def test_a_refused_match_goes_out_as_a_new_message(house: LedgerHouse) -> None:
    """Another push, another generation, another msgid; who did it and why is kept."""
    await refused(house, "m1")

    assert await run(redrive(), house) == {Fate.WAITING: 1}

    assert await house.standing("m1") == [("waiting", "fresh")]
    attempt = await house.plan_one()
    await house.settle((attempt, Accepted()))
    assert await house.standing("m1") == [("sent", None)]
    [first, second] = await house.pushes("msgid")
    assert first != second
    assert await house.rows("SELECT author, act, why, done FROM push_audit") == [
        {"author": "anna", "act": "dead redrive", "why": "template mended", "done": 1}
    ]
    lines = await house.timeline("entry, match_id, reason, detail, author")
    assert ("person", "m1", "redrive", "template mended", "anna") in lines


async def test_an_older_revision_stays_behind_a_newer_one(house: LedgerHouse) -> None:
    """What was scored again since is not sent with its old score; nor is what was withdrawn."""
    await refused(house, "m1", "m2")
    await house.sent(Accepted(), match("m1", revision=2, score=0.95))
    await house.withdraw(MatchWithdrawn(match_id="m2", user_id="u1"))

    assert await run(redrive(), house) == {Fate.WAITING: 2}

    assert not (await house.plan()).attempts
    rows = await house.rows("SELECT match_id, revision, reason FROM push_deliveries ORDER BY 1, 2")
    assert [tuple(row.values()) for row in rows] == [
        ("m1", 1, "superseded"),
        ("m1", 2, None),
        ("m2", 1, "withdrawn"),
    ]


async def test_looking_changes_nothing(house: LedgerHouse) -> None:
    """A dry run tells what would be, and nothing is written, nor would it be allowed to."""
    await refused(house, "m1", "m2")
    await bury(house, "1-0", entry("m3"))
    house.later(days=8)

    step = redrive(act=None)
    batch = await house.own.read(lambda tx: step.batch(tx, None, house.now))

    assert [(item.letter.name, item.fate) for item in batch.judged] == [
        ("m1:1", Fate.EXPIRED),
        ("m2:1", Fate.EXPIRED),
        ("1-0", Fate.WAITING),
    ]
    assert await house.standing() == [("dead", "content_refused")] * 2
    assert await house.rows("SELECT * FROM push_audit") == []


async def test_what_may_have_been_seen_is_left(house: LedgerHouse) -> None:
    """Only a person who says so sends it again, under another msgid."""
    await given_up(house)
    assert await house.standing("m1") == [("dead", "outcome_unknown")]

    assert await run(redrive(), house) == {Fate.NEEDS_RESEND: 1}
    assert await house.standing("m1") == [("dead", "outcome_unknown")]

    assert await run(redrive(resend=True), house) == {Fate.WAITING: 1}
    attempt = await house.plan_one()
    assert attempt.letter.matches == (("m1", 1),)
    assert len(set(await house.pushes("msgid"))) == 2


async def test_a_match_that_was_sent_is_sent_again_by_name_only(house: LedgerHouse) -> None:
    """Nobody redrives it by accident, and while its new push is open nobody doubles that."""
    await house.session()
    await house.sent(Accepted(), "m1")
    assert await run(redrive("m1:1"), house) == {Fate.NEEDS_RESEND: 1}
    assert await run(redrive(resend=True), house) == {}

    assert await run(redrive("m1:1", resend=True), house) == {Fate.WAITING: 1}
    await house.plan_one()

    assert await run(redrive("m1:1", resend=True), house) == {Fate.PUSH_OPEN: 1}
    assert await house.standing("m1") == [("sending", None)]


@pytest.mark.parametrize("since", ["expired", "withdrawn", "scored again"])
async def test_a_match_that_was_sent_and_is_over_keeps_its_ending(house: LedgerHouse, since: str) -> None:
    """Taken up it would only be dropped, and nobody could tell any more that the user has it."""
    await house.session()
    await house.sent(Accepted(), "m1")
    if since == "expired":
        house.later(days=8)
    elif since == "withdrawn":
        await house.withdraw(MatchWithdrawn(match_id="m1", user_id="u1"))
    else:
        await house.arrive(match("m1", revision=2, score=0.95))

    assert await run(redrive("m1:1", resend=True), house) == {Fate.OVER: 1}

    assert (await house.rows("SELECT status FROM push_deliveries WHERE revision = 1")) == [{"status": "sent"}]


async def test_a_drop_while_nobody_knew_is_left_too(house: LedgerHouse) -> None:
    """Its message was given up because the user said stop: it may be on the phone."""
    await house.session()
    await house.sent(TIMEOUT, "m1")
    await house.prefers(enable_push=0)
    house.later(minutes=5)
    await house.plan()
    assert await house.standing("m1") == [("dropped", "push_disabled")]

    assert await run(redrive("m1:1"), house) == {Fate.NEEDS_RESEND: 1}


async def test_good_news_after_a_redrive_ends_the_match(house: LedgerHouse) -> None:
    """The message given up was accepted after all: the match has gone out, and goes no second time."""
    await house.session()
    await house.arrive(match("m1", expires_at="2026-12-22T00:00:00Z"))
    attempt = await house.plan_one()
    house.later(hours=72)
    await house.plan()
    await run(redrive(resend=True), house)

    await house.settle((attempt, Accepted()))

    assert await house.standing("m1") == [("sent", None)]
    await house.session(said="2026-11-25T11:30:00")
    assert (await house.plan()).attempts == []


async def test_an_entry_is_read_again(house: LedgerHouse) -> None:
    """What today's code can read becomes a row; what it cannot stays, with the reason.  Bytes are kept."""
    await house.session()
    await bury(house, "1-0", entry("m1"))
    await bury(house, "2-0", {**entry("m2"), "data": '{"match_id": "m2"'}, Reason.UNREADABLE_EVENT)
    await bury(house, "3-0", {**entry("m3"), "data": "\udcff"}, Reason.UNREADABLE_EVENT)
    await bury(house, "4-0", entry("m4", version="v9"))

    assert await run(redrive(), house) == {Fate.WAITING: 2, Fate.UNREADABLE: 2}

    assert await house.standing() == [("waiting", "fresh"), ("parked", "needs_upgrade")]
    rows = await house.rows("SELECT entry_id, redriven_at, closed_by, raw FROM push_dead_letters ORDER BY id")
    assert [(row["entry_id"], row["redriven_at"], row["closed_by"]) for row in rows] == [
        ("1-0", "2026-11-22T04:00:00.000Z", "anna"),
        ("2-0", None, None),
        ("3-0", None, None),
        ("4-0", "2026-11-22T04:00:00.000Z", "anna"),
    ]
    assert all(row["raw"] for row in rows)
    assert (await house.plan_one()).letter.matches == (("m1", 1),)
    assert await run(redrive("1-0", "2-0"), house) == {Fate.NOT_DEAD: 1, Fate.UNREADABLE: 1}


async def test_the_bytes_of_an_entry_come_back_as_they_were(house: LedgerHouse) -> None:
    """Also those that are no text, and an entry of which nothing was left."""
    fields = {b"id": b"\xff\x00", "名".encode(): "张三".encode(), b"\xfe": b""}
    gone = Poison("2-0", None, Reason.POISON, "gone")
    kept = Poison("1-0", fields, Reason.POISON, "kept")
    await house.own.exclusive(lambda tx: deadletters.bury(tx, [kept, gone], house.now))

    [first, second] = await house.own.read(lambda tx: letters.page(tx, EVERYTHING, None, 10))

    assert first.fields == fields
    assert second.fields is None
    assert await run(redrive("2-0"), house) == {Fate.GONE: 1}


async def test_two_operators_at_once(house: LedgerHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """On two connections, batch by batch in turn: every letter is taken up once, and counted once."""
    monkeypatch.setattr(letters, "BATCH", 2)
    await refused(house, *(f"m{number}" for number in range(5)))
    other = Database(house.own.url, "own", wal=True)
    anna, bert = redrive(), redrive(act=Act("bert", "dead redrive", None, {}))
    batches: dict[str, Batch | None] = {"anna": None, "bert": None}
    try:
        for _ in range(4):
            for name, step, own in (("anna", anna, house.own), ("bert", bert, other)):
                before = batches[name]
                batches[name] = await own.exclusive(lambda tx: step.batch(tx, before, house.now))  # noqa: B023
    finally:
        await other.close()

    done = await house.rows("SELECT author, done FROM push_audit ORDER BY author")
    assert done == [{"author": "anna", "done": 3}, {"author": "bert", "done": 2}]
    assert await house.standing() == [("waiting", "fresh")] * 5
    acts = [line for line in await house.timeline("entry, match_id") if line[0] == "person"]
    assert sorted(acts) == [("person", f"m{number}") for number in range(5)]


async def test_an_interrupted_redrive_is_started_again(
    house: LedgerHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first run did is done and counted; the second does the rest and nothing twice."""
    monkeypatch.setattr(letters, "BATCH", 2)
    await refused(house, *(f"m{number}" for number in range(5)))

    assert await run(redrive(), house, batches=1) == {Fate.WAITING: 2}
    assert await run(redrive(), house) == {Fate.WAITING: 3}

    assert await house.rows("SELECT done FROM push_audit ORDER BY id") == [{"done": 2}, {"done": 3}]
    assert await house.standing() == [("waiting", "fresh")] * 5


async def test_what_dies_again_meanwhile_is_taken_up_once(
    house: LedgerHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run ends, although what it took up is refused again behind its back."""
    monkeypatch.setattr(letters, "BATCH", 1)
    await refused(house, "m1", "m2")
    step = redrive(until=house.now)
    first = await house.own.exclusive(lambda tx: step.batch(tx, None, house.now))
    house.later(seconds=1)
    await house.settle((await house.plan_one(), BAD_WORDS))

    second = await house.own.exclusive(lambda tx: step.batch(tx, first, house.now))
    last = await house.own.exclusive(lambda tx: step.batch(tx, second, house.now))

    assert [item.letter.name for batch in (first, second, last) for item in batch.judged] == ["m1:1", "m2:1"]


async def test_a_closed_letter_stays_closed(house: LedgerHouse) -> None:
    """Neither a replay nor a redrive takes it up; nothing is deleted; the counts forget it."""
    await refused(house, "m1")
    await bury(house, "1-0", {"id": "m2:1"}, Reason.UNREADABLE_EVENT)
    closing = Close(EVERYTHING, Act("bert", "dead drop", "old", {}))

    assert await run(closing, house) == {Fate.CLOSED: 2}
    await house.arrive("m1", again=True)

    assert await house.standing("m1") == [("dropped", "closed")]
    assert await run(redrive("m1:1", "1-0"), house) == {Fate.NOT_DEAD: 2}
    assert await house.own.read(lambda tx: letters.counts(tx, EVERYTHING)) == {}
    assert await house.own.read(deadletters.count_by_reason) == []
    assert await run(closing, house) == {}
    [row] = await house.rows("SELECT dropped_at, closed_by, closed_why, raw FROM push_dead_letters")
    assert list(row.values()) == ["2026-11-22T04:00:01.000Z", "bert", "old", '[["id", "m2:1"]]']


async def test_pages_lose_nothing_and_repeat_nothing(house: LedgerHouse) -> None:
    """Letters of both kinds and of one moment, three to a page."""
    await house.session()
    for nth in range(4):
        await house.sent(BAD_WORDS, f"m{nth}")
        await bury(house, f"{nth}-0", {"id": "x"})
    house.later(seconds=1)
    await bury(house, "9-0", {"id": "x"})
    place = None
    seen: list[str] = []
    while page := await house.own.read(lambda tx: letters.page(tx, EVERYTHING, place, 3)):  # noqa: B023
        seen += [letter.name for letter in page]
        place = letters.read_place(str(letters.place_of(page[-1])))

    assert seen == ["0-0", "1-0", "2-0", "3-0", "m0:1", "m1:1", "m2:1", "m3:1", "9-0"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Wanted(reasons=("content_refused",)), ["m1:1"]),
        (Wanted(reasons=("poison", "unclassified")), ["1-0"]),
        (Wanted(user_id="u1"), ["m1:1"]),
        (Wanted(user_id="u2"), []),
        (Wanted(since=at("22 12:00:01")), ["1-0"]),
        (Wanted(until=at("22 12:00")), ["m1:1"]),
        (Wanted(since=at("22 12:00") - timedelta(days=1), until=at("22 12:00:01")), ["m1:1", "1-0"]),
    ],
    ids=["reason", "two reasons", "user", "another user", "since", "until", "span"],
)
async def test_filters_choose(house: LedgerHouse, wanted: Wanted, names: list[str]) -> None:
    """By reason, user and time; what is counted is what is listed."""
    await refused(house, "m1")
    await bury(house, "1-0", {"id": "x"})

    found = await house.own.read(lambda tx: letters.page(tx, wanted, None, 10))

    assert [letter.name for letter in found] == names
    counts = await house.own.read(lambda tx: letters.counts(tx, wanted))
    assert sum(counts.values()) == len(names)
