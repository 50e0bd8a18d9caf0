"""The table of WeChat's error codes: data, read through ``errcodes``.

Official texts where there are any; 95024, 95025, 95028, 95029 and 95033 are known from implementations only.
Codes of calls that kfpush does not make are listed for their meaning: met in answer to a send they are as
unclassified as a code that is not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.receipts import Accepted, NotSent, NotSentCause, Receipt, RefusalKind, Refused, Unknown


@dataclass(frozen=True, slots=True)
class Errcode:
    """One code: the receipt it ends in, what it means, and what a person should do (English, Chinese)."""

    code: int
    receipt: Receipt
    means: str
    means_zh: str
    advice: str
    advice_zh: str


_NOTHING = ("Nothing.", "无需处理。")
_WAIT_FOR_USER = (
    "Nothing: the push waits until the user writes again; no clock helps.",
    "无需处理：等用户再次发消息后自动继续，等待时间没有用。",
)
_SLOW_DOWN = (
    "Nothing: kfpush waits and goes on. If it stays, lower the number of sends in flight.",
    "无需处理：kfpush 会等待后继续。若持续出现，请降低并发发送数。",
)
_REPORT_CONTENT = (
    "The message is a dead letter. Look at it with `kfpush explain --show-text`, correct the template.",
    "该消息已成为死信。用 `kfpush explain --show-text` 查看正文，并修正模板。",
)
_CARD = (
    "Matches go as plain text meanwhile. Mend the template, or what it names, then resume the msgtype.",
    "期间匹配以纯文本发送。请修正模板或其引用的内容，然后用 `kfpush resume msgtype` 恢复该类型。",
)
_LINK_PROGRAM = (
    "Matches go as plain text meanwhile. Link the mini program to the corp, then resume msgtype miniprogram.",
    "期间匹配以纯文本发送。请在企业微信管理后台关联该小程序，然后执行 `kfpush resume msgtype miniprogram`。",
)
_FILE = (
    "Give a file that WeChat takes: JPG or PNG, AMR, MP4, within the limits of ops/docs/kinds.md.",
    "请换用微信接受的文件：JPG 或 PNG、AMR、MP4，大小见 ops/docs/kinds.md。",
)
_TOKEN = (
    "Nothing if it passes: kfpush fetches a new token. If not, check WEWORK_SECRET and its app's rights.",
    "若自行恢复则无需处理：kfpush 会重新获取 token。若持续出现，请检查 WEWORK_SECRET 及应用权限。",
)
_PERMISSION = (
    "Add the app under 微信客服 > 可调用接口的应用 and give it the KF account.",
    "请在「微信客服 > 可调用接口的应用」中添加该应用，并授权该客服账号。",
)
_SECRET = (
    "Check WEWORK_CORP_ID and WEWORK_SECRET: both of one corp, the secret not reset since, the app enabled.",
    "请检查 WEWORK_CORP_ID 与 WEWORK_SECRET：须属于同一企业，secret 未被重置，应用未停用。",
)
_OPEN_KFID = (
    "Check that the KF account still exists in this corp and is granted to the app.",
    "请确认该客服账号仍存在于本企业，且已授权给该应用。",
)
_PRODUCT = (
    "Use the secret of the product that owns the account: 企业微信 and kf.weixin.qq.com do not mix.",
    "请使用账号所属产品的 secret：企业微信与 kf.weixin.qq.com（独立版）的 secret 不能混用。",
)
_VISIBLE = (
    "Put the servicers into the app's visible range.",
    "请把接待人员加入应用的可见范围。",
)
_BUG = ("Report it: kfpush built the call wrongly.", "请反馈：kfpush 构造的请求有误。")
_OTHER_CALL = (
    "Report it: this code belongs to a call that kfpush does not make.",
    "请反馈：该错误码属于 kfpush 不会调用的接口。",
)

_W, _T = RefusalKind.WINDOW, RefusalKind.THROTTLED
_CORP, _ACCOUNT = RefusalKind.CORP_CONFIG, RefusalKind.ACCOUNT_CONFIG
_C, _R = RefusalKind.CONTENT, RefusalKind.RECIPIENT
_U = RefusalKind.UNCLASSIFIED

_NO_REFUSAL: tuple[Errcode, ...] = (
    Errcode(0, Accepted(), "accepted", "已接受", *_NOTHING),
    Errcode(
        95033,
        Accepted(repeated=True),
        "repeated msgid: accepted earlier",
        "msgid 重复：此前已接受",
        *_NOTHING,
    ),
    Errcode(
        -1,
        Unknown("busy"),
        "system busy",
        "系统繁忙",
        "Nothing: kfpush tries again, under the same msgid.",
        "无需处理：kfpush 会以同一 msgid 重试。",
    ),
)

_TOKEN_REFUSED: tuple[tuple[int, str, str], ...] = (
    (40014, "bad access_token", "access_token 不合法"),
    (42001, "access_token expired", "access_token 已过期"),
    (42007, "access_token revoked", "access_token 已失效"),
    (42009, "suite token expired", "suite_access_token 已过期"),
    (42011, "access_token no longer usable", "access_token 已不可用"),
)

_REFUSED: tuple[tuple[int, RefusalKind, str, str, tuple[str, str]], ...] = (
    (95001, _W, "5 messages since the user's last one", "超过下发条数限制（5 条）", _WAIT_FOR_USER),
    (95002, _W, "over 48 hours since the user's last message", "超过 48 小时下发时限", _WAIT_FOR_USER),
    (95013, _W, "the session has ended", "会话已结束", _WAIT_FOR_USER),
    (
        95018,
        _W,
        "the session's state does not allow sending, or it is over 48 hours old",
        "会话状态不允许发送，或会话已超过 48 小时",
        (
            "Route new sessions to the smart assistant: whoever is with a servicer cannot be pushed to.",
            "请将新会话分配给智能助手而非人工：由人工接待的用户无法推送。",
        ),
    ),
    (95024, _W, "the user wrote nothing himself in 48 hours", "48 小时内无用户主动消息", _WAIT_FOR_USER),
    (95031, _W, "the user has not consulted within 48 hours", "客户 48 小时内未咨询", _WAIT_FOR_USER),
    (45009, _T, "rate limit", "接口调用超过频率限制", _SLOW_DOWN),
    (45033, _T, "concurrency limit", "接口并发调用超过限制", _SLOW_DOWN),
    (40001, _CORP, "wrong secret, or the app is disabled", "secret 错误，或应用已停用", _SECRET),
    (40013, _CORP, "wrong corp id", "CorpID 不合法", _SECRET),
    (40091, _CORP, "secret invalid, perhaps another corp's", "secret 不合法，可能属于其他企业", _SECRET),
    (41001, _CORP, "access_token missing", "缺少 access_token 参数", _SECRET),
    (41002, _CORP, "corpid missing", "缺少 corpid 参数", _SECRET),
    (41004, _CORP, "secret missing", "缺少 secret 参数", _SECRET),
    (48002, _CORP, "the app may not call this API", "应用无权调用该接口", _PERMISSION),
    (60011, _CORP, "no privilege over the member or department", "无权限访问指定成员或部门", _VISIBLE),
    (
        60020,
        _CORP,
        "this server's IP is not trusted",
        "服务器 IP 不在企业可信 IP 中",
        (
            "Add this server's public IP to the app's 企业可信IP; it takes effect after a minute.",
            "请把本服务器的公网 IP 加入应用的「企业可信IP」，约一分钟后生效。",
        ),
    ),
    (
        95011,
        _CORP,
        "a kf.weixin.qq.com secret for a 企业微信 corp",
        "联合版企业使用了独立版 secret",
        _PRODUCT,
    ),
    (
        95012,
        _CORP,
        "a 企业微信 secret for a kf.weixin.qq.com corp",
        "独立版企业使用了联合版 secret",
        _PRODUCT,
    ),
    (95017, _CORP, "the KF API switch is off", "微信客服 API 功能未开启", _PERMISSION),
    (95023, _CORP, "the KF API is granted to another developer's app", "API 已授权给代开发应用", _PERMISSION),
    (48007, _ACCOUNT, "the KF account is not granted to the app", "应用未获得该客服账号授权", _PERMISSION),
    (
        60021,
        _ACCOUNT,
        "the servicer is outside the app's visible range",
        "接待人员不在应用可见范围",
        _VISIBLE,
    ),
    (
        60030,
        _ACCOUNT,
        "the servicer is outside the app's visible range",
        "接待人员不在应用可见范围",
        _VISIBLE,
    ),
    (95000, _ACCOUNT, "invalid open_kfid", "open_kfid 不合法", _OPEN_KFID),
    (
        95003,
        _ACCOUNT,
        "consult capacity reached",
        "接待客户数达到上限",
        (
            "Verify the corp: an unverified one serves 100 customers.",
            "请完成企业认证：未认证企业仅能接待 100 位客户。",
        ),
    ),
    (95004, _ACCOUNT, "the open_kfid does not exist", "open_kfid 不存在", _OPEN_KFID),
    (40007, _C, "bad or expired media_id", "media_id 不合法或已过期", _CARD),
    (40004, _U, "bad kind of file", "媒体文件类型不合法", _FILE),
    (40005, _U, "bad type of media", "type 参数不合法", _BUG),
    (40006, _U, "bad size of a file", "文件大小不合法", _FILE),
    (40009, _U, "bad size of a picture", "图片大小不合法", _FILE),
    (40011, _U, "bad size of a video", "视频大小不合法", _FILE),
    (41005, _U, "the file is missing", "缺少多媒体文件数据", _BUG),
    (44001, _U, "the file is empty", "多媒体文件为空", _FILE),
    (40008, _C, "bad msgtype", "消息类型不合法", _BUG),
    (40058, _C, "bad parameter", "参数不合法", _BUG),
    (40063, _C, "empty parameter", "参数为空", _REPORT_CONTENT),
    (40201, _C, "blocked as sensitive content", "内容被反垃圾拦截", _REPORT_CONTENT),
    (44004, _C, "empty text", "文本内容为空", _REPORT_CONTENT),
    (45002, _C, "text over 2048 bytes", "文本超过 2048 字节", _REPORT_CONTENT),
    (90207, _C, "the mini program is not linked to the corp", "小程序未关联到企业", _LINK_PROGRAM),
    (95008, _C, "too many menu items", "菜单项数量超过限制", _CARD),
    (95009, _C, "bad menu item type", "菜单项类型不合法", _CARD),
    (95022, _C, "bad location", "地理位置类型不合法", _CARD),
    (95025, _C, "one business card per 48 hours", "48 小时内只能发送一张名片", _NOTHING),
    (95030, _C, "message type forbidden", "该类型消息不允许发送", _CARD),
    (
        40096,
        _R,
        "bad external_userid, or another corp's",
        "external_userid 不合法，或不属于本企业",
        (
            "Correct the user's external_userid in wechat_kf_sessions (it begins with wm), then redrive.",
            "请修正 wechat_kf_sessions 中该用户的 external_userid（以 wm 开头），然后重新投递。",
        ),
    ),
    (95005, _U, "too many KF accounts", "客服账号数量达到上限", _OTHER_CALL),
    (95006, _U, "bad KF account name", "客服账号名称不合法", _OTHER_CALL),
    (95007, _U, "sync token expired or bad", "msgtoken 不合法或已过期", _OTHER_CALL),
    (95014, _U, "not a servicer, or not activated", "非接待人员或未激活", _OTHER_CALL),
    (95015, _U, "exclusive service is configured", "已配置专属服务", _OTHER_CALL),
    (95016, _U, "session state change not allowed", "不允许变更为该会话状态", _OTHER_CALL),
    (95019, _U, "the servicer has stopped", "接待人员已停止接待", _OTHER_CALL),
    (95026, _U, "KF accounts are little used: no more of them", "客服账号使用率低，不能新增", _OTHER_CALL),
    (95027, _U, "an unverified corp has at most 10 KF accounts", "未认证企业最多 10 个客服账号", _OTHER_CALL),
    (95028, _U, "recall: no such msgid", "撤回：msgid 不存在", _OTHER_CALL),
    (95029, _U, "recall: over two minutes", "撤回：已超过两分钟", _OTHER_CALL),
    (95032, _U, "chat record permission lost", "会话存档组件权限失效", _OTHER_CALL),
)


def rows() -> Iterator[Errcode]:
    """Every row."""
    yield from _NO_REFUSAL
    for code, means, means_zh in _TOKEN_REFUSED:
        yield Errcode(code, NotSent(NotSentCause.NO_TOKEN, code), means, means_zh, *_TOKEN)
    for code, kind, means, means_zh, advice in _REFUSED:
        yield Errcode(code, Refused(code, kind), means, means_zh, *advice)
