"""Who may call back, and with which keys: WeChat's signature, our key, our corp.  Pure."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from producer.callback.crypto import NotDecrypted, decrypt, signature
from producer.callback.refusal import Cause, Refused


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request's address claims."""

    msg_signature: str
    timestamp: str
    nonce: str


@dataclass(frozen=True, slots=True, repr=False)
class Seal:
    """The corp, and the tokens and keys that are valid: two of each while they are changed.

    There is no check of the timestamp's age: WeChat documents none, and what it delivers again may be old.
    A repeated request is harmless: it only says "pull now".
    """

    corp_id: str
    tokens: tuple[str, ...]
    keys: tuple[bytes, ...]

    def open(self, signed: Signed, encrypted: str) -> bytes:
        """Give the message inside; ``encrypted`` is base64.

        Raises:
            Refused: signed with no token of ours, not readable with any key of ours, or for another corp.

        """
        if not self._is_signed(signed, encrypted):
            raise Refused(Cause.SIGNATURE)
        cause = Cause.KEY
        for key in self.keys:
            try:
                message, receiveid = decrypt(key, encrypted)
            except NotDecrypted:
                continue
            if receiveid == self.corp_id:
                return message
            cause = Cause.CORP
        raise Refused(cause)

    def _is_signed(self, signed: Signed, encrypted: str) -> bool:
        """Compare with every token, in a time that tells nothing."""
        given = signed.msg_signature.encode()
        found = False
        for token in self.tokens:
            expected = signature(token, signed.timestamp, signed.nonce, encrypted)
            found |= hmac.compare_digest(expected.encode(), given)
        return found
