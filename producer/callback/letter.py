"""What stands in a callback: the sealed letter, and the event inside it.  Pure, and lenient where WeChat is.

Source: path/94670 and path/97712 of WeChat's documentation.  Unknown elements, and any order, are fine; what
XML allows beyond elements and text (a DOCTYPE, entities) is refused, and so is anything but UTF-8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from producer.callback.refusal import Cause, Refused

_OPEN_KFID: Final = re.compile(r"[!-~]{1,64}")
_SYNC_TOKEN: Final = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Noticed:
    """There is something to pull: of one KF account, or of any (``open_kfid`` None: deliveries of 2022).

    ``token`` is what sync_msg wants within ten minutes; without one it is limited, and still answers.
    """

    open_kfid: str | None
    token: str | None


@dataclass(frozen=True, slots=True)
class AccountsChanged:
    """The app may now serve these KF accounts, and no longer those."""

    granted: tuple[str, ...]
    revoked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Foreign:
    """Any other message or event of the same app (a menu, a contact): none of ours."""


Event: TypeAlias = Noticed | AccountsChanged | Foreign


def read_encrypted(body: bytes) -> str:
    """Find the base64 in what was posted; not to be believed before its signature is checked.

    Raises:
        Refused: not UTF-8, not XML, or without exactly one ``<Encrypt>``.

    """
    found = _parsed(body, Cause.NOT_XML).findall("Encrypt")
    if len(found) != 1 or not (encrypted := _text(found[0])):
        raise Refused(Cause.NOT_XML)
    return encrypted


def read_event(message: bytes) -> Event:
    """Read the decrypted message.

    Raises:
        Refused: not UTF-8, not XML, or a notice of an account whose id cannot be one.

    """
    root = _parsed(message, Cause.EVENT)
    kind = (_one(root, "MsgType"), _one(root, "Event"))
    if kind == ("event", "kf_msg_or_event"):
        return _noticed(root)
    if kind == ("event", "kf_account_auth_change"):
        return AccountsChanged(_accounts(root, "AuthAddOpenKfId"), _accounts(root, "AuthDelOpenKfId"))
    return Foreign()


def _noticed(root: Element) -> Noticed:
    open_kfid, token = _one(root, "OpenKfId"), _one(root, "Token")
    if open_kfid and not _OPEN_KFID.fullmatch(open_kfid):
        raise Refused(Cause.EVENT)
    return Noticed(open_kfid or None, token if _SYNC_TOKEN.fullmatch(token) else None)


def _accounts(root: Element, tag: str) -> tuple[str, ...]:
    found = (_text(element) for element in root.findall(tag))
    return tuple(dict.fromkeys(open_kfid for open_kfid in found if _OPEN_KFID.fullmatch(open_kfid)))


def _parsed(document: bytes, cause: Cause) -> Element:
    try:
        # As text: an encoding that the document declares for itself is not asked.
        root: Element = fromstring(document.decode(), forbid_dtd=True)
    except (UnicodeDecodeError, ParseError, DefusedXmlException):
        raise Refused(cause) from None
    return root


def _one(root: Element, tag: str) -> str:
    found = root.find(tag)
    return "" if found is None else _text(found)


def _text(element: Element) -> str:
    return (element.text or "").strip()
