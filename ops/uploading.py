"""Uploads one file for a person, by the very code that keeps templates' files with WeChat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from consumer.bodies import Need
from consumer.media import shelf
from consumer.media.folder import Folder
from consumer.media.keeper import Keeper
from consumer.media.shelf import Item
from consumer.wechat.calls import Calls
from consumer.wechat.media import MediaUploads
from ops.wiring import House, opened, tokens_of
from schemas.settings import Settings

HOLDER: Final = "media-put"


@dataclass(frozen=True, slots=True)
class Ready:
    """It is with WeChat; ``is_new`` says that this call brought it there."""

    media_id: str
    expires_at: datetime
    is_new: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """It is not; WeChat's code where it gave one."""

    errcode: int | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class Busy:
    """Another process is at it, or has just failed over it."""


async def put(settings: Settings, need: Need, item: Item) -> tuple[Ready | Failed | Busy, datetime]:
    """Upload a file unless WeChat has it; tell how it stands, and what time it is.

    Raises:
        StorageError, RedisUnavailable: nothing was uploaded.

    """
    async with opened(settings) as house:
        return await _put(house, need, item), house.world.now()


async def _put(house: House, need: Need, item: Item) -> Ready | Failed | Busy:
    uploads = MediaUploads(Calls(house.transport, tokens_of(house)), house.transport)
    keeper = Keeper(
        house.app,
        house.own,
        uploads,
        Folder(Path(house.settings.media_folder)),
        kind=house.settings.message_kind,
        holder=HOLDER,
        world=house.world,
    )
    before = await house.own.read(lambda tx: _row(shelf.listed(tx, house.world.wall()), item))
    is_new = await keeper.upload(need, item)
    after = await house.own.read(lambda tx: _row(shelf.listed(tx, house.world.wall()), item))
    if after is not None and after.media_id is not None and after.expires_at is not None:
        return Ready(after.media_id, after.expires_at, is_new)
    if after is None or after.is_uploading or (before is not None and after.failures == before.failures):
        return Busy()
    return Failed(after.errcode, after.cause)


def _row(rows: list[shelf.Kept], item: Item) -> shelf.Kept | None:
    return next((row for row in rows if row.item.key == item.key), None)
