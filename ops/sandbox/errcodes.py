"""WeChat's answer codes, as far as the sandbox speaks them, and the shape of its errmsg."""

OK = 0
BUSY = -1
WRONG_SECRET = 40001
BAD_MEDIA_FORMAT = 40004
BAD_MEDIA_TYPE = 40005
BAD_MEDIA_SIZE = 40006
BAD_MEDIA_ID = 40007
BAD_MSGTYPE = 40008
WRONG_CORPID = 40013
UNKNOWN_TOKEN = 40014
BAD_PARAMETER = 40058
EMPTY_PARAMETER = 40063
UNKNOWN_URL = 40066
UNKNOWN_USER = 40096
TOKEN_MISSING = 41001
CORPID_MISSING = 41002
SECRET_MISSING = 41004
TOKEN_EXPIRED = 42001
MEDIA_MISSING = 41005
EMPTY_MEDIA = 44001
EMPTY_TEXT = 44004
TOO_LONG = 45002
TOO_MANY_CALLS = 45009
PROGRAM_NOT_LINKED = 90207
UNKNOWN_ACCOUNT = 95000
FIVE_SENT = 95001
WINDOW_OVER = 95002
TOO_MANY_ITEMS = 95008
BAD_ITEM = 95009
STALE_SYNC_TOKEN = 95007
CONVERSATION_ENDED = 95013
NOT_A_SERVICER = 95014
TRANSITION_FORBIDDEN = 95016
STATE_FORBIDS = 95018
BAD_LOCATION = 95022
CARD_WITHOUT_A_WORD = 95024
ONE_CARD = 95025
KIND_FORBIDDEN = 95030
NOT_CONSULTED = 95031
REPEATED_MSGID = 95033

TEXTS = {
    OK: "ok",
    BUSY: "system busy",
    WRONG_SECRET: "invalid credential",
    BAD_MEDIA_FORMAT: "invalid media file",
    BAD_MEDIA_TYPE: "invalid media type",
    BAD_MEDIA_SIZE: "invalid media size",
    BAD_MEDIA_ID: "invalid media_id",
    BAD_MSGTYPE: "invalid message type",
    WRONG_CORPID: "invalid corpid",
    UNKNOWN_TOKEN: "invalid access_token",
    BAD_PARAMETER: "invalid parameter",
    EMPTY_PARAMETER: "empty parameter",
    UNKNOWN_URL: "invalid url",
    UNKNOWN_USER: "invalid external userid",
    40201: "sensitive content",
    TOKEN_MISSING: "access_token missing",
    CORPID_MISSING: "corpid missing",
    SECRET_MISSING: "corpsecret missing",
    TOKEN_EXPIRED: "access_token expired",
    MEDIA_MISSING: "media data missing",
    EMPTY_MEDIA: "empty media data",
    EMPTY_TEXT: "empty content",
    TOO_LONG: "content size out of limit",
    TOO_MANY_CALLS: "api freq out of limit",
    45033: "api concurrent out of limit",
    48002: "api forbidden for no authority",
    48007: "no authority of the kf account",
    60020: "not allow to access from your ip",
    PROGRAM_NOT_LINKED: "miniprogram not linked to the corp",
    UNKNOWN_ACCOUNT: "invalid open_kfid",
    FIVE_SENT: "send msg count limit",
    WINDOW_OVER: "send msg time limit",
    STALE_SYNC_TOKEN: "invalid msg token",
    TOO_MANY_ITEMS: "menu list size out of limit",
    BAD_ITEM: "invalid menu item type",
    NOT_A_SERVICER: "not a servicer",
    TRANSITION_FORBIDDEN: "service state transition not allowed",
    CONVERSATION_ENDED: "conversation end",
    STATE_FORBIDS: "send msg session status invalid",
    BAD_LOCATION: "invalid location type",
    CARD_WITHOUT_A_WORD: "no user-initiated message in 48 hours",
    ONE_CARD: "business card count limit in 48 hours",
    KIND_FORBIDDEN: "message type forbidden",
    NOT_CONSULTED: "customer has not consulted in 48 hours",
    REPEATED_MSGID: "repeated msgid",
}

# Said by the gateway, before the customer service rules ever see the call.
GATEWAY = frozenset({BUSY, WRONG_SECRET, WRONG_CORPID, UNKNOWN_TOKEN, TOKEN_MISSING, TOKEN_EXPIRED})
GATEWAY |= {TOO_MANY_CALLS, 45033, 48002, 60020}


def errmsg(errcode: int, hint: str, ip: str) -> str:
    """The free text that comes with a code; everything after the first comma is for support staff."""
    text = TEXTS.get(errcode, "refused")
    if errcode == OK:
        return text
    more = f"https://open.work.weixin.qq.com/devtool/query?e={errcode}"
    return f"{text}, hint: [{hint}], from ip: {ip}, more info at {more}"
