"""Posts notifications to kfpush's callback as WeChat does: five seconds, three more tries, then gone.

A notification carries no message, it only says "pull now", so items that come together share one.
"""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from ops.sandbox.envelope import Chance, Seal, posted, url_check
from ops.sandbox.switches import Switches

ANSWER_BYTES: Final = 65_536
CHECK_SECONDS: Final = 1.0
"""So fast must a URL check be answered (path/91116; another copy says five)."""

OK: Final = 200

Told = dict[str, object]


@dataclass(frozen=True)
class Answered:
    """What a server said."""

    status: int
    body: bytes


class Callbacks:
    """Knows where kfpush listens and tells it; ``url`` is None while nobody wants to be told."""

    def __init__(self, seal: Seal, now: Callable[[], datetime]) -> None:
        self.seal = seal
        self.url: str | None = None
        self._now = now
        self._counts: Counter[str] = Counter()
        self._due: set[str] = set()
        self._ways: set[asyncio.Task[None]] = set()

    def aim(self, url: str | None, seal: Seal) -> None:
        """Tell this URL from now on; ValueError if it cannot be one.  None tells nobody."""
        if url is not None:
            address = urlsplit(url)
            if address.scheme != "http" or not address.hostname or address.port == 0:
                raise ValueError("url must be http://HOST:PORT/PATH")
        self.url, self.seal = url, seal

    def forget(self) -> None:
        """Drop what is on its way, and the counts."""
        for way in self._ways:
            way.cancel()
        self._due.clear()
        self._counts.clear()

    def notify(self, open_kfid: str, write: Callable[[], str], switches: Switches) -> None:
        """Tell that an account has something new; ``write`` makes the XML once it really leaves."""
        if self.url is None or open_kfid in self._due:
            return
        if switches.callbacks == "lost":
            self._counts["lost"] += 1
            return
        self._due.add(open_kfid)

        def leave() -> str:
            self._due.discard(open_kfid)
            return write()

        self.send(leave, switches)

    def send(self, write: Callable[[], str], switches: Switches) -> None:
        """Post any event's XML."""
        way = asyncio.get_running_loop().create_task(self._carry(write, switches))
        self._ways.add(way)
        way.add_done_callback(self._ways.discard)

    async def _carry(self, write: Callable[[], str], switches: Switches) -> None:
        xml = write()
        for _ in range(2 if switches.callbacks == "doubled" else 1):
            await self._insist(xml, switches)

    async def _insist(self, xml: str, switches: Switches) -> None:
        """Post until it is answered with 200, as often as WeChat would; each try is sealed anew."""
        for retry in range(switches.callback_retries + 1):
            if retry:
                await asyncio.sleep(switches.callback_retry_ms / 1000)
            if self.url is None:
                return
            query, body = posted(self.seal, xml, self._now(), _chance())
            self._counts["posts"] += 1
            answered = await _ask("POST", self.url, query, body, switches.callback_timeout_ms / 1000)
            if answered is not None and answered.status == OK:
                self._counts["delivered"] += 1
                return
        self._counts["gone"] += 1

    async def check(self) -> Told:
        """Try the URL as WeChat's console does: signed GET, bare answer, one second."""
        if self.url is None:
            raise ValueError("no callback URL is set")
        said = str(secrets.randbits(63))
        began = time.monotonic()
        query = url_check(self.seal, said, self._now(), _chance())
        answered = await _ask("GET", self.url, query, b"", CHECK_SECONDS)
        is_right = answered is not None and (answered.status, answered.body) == (OK, said.encode())
        return {
            "ok": is_right,
            "status": answered.status if answered else None,
            "milliseconds": round((time.monotonic() - began) * 1000, 1),
        }

    def told(self) -> Told:
        """Where it posts to, and how that went so far."""
        names = ("posts", "delivered", "gone", "lost")
        return {"url": self.url, "under_way": len(self._ways), **{name: self._counts[name] for name in names}}


def _chance() -> Chance:
    return Chance(str(secrets.randbelow(10**10)), secrets.token_bytes(16))


async def _ask(method: str, url: str, query: str, body: bytes, seconds: float) -> Answered | None:
    """One request on a connection of its own; None if no answer came in time or at all."""
    try:
        async with asyncio.timeout(seconds):
            return await _exchange(method, url, query, body)
    except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None


async def _exchange(method: str, url: str, query: str, body: bytes) -> Answered:
    address = urlsplit(url)
    target = f"{address.path or '/'}?{'&'.join(filter(None, (address.query, query)))}"
    reader, writer = await asyncio.open_connection(address.hostname, address.port or 80)
    try:
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
            f"Content-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
        return Answered(int(answer.split(b" ", 2)[1]), await _rest(reader))
    finally:
        writer.close()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    got = b""
    while len(got) < ANSWER_BYTES and (more := await reader.read(ANSWER_BYTES)):
        got += more
    return got
