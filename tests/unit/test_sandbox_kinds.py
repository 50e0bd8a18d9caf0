"""What the sandbox has against kinds of message and files, as WeChat's documents say."""

import itertools
from datetime import datetime, timedelta

import pytest

from ops.sandbox.media import LIFE, Media, MediaOffice
from ops.sandbox.rules import Corp
from ops.sandbox.shapes import cut
from ops.sandbox.switches import Switches, changed
from tests.files import AMR, JPEG, MP4, png

NOON = datetime.fromisoformat("2026-11-22T12:00+08:00")
DEFAULT = Switches()
PNG = png()


@pytest.fixture
def corp() -> Corp:
    """A corp to which wmA has just written."""
    corp = Corp(itertools.count(1))
    corp.speak("wkA", "wmA", "在吗", NOON)
    return corp


def office() -> MediaOffice:
    """An office that names its files 1, 2, 3."""
    numbers = itertools.count(1)
    return MediaOffice(lambda: str(next(numbers)))


def put(corp: Corp, wanted: str, data: bytes) -> str:
    """Upload a file; its media_id."""
    media = corp.media.put(wanted, "名片.png", data, NOON)
    assert isinstance(media, Media)
    return media.media_id


def send(corp: Corp, kind: str, content: object, at: datetime = NOON, switches: Switches = DEFAULT) -> int:
    """Send wmA something; the errcode."""
    body = {"touser": "wmA", "open_kfid": "wkA", "msgtype": kind, kind: content}
    return corp.send(body, at, switches).errcode


@pytest.mark.parametrize(
    ("wanted", "data", "expected"),
    [
        ("image", PNG, 0),
        ("image", JPEG, 0),
        ("image", b"GIF89a" + bytes(40), 40004),
        ("image", PNG + bytes((10 << 20) - len(PNG)), 0),
        ("image", PNG + bytes((10 << 20) - len(PNG) + 1), 40006),
        ("voice", AMR, 0),
        ("voice", b"ID3" + bytes(40), 40004),
        ("voice", AMR + bytes(2 << 20), 40006),
        ("video", MP4, 0),
        ("video", bytes(40), 40004),
        ("file", b"123456", 0),
        ("file", b"12345", 40006),
        ("file", b"", 44001),
        ("file", bytes((20 << 20) + 1), 40006),
        ("thumb", PNG, 40005),
    ],
)
def test_what_may_be_uploaded(wanted: str, data: bytes, expected: int) -> None:
    """Types, their first bytes, and their sizes to the byte."""
    taken = office().put(wanted, "a", data, NOON)
    assert (taken if isinstance(taken, int) else 0) == expected


def test_a_media_lives_three_days(corp: Corp) -> None:
    """To the second; what was never uploaded, and what is of another type, is no media either."""
    thumb, voice = put(corp, "image", PNG), put(corp, "voice", AMR)
    card = {"appid": "wx1", "pagepath": "p.html", "thumb_media_id": thumb}
    for day in (1, 2):
        corp.speak("wkA", "wmA", "在", NOON + timedelta(days=day))
    last = NOON + LIFE - timedelta(seconds=1)
    assert send(corp, "miniprogram", card, last) == 0
    assert send(corp, "image", {"media_id": thumb}, last) == 0
    assert send(corp, "miniprogram", card, NOON + LIFE) == 40007
    assert send(corp, "miniprogram", card | {"thumb_media_id": voice}) == 40007
    assert send(corp, "voice", {"media_id": "nobody's"}) == 40007
    assert send(corp, "file", {"media_id": voice}) == 0


def test_a_media_is_looked_for_after_the_msgid(corp: Corp) -> None:
    """Or before it, where limits are: nobody knows."""
    body = {"touser": "wmA", "open_kfid": "wkA", "msgid": "m1", "msgtype": "image"}
    body = {**body, "image": {"media_id": put(corp, "image", PNG)}}  # type: ignore[dict-item]
    assert corp.send(body, NOON, DEFAULT).errcode == 0
    later = NOON + timedelta(days=4)
    corp.speak("wkA", "wmA", "在", later)
    assert corp.send(body, later, DEFAULT).errcode == 95033
    assert corp.send(body, later, changed(DEFAULT, {"check_order": "limits_first"})).errcode == 40007


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("link", {"title": "t", "url": "https://example.com/", "thumb_media_id": "x"}, 95030),
        ("miniprogram", {"appid": "a", "pagepath": "p", "thumb_media_id": "x"}, 90207),
        ("location", {"latitude": 0, "longitude": 0}, 95022),
        ("msgmenu", {"head_content": "h", "list": []}, 95009),
        ("ca_link", {"link_url": "https://work.weixin.qq.com/ca/x"}, 95030),
    ],
)
def test_a_kind_that_is_switched_off(corp: Corp, kind: str, content: object, expected: int) -> None:
    """Is refused with a code of its own; texts go on."""
    switches = changed(DEFAULT, {"refused_kind": kind})
    assert send(corp, kind, content, switches=switches) == expected
    assert send(corp, "text", {"content": "好"}, switches=switches) == 0


def test_one_business_card_in_48_hours(corp: Corp) -> None:
    """After a word of the user's own; a tap that opens the window allows a text, and no card."""
    card = {"userid": "zhangsan"}
    assert send(corp, "business_card", card) == 0
    assert send(corp, "business_card", card) == 95025
    later = NOON + timedelta(hours=47)
    corp.speak("wkA", "wmA", "在", later)
    assert send(corp, "business_card", card, later) == 95025
    assert send(corp, "business_card", card, NOON + timedelta(hours=48)) == 0
    much_later = NOON + timedelta(hours=96)
    corp.speak("wkA", "wmA", "好的", much_later, menu_id="1", opens=True)
    assert send(corp, "business_card", card, much_later) == 95024
    assert send(corp, "text", {"content": "好"}, much_later) == 0


def test_titles_are_cut(corp: Corp) -> None:
    """Where WeChat cuts them, between characters; nothing else is."""
    made = cut("link", {"title": "题" * 50, "desc": "述" * 200, "url": "u" * 600})
    assert made == {"title": "题" * 42, "desc": "述" * 170, "url": "u" * 600}
    assert cut("miniprogram", {"title": "🎉" * 17}) == {"title": "🎉" * 16}
    assert cut("image", {"title": "题" * 50}) == {"title": "题" * 50}
