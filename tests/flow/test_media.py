"""Files that templates show: found, uploaded once, renewed in time; on both engines."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from consumer.bodies import Need
from consumer.media import shelf
from consumer.media.folder import Folder, Problem
from consumer.media.keeper import Keeper
from consumer.media.shelf import Item
from consumer.wechat.calls import NoAnswer
from consumer.world import World
from schemas.media import Uploaded
from tests.files import AMR, MP4, png
from tests.flow.ledger_house import LedgerHouse

CARD = Need("image", "cards/match.png")


@dataclass
class Uploads:
    """WeChat, as far as files go; ``hold`` keeps every upload on its way until it is set."""

    answers: list[Uploaded | NoAnswer] = field(default_factory=list)
    taken: list[tuple[str, str, int]] = field(default_factory=list)
    hold: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    within: timedelta = timedelta(seconds=60)

    async def upload(self, wanted: str, filename: str, data: bytes) -> Uploaded:
        """Take a file and name it M1, M2 ..., unless something else was ordered."""
        self.taken.append((wanted, filename, len(data)))
        self.begun.set()
        if self.hold is not None:
            await self.hold.wait()
        answer = self.answers.pop(0) if self.answers else Uploaded(0, f"M{len(self.taken)}")
        if isinstance(answer, NoAnswer):
            raise answer
        return answer


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder with one picture, and a secret beside it."""
    root = tmp_path / "media"
    (root / "cards").mkdir(parents=True)
    (root / CARD.path).write_bytes(png())
    (tmp_path / "secret.png").write_bytes(png())
    return Folder(root)


def keeper(house: LedgerHouse, folder: Folder, uploads: Uploads, holder: str = "c-1") -> Keeper:
    """A consumer's keeper of the files of mini-program cards."""
    world = World(lambda: house.now, lambda: house.wall, lambda: 0.5)
    return Keeper(
        house.app,
        house.own,
        uploads,
        Folder(folder.root),
        kind="miniprogram",
        holder=holder,
        world=world,
    )


async def program(house: LedgerHouse, thumb: str = CARD.path) -> None:
    """The operator's template."""
    config = json.dumps({"appid": "wx1", "pagepath": "p.html", "thumb": thumb})
    await house.host("DELETE FROM push_templates WHERE template_name = 'mine'")
    await house.host(
        "INSERT INTO push_templates (template_name, template_type, content_template, miniprogram_config)"
        " VALUES ('mine', 'miniprogram', '', ?)",
        config,
    )


async def ready(house: LedgerHouse, keeper: Keeper) -> dict[Need, str]:
    """What a message could show now."""
    found = await house.own.read(lambda tx: shelf.ready(tx, {*keeper.known.values()}, house.now))
    return {need: found[key] for need, key in keeper.known.items() if key in found}


async def test_what_templates_show_goes_up_once(house: LedgerHouse, folder: Folder) -> None:
    """At the first look, under its own name; looking again uploads nothing."""
    await program(house)
    uploads = Uploads()
    keeping = keeper(house, folder, uploads)
    await keeping.keep()
    assert uploads.taken == [("image", "match.png", len(png()))]
    assert await ready(house, keeping) == {CARD: "M1"}
    await keeping.keep()
    assert len(uploads.taken) == 1


async def test_nothing_is_uploaded_that_no_template_shows(house: LedgerHouse, folder: Folder) -> None:
    """A template of another kind, or one that is switched off, needs no file."""
    await program(house)
    await house.host("UPDATE push_templates SET is_active = 0 WHERE template_name = 'mine'")
    uploads = Uploads()
    await keeper(house, folder, uploads).keep()
    assert uploads.taken == []


async def test_a_file_is_renewed_before_it_dies(house: LedgerHouse, folder: Folder) -> None:
    """With less than twelve hours left; a restart in between uploads nothing."""
    await program(house)
    uploads = Uploads()
    await keeper(house, folder, uploads).keep()
    house.later(hours=59.9)
    restarted = keeper(house, folder, uploads)
    await restarted.keep()
    assert await ready(house, restarted) == {CARD: "M1"}
    house.later(hours=0.2)
    await restarted.keep()
    assert await ready(house, restarted) == {CARD: "M2"}
    assert len(uploads.taken) == 2


async def test_the_last_hour_is_too_short_for_a_new_message(house: LedgerHouse, folder: Folder) -> None:
    """Its retries would find the file dead."""
    await program(house)
    uploads = Uploads([Uploaded(0, "M1"), *[NoAnswer("timed out")] * 9])
    keeping = keeper(house, folder, uploads)
    await keeping.keep()
    house.later(hours=70.9)
    await keeping.keep()
    assert await ready(house, keeping) == {CARD: "M1"}
    house.later(hours=0.2)
    assert await ready(house, keeping) == {}


async def test_two_consumers_upload_once(house: LedgerHouse, folder: Folder) -> None:
    """While one is at it the other waits for what comes of it; whoever dies over it is replaced."""
    await program(house)
    uploads = Uploads(hold=asyncio.Event())
    one, two = keeper(house, folder, uploads, "c-1"), keeper(house, folder, uploads, "c-2")
    going = asyncio.create_task(one.keep())
    async with asyncio.timeout(10):
        await uploads.begun.wait()
    await two.keep()
    assert len(uploads.taken) == 1
    going.cancel()  # killed in the middle: its lease is all that is left
    await asyncio.gather(going, return_exceptions=True)
    await two.keep()
    assert len(uploads.taken) == 1
    house.later(seconds=91)
    assert uploads.hold is not None
    uploads.hold.set()
    await asyncio.gather(one.keep(), two.keep())
    assert len(uploads.taken) == 2
    assert await ready(house, two) == {CARD: "M2"}


async def test_two_names_of_one_picture(house: LedgerHouse, folder: Folder) -> None:
    """The bytes go up once, whatever they are called; changed bytes are another file."""
    await program(house)
    uploads = Uploads()
    keeping = keeper(house, folder, uploads)
    await keeping.keep()
    (folder.root / "other.png").write_bytes(png())
    await program(house, "other.png")
    await keeping.keep()
    assert await ready(house, keeping) == {Need("image", "other.png"): "M1"}
    (folder.root / "other.png").write_bytes(png((0, 0, 0), 60, 60))
    await keeping.keep()
    assert await ready(house, keeping) == {Need("image", "other.png"): "M2"}


async def test_what_wechat_refuses_is_not_offered_at_once(house: LedgerHouse, folder: Folder) -> None:
    """After an hour; what nobody answered, after 1, 2, 4 seconds; and the row says what was wrong."""
    await program(house)
    uploads = Uploads([NoAnswer("timed out"), NoAnswer("timed out"), Uploaded(40009, "")])
    keeping = keeper(house, folder, uploads)
    for seconds, expected in ((0, 1), (0.5, 1), (0.6, 2), (1.5, 2), (0.6, 3), (3599, 3), (2, 4)):
        house.later(seconds=seconds)
        await keeping.keep()
        assert len(uploads.taken) == expected
        if expected == 3:
            [row] = await house.rows("SELECT failures, errcode, cause, media_id FROM kf_media")
            assert row == {"failures": 3, "errcode": 40009, "cause": "WeChat refused it", "media_id": None}
    assert await ready(house, keeping) == {CARD: "M4"}


async def test_what_was_lost_goes_up_again(house: LedgerHouse, folder: Folder) -> None:
    """WeChat does not know it: another is made at the next look; what we did not upload is not ours."""
    await program(house)
    uploads = Uploads()
    keeping = keeper(house, folder, uploads)
    await keeping.keep()
    assert await house.own.exclusive(lambda tx: shelf.lost(tx, ["M1"], house.now))
    assert not await house.own.exclusive(lambda tx: shelf.lost(tx, ["somebody's"], house.now))
    assert await ready(house, keeping) == {}
    await keeping.keep()
    assert await ready(house, keeping) == {CARD: "M2"}


async def test_a_late_upload_takes_nothing_away(house: LedgerHouse, folder: Folder) -> None:
    """Who lost the lease and comes back has an older media_id: the newer stays."""
    item = Item("b" * 64, "image", "a.png", 10)

    def settle(tx: object) -> None:
        assert shelf.claim(tx, item, "c-1", timedelta(0), house.now, house.wall)  # type: ignore[arg-type]
        later = house.now + timedelta(minutes=5)
        shelf.stored(tx, item.key, "NEW", later, later)  # type: ignore[arg-type]
        shelf.stored(tx, item.key, "OLD", house.now, later)  # type: ignore[arg-type]

    await house.own.exclusive(settle)
    assert await house.rows("SELECT media_id, holder FROM kf_media") == [{"media_id": "NEW", "holder": None}]


async def test_what_is_forgotten(house: LedgerHouse, folder: Folder) -> None:
    """What nobody has wanted for a month goes with the next upload."""
    await program(house)
    uploads = Uploads()
    keeping = keeper(house, folder, uploads)
    await keeping.keep()
    (folder.root / CARD.path).write_bytes(png((1, 2, 3)))
    house.later(days=31)
    await keeping.keep()
    assert await house.rows("SELECT media_id FROM kf_media") == [{"media_id": "M2"}]


@pytest.mark.parametrize(
    ("kind", "path", "told"),
    [
        ("image", "../secret.png", "outside KFPUSH_MEDIA_DIR"),
        ("image", "link.png", "outside KFPUSH_MEDIA_DIR"),
        ("image", "nothing.png", "no such file"),
        ("image", "cards", "no such file"),
        ("image", "a\0b.png", "that is no path"),
        ("image", "a" * 300 + ".png", "that is no path"),
        ("image", "circle.png", "that is no path"),
        ("image", "empty.png", "it has 0 bytes"),
        ("image", "text.png", "not a JPG or PNG picture"),
        ("image", "large.png", "it has 2.0 MB; a JPG or PNG picture may have 2 MB"),
        ("voice", "cards/match.png", "not an AMR voice"),
        ("video", "voice.amr", "not an MP4 video"),
        ("file", "huge.bin", "it has 21 MB; a file may have 20"),
    ],
)
def test_files_that_cannot_be_shown(folder: Folder, kind: str, path: str, told: str) -> None:
    """Each with a sentence that names it and says why; none leaves the folder."""
    root = folder.root
    (root / "link.png").symlink_to(root.parent / "secret.png")
    (root / "circle.png").symlink_to(root / "circle.png")
    (root / "empty.png").write_bytes(b"")
    (root / "text.png").write_text("not a picture")
    (root / "large.png").write_bytes(png() + bytes(2 << 20))
    (root / "voice.amr").write_bytes(AMR)
    with (root / "huge.bin").open("wb") as huge:
        huge.truncate(21 << 20)
    need = Need(kind, path)
    found = folder.look([need])[need]
    assert isinstance(found, Problem)
    assert told in found.text


def test_files_that_can(folder: Folder) -> None:
    """And a file that has not changed is read once."""
    (folder.root / "a.amr").write_bytes(AMR)
    (folder.root / "a.mp4").write_bytes(MP4)
    needs = [CARD, Need("voice", "a.amr"), Need("video", "a.mp4"), Need("file", "a.mp4")]
    found = folder.look(needs)
    assert all(isinstance(item, Item) for item in found.values())
    (folder.root / CARD.path).chmod(0)
    assert folder.look([CARD])[CARD] is found[CARD]
