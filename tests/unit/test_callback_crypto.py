"""WeChat's envelopes: its own published samples, somebody else's library, and what must be refused."""

import base64
import hashlib
import warnings

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from producer.callback.crypto import NotDecrypted, decode_aes_key, decrypt, encrypt, signature

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of 2021
    from wechatpy.enterprise.crypto import WeChatCrypto
    from wechatpy.enterprise.exceptions import InvalidCorpIdException

TOKEN = "QDG6eK"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
CORP = "wx5823bf96d3bd56c7"
KEY = decode_aes_key(AES_KEY)
CHANCE = b"0123456789abcdef"

ECHOSTR = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
POSTED = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W"
    "/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+H"
    "MZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB"
    "3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVK"
    "n28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
)


def raw(plain: bytes) -> str:
    """Encrypt bytes that are padded already, or wrongly."""
    encryptor = Cipher(algorithms.AES(KEY), modes.CBC(KEY[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def test_the_official_sample_of_a_url_check() -> None:
    """WeChat's own sample has a key that is not canonical base64; its signature and its text are these."""
    assert base64.b64encode(KEY).decode() != AES_KEY + "="
    assert signature(TOKEN, "1409659589", "263014780", ECHOSTR) == "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"
    assert decrypt(KEY, ECHOSTR) == (b"1616140317555161061", CORP)


def test_the_official_sample_of_a_message() -> None:
    """Its padding is 30 bytes long, which no block of 16 would take."""
    message, receiveid = decrypt(KEY, POSTED)

    assert signature(TOKEN, "1409659813", "1372623149", POSTED) == "477715d11cdb4164915debcba66cb864d751f3e6"
    assert receiveid == CORP
    assert b"<Content><![CDATA[hello]]></Content>" in message
    assert b"<MsgId>4561255354251345929</MsgId>" in message


def test_the_sorting_of_the_signature() -> None:
    """The parts are sorted as bytes: capitals before small letters, and what is joined is signed."""
    assert signature("c", "b", "a", "") == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert signature("b", "B", "1", "a") == hashlib.sha1(b"1Bab").hexdigest()  # noqa: S324 - as WeChat does


@pytest.mark.parametrize(
    "key", ["", AES_KEY[:-1], AES_KEY + "A", "$" + AES_KEY[1:], AES_KEY[:-1] + "=", "+" + AES_KEY[1:]]
)
def test_keys_that_are_refused(key: str) -> None:
    """43 letters and digits or nothing; the error does not show the key."""
    with pytest.raises(ValueError, match="43 letters and digits") as refused:
        decode_aes_key(key)
    assert not key or key not in str(refused.value)


def test_the_surplus_bits_of_a_key_do_not_matter() -> None:
    """Four keys that differ in the two bits too many are one key."""
    assert {decode_aes_key(AES_KEY[:-1] + last) for last in "ABCD"} == {KEY}


@pytest.mark.parametrize("pad", [1, 16, 17, 32])
def test_every_length_of_padding(pad: int) -> None:
    """From one byte to a whole block of 32, both ways."""
    message = b"x" * (96 - pad - 16 - 4 - len(CORP))
    encrypted = encrypt(KEY, message, CORP, CHANCE)

    assert len(base64.b64decode(encrypted)) == 96
    assert encrypted == raw(
        CHANCE + len(message).to_bytes(4, "big") + message + CORP.encode() + bytes([pad]) * pad
    )
    assert decrypt(KEY, encrypted) == (message, CORP)


@given(message=st.text(), receiveid=st.text(max_size=40), chance=st.binary(min_size=16, max_size=16))
def test_there_and_back(message: str, receiveid: str, chance: bytes) -> None:
    """What is encrypted comes out again, emoji and empty texts included."""
    assert decrypt(KEY, encrypt(KEY, message.encode(), receiveid, chance)) == (message.encode(), receiveid)


@given(
    message=st.text(alphabet=st.characters(exclude_categories=["Cs"])), nonce=st.from_regex(r"\A\d{1,10}\Z")
)
def test_another_library_reads_ours(message: str, nonce: str) -> None:
    """An independent implementation accepts our signature and reads our text."""
    encrypted = encrypt(KEY, message.encode(), CORP, CHANCE)
    signed = signature(TOKEN, "1409659813", nonce, encrypted)

    theirs = WeChatCrypto(TOKEN, AES_KEY, CORP)
    assert theirs.check_signature(signed, "1409659813", nonce, encrypted) == message


@given(
    message=st.text(alphabet=st.characters(exclude_categories=["Cs"])), nonce=st.from_regex(r"\A\d{1,10}\Z")
)
def test_ours_reads_another_library(message: str, nonce: str) -> None:
    """What an independent implementation signed and encrypted is ours to read."""
    made = WeChatCrypto(TOKEN, AES_KEY, CORP).encrypt_message(message, nonce, "1409659813")
    encrypted = made.split("<Encrypt><![CDATA[")[1].split("]]")[0]
    signed = made.split("<MsgSignature><![CDATA[")[1].split("]]")[0]

    assert signature(TOKEN, "1409659813", nonce, encrypted) == signed
    assert decrypt(KEY, encrypted) == (message.encode(), CORP)


def test_another_corp_is_seen_by_both() -> None:
    """A receiveid that is not ours comes out as it is; the other library refuses it."""
    encrypted = encrypt(KEY, "你好 🎉".encode(), "wwOther", CHANCE)
    signed = signature(TOKEN, "1", "2", encrypted)

    assert decrypt(KEY, encrypted) == ("你好 🎉".encode(), "wwOther")
    with pytest.raises(InvalidCorpIdException):
        WeChatCrypto(TOKEN, AES_KEY, CORP).check_signature(signed, "1", "2", encrypted)


@pytest.mark.parametrize(
    ("encrypted", "why"),
    [
        ("", "not whole blocks"),
        ("AAAA", "not whole blocks"),
        ("%%%", "not base64"),
        ("你好", "not base64"),
        (POSTED[:-3], "not base64"),
        (ECHOSTR + "\n", "not base64"),
        (raw(b"x" * 16), "not whole blocks"),
        (raw(b"x" * 32 + bytes(31) + b"\x00"), "not padded"),
        (raw(b"x" * 31 + b"\x21"), "not padded"),
        (raw(b"x" * 30 + b"\x01\x02"), "not padded"),
        (raw(b"x" * 16 + b"\x10" * 16), "shorter than it says"),
        (raw(CHANCE + b"\x00\x00\x00\x0d" + b"m" * 11 + b"\x01"), "shorter than it says"),
        (raw(CHANCE + b"\xff\xff\xff\xff" + b"m" * 11 + b"\x01"), "shorter than it says"),
        (raw(CHANCE + b"\x00\x00\x00\x01m" + b"\xff" * 10 + b"\x01"), "no text"),
    ],
)
def test_what_is_not_by_the_rules(encrypted: str, why: str) -> None:
    """Nothing is guessed: base64, blocks, padding, inner length and receiveid are checked in this order."""
    with pytest.raises(NotDecrypted, match=why):
        decrypt(KEY, encrypted)


def test_another_key() -> None:
    """A text of another key is noise, and noise is almost never padded."""
    other = decode_aes_key("kWxPEV2QE6N1q9oGNVb5XQCMO1XIQV0MPPkO5q5Fj5o")
    with pytest.raises(NotDecrypted):
        decrypt(other, POSTED)
