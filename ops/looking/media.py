"""Looks at the files that templates show: which are needed, and how each stands.  Writes nothing."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from consumer.bodies import Need
from consumer.media import shelf
from consumer.media.folder import Folder, Problem
from consumer.media.keeper import needed
from consumer.media.shelf import Kept
from ops.looking.lookout import Lookout
from ops.looking.shown import Shown, Stand


async def files(look: Lookout) -> tuple[Shown, ...]:
    """Tell of every file that is needed, then of every other that was uploaded and is remembered.

    Raises:
        StorageError: a database does not answer.

    """
    kind = look.settings.message_kind
    needs = await look.app.read(lambda tx: needed(tx, kind))
    kept = await look.own.read(lambda tx: shelf.listed(tx, look.wall))
    folder = Folder(Path(look.settings.media_folder))
    found = await asyncio.to_thread(folder.look, needs)
    by_key = {item.item.key: item for item in kept}
    shown = []
    for need, item in found.items():
        if isinstance(item, Problem):
            shown.append(Shown(need.path, need.kind, Stand.UNUSABLE, is_needed=True, problem=item.text))
        else:
            row = by_key.pop(item.key, None)
            told = _shown(row, look.now, need) if row else None
            fresh = Shown(need.path, need.kind, Stand.WAITING, True, item.size, item.sha256)  # noqa: FBT003
            shown.append(told or fresh)
    return (*shown, *(_shown(row, look.now) for row in by_key.values()))


def _shown(kept: Kept, now: datetime, need: Need | None = None) -> Shown:
    alive = kept.media_id is not None and kept.expires_at is not None and kept.expires_at > now
    if alive:
        stand = Stand.READY
    elif kept.is_uploading:
        stand = Stand.UPLOADING
    else:
        stand = Stand.FAILED if kept.failures else Stand.WAITING
    return Shown(
        need.path if need else kept.item.filename,
        kept.item.type,
        stand,
        need is not None,
        kept.item.size,
        kept.item.sha256,
        kept.media_id if alive else None,
        kept.expires_at if alive else None,
        kept.errcode,
        f"{kept.item.filename}: {kept.cause}" if kept.failures else None,
    )
