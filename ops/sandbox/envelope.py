"""What WeChat posts to a callback: the event's XML, and the signed and encrypted envelope around it.

Pure: the time and the chance are arguments.  Shapes: wechat's pages 90930 (URL check), 90238 and 94670.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from producer.callback.crypto import decode_aes_key, encrypt, signature
from schemas.kf_keys import is_token


@dataclass(frozen=True)
class Seal:
    """What both sides of a callback know."""

    corpid: str
    token: str = field(repr=False)
    aes_key: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what WeChat's console would refuse: ValueError."""
        if not is_token(self.token):
            raise ValueError("a callback's token is 1 to 32 letters and digits")
        decode_aes_key(self.aes_key)


@dataclass(frozen=True)
class Chance:
    """What differs between two envelopes of the same words."""

    nonce: str
    random16: bytes = field(repr=False)


def notification(corpid: str, open_kfid: str, sync_token: str, at: datetime) -> str:
    """Something happened at an account: come and pull."""
    more = {"Token": sync_token, "OpenKfId": open_kfid}
    return _event(corpid, at, "kf_msg_or_event", list(more.items()))


def authorised(corpid: str, given: Sequence[str], taken: Sequence[str], at: datetime) -> str:
    """Accounts were put into the app's hands, or taken from them; it has neither Token nor OpenKfId."""
    more = [("AuthAddOpenKfId", each) for each in given] + [("AuthDelOpenKfId", each) for each in taken]
    return _event(corpid, at, "kf_account_auth_change", [("FromUserName", "sys"), *more])


def _event(corpid: str, at: datetime, name: str, more: Sequence[tuple[str, str]]) -> str:
    words = [("MsgType", "event"), ("Event", name), *more]
    return (
        f"<xml>{_cdata('ToUserName', corpid)}<CreateTime>{int(at.timestamp())}</CreateTime>"
        f"{''.join(_cdata(tag, text) for tag, text in words)}</xml>"
    )


def _cdata(tag: str, text: str) -> str:
    return f"<{tag}><![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]></{tag}>"


def posted(seal: Seal, xml: str, at: datetime, chance: Chance) -> tuple[str, bytes]:
    """The query and the body of one POST."""
    encrypted = _encrypted(seal, xml.encode(), chance)
    body = (
        f"<xml>{_cdata('ToUserName', seal.corpid)}{_cdata('Encrypt', encrypted)}{_cdata('AgentID', '')}</xml>"
    )
    return urlencode(_signed(seal, encrypted, at, chance)), body.encode()


def url_check(seal: Seal, said: str, at: datetime, chance: Chance) -> str:
    """The query of the GET with which WeChat tries a URL; its answer must be ``said``, bare."""
    encrypted = _encrypted(seal, said.encode(), chance)
    return urlencode({**_signed(seal, encrypted, at, chance), "echostr": encrypted})


def _encrypted(seal: Seal, message: bytes, chance: Chance) -> str:
    return encrypt(decode_aes_key(seal.aes_key), message, seal.corpid, chance.random16)


def _signed(seal: Seal, encrypted: str, at: datetime, chance: Chance) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    signed = signature(seal.token, timestamp, chance.nonce, encrypted)
    return {"msg_signature": signed, "timestamp": timestamp, "nonce": chance.nonce}
