"""The composition root: the one file that opens databases, Redis and HTTP, and knows the clock and the dice.

Everything else receives what it needs.  Nothing is opened at import.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from consumer import conversions, deadletters
from consumer.acks import Acks
from consumer.daemon import Rooms
from consumer.gather import Rules
from consumer.intake import Intake
from consumer.ledger import arrivals, pushes, waking
from consumer.media.folder import Folder
from consumer.media.keeper import Keeper
from consumer.names import ConsumerName
from consumer.planning import Planning
from consumer.projection import Projection
from consumer.replies.welcome import Welcomer
from consumer.send import Report, Sender
from consumer.settling import Settler
from consumer.stream import BLOCK_MILLISECONDS, Stream
from consumer.summarizer import Summarizer
from consumer.watch import HostWatch
from consumer.wechat.calls import Calls
from consumer.wechat.client import KfClient
from consumer.wechat.media import MediaUploads
from consumer.wechat.shelf import TokenShelf
from consumer.wechat.token import AccessTokens, Credentials, fingerprint
from consumer.wechat.transport import HttpTransport
from consumer.wordlist import WordList
from consumer.world import World
from ops import inbound, migrate, reported, tenancy
from ops.clock import SandboxClock, wall
from ops.embedded import EmbeddedValkey
from producer.callback.app import Callback
from producer.callback.board import Board, Ledger
from producer.callback.crypto import decode_aes_key
from producer.callback.seal import Seal
from producer.callback.tally import Tally
from producer.mirror import Mirror
from producer.reports.app import Reports
from producer.reports.board import ReportBoard
from producer.stream import MatchStream
from schemas.database import Database, Transaction
from schemas.errors import ConfigurationError, InvalidEvent
from schemas.events import is_conversion, is_withdrawal, split_key
from schemas.keys import Keys
from schemas.settings import Settings

REDIS_TIMEOUT: Final = 5.0
OLDEST_REDIS: Final = 7
NOTICE_BUSY: Final = 2.0
"""Seconds that a notice waits for the database in one try; it is tried for ever, and must stop when asked."""

READER_MARGIN: Final = 4.0
"""Seconds by which the reader's socket timeout lies above its block."""

log = structlog.get_logger(__name__)


def databases(settings: Settings, *, read_only: bool = False) -> tuple[Database, Database]:
    """Open (lazily) the application's database and our own; one handle, if they are one.

    Two connections on one file would wait for each other's commits, and forget all they know after each.
    """
    own = Database(settings.own_url, migrate.OWN, wal=not read_only, read_only=read_only)
    if settings.app_url == settings.own_url:
        return own, own
    app = Database(settings.app_url, migrate.APP, read_only=read_only)
    return app, own


def redis_client(url: str, *, timeout: float = REDIS_TIMEOUT) -> Redis:
    """Make a client that never retries by itself: a lost reply would add an entry twice unseen."""
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=REDIS_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        health_check_interval=0,
    )


@asynccontextmanager
async def redis_server(settings: Settings) -> AsyncIterator[str]:
    """Give the URL of the Redis to use; the embedded one is started, or adopted, and kept alive meanwhile."""
    if settings.redis_url != "embedded":
        yield settings.redis_url
        return
    server = EmbeddedValkey(Path(settings.data_dir) / "valkey")
    url = await asyncio.to_thread(server.start)
    keeper = asyncio.create_task(server.keep())
    try:
        yield url
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await asyncio.to_thread(server.stop)


@dataclass(frozen=True, slots=True)
class House:
    """Everything one process has open."""

    settings: Settings
    app: Database
    own: Database
    redis_url: str
    redis: Redis
    world: World
    transport: HttpTransport
    installation: str

    @property
    def keys(self) -> Keys:
        """The Redis keys of this installation."""
        return Keys(self.settings.namespace)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    """Open what the daemons need; close it again, also after an error.

    Raises:
        SchemaTooOld, SchemaTooNew, StorageError, ServerUnavailable: saying what to do.

    """
    async with AsyncExitStack() as stack:
        app, own = databases(settings)
        stack.push_async_callback(app.close)
        stack.push_async_callback(own.close)
        await migrate.require_current(own, migrate.OWN)
        await migrate.require_current(app, migrate.APP)
        installation = await own.read(_installation)
        redis_url = await stack.enter_async_context(redis_server(settings))
        redis = redis_client(redis_url)
        stack.push_async_callback(redis.aclose)
        await _require_streams(redis)
        await tenancy.settle_in(app, installation)
        await stack.enter_async_context(tenancy.held(redis, Keys(settings.namespace), installation))
        transport = await stack.enter_async_context(transport_of(settings))
        world = await stack.enter_async_context(_world(settings, transport, own))
        yield House(settings, app, own, redis_url, redis, world, transport, installation)


@asynccontextmanager
async def consumer_rooms(house: House) -> AsyncIterator[Rooms]:
    """Construct one consumer's rooms."""
    settings, keys = house.settings, house.keys
    async with AsyncExitStack() as stack:
        name = ConsumerName(Path(settings.data_dir))
        stack.callback(name.release)
        reader = redis_client(house.redis_url, timeout=BLOCK_MILLISECONDS / 1000 + READER_MARGIN)
        stack.push_async_callback(reader.aclose)
        stream = Stream(reader, house.redis, keys.matches, name.text)
        acks = Acks(stream)
        reports: asyncio.Queue[Report] = asyncio.Queue()
        nudge = asyncio.Event()
        rules = rules_of(settings)
        tokens = tokens_of(house)
        sender = Sender(
            KfClient(house.transport, tokens),
            reports,
            concurrency=settings.send_concurrency,
            send_timeout=timedelta(seconds=settings.send_timeout),
            world=house.world,
            on_free=nudge.set,
        )
        calls = Calls(house.transport, tokens)
        keeper = keeper_of(house, calls, name.text, nudge.set)
        planning = Planning(
            house.app,
            house.own,
            sender,
            acks.later,
            nudge,
            rules=rules,
            installation=house.installation,
            holder=name.text,
            world=house.world,
            media=lambda: {} if keeper is None else keeper.known,
        )
        projection = Projection(house.app, house.own, world=house.world)
        welcomer = Welcomer(calls, settings.welcome, house.installation, world=house.world)
        forwarder = await stack.enter_async_context(inbound.forwarder_of(house.own, settings, house.world))

        def on_heard() -> None:
            nudge.set()
            if forwarder is not None:
                forwarder.nudge()

        def on_settled() -> None:
            nudge.set()
            projection.nudge()

        yield Rooms(
            stream,
            Intake(
                stream,
                house.own,
                world=house.world,
                reclaim_idle=settings.reclaim_idle,
                on_stored=nudge.set,
            ),
            planning,
            sender,
            Settler(
                house.own,
                reports,
                acks.later,
                world=house.world,
                send_timeout=timedelta(seconds=settings.send_timeout),
                on_settled=on_settled,
                on_lost_media=lambda: None if keeper is None else keeper.nudge(),
            ),
            acks,
            HostWatch(
                house.app,
                house.own,
                zone=ZoneInfo(settings.host_timezone),
                world=house.world,
                on_woken=nudge.set,
            ),
            projection,
            inbound.puller_of(
                house.app,
                house.own,
                calls,
                settings,
                judging=rules,
                world=house.world,
                installation=house.installation,
                consumer=name.text,
                welcome=lambda entered: welcomer.offer(entered.code, entered.at),
                on_woken=on_heard,
            ),
            welcomer,
            Summarizer(
                house.app,
                house.own,
                rules=rules,
                installation=house.installation,
                world=house.world,
                on_offered=nudge.set,
            ),
            forwarder,
            keeper,
        )


def mirror_of(house: House) -> Mirror:
    """Construct the mirror; what the ledger knows is asked of the consumer's tables."""
    settings, keys = house.settings, house.keys

    async def carried(event_keys: Sequence[str]) -> frozenset[str]:
        return await house.own.read(lambda tx: _carried(tx, event_keys))

    return Mirror(
        house.app,
        MatchStream(house.redis, keys.matches, keys.mirror_lease),
        carried,
        now=wall,
        lease=settings.mirror_lease,
        grace=settings.mirror_grace,
        retention=timedelta(days=settings.stream_retention_days),
    )


def callback_of(settings: Settings, own: Ledger, on_noticed: Callable[[], None] | None = None) -> Callback:
    """Construct what answers WeChat; ``on_noticed`` is called when there is something new to pull."""
    seal = Seal(
        settings.credentials[0],
        settings.callback_tokens,
        tuple(decode_aes_key(key) for key in settings.callback_aes_keys),
    )
    return Callback(seal, Board(own, wall=wall, on_noticed=on_noticed), Tally(time.monotonic))


def reports_of(settings: Settings, own: Ledger) -> Reports | None:
    """Construct what the application reports to; None where no token lets it."""
    if not settings.api_tokens:
        return None
    return Reports(ReportBoard(own, reported.write, wall=wall), settings.api_tokens)


@asynccontextmanager
async def receiving(settings: Settings) -> AsyncIterator[tuple[Callback, Database]]:
    """Construct what answers WeChat in a process of its own; its ledger may be away or locked."""
    own = Database(settings.own_url, migrate.OWN, wal=True, busy_timeout=NOTICE_BUSY)

    try:
        yield callback_of(settings, own), own
    finally:
        await own.close()


async def _require_streams(redis: Redis) -> None:
    """Refuse a Redis that is too old; one that is away is waited for by whoever needs it.

    Raises:
        ConfigurationError: naming its version and what is needed.

    """
    try:
        told = await redis.info("server")
    except RedisError as error:
        log.warning(
            "redis.away", error=type(error).__name__, advice="check KFPUSH_REDIS_URL; trying again by itself"
        )
        return
    version = str(told.get("valkey_version") or told.get("redis_version", "0"))
    if int(version.split(".", 1)[0]) < OLDEST_REDIS:
        raise ConfigurationError(
            f"KFPUSH_REDIS_URL: Redis {version} is too old; kfpush needs Redis 7.0 or Valkey 7.2"
        )


def _carried(tx: Transaction, event_keys: Sequence[str]) -> frozenset[str]:
    matches: dict[tuple[str, int], str] = {}
    withdrawals: dict[tuple[str, int], str] = {}
    converted: dict[str, str] = {}
    for key in event_keys:
        try:
            if is_conversion(key):
                converted[split_key(key)[0]] = key
            else:
                (withdrawals if is_withdrawal(key) else matches)[split_key(key)] = key
        except InvalidEvent:
            continue
    return (
        deadletters.known(tx, event_keys)
        | {matches[found] for found in arrivals.known(tx, matches)}
        | {withdrawals[found] for found in arrivals.withdrawn(tx, withdrawals)}
        | {converted[found] for found in conversions.known(tx, converted)}
    )


def _installation(tx: Transaction) -> str:
    row = tx.one("SELECT value FROM push_installation WHERE name = 'id'")
    assert row is not None  # noqa: S101 - migrate wrote it
    return str(row["value"])


def rules_of(settings: Settings) -> Rules:
    """Take the settings that judging needs."""
    return Rules(
        ZoneInfo(settings.host_timezone),
        settings.user_timezone,
        settings.host_slots,
        timedelta(seconds=settings.send_timeout),
        timedelta(seconds=settings.push_lease),
        WordList(
            Path(settings.sensitive_words) if settings.sensitive_words else None,
            shows_contacts=settings.show_contacts,
        ),
        settings.message_kind,
        settings.menu_click_reopens,
        summary=settings.summary_at,
        strong_score=settings.strong_score,
    )


def tokens_of(house: House) -> AccessTokens:
    """Construct the access token that all processes share."""
    corp_id, secret = house.settings.credentials
    shelf = TokenShelf(house.redis, house.keys, fingerprint(corp_id, secret))
    return AccessTokens(house.transport, Credentials(corp_id, secret), shelf, clock=time.monotonic)


def keeper_of(
    house: House, calls: Calls, holder: str, on_ready: Callable[[], None] = lambda: None
) -> Keeper | None:
    """Construct what keeps the files of templates with WeChat; None where every message is text."""
    if house.settings.message_kind == "text":
        return None
    return Keeper(
        house.app,
        house.own,
        MediaUploads(calls, house.transport),
        Folder(Path(house.settings.media_folder)),
        kind=house.settings.message_kind,
        holder=holder,
        world=house.world,
        on_ready=on_ready,
    )


def kf_client_of(house: House) -> KfClient:
    """Construct what sends."""
    return KfClient(house.transport, tokens_of(house))


@asynccontextmanager
async def transport_of(settings: Settings) -> AsyncIterator[HttpTransport]:
    """Open the way to WeChat, or to the sandbox."""
    async with HttpTransport(
        settings.wechat_url,
        connect_timeout=timedelta(seconds=settings.connect_timeout),
        total_timeout=timedelta(seconds=settings.send_timeout),
        max_connections=settings.send_concurrency + 4,
    ) as transport:
        yield transport


@asynccontextmanager
async def _world(settings: Settings, transport: HttpTransport, own: Database) -> AsyncIterator[World]:
    """Give the clocks: the wall for both, or the sandbox's for business time."""
    dice = random.random
    if not settings.sandboxed:
        yield World(wall, wall, dice)
        return

    async def leapt() -> None:
        await own.exclusive(lambda tx: pushes.wake_all(tx, wall()))
        await own.exclusive(lambda tx: waking.wake_all(tx, clock.now()))

    clock = SandboxClock(transport, leapt)
    await clock.read()
    following = asyncio.create_task(clock.follow())
    try:
        yield World(clock.now, wall, dice)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
