"""Why a callback is refused: each cause with its HTTP status and what an operator should know.  Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """What was wrong, as it stands in the answer, in the log and in the counts."""

    QUERY = "query"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    NOT_XML = "not_xml"
    SIGNATURE = "signature"
    KEY = "key"
    CORP = "corp"
    EVENT = "event"


STATUS: Final = {
    Cause.QUERY: 400,
    Cause.TOO_LARGE: 413,
    Cause.TOO_SLOW: 408,
    Cause.NOT_XML: 400,
    Cause.SIGNATURE: 403,
    Cause.KEY: 400,
    Cause.CORP: 403,
    Cause.EVENT: 400,
}

ADVICE: Final = {
    Cause.QUERY: "it has not msg_signature, timestamp, nonce (and echostr) once each: not from WeChat",
    Cause.TOO_LARGE: "no callback of WeChat's is as long: not from WeChat",
    Cause.TOO_SLOW: "its body did not come in time: a slow line, or not from WeChat",
    Cause.NOT_XML: "not UTF-8, not XML, with a DOCTYPE, or without one <Encrypt>: not from WeChat",
    Cause.SIGNATURE: "not from WeChat, or WEWORK_TOKEN is not the Token that WeChat's console shows",
    Cause.KEY: "signed rightly and not readable: WEWORK_AES_KEY is not WeChat's EncodingAESKey",
    Cause.CORP: "signed and encrypted rightly for another corp: see WEWORK_CORP_ID",
    Cause.EVENT: "signed by WeChat, and an event that this kfpush cannot read: please report it",
}
"""For the log; the answer itself says no more than the cause."""


class Refused(Exception):
    """A request that changes nothing."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause
