"""How WeChat signs and encrypts what it posts to a callback.  Pure; the same words serve a sandbox.

Source: path/91144 of WeChat's documentation.  The key is 32 bytes; AES-256-CBC with the key's first half as
the IV; PKCS#7 to a multiple of 32, not 16; the plaintext is

    16 random bytes | length of the message, 4 bytes, big-endian | message | receiveid

and receiveid is, for an app of one's own, the corp id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from schemas.kf_keys import is_aes_key

BLOCK: Final = 32
RANDOM: Final = 16
LENGTH: Final = 4


class NotDecrypted(ValueError):
    """A text that was not made with this key, or not by these rules."""


def decode_aes_key(text: str) -> bytes:
    """Read an EncodingAESKey: 43 letters and digits of base64, 32 bytes.

    They carry two bits more than the key has, and WeChat fills them as it likes: three keys of four are not
    canonical base64 (its own sample is not), so the surplus is ignored.

    Raises:
        ValueError: not 43 letters and digits; the key is not shown.

    """
    if not is_aes_key(text):
        raise ValueError("an EncodingAESKey is 43 letters and digits, as WeChat's console shows it")
    return base64.b64decode(text + "=")


def signature(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """Sign: SHA-1 over the four texts, sorted bytewise and joined; 40 lowercase hex digits.

    ``encrypted`` is the base64 as it stands in ``echostr`` or ``<Encrypt>``.
    """
    parts = sorted(part.encode() for part in (token, timestamp, nonce, encrypted))
    return hashlib.sha1(b"".join(parts)).hexdigest()  # noqa: S324 - WeChat's choice, not ours


def encrypt(key: bytes, message: bytes, receiveid: str, random16: bytes) -> str:
    """Encrypt a message as WeChat does; ``random16`` are 16 bytes of chance.  Base64, with padding."""
    plain = b"".join((random16, len(message).to_bytes(LENGTH, "big"), message, receiveid.encode()))
    pad = BLOCK - len(plain) % BLOCK
    encryptor = _cipher(key).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()


def decrypt(key: bytes, encrypted: str) -> tuple[bytes, str]:
    """Decrypt to the message and its receiveid, which the caller compares with what it expects.

    Raises:
        NotDecrypted: base64, length, padding, inner length or receiveid are not by the rules.

    """
    try:
        data = base64.b64decode(encrypted, validate=True)
    except (ValueError, binascii.Error):
        raise NotDecrypted("not base64") from None
    if not data or len(data) % BLOCK:
        raise NotDecrypted("not whole blocks")
    decryptor = _cipher(key).decryptor()
    plain = _unpadded(decryptor.update(data) + decryptor.finalize())
    begin = RANDOM + LENGTH
    end = begin + int.from_bytes(plain[RANDOM:begin], "big")
    if len(plain) < end:
        raise NotDecrypted("shorter than it says")
    try:
        return plain[begin:end], plain[end:].decode()
    except UnicodeDecodeError:
        raise NotDecrypted("a receiveid that is no text") from None


def _cipher(key: bytes) -> Cipher[CBC]:
    return Cipher(AES(key), CBC(key[:16]))


def _unpadded(plain: bytes) -> bytes:
    pad = plain[-1]
    if not 1 <= pad <= BLOCK or plain[-pad:] != bytes([pad]) * pad:
        raise NotDecrypted("not padded as WeChat pads")
    return plain[:-pad]
