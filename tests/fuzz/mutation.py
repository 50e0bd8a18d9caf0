"""Chance in bytes: what is changed, cut, doubled or put in."""

from collections.abc import Callable
from random import Random
from typing import Final

WORDS: Final = (
    b"<",
    b">",
    b"</",
    b"/>",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?xml version='1.0' encoding='gbk'?>",
    b"<!DOCTYPE xml>",
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
    b"&a;",
    b"&amp;",
    b"&#0;",
    b"&#x110000;",
    b"&#55296;",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xf0\x9f\x8e\x89",
    "你好".encode(),
    b" xmlns='urn:x'",
    b" a='b'",
    b"\r\n",
    b"\x0b",
    b"-1",
    b"9" * 400,
    b"=",
    b"+",
    b"%",
    b"{}",
    b"[" * 300,
    b"<a>" * 300,
    b"null",
)


def mutated(data: bytes, chance: Random) -> bytes:
    """Change it in one to six places; sometimes not at all."""
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 6))):
        data = chance.choice(_WAYS)(data, chance)
    return data


def _flip(data: bytes, chance: Random) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _cut(data: bytes, chance: Random) -> bytes:
    begin, end = _part(data, chance)
    return data[:begin] + data[end:]


def _double(data: bytes, chance: Random) -> bytes:
    begin, end = _part(data, chance)
    return data[:end] + data[begin:end] * chance.choice((1, 1, 2, 20)) + data[end:]


def _move(data: bytes, chance: Random) -> bytes:
    begin, end = _part(data, chance)
    rest = data[:begin] + data[end:]
    at = chance.randrange(len(rest) + 1)
    return rest[:at] + data[begin:end] + rest[at:]


def _put(data: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(WORDS) + data[at:]


def _noise(data: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(chance.choice((1, 2, 16, 64))) + data[at:]


def _truncate(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _encode(data: bytes, chance: Random) -> bytes:
    return data.decode("utf-8", "replace").encode(chance.choice(("utf-16", "gbk", "utf-7")), "replace")


def _part(data: bytes, chance: Random) -> tuple[int, int]:
    begin = chance.randrange(len(data) + 1)
    return begin, min(len(data), begin + chance.choice((1, 2, 8, 40)))


_WAYS: Final[tuple[Callable[[bytes, Random], bytes], ...]] = (
    _flip,
    _cut,
    _double,
    _move,
    _put,
    _put,
    _noise,
    _truncate,
    _encode,
)
