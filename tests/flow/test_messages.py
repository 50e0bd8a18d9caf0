"""A message without a match: the same gates, one slot, the same letter rules; and who sends one by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from consumer import messages, pauses
from consumer.gather import read_host
from consumer.ledger.pushes import Attempt
from consumer.messages import Message, Moment
from consumer.outlook import Outlook
from consumer.pauses import Wish
from ops.embedded import EmbeddedValkey
from ops.sandbox.process import SandboxProcess
from ops.wiring import redis_client
from schemas.decisions import Defer, Drop, Park, Reason
from schemas.receipts import Accepted, RefusalKind, Refused, Unknown
from schemas.states import PauseScope
from tests.engines import Engine
from tests.flow.commands import kfpush
from tests.flow.journeys import Walk, walking
from tests.flow.ledger_house import INSTALLATION, LedgerHouse, at

TIMEOUT = Unknown("timeout")
WRONG_SECRET = Refused(40001, RefusalKind.CORP_CONFIG)


async def reserve(
    house: LedgerHouse, key: str = "k1", *, keeps_quiet: bool = False
) -> Attempt | Outlook | None:
    """Somebody wants u1 to get a message."""
    inputs = await house.app.read(lambda tx: read_host(tx, ["u1"], []))
    message = Message("u1", "测试", key, keeps_quiet)
    moment = Moment(house.now, "somebody", house.wall + house.rules.push_lease)
    return await house.own.exclusive(
        lambda tx: messages.reserve(tx, inputs, message, house.rules, INSTALLATION, moment)
    )


async def reserved(house: LedgerHouse, key: str = "k1") -> Attempt:
    """The same, where it has to go."""
    attempt = await reserve(house, key)
    assert isinstance(attempt, Attempt)
    return attempt


async def decision(house: LedgerHouse, *, keeps_quiet: bool = False) -> object:
    """What keeps it from going."""
    found = await reserve(house, keeps_quiet=keeps_quiet)
    assert isinstance(found, Outlook)
    assert await house.pushes() == []
    return found.decision


async def test_it_takes_one_of_the_five(house: LedgerHouse) -> None:
    """Four matches and a message are a window; a sixth message of either kind waits for the user's word."""
    await house.session()
    await house.sent(Accepted(), "m1", "m2", "m3", "m4")
    attempt = await reserved(house)
    await house.arrive("m5")
    assert (await house.plan()).attempts == []
    assert await house.standing("m5") == [("parked", "no_slot")]

    await house.settle((attempt, Accepted()))

    assert await house.pushes("kind, status, matches") == [
        *[("match", "sent", f'[["m{nth}", 1]]') for nth in range(1, 5)],
        ("host", "sent", "[]"),
    ]
    again = await reserve(house, "k2")
    assert isinstance(again, Outlook)
    assert again.decision == Park(Reason.NO_SLOT)


async def test_limits_do_not_count_it(house: LedgerHouse) -> None:
    """A daily limit is of matches; what was asked for does not use it up, nor wait for it."""
    await house.session()
    await house.prefers(daily_limit=1, batch_mode="daily", min_score=1, enable_push=1)

    await house.settle((await reserved(house), Accepted()))

    await house.prefers(daily_limit=1, enable_push=1)
    await house.arrive("m1")
    assert len((await house.plan()).attempts) == 1


async def test_quiet_hours_hold_it_if_asked(house: LedgerHouse) -> None:
    """Whoever tests at night may; whoever asks to keep quiet hours waits, as for unreadable ones."""
    await house.session()
    await house.prefers(quiet_hours="11:00-13:00", enable_push=1)
    assert await decision(house, keeps_quiet=True) == Defer(at("22 13:00"), Reason.QUIET_HOURS)
    await house.prefers(quiet_hours="at night", enable_push=1)
    assert await decision(house, keeps_quiet=True) == Defer(at("22 13:00"), Reason.UNREADABLE_PREFERENCES)

    assert (await reserved(house)).letter.matches == ()


@pytest.mark.parametrize("column", ["enable_push", "stop"])
async def test_a_stop_holds_it(house: LedgerHouse, column: str) -> None:
    """Nobody who said stop gets a test."""
    await house.session()
    await house.prefers(enable_push=0 if column == "enable_push" else 1)
    if column == "stop":
        await house.own.exclusive(
            lambda tx: tx.execute(
                "INSERT INTO push_settings (user_id, stop, updated_at) VALUES ('u1', 1, '')"
            )
        )

    assert await decision(house) == Drop(Reason.STOPPED if column == "stop" else Reason.PUSH_DISABLED)


@pytest.mark.parametrize(
    "what", [(PauseScope.CORP, ""), (PauseScope.KIND, "host"), (PauseScope.ACCOUNT, "wk1")]
)
async def test_a_pause_holds_it(house: LedgerHouse, what: tuple[PauseScope, str]) -> None:
    """A person's pause of everything, of its kind, of its account."""
    await house.session()
    wish = Wish(*what, "anna", "x", at("22 12:05"))
    await house.own.exclusive(lambda tx: pauses.hold(tx, wish, house.now))

    found = await decision(house)

    assert isinstance(found, Defer | Drop)
    assert found == Defer(at("22 12:05"), Reason.PAUSED)


async def test_no_window_no_message(house: LedgerHouse) -> None:
    """Without a word of the user's, and after 48 hours."""
    assert await decision(house) == Park(Reason.NO_SESSION)
    await house.session(said="2026-11-20T11:00:00")
    assert await decision(house) == Park(Reason.WINDOW_CLOSED)


async def test_while_kfpush_probes_it_is_a_probe(house: LedgerHouse) -> None:
    """Held while the next probe is not due; due, it goes as the probe, and its answer ends the pause."""
    await house.session()
    await house.sent(WRONG_SECRET, "m1")
    held = await reserve(house)
    assert isinstance(held, Outlook)
    assert held.decision == Defer(at("22 12:00:01"), Reason.PAUSED)
    house.later(seconds=1)

    attempt = await reserved(house)
    assert (await house.plan()).attempts == []
    await house.settle((attempt, Accepted()))

    assert await house.own.read(lambda tx: pauses.active(tx, house.now)) == []


async def test_one_key_is_one_message(house: LedgerHouse) -> None:
    """However often it is asked for, and whatever it says then."""
    await house.session()
    await reserved(house)

    assert await reserve(house) is None
    assert len(await house.pushes()) == 1


async def test_a_lost_answer_is_offered_again_by_consumers(house: LedgerHouse) -> None:
    """The same bytes under the same msgid, for ten minutes; then it is given up."""
    await house.session()
    first = await reserved(house)
    house.later(seconds=20)  # whoever sent it died

    again = await house.plan_one()
    assert (again.letter.body, again.number) == (first.letter.body, 2)
    await house.settle((again, TIMEOUT))
    house.later(minutes=10)
    await house.plan()

    assert await house.pushes("status, reason") == [("given_up", "expired")]
    assert await house.standing() == []


class Desk:
    """Where an operator sits."""

    def __init__(self, walk: Walk, folder: Path, redis: str, wechat: str) -> None:
        self.walk = walk
        self._folder = folder
        self._more = {"KFPUSH_REDIS_URL": redis, "KFPUSH_WECHAT_BASE_URL": wechat}

    async def types(self, *words: str, **env: str) -> CompletedProcess[str]:
        """Send a test message to Ann."""
        more = {**self.walk.environment, **self._more, **env}
        return await asyncio.to_thread(kfpush, "send-test", "ann", *words, folder=self._folder, env=more)


@pytest.fixture(scope="module", name="sandbox")
def _sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as running:
        yield running


@pytest.fixture
async def desk(
    engine: Engine, tmp_path: Path, valkey: EmbeddedValkey, sandbox: SandboxProcess
) -> AsyncIterator[Desk]:
    """An installation beside a sandbox in which Ann has just written."""
    redis = redis_client(valkey.url)
    await redis.flushall()
    sandbox.control.reset()
    sandbox.control.speak("wkA", "wmann")
    async with walking(engine.migrated(), tmp_path, redis) as walk:
        now = datetime.now(walk.house.rules.host_zone) - timedelta(seconds=1)
        await walk.speaks("ann", now)
        yield Desk(walk, tmp_path, valkey.url, sandbox.control.base_url)
    await redis.aclose()


async def test_the_command(desk: Desk, sandbox: SandboxProcess) -> None:
    """First told, then sent, once for a key; what WeChat answers is told at once."""
    looked = await desk.types()
    sent = await desk.types(
        "--yes", "--text", "测试一", "--key", "k", "--why", "new secret", "--author", "anna"
    )
    again = await desk.types("--yes", "--key", "k", "--json")
    chinese = await desk.types("--yes", LANG="zh_CN.UTF-8")

    assert (looked.returncode, looked.stderr) == (0, "Nothing was sent; --yes sends it.\n")
    assert looked.stdout.startswith("It would go now, to KF account wkA, and take one of the messages left")
    assert (sent.returncode, sent.stderr) == (0, "")
    assert sent.stdout.startswith("WeChat accepted it: push 1, on KF account wkA.")
    assert (again.returncode, json.loads(again.stdout)) == (3, {"dry_run": False, "outcome": "sent_before"})
    assert chinese.stdout.startswith("微信已接受：推送 ")
    pushes = sandbox.control.pushes("wmann")
    assert [push["content"] for push in pushes] == ["测试一", "kfpush：这是一条测试消息。"]
    assert await desk.walk.house.pushes("kind, status") == [("host", "sent")] * 2
    acts = await desk.walk.house.rows("SELECT author, act, why FROM push_audit WHERE author = 'anna'")
    assert [tuple(row.values()) for row in acts] == [("anna", "send-test", "new secret")]


async def test_a_refusal_is_told(desk: Desk, sandbox: SandboxProcess) -> None:
    """With what it means; the push ends as any other, and exit code 3 says that nothing went."""
    sandbox.control.fault(errcode=40201)

    refused = await desk.types("--yes", "--json")

    told = json.loads(refused.stdout)
    assert (refused.returncode, told["outcome"], told["errcode"]) == (3, "refused", 40201)
    assert await desk.walk.house.pushes("status, reason") == [("refused", "content_refused")]
