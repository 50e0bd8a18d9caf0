"""What kf/sync_msg tells: users' words, servicers' words and events, each shaped as WeChat shapes it.

Pure.  Shapes: developer.work.weixin.qq.com/document/path/94670.  Events carry nobody's id at the top:
open_kfid and external_userid are inside ``event``.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from ops.sandbox.talks import Bubble

Item = dict[str, object]

CUSTOMER, SYSTEM, SERVICER = 3, 4, 5
"""``origin``: who is behind an item."""

SAMPLES: Final[Mapping[str, dict[str, object]]] = {
    "image": {"media_id": "sandbox_image"},
    "voice": {"media_id": "sandbox_voice"},
    "video": {"media_id": "sandbox_video"},
    "file": {"media_id": "sandbox_file"},
    "location": {
        "latitude": 23.106021881103501,
        "longitude": 113.320503234863,
        "name": "广州国际媒体港(广州市海珠区)",
        "address": "广东省广州市海珠区滨江东路",
    },
    "link": {
        "title": "一个链接",
        "desc": "说明",
        "url": "https://example.com/",
        "pic_url": "https://example.com/a.png",
    },
    "business_card": {"userid": "zhangsan"},
    "miniprogram": {
        "title": "小程序",
        "appid": "wx1234567890abcdef",
        "pagepath": "pages/index.html",
        "thumb_media_id": "sandbox_thumb",
    },
    "channels_shop_product": {
        "product_id": "1001",
        "head_image": "https://example.com/p.png",
        "title": "商品",
        "sales_price": "9900",
        "shop_nickname": "小店",
        "shop_head_image": "https://example.com/s.png",
    },
    "channels_shop_order": {
        "order_id": "2001",
        "product_titles": "商品",
        "price_wording": "¥99.00",
        "state": "已付款",
        "image_url": "https://example.com/o.png",
        "shop_nickname": "小店",
    },
    "merged_msg": {
        "title": "群聊的聊天记录",
        "item": [
            {
                "send_time": 1665649618,
                "msgtype": "text",
                "sender_name": "发送者",
                "msg_content": '{"msgtype":"text","text":{"content":"消息内容"}}',
            }
        ],
    },
    "channels": {"sub_type": 1, "nickname": "视频号名称", "title": "动态标题"},
    "meeting": {},
    "schedule": {},
    "note": {},
}
"""What a user can send besides text, with an example's content."""

FAIL_TYPES: Final = (0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
"""Why WeChat says that a message it took was not shown; 3 is not defined."""

LATE, OVER, SIXTH, REJECTED = 4, 5, 6, 10
"""The fail_types after 48 hours, in an ended session, after five messages, and of a user who refuses them."""


def said(bubble: Bubble) -> Item:
    """A user's own word, or any other thing that they sent; a click on a menu is a text with its menu_id."""
    return _message(bubble, CUSTOMER, {})


def served(bubble: Bubble, servicer_userid: str) -> Item:
    """What a human servicer wrote in the WeCom client."""
    return _message(bubble, SERVICER, {"servicer_userid": servicer_userid})


def _message(bubble: Bubble, origin: int, more: Item) -> Item:
    content: Item = dict(bubble.content) if isinstance(bubble.content, dict) else {"content": bubble.content}
    if bubble.menu_id is not None:
        content["menu_id"] = bubble.menu_id
    return {
        "msgid": bubble.msgid,
        "open_kfid": bubble.open_kfid,
        "external_userid": bubble.external_userid,
        "send_time": int(bubble.at.timestamp()),
        "origin": origin,
        **more,
        "msgtype": bubble.msgtype,
        bubble.msgtype: content,
    }


def event(event_type: str, open_kfid: str, at: datetime, msgid: str, **facts: object) -> Item:
    """One event; facts that are None are left out, as WeChat leaves them out."""
    told = {name: fact for name, fact in facts.items() if fact is not None}
    return {
        "msgid": msgid,
        "send_time": int(at.timestamp()),
        "origin": SYSTEM,
        "msgtype": "event",
        "event": {"event_type": event_type, "open_kfid": open_kfid, **told},
    }
