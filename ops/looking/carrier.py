"""What the stream holds and who reads it, asked of a Redis that may be away.  Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from ops.looking.lookout import Lookout
from ops.looking.standing import Consumer, Stream
from producer.stream import parse_id
from schemas.keys import GROUP

_EMBEDDED_AWAY: Final = "the embedded server is not running; `kfpush up` starts it"


async def look_at_stream(look: Lookout) -> Stream:
    """Ask Redis; that it is away is an answer too.  Instants are given in business time."""
    is_embedded = look.settings.redis_url == "embedded"
    try:
        has_mirror = bool(await look.redis.exists(look.keys.mirror_lease))
        return await _asked(look.redis, look, is_embedded=is_embedded, has_mirror=has_mirror)
    except ResponseError as error:
        return Stream(f"it refuses: {error}", is_embedded)
    except (RedisError, OSError) as error:
        away = f"{type(error).__name__}; check KFPUSH_REDIS_URL and the server"
        return Stream(_EMBEDDED_AWAY if is_embedded else away, is_embedded)


async def _asked(redis: Redis, look: Lookout, *, is_embedded: bool, has_mirror: bool) -> Stream:
    key = look.keys.matches
    if not await redis.exists(key):
        return Stream(None, is_embedded, has_mirror=has_mirror)
    length = int(await redis.xlen(key))
    groups = [_texts(group) for group in await redis.xinfo_groups(key)]
    group = next((item for item in groups if item["name"] == GROUP), None)
    if group is None:
        return Stream(None, is_embedded, length, length, has_mirror=has_mirror)
    pending = _texts(await redis.xpending(key, GROUP))
    consumers = [_texts(item) for item in await redis.xinfo_consumers(key, GROUP)]
    return Stream(
        None,
        is_embedded,
        length=length,
        lag=group["lag"],
        pending=int(pending["pending"]),
        pending_since=_since(pending["min"], look) if pending["min"] else None,
        consumers=tuple(
            _consumer(item, look.now) for item in sorted(consumers, key=lambda item: item["name"])
        ),
        has_mirror=has_mirror,
    )


def _consumer(item: Mapping[str, Any], now: datetime) -> Consumer:
    return Consumer(item["name"], int(item["pending"]), now - timedelta(milliseconds=int(item["idle"])))


def _since(entry_id: str, look: Lookout) -> datetime:
    """When an entry was added; its id says so, by the server's clock."""
    milliseconds, _ = parse_id(entry_id)
    age = look.wall.timestamp() - milliseconds / 1000
    return look.now - timedelta(seconds=age)


def _texts(reply: Mapping[Any, Any]) -> dict[str, Any]:
    """Read a reply's names and texts; clients differ in which of them are bytes."""
    return {_text(name): _text(value) for name, value in reply.items()}


def _text(value: Any) -> Any:  # noqa: ANN401 - Redis's own types
    return value.decode(errors="replace") if isinstance(value, bytes) else value
