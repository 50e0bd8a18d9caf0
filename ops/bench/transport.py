"""Compare ways of driving httpx by what it costs to send a letter.

    python -m ops.bench.transport [--requests 2000] [--rounds 3] [--delay-ms 0]

Posts a letter of usual size to a small server of its own (loopback, another process, another core where there
is one) with 16 and with 64 in flight.  The ways take turns, round after round, so that a noisy minute hits
all of them; the median round counts.  Bounded by count and by three seconds per way and round.

The ratios are the result.  The absolute figures belong to the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec

import httpx

from consumer.wechat.client import KfClient
from consumer.wechat.shelf import TokenShelf
from consumer.wechat.token import AccessTokens, Credentials
from consumer.wechat.transport import HttpTransport
from ops.bench.stub import pin, stub
from schemas.keys import Keys
from schemas.kf import SEND_MSG, encode, text_body

BODY = text_body(
    touser="wm" + "x" * 30, open_kfid="wk" + "y" * 30, msgid="m" * 32, content="找到新的匹配：" * 20
)
LETTER = encode(BODY)
TOKEN = "t" * 200
ROUND_SECONDS = 3.0
IN_FLIGHT = (16, 64)

Call = Callable[[], Awaitable[object]]
Way = Callable[[str, int], AbstractAsyncContextManager[Call]]


@dataclass(frozen=True, slots=True)
class Figures:
    """One way in one round."""

    per_second: float
    cpu_us: float
    p99_ms: float


@contextmanager
def server(delay: float) -> Iterator[str]:
    """The server's URL while it lives, on another core than this process where there is one."""
    cores = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    mine, its = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    with stub(delay, core=its) as running:
        pin(mine)
        yield running.url


@asynccontextmanager
async def _through_client(url: str, transport: httpx.AsyncBaseTransport) -> AsyncIterator[Call]:
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        target = f"{url}{SEND_MSG}?access_token={TOKEN}"
        headers = {"content-type": "application/json"}

        async def call() -> object:
            return (await client.post(target, content=LETTER, headers=headers)).json()

        yield call


@asynccontextmanager
async def _directly(url: str, transport: httpx.AsyncBaseTransport) -> AsyncIterator[Call]:
    target = f"{url}{SEND_MSG}?access_token={TOKEN}"
    headers = {"content-type": "application/json"}

    async def call() -> object:
        request = httpx.Request("POST", target, content=LETTER, headers=headers)
        response = await transport.handle_async_request(request)
        try:
            return await response.aread()
        finally:
            await response.aclose()

    async with transport:
        yield call


@asynccontextmanager
async def _kfpush_transport(url: str, in_flight: int) -> AsyncIterator[Call]:
    async with HttpTransport(url, max_connections=in_flight) as transport:
        yield lambda: transport.post(SEND_MSG, {"access_token": TOKEN}, LETTER)


@asynccontextmanager
async def _kfpush_client(url: str, in_flight: int) -> AsyncIterator[Call]:
    async with HttpTransport(url, max_connections=in_flight) as transport:
        shelf = TokenShelf(None, Keys(), "bench")
        tokens = AccessTokens(transport, Credentials("ww", "s"), shelf, clock=time.monotonic)
        client = KfClient(transport, tokens)
        yield lambda: client.send(BODY, lambda: True)


def _stock(in_flight: int) -> httpx.AsyncBaseTransport:
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    return httpx.AsyncHTTPTransport(limits=limits, trust_env=False)


def _pyreqwest(_: int) -> httpx.AsyncBaseTransport:
    from pyreqwest.client import ClientBuilder
    from pyreqwest.compatibility.httpx import HttpxTransport

    return HttpxTransport(ClientBuilder().no_proxy().timeout(timedelta(seconds=8)).build())


def _aiohttp(in_flight: int) -> httpx.AsyncBaseTransport:
    import httpx_aiohttp  # type: ignore[import-not-found, unused-ignore]

    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    transport: httpx.AsyncBaseTransport = httpx_aiohttp.AiohttpTransport(limits=limits, trust_env=False)
    return transport


def ways() -> dict[str, Way]:
    """Every way that can be measured here; aiohttp's only where it happens to be installed."""
    found: dict[str, Way] = {
        "httpx.AsyncClient, stock transport": lambda url, n: _through_client(url, _stock(n)),
        "stock transport directly": lambda url, n: _directly(url, _stock(n)),
        "httpx.AsyncClient, pyreqwest": lambda url, n: _through_client(url, _pyreqwest(n)),
        "pyreqwest directly": lambda url, n: _directly(url, _pyreqwest(n)),
    }
    if find_spec("httpx_aiohttp") is not None:
        found["httpx.AsyncClient, aiohttp"] = lambda url, n: _through_client(url, _aiohttp(n))
        found["aiohttp directly"] = lambda url, n: _directly(url, _aiohttp(n))
    return found | {"kfpush HttpTransport": _kfpush_transport, "kfpush KfClient.send": _kfpush_client}


async def _round(call: Call, in_flight: int, requests: int) -> Figures:
    took: list[float] = []
    left = requests

    async def worker() -> None:
        nonlocal left
        while left > 0 and time.perf_counter() < stop_at:
            left -= 1
            began = time.perf_counter()
            await call()
            took.append(time.perf_counter() - began)

    await asyncio.gather(*(call() for _ in range(in_flight)))  # connections, tokens, first-time costs
    began, cpu = time.perf_counter(), time.process_time()
    stop_at = began + ROUND_SECONDS
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    p99 = statistics.quantiles(took, n=100)[98]
    return Figures(len(took) / wall, cpu / len(took) * 1e6, p99 * 1e3)


async def measure(url: str, in_flight: int, requests: int, rounds: int) -> dict[str, Figures]:
    """The median round of every way."""
    seen: dict[str, list[Figures]] = {name: [] for name in ways()}
    for _ in range(rounds):
        for name, way in ways().items():
            async with way(url, in_flight) as call:
                seen[name].append(await _round(call, in_flight, requests))
    return {name: sorted(all_, key=lambda one: one.per_second)[len(all_) // 2] for name, all_ in seen.items()}


def table(figures: dict[str, Figures]) -> str:
    """A Markdown table; the first way is 1.0."""
    first = next(iter(figures.values()))
    lines = [
        "| way | requests/s | times the first | CPU us/request | p99 ms |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, one in figures.items():
        ratio = one.per_second / first.per_second
        lines.append(
            f"| {name} | {one.per_second:,.0f} | {ratio:.1f} | {one.cpu_us:,.0f} | {one.p99_ms:,.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("python -m ops.bench.transport", description="Compare HTTP transports.")
    parser.add_argument("--requests", type=int, default=2000, help="per way and round (default 2000)")
    parser.add_argument("--rounds", type=int, default=3, help="the median counts (default 3)")
    parser.add_argument("--delay-ms", type=float, default=0, help="how long the server thinks (default 0)")
    said = parser.parse_args()
    with server(said.delay_ms / 1000) as url:
        for in_flight in IN_FLIGHT:
            figures = asyncio.run(measure(url, in_flight, min(said.requests, 20_000), min(said.rounds, 9)))
            print(f"\n{in_flight} in flight, the server thinks for {said.delay_ms:g} ms\n\n{table(figures)}")  # noqa: T201


if __name__ == "__main__":
    main()
