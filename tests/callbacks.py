"""WeChat, as far as a callback is concerned: it signs, encrypts and posts."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from producer.callback.crypto import decode_aes_key, encrypt, signature
from producer.callback.seal import Seal

TOKEN: Final = "QDG6eK"
AES_KEY: Final = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
CORP: Final = "wx5823bf96d3bd56c7"
CHANCE: Final = b"0123456789abcdef"
ACCOUNT: Final = "wkAJ2GCAAASSm4_FhToWMFea0xAFfd3Q"
SYNC_TOKEN: Final = "ENCApHxnGDNAVNY4AaSJKj4Tb5mwsEMzxhFmHVGcra996NR"
SEAL: Final = Seal(CORP, (TOKEN,), (decode_aes_key(AES_KEY),))


def notice(open_kfid: str | None = ACCOUNT, token: str | None = SYNC_TOKEN) -> bytes:
    """The message that says "pull now"; the form is that of WeChat's documentation."""
    return (
        f"<xml>\n   <ToUserName><![CDATA[{CORP}]]></ToUserName>\n   <CreateTime>1348831860</CreateTime>\n"
        "   <MsgType><![CDATA[event]]></MsgType>\n   <Event><![CDATA[kf_msg_or_event]]></Event>\n"
        + ("" if token is None else f"   <Token><![CDATA[{token}]]></Token>\n")
        + ("" if open_kfid is None else f"   <OpenKfId><![CDATA[{open_kfid}]]></OpenKfId>\n")
        + "</xml>"
    ).encode()


def accounts(granted: tuple[str, ...] = (), revoked: tuple[str, ...] = ()) -> bytes:
    """The message that says which accounts the app may serve."""
    return (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
        "<CreateTime>1348831860</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        "<Event><![CDATA[kf_account_auth_change]]></Event>"
        + "".join(f"<AuthAddOpenKfId><![CDATA[{name}]]></AuthAddOpenKfId>" for name in granted)
        + "".join(f"<AuthDelOpenKfId><![CDATA[{name}]]></AuthDelOpenKfId>" for name in revoked)
        + "</xml>"
    ).encode()


def foreign() -> bytes:
    """A message of the same app that has nothing to do with KF."""
    return (
        b"<xml><ToUserName><![CDATA[c]]></ToUserName><FromUserName><![CDATA[u]]></FromUserName><CreateTime>1"
        b"</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Content></xml>"
    )


@dataclass(frozen=True, slots=True)
class Request:
    """What WeChat asks: a query and, of a POST, a body."""

    query: str
    body: bytes = b""


def signed(
    encrypted: str, token: str = TOKEN, timestamp: str = "1409659813", nonce: str = "1372623149"
) -> str:
    """The query that belongs to an encrypted text."""
    return urlencode(
        {
            "msg_signature": signature(token, timestamp, nonce, encrypted),
            "timestamp": timestamp,
            "nonce": nonce,
        }
    )


def posted(
    message: bytes, *, token: str = TOKEN, key: str = AES_KEY, corp: str = CORP, chance: bytes = CHANCE
) -> Request:
    """A message as WeChat posts it."""
    encrypted = encrypt(decode_aes_key(key), message, corp, chance)
    return Request(signed(encrypted, token), envelope(encrypted))


def envelope(encrypted: str) -> bytes:
    """The body around an encrypted text."""
    return (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
        "<AgentID><![CDATA[218]]></AgentID></xml>"
    ).encode()


def check(message: bytes, *, token: str = TOKEN, key: str = AES_KEY, corp: str = CORP) -> Request:
    """A check of the URL."""
    encrypted = encrypt(decode_aes_key(key), message, corp, CHANCE)
    return Request(f"{signed(encrypted, token)}&{urlencode({'echostr': encrypted})}")
