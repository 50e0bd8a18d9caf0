"""WeChat, as far as calling back goes: requests at a steady rate, whether or not the last was answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from random import Random
from typing import Final
from urllib.parse import urlencode

from ops.bench.apart import Line
from producer.callback.app import PATHS
from producer.callback.crypto import decode_aes_key, encrypt, signature

TOKEN: Final = "bench"  # noqa: S105 - invented here
AES_KEY: Final = "bench" * 8 + "key"
ACCOUNTS: Final = 40
"""KF accounts that WeChat has something for."""


@dataclass(frozen=True, slots=True)
class Called:
    """How long each answer took, in seconds from when the request was due, and how many were no 200."""

    took: tuple[float, ...]
    failed: int


def requests(corp: str, count: int) -> list[bytes]:
    """Write whole HTTP requests, each signed and encrypted anew."""
    chance = Random(1)  # noqa: S311 - a benchmark's
    key = decode_aes_key(AES_KEY)
    made = []
    for n in range(count):
        message = (
            f"<xml><ToUserName><![CDATA[{corp}]]></ToUserName><CreateTime>1348831860</CreateTime>"
            "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[kf_msg_or_event]]></Event>"
            f"<Token><![CDATA[ENCApHxnGDNAVNY4AaSJKj4Tb5mwsEMzxhFmHVGcra{n:06}]]></Token>"
            f"<OpenKfId><![CDATA[wkBench{n % ACCOUNTS:02}]]></OpenKfId></xml>"
        )
        encrypted = encrypt(key, message.encode(), corp, chance.randbytes(16))
        query = urlencode(
            {
                "msg_signature": signature(TOKEN, "1409659813", str(n), encrypted),
                "timestamp": "1409659813",
                "nonce": str(n),
            }
        )
        body = f"<xml><ToUserName>{corp}</ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
        made.append(
            f"POST {PATHS[0]}?{query} HTTP/1.1\r\nhost: kfpush\r\ncontent-type: text/xml\r\n"
            f"content-length: {len(body)}\r\n\r\n{body}".encode()
        )
    return made


async def calling(line: Line, port: int, corp: str, count: int, a_second: int) -> Called:
    """Call, on as many connections as are needed, each used again: a proxy does so."""
    made = requests(corp, count)
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    took: list[float] = []
    failed = 0

    async def call(request: bytes, due: float) -> None:
        nonlocal failed
        connection = free.pop() if free else await asyncio.open_connection("127.0.0.1", port)
        reader, writer = connection
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        took.append(time.monotonic() - due)
        failed += not head.startswith(b"HTTP/1.1 200")
        free.append(connection)

    await line.ready()
    begun = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for n, request in enumerate(made):
            due = begun + n / a_second
            await asyncio.sleep(max(due - time.monotonic(), 0))
            tasks.create_task(call(request, due))
    line.measured()
    for _, writer in free:
        writer.close()
    return Called(tuple(took), failed)
