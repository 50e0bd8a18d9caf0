"""The callback as WeChat sees it: answered at once, believed only when signed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import structlog

from ops import migrate
from ops.bench import caller
from producer.callback.app import LARGEST
from producer.callback.crypto import decode_aes_key, encrypt
from producer.callback.letter import Noticed, read_encrypted, read_event
from producer.callback.seal import Seal, Signed
from schemas.database import Transaction
from schemas.errors import DatabaseBusy
from tests import engines
from tests.callbacks import (
    ACCOUNT,
    AES_KEY,
    CHANCE,
    CORP,
    SYNC_TOKEN,
    Request,
    accounts,
    check,
    envelope,
    foreign,
    notice,
    posted,
    signed,
)
from tests.flow.callback_house import CallbackHouse, callback_house, eventually

AT_NOON = "2026-11-22T04:00:00.000Z"
OTHER_KEY = "kWxPEV2QE6N1q9oGNVb5XQCMO1XIQV0MPPkO5q5Fj5o"


@pytest.fixture
async def desk(engine: engines.Engine) -> AsyncIterator[CallbackHouse]:
    """A callback on a migrated ledger, on each engine."""
    async with callback_house(engine.migrated()[migrate.OWN]) as house:
        yield house


@pytest.fixture
async def lone(tmp_path: Path) -> AsyncIterator[CallbackHouse]:
    """A callback whose database is not there, and need not be."""
    async with callback_house(f"sqlite:///{tmp_path}/away.db") as house:
        yield house


@pytest.mark.parametrize("path", ["/wework/callback", "/wechat/callback"])
async def test_the_check_of_the_url(lone: CallbackHouse, path: str) -> None:
    """The answer is the bare plaintext; a plus sign that was not escaped is one."""
    text = "1616140317555161061 🎉".encode()
    request = check(text)
    bare = Request(request.query.replace("%2B", "+"))
    assert "+" in bare.query

    for asked in (request, bare):
        answer = await lone.get(asked, path)
        assert (answer.status_code, answer.content) == (200, text)
        assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["/wework/callback", "/wechat/callback"])
async def test_a_notice(desk: CallbackHouse, path: str) -> None:
    """It is answered from memory, and a row as soon as the database takes it; a puller is nudged then."""
    answer = await desk.post(posted(notice()), path)

    assert (answer.status_code, answer.text) == (200, "success")
    assert desk.notices() == []
    assert desk.nudges == 0
    await desk.written()
    assert desk.notices() == [(ACCOUNT, SYNC_TOKEN, AT_NOON, None)]
    assert desk.nudges == 1


async def test_many_notices_are_one_row_an_account(desk: CallbackHouse) -> None:
    """The newest token serves, and a token is not lost to a notice that has none."""
    for message in (notice("wk1", "t1"), notice("wk2", "t2"), notice("wk1", "t3"), notice("wk2", None)):
        await desk.post(posted(message))
    assert desk.callback.board.waiting == 2

    await desk.written()

    assert desk.notices() == [("wk1", "t3", AT_NOON, None), ("wk2", "t2", AT_NOON, None)]
    assert (desk.nudges, desk.callback.board.waiting) == (1, 0)


async def test_time_moves_with_every_notice(desk: CallbackHouse) -> None:
    """Also within a millisecond, and after the clock was put back: who pulled an earlier one pulls again."""
    told = []
    for moved in (timedelta(0), timedelta(0), timedelta(hours=-1), timedelta(seconds=1)):
        desk.now += moved
        await desk.post(posted(notice()))
        await desk.written()
        told.append(desk.notices()[0][2])

    assert told == [
        AT_NOON,
        "2026-11-22T04:00:00.001Z",
        "2026-11-22T04:00:00.002Z",
        "2026-11-22T04:00:00.003Z",
    ]
    desk.now += timedelta(hours=2)
    await desk.post(posted(notice()))
    await desk.written()
    assert desk.notices()[0][2] == "2026-11-22T05:00:01.000Z"


async def test_two_processes_move_time_together(desk: CallbackHouse) -> None:
    """Behind one address may be several; what each of them writes is later than what any wrote before."""
    async with callback_house(desk.url) as other:
        for house in (desk, other):
            await house.own.read(lambda tx: tx.rows("SELECT 1"))
        await asyncio.gather(*(_noted(house, 25) for house in (desk, other)))

    assert desk.notices() == [(ACCOUNT, SYNC_TOKEN, "2026-11-22T04:00:00.049Z", None)]


async def _noted(house: CallbackHouse, times: int) -> None:
    for _ in range(times):
        await house.post(posted(notice()))
        await house.written()


async def test_an_old_notice_means_every_account(desk: CallbackHouse) -> None:
    """Deliveries of 2022 name no account: all that are known anywhere in the ledger, but those revoked."""
    for table, name in (("kf_windows", "wkB"), ("kf_windows", "wkA"), ("kf_cursors", "wkC")):
        columns = "open_kfid, external_userid, updated_at" if table == "kf_windows" else "open_kfid"
        values = f"'{name}', 'wm1', ''" if table == "kf_windows" else f"'{name}'"
        engines.ask(desk.url, f"INSERT INTO {table} ({columns}) VALUES ({values}) RETURNING 1")
    await desk.post(posted(accounts(("wkD",), ("wkB",))))
    await desk.written()
    desk.now += timedelta(minutes=1)

    await desk.post(posted(notice("wkD", "own")))
    await desk.post(posted(notice(None, "any")))
    await desk.written()

    later = "2026-11-22T04:01:00.000Z"
    assert desk.notices() == [
        ("wkA", "any", later, None),
        ("wkB", None, AT_NOON, AT_NOON),
        ("wkC", "any", later, None),
        ("wkD", "own", later, None),
    ]


async def test_an_old_notice_when_nothing_is_known(desk: CallbackHouse) -> None:
    """There is no account to note it for, and that is no error."""
    await desk.post(posted(notice(None, "any")))
    await desk.written()

    assert (desk.notices(), desk.callback.board.waiting) == ([], 0)


async def test_accounts_that_come_and_go(desk: CallbackHouse) -> None:
    """A granted one is pulled at once, a revoked one is marked and told; a notice brings it back."""
    with structlog.testing.capture_logs() as logs:
        answer = await desk.post(posted(accounts(("wk1",), ("wk2", "wk3"))))
        await desk.post(posted(notice("wk3")))
        await desk.post(posted(accounts()))
    await desk.written()

    assert answer.text == "success"
    assert desk.notices() == [
        ("wk1", None, AT_NOON, None),
        ("wk2", None, AT_NOON, AT_NOON),
        ("wk3", SYNC_TOKEN, AT_NOON, None),
    ]
    assert [(line["event"], line.get("accounts"), line.get("count")) for line in logs] == [
        ("callback.accounts_granted", ["wk1"], 1),
        ("callback.accounts_revoked", ["wk2", "wk3"], 2),
        ("callback.accounts_changed", None, None),
    ]


async def test_an_account_that_goes_and_comes_back(desk: CallbackHouse) -> None:
    """One that has a row is marked in it, and a later notice or grant takes the mark away."""
    marks = []
    for message in (
        notice("wk1"),
        accounts((), ("wk1",)),
        notice("wk1"),
        accounts((), ("wk1",)),
        accounts(("wk1",)),
    ):
        await desk.post(posted(message))
        await desk.written()
        marks.append(desk.notices()[0][3])

    assert marks == [None, AT_NOON, None, AT_NOON, None]


async def test_events_of_the_app_that_are_not_ours(lone: CallbackHouse) -> None:
    """They are answered, counted, and have no effect."""
    answer = await lone.post(posted(foreign()))

    assert (answer.status_code, answer.text) == (200, "success")
    assert lone.callback.board.waiting == 0
    assert (await lone.client.get("/healthz")).json() == {
        "ok": True,
        "notices_waiting": 0,
        "callbacks": {"foreign": 1},
    }


GOOD = posted(notice())
REFUSED = {
    "no query": (Request("", GOOD.body), 400, "query"),
    "a query without a nonce": (Request(GOOD.query.rpartition("&")[0], GOOD.body), 400, "query"),
    "two signatures": (Request(f"{GOOD.query}&msg_signature=x", GOOD.body), 400, "query"),
    "unsigned": (Request("msg_signature=&timestamp=1&nonce=2", GOOD.body), 403, "signature"),
    "another token": (posted(notice(), token="another"), 403, "signature"),
    "another nonce": (Request(GOOD.query.replace("nonce=1", "nonce=2"), GOOD.body), 403, "signature"),
    "altered": (Request(GOOD.query, GOOD.body.replace(b"[CDATA[", b"[CDATA[A", 2)), 403, "signature"),
    "truncated": (Request(GOOD.query, GOOD.body[:-20]), 400, "not_xml"),
    "empty": (Request(GOOD.query), 400, "not_xml"),
    "not UTF-8": (Request(GOOD.query, GOOD.body.replace(b"218", b"\xff")), 400, "not_xml"),
    "a bomb": (
        Request(GOOD.query, b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>'),
        400,
        "not_xml",
    ),
    "huge": (Request(GOOD.query, GOOD.body.ljust(LARGEST + 1)), 413, "too_large"),
    "another key": (posted(notice(), key=OTHER_KEY), 400, "key"),
    "another corp": (posted(notice(), corp="wwOther"), 403, "corp"),
    "no message inside": (posted(b"hello"), 400, "event"),
    "a message that is cut": (posted(notice()[:-3]), 400, "event"),
    "a message that is not UTF-8": (posted(notice().replace(b"event", b"\xff")), 400, "event"),
}


@pytest.mark.parametrize(("request_", "status", "cause"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_refused_changes_nothing(
    lone: CallbackHouse, request_: Request, status: int, cause: str
) -> None:
    """A 4xx, the cause and no more in the answer, and nothing waits to be written."""
    answer = await lone.post(request_)

    assert (answer.status_code, answer.text) == (status, f"{cause}\n")
    assert lone.callback.board.waiting == 0
    assert lone.callback.tally.counts == {"refused": 1}


async def test_the_largest_body_that_is_read(lone: CallbackHouse) -> None:
    """The bound is a bound on bytes, told beforehand or not."""
    full = Request(GOOD.query, GOOD.body.ljust(LARGEST))

    async def in_pieces() -> AsyncIterator[bytes]:
        for begin in range(0, LARGEST + 1, 1000):
            yield full.body.ljust(LARGEST + 1)[begin : begin + 1000]

    assert (await lone.post(full)).status_code == 200
    untold = await lone.client.post(f"/wework/callback?{GOOD.query}", content=in_pieces())
    assert untold.status_code == 413
    told = await lone.client.post(
        f"/wework/callback?{GOOD.query}", content=GOOD.body, headers={"content-length": "9" * 5000}
    )
    assert told.status_code == 413


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (Request(check(b"1").query.replace("nonce=1", "nonce=2")), 403),
        (Request(check(b"1").query.partition("&echostr")[0]), 400),
        (check(b"1", token="another"), 403),
        (check(b"1", key=OTHER_KEY), 400),
        (check(b"1", corp="wwOther"), 403),
    ],
)
async def test_checks_that_are_refused(lone: CallbackHouse, request_: Request, status: int) -> None:
    """The same rules as for what is posted: nobody learns a plaintext who could not have made it."""
    assert (await lone.get(request_)).status_code == status


async def test_a_very_old_timestamp_is_no_reason(lone: CallbackHouse) -> None:
    """WeChat delivers again what failed, with a time of then; a repeated notice only pulls once more."""
    encrypted = encrypt(decode_aes_key(AES_KEY), notice(), CORP, CHANCE)
    request = Request(signed(encrypted, timestamp="1"), envelope(encrypted))

    assert (await lone.post(request)).status_code == 200
    assert (await lone.post(request)).status_code == 200
    assert lone.callback.board.waiting == 1


async def test_a_fault_of_ours_is_for_wechat_to_try_again(
    lone: CallbackHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash is a 500 and says nothing of itself."""
    monkeypatch.setattr(lone.callback.board, "notice", lambda _noticed: 1 // 0)

    answer = await lone.post(posted(notice()))

    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods(lone: CallbackHouse, method: str) -> None:
    """WeChat has no use for them."""
    assert (await lone.client.request(method, "/wework/callback")).status_code == 405


async def test_the_log_of_refusals_cannot_be_filled(lone: CallbackHouse) -> None:
    """One line a minute and cause, with how many there were; no line shows what came."""
    with structlog.testing.capture_logs() as logs:
        for _ in range(10):
            await lone.post(REFUSED["unsigned"][0])
        await lone.post(REFUSED["huge"][0])
        lone.clock = 60
        await lone.post(REFUSED["unsigned"][0])

    assert [(line["cause"], line["times"]) for line in logs] == [
        ("signature", 1),
        ("too_large", 1),
        ("signature", 10),
    ]
    assert not [word for word in (ACCOUNT, CORP, GOOD.query) if word in str(logs)]


async def test_a_locked_database_is_waited_for(desk: CallbackHouse) -> None:
    """The notice is answered meanwhile; a newer one of the same account is what is written in the end."""
    running = asyncio.create_task(desk.callback.board.run(desk.stop))
    with structlog.testing.capture_logs() as logs:
        with engines.held(desk.url):
            assert (await desk.post(posted(notice("wk1", "t1")))).status_code == 200
            await eventually(lambda: logs)
            assert (await desk.post(posted(notice("wk1", "t2")))).status_code == 200
            assert (await desk.client.get("/healthz")).json()["notices_waiting"] == 1
        await eventually(lambda: not desk.callback.board.waiting)
    desk.stop.set()
    await running

    assert [row[:2] for row in desk.notices()] == [("wk1", "t2")]
    assert [line["event"] for line in logs] == ["callback.waiting", "callback.written_at_last"]
    assert desk.nudges == 1


async def test_a_notice_that_comes_while_one_is_written(desk: CallbackHouse) -> None:
    """It is written after that one, with a later time: a pull that began in between does not hide it."""
    exclusive = desk.own.exclusive
    begun = 0

    async def slow(work: object) -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            await desk.post(posted(notice(ACCOUNT, "second")))
        await exclusive(work)  # type: ignore[arg-type]

    desk.own.exclusive = slow  # type: ignore[method-assign, assignment]
    await desk.post(posted(notice(ACCOUNT, "first")))
    await desk.written()

    assert begun == 2
    assert desk.notices() == [(ACCOUNT, "second", "2026-11-22T04:00:00.001Z", None)]


async def test_a_stop_writes_what_waits_or_says_what_is_left(
    lone: CallbackHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is away keeps nobody from stopping for more than some seconds."""
    monkeypatch.setattr("producer.callback.board.DRAIN_WITHIN", 0.3)
    await lone.post(posted(notice()))

    with structlog.testing.capture_logs() as logs:
        await lone.written()

    assert [line["event"] for line in logs] == ["callback.waiting", "callback.left"]
    assert logs[-1]["notices"] == lone.callback.board.waiting == 1


async def test_a_lost_answer_to_a_commit(desk: CallbackHouse) -> None:
    """What may have been written is written again: one pull too many, none too few."""
    exclusive = desk.own.exclusive
    lost = False

    async def losing(work: object) -> None:
        nonlocal lost
        await exclusive(work)  # type: ignore[arg-type]
        if not lost:
            lost = True
            raise DatabaseBusy("the server went away")

    desk.own.exclusive = losing  # type: ignore[method-assign, assignment]
    await desk.post(posted(notice()))
    await desk.written()

    assert desk.notices() == [(ACCOUNT, SYNC_TOKEN, "2026-11-22T04:00:00.001Z", None)]


async def test_nothing_but_a_notice_wakes_the_database(lone: CallbackHouse) -> None:
    """A check, a refusal and a foreign event touch no database at all: here there is none."""
    touched: list[object] = []

    async def note(work: object) -> None:
        touched.append(work)

    lone.own.exclusive = lone.own.read = note  # type: ignore[method-assign, assignment]
    await lone.get(check(b"1"))
    await lone.post(posted(foreign()))
    await lone.post(REFUSED["unsigned"][0])
    await lone.written()
    assert touched == []


def test_what_the_benchmark_calls_with_is_good() -> None:
    """Its requests are signed and encrypted as WeChat's are, each anew, for several accounts."""
    seal = Seal(CORP, (caller.TOKEN,), (decode_aes_key(caller.AES_KEY),))
    made = caller.requests(CORP, 50)

    assert len(set(made)) == 50
    names = set()
    for request in made:
        head, _, body = request.partition(b"\r\n\r\n")
        query = dict(parse_qsl(urlsplit(head.split(b" ")[1].decode()).query))
        event = read_event(seal.open(Signed(**query), read_encrypted(body)))
        assert isinstance(event, Noticed)
        names.add(event.open_kfid)
    assert len(names) == caller.ACCOUNTS


def test_many_accounts_cost_one_question(engine: engines.Engine) -> None:
    """Five thousand accounts, WeChat's most, are noted in one go."""
    from producer.callback.notices import Note, note
    from tests.flow.callback_house import NOON

    names = [f"wk{n:04}" for n in range(5000)]
    with engine.ledger() as tx:
        note(tx, [Note(name) for name in names], NOON)
        note(tx, [Note(None, "any")], NOON)
        assert _count(tx) == 5000


def _count(tx: Transaction) -> int:
    row = tx.one("SELECT count(*) AS n FROM kf_notices WHERE token = 'any' AND notified_at > ?", (AT_NOON,))
    assert row is not None
    return int(row["n"])
