"""What each message type must hold; the documents' limits, each met and missed by one byte."""

import pytest

from ops.sandbox.shapes import judge

WEB = "https://example.com/"
LINK = {"title": "t", "url": WEB, "thumb_media_id": "m"}
PROGRAM = {"appid": "wx1", "pagepath": "p.html", "thumb_media_id": "m"}


def click(**entry: object) -> dict[str, object]:
    """A menu of one item to tap."""
    return {"list": [{"type": "click", "click": entry}]}


def view(**entry: object) -> dict[str, object]:
    """A menu of one link."""
    return {"list": [{"type": "view", "view": entry}]}


@pytest.mark.parametrize(
    ("msgtype", "content", "expected"),
    [
        ("image", {"media_id": "m"}, 0),
        ("file", {"media_id": ""}, 40058),
        ("voice", {"thumb_media_id": "m"}, 40058),
        ("link", LINK, 0),
        ("link", LINK | {"title": "长" * 500, "desc": "长" * 500}, 0),
        ("link", LINK | {"url": "ftp://example.com/"}, 40058),
        ("link", LINK | {"url": WEB + "a" * 2029}, 40058),
        ("link", {"title": "t", "url": WEB}, 40058),
        ("miniprogram", PROGRAM, 0),
        ("miniprogram", {"appid": "wx1", "thumb_media_id": "m"}, 40058),
        ("location", {"latitude": 0, "longitude": -180.0}, 0),
        ("location", {"latitude": 90.1, "longitude": 0}, 40058),
        ("location", {"latitude": True, "longitude": 0}, 40058),
        ("location", {"longitude": 0}, 40058),
        ("msgmenu", click(content="查" * 42), 0),
        ("msgmenu", click(content="查" * 43), 40058),
        ("msgmenu", click(content=""), 40058),
        ("msgmenu", click(id="a" * 128, content="a"), 0),
        ("msgmenu", click(id="a" * 129, content="a"), 40058),
        ("msgmenu", click(id="", content="a"), 40058),
        ("msgmenu", view(url=WEB, content="a" * 1024), 0),
        ("msgmenu", view(url=WEB, content="a" * 1025), 40058),
        ("msgmenu", {"list": [{"type": "text", "text": {"content": "a" * 256}}]}, 0),
        ("msgmenu", {"list": [{"type": "text", "text": {"content": "a" * 257}}]}, 40058),
        ("msgmenu", {"list": [{"type": "miniprogram", "miniprogram": {"content": "a"}}]}, 40058),
        ("msgmenu", {"list": [{"type": "dance", "dance": {}}]}, 95009),
        ("msgmenu", {"list": ["click"]}, 40058),
        ("msgmenu", {"list": {}}, 40058),
        ("msgmenu", {"head_content": "a" * 1024}, 0),
        ("msgmenu", {"head_content": "a" * 1025}, 40058),
        ("business_card", {"userid": "zhangsan"}, 0),
        ("business_card", {"anything": 1}, 40058),
        ("ca_link", {"link_url": "https://work.weixin.qq.com/ca/x"}, 0),
        ("ca_link", {"link_url": "https://example.com/ca/x"}, 40058),
    ],
)
def test_what_wechat_takes(msgtype: str, content: dict[str, object], expected: int) -> None:
    """Missing, empty, too long by one byte, of a wrong kind; and each of them just right."""
    assert judge(msgtype, content) == expected
