"""``kfpush replay`` and ``kfpush backfill`` as operators type them."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from consumer.stream import Stream
from ops.embedded import EmbeddedValkey
from ops.wiring import redis_client
from tests.engines import Sqlite
from tests.flow.commands import kfpush
from tests.flow.journeys import Walk, walking


class Desk:
    """Where an operator sits."""

    def __init__(self, walk: Walk, folder: Path, url: str) -> None:
        self.walk = walk
        self._folder = folder
        self._url = url

    async def types(self, *words: str, **env: str) -> CompletedProcess[str]:
        """Type a command."""
        more = {"KFPUSH_WECHAT_BASE_URL": "http://127.0.0.1:9", "KFPUSH_REDIS_URL": self._url}
        return await asyncio.to_thread(
            kfpush, *words, folder=self._folder, env={**self.walk.environment, **more, **env}
        )

    async def reads(self) -> list[str]:
        """A consumer reads what is on the stream, and forgets it: the ids."""
        stream = Stream(self.walk.redis, self.walk.redis, self.walk.keys.matches, "test-1")
        await stream.ensure_group()
        entries = [entry.entry_id for entry in await stream.fresh(100, block=0)]
        await stream.ack(entries)
        return entries


@pytest.fixture
async def desk(tmp_path: Path, valkey: EmbeddedValkey) -> AsyncIterator[Desk]:
    """Two matches were committed and read from the stream; the ledger has one, which was sent."""
    redis = redis_client(valkey.url)
    await redis.flushall()
    async with walking(Sqlite(tmp_path).migrated(), tmp_path, redis) as walk:
        await walk.arrive("41")
        await walk.send()
        await walk.house.host("UPDATE push_outbox SET mirrored_at = NULL, stream_id = NULL")
        await walk.commit("42")
        await walk.mirror_to_redis()
        desk = Desk(walk, tmp_path, valkey.url)
        await desk.reads()
        yield desk
    await redis.aclose()


async def test_replaying(desk: Desk) -> None:
    """First told, then done: what was sent stays sent, what is missing comes again."""
    looked = await desk.types("replay", "--all")
    chinese = await desk.types("replay", "--all", LANG="zh_CN.UTF-8")
    done = await desk.types("replay", "--from", "1d", "--yes", "--why", "lost", "--author", "anna", "--json")

    assert (looked.returncode, looked.stderr) == (0, "Nothing was changed; --yes does it.\n")
    assert looked.stdout.splitlines() == [
        "Would be put on the stream again: 1",
        "  1 missing from the ledger",
        "Left as it is: 1",
        "  1 sent",
    ]
    assert chinese.stdout.startswith("会重新加入消息流：1 个\n  1 个台账中没有\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "dry_run": False,
        "added": {"missing": 1},
        "events": {"sent": 1, "missing": 1},
        "unreadable": [],
        "interrupted": False,
        "rest": None,
    }
    assert len(await desk.reads()) == 1
    assert await desk.walk.house.rows("SELECT author, act, why, done, detail FROM push_audit") == [
        {"author": "anna", "act": "replay", "why": "lost", "done": 1, "detail": '{"from": "1d"}'}
    ]


async def test_backfilling(desk: Desk) -> None:
    """By status and by id; what cannot be read is told by its row, never by what it says."""
    await desk.walk.house.host(
        "INSERT INTO push_outbox (event_key, event_type, user_id, payload, created_at)"
        " VALUES ('43:1', 'kfpush.match.created.v1', 'ann', '{\"profile_name\": \"张三\"}', '2026-11-22')"
    )
    everything = await desk.types("backfill", "--all", "--json")
    missing = await desk.types("backfill", "--status", "missing-from-ledger", "--to-id", "2", "--yes")
    one = await desk.types("backfill", "--from-id", "1", "--to-id", "1", "--yes")

    assert everything.returncode == 3
    told = json.loads(everything.stdout)
    assert (told["added"], told["events"]) == ({"missing": 1}, {"sent": 1, "missing": 1, "unreadable": 1})
    [unreadable] = told["unreadable"]
    assert unreadable["name"] == "3"
    assert "张三" not in everything.stdout
    assert (missing.returncode, missing.stdout.splitlines()[0]) == (0, "Put on the stream again: 1")
    assert (one.returncode, one.stdout) == (
        0,
        "Nothing was put on the stream again.\nLeft as it is: 1\n  1 sent\n",
    )
    assert len(await desk.reads()) == 1


async def test_from_long_before_there_was_a_stream(desk: Desk) -> None:
    """It begins where the stream does."""
    told = await desk.types("replay", "--from", "0100-01-02")

    assert (told.returncode, told.stdout) == (0, (await desk.types("replay", "--all")).stdout)


async def test_redis_away(desk: Desk) -> None:
    """Said with exit code 5; nothing is started."""
    told = await desk.types("replay", "--all", KFPUSH_REDIS_URL="embedded")

    assert (told.returncode, told.stdout) == (5, "")
    assert "Redis cannot be reached" in told.stderr
    assert "run the same again" in told.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("replay",),
        ("replay", "--all", "--from", "2h"),
        ("replay", "--from", "yesterday"),
        ("replay", "--from", "999999d"),
        ("replay", "--from", "2h", "--to", "3h"),
        ("backfill",),
        ("backfill", "--from-id", "9" * 20),
        ("backfill", "--all", "--status", "unmirrored"),
        ("backfill", "--since", "soon"),
    ],
    ids=[
        "nothing",
        "two ranges",
        "no time",
        "before the first year",
        "the wrong way round",
        "no selection",
        "no id",
        "two selections",
        "no time either",
    ],
)
async def test_wrong_usage(desk: Desk, words: tuple[str, ...]) -> None:
    """Said, and nothing is added."""
    told = await desk.types(*words)

    assert (told.returncode, told.stdout) == (2, "")
    assert "Traceback" not in told.stderr
    assert await desk.reads() == []
