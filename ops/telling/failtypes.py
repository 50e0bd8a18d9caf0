"""What WeChat's ``fail_type`` numbers mean, and what to do, in both languages.  Pure data.

What kfpush makes of them is ``consumer.inbound.failures``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ops.telling.said import Teller
from ops.telling.sentences import Text

_NOBODY_KNOWS: Final = Text(
    "WeChat does not say why. The matches are dead letters: `kfpush dead redrive` sends them again.",
    "微信未说明原因。其匹配成为死信：`kfpush dead redrive` 可重新发送。",
)

FAIL_TYPES: Final[Mapping[int, Text]] = {
    0: _NOBODY_KNOWS,
    1: Text(
        "the KF account was deleted. Restore it, or take its users to another account.",
        "客服账号已被删除。请恢复账号，或引导用户使用其他客服账号。",
    ),
    2: Text("the app was closed. Open it in the WeCom console.", "应用已关闭。请在企业微信管理后台启用。"),
    4: Text(
        "the session was over 48 hours old. It goes again when the user writes.",
        "会话已超过 48 小时。用户再次发消息后重新发送。",
    ),
    5: Text(
        "the session was closed. It goes again when the user writes.",
        "会话已关闭。用户再次发消息后重新发送。",
    ),
    6: Text(
        "it was beyond the five messages. It goes again when the user writes.",
        "超过五条限制。用户再次发消息后重新发送。",
    ),
    7: Text("no 视频号 is bound to the corp. Bind one.", "企业未绑定视频号。请绑定。"),
    8: Text("the corp is not verified. Have it verified.", "企业主体未认证。请完成认证。"),
    9: Text(
        "no 视频号 is bound and the corp is not verified. Do one of the two.",
        "企业未绑定视频号且主体未认证。请完成其一。",
    ),
    10: Text(
        "the user refuses messages. It goes again when they write.",
        "用户拒收消息。用户再次发消息后重新发送。",
    ),
    11: Text(
        "nobody of the corp has logged in to the WeCom app. Have one member log in once.",
        "企业内没有成员登录过企业微信 App。请让一名成员登录一次。",
    ),
    12: Text(
        "messages of this type are forbidden to the KF component. The matches are dead letters.",
        "微信客服组件禁止发送该类型消息。其匹配成为死信。",
    ),
    13: Text(
        "a security restriction. See the WeCom console; sending pauses meanwhile.",
        "触发安全限制。请查看企业微信管理后台；期间暂停发送。",
    ),
}


def fail_text(fail_type: int | None, teller: Teller) -> str:
    """Tell what a fail_type means and what helps."""
    return teller.say(FAIL_TYPES.get(fail_type or 0, _NOBODY_KNOWS))
