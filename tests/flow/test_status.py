"""``kfpush status``, asked about ledgers that the rooms' own functions have written."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from fakeredis import FakeAsyncRedis

from consumer import deadletters
from consumer.deadletters import Poison
from consumer.experiments import table
from consumer.stream import Delivered, Stream
from ops.looking.journey import as_json
from ops.looking.standing import Need, Standing, Waiting, needs
from ops.looking.status import count, status
from ops.telling.screen import screen
from producer.outbox import backlog
from schemas.decisions import Reason
from schemas.engines.sqlite import SqliteTransaction, path_of
from schemas.experiments import Experiment, Variant
from schemas.receipts import RefusalKind, Refused, Unknown
from tests.engines import NOON, Engine
from tests.flow.commands import kfpush
from tests.flow.journeys import Walk, walking
from tests.flow.ledger_house import at

SCANS = {
    f"SCAN {table}"
    for table in ("push_outbox", "push_deliveries", "push_messages", "push_timeline", "kf_windows")
}
"""How SQLite says that it reads a whole table; of an index it would name the index."""

NOT_TRUSTED = Refused(60020, RefusalKind.CORP_CONFIG)


@pytest.fixture
async def walk(engine: Engine, tmp_path: Path) -> AsyncIterator[Walk]:
    """Ann wrote at eleven; it is noon, Redis answers, and a consumer has just asked it for entries."""
    redis = FakeAsyncRedis()
    async with walking(engine.migrated(), tmp_path, redis) as made:
        stream = Stream(redis, redis, made.keys.matches, "test-1")
        await stream.ensure_group()
        await stream.fresh(1, block=0)
        yield made
    await redis.aclose()


async def standing_of(walk: Walk, *, with_totals: bool = False) -> Standing:
    """Ask, from outside."""
    async with walk.looking() as look:
        return await status(look, with_totals=with_totals)


async def test_all_is_well(walk: Walk) -> None:
    """After a message: who was sent what, and nobody is needed."""
    await walk.arrive("42")
    await walk.send()
    await walk.house.prefers("ann", quiet_hours="22:00-08:00")
    walk.house.now = walk.house.wall = at("22 23:00")
    await walk.arrive("43")
    await walk.send()

    standing = await standing_of(walk)

    assert needs(standing) == ()
    assert standing.ledger is not None
    assert standing.ledger.last_sent_at == at("22 12:00")
    assert standing.ledger.waiting == (Waiting("waiting", "quiet_hours", 1, at("23 08:00")),)
    assert standing.ledger.lately.by_status == {"sent": 1}
    assert (standing.ledger.windows_open, standing.ledger.windows_exhausted) == (1, 0)
    assert standing.outbox is not None
    assert (standing.outbox.unmirrored, standing.outbox.uncarried) == (0, 2)


async def test_a_window_that_wechat_calls_used_up(walk: Walk) -> None:
    """A refusal is counted with its code, and the window as having nothing left."""
    await walk.arrive("42")
    await walk.send(Refused(95001, RefusalKind.WINDOW))
    await walk.send()

    standing = await standing_of(walk)

    assert standing.ledger is not None
    assert standing.ledger.lately.by_errcode == {"95001": 1}
    assert (standing.ledger.windows_open, standing.ledger.windows_exhausted) == (1, 1)
    assert needs(standing) == ()


async def test_dead_letters(walk: Walk) -> None:
    """Matches that WeChat refused and entries that nobody could read: one list, with an example of each."""
    await walk.arrive("42")
    await walk.arrive("43")
    await walk.send(Refused(40201, RefusalKind.CONTENT))
    await walk.take(Delivered("7-1", {b"id": b"44:1", b"data": b"?"}))
    poison = Poison("8-1", None, Reason.POISON, "handed out 5 times and never settled", 5)
    await walk.house.own.exclusive(lambda tx: deadletters.bury(tx, [poison], walk.house.now))

    standing = await standing_of(walk)

    assert needs(standing) == (Need.DEAD,)
    assert standing.ledger is not None
    assert [(item.reason, item.count, item.example) for item in standing.ledger.dead] == [
        ("content_refused", 2, "42"),
        ("poison", 1, None),
        ("unreadable_event", 1, "44"),
    ]


async def test_a_pause(walk: Walk) -> None:
    """WeChat refuses this machine: what to do about it is on the screen."""
    await walk.arrive("42")
    await walk.send(NOT_TRUSTED)

    standing = await standing_of(walk)

    assert needs(standing) == (Need.PAUSE,)
    assert "Add this server's public IP to the app's 企业可信IP" in screen(standing, "en")[1].text
    assert "请把本服务器的公网 IP 加入应用的「企业可信IP」" in screen(standing, "zh")[1].text


async def test_an_experiment(walk: Walk) -> None:
    """What is tried out is said, and loudly if it silences people; one that cannot be needs a person."""
    spring = Experiment(
        "spring", "match_notification_text", "s", (Variant("control"),), 0.05, NOON, "ann", "why"
    )
    gone = Experiment("gone", "nobodys", "s", (Variant("control"),), 0.0, NOON, "ann", "why")
    for each in (spring, gone):
        await walk.house.own.exclusive(partial(table.start, experiment=each))

    standing = await standing_of(walk)

    assert needs(standing) == (Need.WORDING,)
    told = [(line.at, line.text) for line in screen(standing, "en")]
    assert told[1][1].startswith("- experiment 'gone' varies the template 'nobodys', which is not in force")
    tried = [text for _, text in told if "on template" in text]
    noon = "since 2026-11-22 12:00:00 (04:00:00Z)"
    assert sorted(tried) == [
        f"gone on template nobodys, {noon}",
        f"spring on template match_notification_text, {noon}; 5.0% of the users are sent nothing meanwhile",
    ]


async def test_an_outcome_that_stays_unknown(walk: Walk) -> None:
    """Nobody is called for a lost answer; after an hour somebody is."""
    await walk.arrive("42")
    await walk.send(Unknown("http 502"))
    at_first = await standing_of(walk)
    walk.house.later(hours=1, seconds=1)

    standing = await standing_of(walk)

    assert needs(at_first) == ()
    assert needs(standing) == (Need.UNKNOWN,)
    assert standing.ledger is not None
    assert (standing.ledger.sending, [item.count for item in standing.ledger.open]) == (1, [1])


async def test_nobody_mirrors(walk: Walk) -> None:
    """A committed match waits; the mirror's lease is nobody's."""
    await walk.commit("42")
    walk.house.later(seconds=11)
    without = await standing_of(walk)
    await walk.redis.set(walk.keys.mirror_lease, "somebody")

    assert needs(without) == (Need.MIRROR,)
    assert needs(await standing_of(walk)) == ()


async def test_nobody_consumes(walk: Walk) -> None:
    """An entry is ahead of the group, and the one consumer has left."""
    await walk.commit("42")
    await walk.mirror_to_redis()
    reading = await standing_of(walk)
    await Stream(walk.redis, walk.redis, walk.keys.matches, "test-1").leave()

    standing = await standing_of(walk)

    assert (reading.stream.lag, needs(reading)) == (1, ())
    assert (standing.stream.lag, standing.stream.consumers, needs(standing)) == (1, (), (Need.CONSUMER,))


async def test_what_a_consumer_has_in_work(walk: Walk) -> None:
    """Entries that were read and not acked yet, and since when the oldest is there."""
    await walk.commit("42")
    await walk.mirror_to_redis()
    await Stream(walk.redis, walk.redis, walk.keys.matches, "test-1").fresh(10, block=0)

    stream = (await standing_of(walk)).stream

    assert (stream.length, stream.lag, stream.pending) == (1, 0, 1)
    assert [(item.name, item.pending) for item in stream.consumers] == [("test-1", 1)]
    assert stream.pending_since is not None


async def test_a_stream_that_was_flushed(walk: Walk) -> None:
    """Nothing there is a state like any other."""
    await walk.redis.flushall()

    stream = (await standing_of(walk)).stream

    assert (stream.problem, stream.length, stream.lag, stream.consumers) == (None, 0, 0, ())


async def test_redis_is_away(engine: Engine, tmp_path: Path) -> None:
    """A state, not a crash: the ledger is told all the same."""
    async with walking(engine.migrated(), tmp_path) as walk:
        await walk.arrive("42")
        standing = await standing_of(walk)

    assert needs(standing) == (Need.REDIS,)
    assert standing.stream.problem == "the embedded server is not running; `kfpush up` starts it"
    assert standing.ledger is not None
    assert [item.reason for item in standing.ledger.waiting] == ["fresh"]


async def test_kf_accounts(walk: Walk) -> None:
    """When each was read, of which nobody reads the news, and what nobody understood."""
    house = walk.house
    for sql in (
        (
            "INSERT INTO kf_cursors (open_kfid, pulled_at, polled_at) VALUES"
            " ('wkA', '2026-11-22T03:59:00.000Z', '2026-11-22T03:59:30.000Z'),"
            " ('wkB', '2026-11-22T03:50:00.000Z', '2026-11-22T03:50:00.000Z')"
        ),
        (
            "INSERT INTO kf_notices (open_kfid, notified_at, revoked_at) VALUES"
            " ('wkA', '2026-11-22T03:59:00.000Z', NULL), ('wkB', '2026-11-22T03:55:00.000Z', NULL),"
            " ('wkC', '2026-11-22T03:55:00.000Z', '2026-11-22T03:55:00.000Z')"
        ),
        (
            "INSERT INTO kf_inbound (open_kfid, item_key, effect, raw, received_at) VALUES"
            " ('wkA', '1', 'unknown', '{}', ''), ('wkA', '2', 'word', NULL, '')"
        ),
    ):
        await house.own.exclusive(lambda tx, sql=sql: tx.execute(sql))  # type: ignore[misc]

    told = [said.text for said in screen(await standing_of(walk), "en")]

    assert "wkA: read 30 s ago" in told
    assert "wkB: news waits for 5 min, last read 10 min ago" in told
    assert "wkC: taken away from the app" in told
    assert "1 items that kfpush does not understand are kept in kf_inbound.raw" in told
    assert any(line.startswith("- WeChat says that there is news at KF account wkB") for line in told)


async def test_totals_only_when_asked_for(walk: Walk) -> None:
    """Everything there ever was costs a walk through whole tables."""
    await walk.arrive("42")
    await walk.send()

    asked = (await standing_of(walk, with_totals=True)).ledger
    unasked = (await standing_of(walk)).ledger

    assert asked is not None
    assert asked.totals == {"deliveries": {"sent": 1}, "pushes": {"sent": 1}}
    assert unasked is not None
    assert unasked.totals is None


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # the plan is SQLite's
async def test_its_cost_does_not_grow_with_what_has_ended(walk: Walk) -> None:
    """No statement walks through a table that grows, but by its key and up to a limit."""
    statements: list[str] = []
    scans: list[tuple[str, str]] = []
    for path, ask in (
        (path_of(walk.house.own.url), lambda tx: count(tx, walk.house.now)),
        (path_of(walk.house.app.url), backlog),
    ):
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            connection.set_trace_callback(statements.append)
            ask(SqliteTransaction(connection))
            connection.set_trace_callback(None)
            for statement in statements:
                plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
                scans += [(statement, step) for step in plan if step in SCANS and "LIMIT" not in statement]
            assert statements
            statements.clear()

    assert scans == []


async def test_the_command(walk: Walk, tmp_path: Path) -> None:
    """One screen on standard output; exit code 1, because nothing carries matches here."""
    await walk.arrive("42")

    def ask(*words: str) -> CompletedProcess[str]:
        return kfpush("status", *words, folder=tmp_path, env=walk.environment)

    shown = await asyncio.to_thread(ask)
    chinese = await asyncio.to_thread(ask, "--lang", "zh")
    told = json.loads((await asyncio.to_thread(ask, "--json")).stdout)

    assert (shown.returncode, shown.stderr) == (1, "")
    assert "in the sandbox: one thing needs a person\n  - Redis is away" in shown.stdout
    assert "Redis 无法连接" in chinese.stdout
    assert (told["is_well"], told["needs"]) == (False, ["redis"])
    assert not (tmp_path / "data").exists()


async def test_the_keys_of_json_do_not_change(walk: Walk) -> None:
    """Scripts read them: a key may be added here, never renamed."""
    told = as_json(await standing_of(walk))

    assert isinstance(told, dict)
    assert list(told) == ["now", "timezone", "is_sandbox", "looked", "outbox", "stream", "ledger", "wording"]
    assert list(told["outbox"]) == ["unmirrored", "unmirrored_since", "uncarried", "uncarried_since"]
    assert list(told["stream"]) == [
        *["problem", "is_embedded", "length", "lag", "pending", "pending_since", "consumers", "has_mirror"],
    ]
    assert list(told["ledger"]) == [
        *["waiting", "sending", "open", "lately", "last_sent_at", "windows_open", "windows_exhausted"],
        *["pauses", "dead", "totals", "accounts", "not_understood", "experiments"],
    ]


async def test_before_the_first_migrate(tmp_path: Path) -> None:
    """A fresh machine: what is missing, what to do, and nothing is made by asking."""
    shown = await asyncio.to_thread(lambda: kfpush("status", folder=tmp_path))

    assert (shown.returncode, shown.stderr) == (1, "")
    assert "does not exist yet; run `kfpush migrate`" in shown.stdout
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - nothing else runs here
