"""WeChat, as far as a benchmark needs it: a small server in a process of its own that takes every letter.

It answers gettoken and send_msg at once or after a delay, counts letters and distinct msgids, and notes when
the first letter for each recipient came.  No more of HTTP than that takes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final

CONTEXT: Final = multiprocessing.get_context("spawn")
"""Children start empty: what the parent has imported or opened is not measured with them."""

_MSGID: Final = re.compile(rb'"msgid": ?"([^"]+)"')
_TO: Final = re.compile(rb'"touser": ?"([^"]+)"')


@dataclass
class _Seen:
    """What came; ``counts`` are shared with the parent: letters, and distinct msgids."""

    counts: Any
    msgids: set[bytes] = field(default_factory=set)
    arrivals: dict[str, float] = field(default_factory=dict)

    def note(self, body: bytes) -> None:
        """Take a request's body into account."""
        msgid, to = _MSGID.search(body), _TO.search(body)
        if msgid is None or to is None:
            return  # gettoken
        self.msgids.add(msgid[1])
        self.arrivals.setdefault(to[1].decode(), time.monotonic())
        self.counts[0] += 1
        self.counts[1] = len(self.msgids)

    def forget(self) -> None:
        """Begin anew."""
        self.msgids.clear()
        self.arrivals.clear()
        self.counts[0] = self.counts[1] = 0


class _Answer(asyncio.Protocol):
    """Answers every request with a success, after a delay."""

    answer = b'{"errcode":0,"errmsg":"ok","msgid":"m","access_token":"t","expires_in":7200}'
    reply = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer)

    def __init__(self, delay: float, seen: _Seen) -> None:
        self.delay = delay
        self.seen = seen
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for mypy: TCP it is
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take whole requests off the buffer."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            _, told, rest = head.partition(b"content-length:")
            whole = end + 4 + (int(rest.split(b"\r\n", 1)[0]) if told else 0)
            if len(self.buffer) < whole:
                return
            self.seen.note(self.buffer[end:whole])
            self.buffer = self.buffer[whole:]
            if self.delay:
                asyncio.get_running_loop().call_later(self.delay, self._reply)
            else:
                self._reply()

    def _reply(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(self.reply + self.answer)


def _serve(line: Connection, delay: float, core: int | None, counts: Any) -> None:  # noqa: ANN401 - a shared array
    async def forever() -> None:
        loop = asyncio.get_running_loop()
        over = asyncio.Event()

        def asked() -> None:
            try:
                question = line.recv()
            except (EOFError, OSError):
                over.set()  # the parent is gone
                return
            if question == "arrivals":
                line.send(seen.arrivals)
            else:
                seen.forget()
                line.send(None)

        server = await loop.create_server(lambda: _Answer(delay, seen), "127.0.0.1", 0)
        loop.add_reader(line.fileno(), asked)
        line.send(server.sockets[0].getsockname()[1])
        await over.wait()

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    seen = _Seen(counts)
    pin(core)
    asyncio.run(forever())


def pin(core: int | None) -> None:
    """Keep this process on one core, where that can be asked for."""
    if core is not None and sys.platform == "linux":
        os.sched_setaffinity(0, {core})


class Stub:
    """The server, from outside."""

    def __init__(self, url: str, line: Connection, counts: Any) -> None:  # noqa: ANN401 - a shared array
        self.url = url
        self._line = line
        self._counts = counts

    @property
    def letters(self) -> int:
        """How many letters came; costs nobody anything to ask."""
        return int(self._counts[0])

    @property
    def messages(self) -> int:
        """How many distinct msgids came."""
        return int(self._counts[1])

    def arrivals(self) -> Mapping[str, float]:
        """When (monotonic) the first letter for each external_userid came."""
        self._line.send("arrivals")
        found: Mapping[str, float] = self._line.recv()
        return found

    def forget(self) -> None:
        """Count from nothing again."""
        self._line.send("forget")
        self._line.recv()


@contextmanager
def stub(delay: float = 0, *, core: int | None = None) -> Iterator[Stub]:
    """Run the server while inside; ``delay`` is in seconds."""
    counts = CONTEXT.Array("q", 2, lock=False)
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_serve, args=(theirs, delay, core, counts), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Stub(f"http://127.0.0.1:{ours.recv()}", ours, counts)
    finally:
        with suppress(OSError):
            ours.close()
        process.terminate()
        process.join()
