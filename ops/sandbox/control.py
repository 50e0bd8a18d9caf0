"""The part that people and tests use: look at phones, move the clock, order trouble; deeds are ``deeds``'."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ops.sandbox import console, deeds, errcodes, uploads, views
from ops.sandbox.clock import iso, parse
from ops.sandbox.order import Order, number, refuse_unknown, seconds, text, whole
from ops.sandbox.switches import changed, choices
from ops.sandbox.views import Told
from ops.sandbox.world import World

LONGEST_WAIT: Final = 60.0
HEARTBEAT_SECONDS: Final = 15.0
BREATH_SECONDS: Final = 0.05

Doing = Callable[[World, Order], Awaitable[Told]]


def routes(world: World) -> list[Route]:
    """The control routes; every one takes and gives JSON, but for the stream of events."""

    async def events(_request: Request) -> Response:
        return StreamingResponse(_events(world), media_type="text/event-stream")

    async def phone(request: Request) -> Response:
        return await _answer(world, _phone, {**request.query_params, **request.path_params})

    async def media(request: Request) -> Response:
        return uploads.shown(world.corp.media, request.path_params["media_id"])

    listed = [Route(path, _endpoint(world, do), methods=[method]) for method, path, do in ROUTES]
    return [
        *listed,
        Route("/sandbox/phones/{external_userid}", phone, methods=["GET"]),
        Route("/sandbox/media/{media_id}", media, methods=["GET"]),
        Route("/sandbox/events", events, methods=["GET"]),
    ]


def _endpoint(world: World, do: Doing) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if request.method != "POST":
            return await _answer(world, do, request.query_params)
        try:
            order = json.loads(await request.body() or b"{}")
        except ValueError:
            order = None
        if not isinstance(order, dict):
            return JSONResponse({"error": "the body must be a JSON object"}, 400)
        return await _answer(world, do, order)

    return endpoint


async def _answer(world: World, do: Doing, order: Order) -> Response:
    try:
        return JSONResponse(await do(world, order))
    except ValueError as error:
        return JSONResponse({"error": str(error)}, 400)


async def _events(world: World) -> AsyncIterator[str]:
    """The number of changes so far, at once and after every change; breathing, so a burst is one event."""
    told = -1
    while not world.bell.is_closed:
        yield ": still here\n\n" if told == world.bell.rung else f"data: {world.bell.rung}\n\n"
        told = world.bell.rung
        await world.bell.wait(HEARTBEAT_SECONDS, after=told)
        await asyncio.sleep(BREATH_SECONDS)


async def _until(world: World, is_there: Callable[[], bool], order: Order) -> None:
    """Let `wait` seconds pass, but no more than it takes."""
    loop = asyncio.get_running_loop()
    until = loop.time() + min(seconds(order, "wait"), LONGEST_WAIT)
    while not is_there() and loop.time() < until and not world.bell.is_closed:
        await world.bell.wait(until - loop.time())


async def _words(world: World, order: Order) -> Told:
    after = whole(order, "after", least=0) or 0
    await _until(world, lambda: bool(world.corp.words_after(after)), order)
    words = world.corp.words_after(after)
    last = words[-1].seq if words else after
    return {"run": world.run, "last": last, "words": [views.word(word) for word in words]}


async def _phones(world: World, order: Order) -> Told:
    limit, last = whole(order, "limit", least=0), whole(order, "last", least=0)
    now = world.clock.now()
    phones = views.phones(world.corp, now, limit, last)
    return await _clock(world, order) | {"all": world.corp.phones(), "phones": phones}


async def _phone(world: World, order: Order) -> Told:
    user, last = text(order, "external_userid") or "", whole(order, "last", least=0)
    pushes = whole(order, "pushes", least=0) or 0
    await _until(world, lambda: world.corp.pushes(user) >= pushes, order)
    return views.phone(world.corp, user, world.clock.now(), last)


async def _calls(world: World, order: Order) -> Told:
    last, sent = whole(order, "last", least=0), whole(order, "sent", least=0) or 0
    await _until(world, lambda: world.calls.sent() >= sent, order)
    log = world.calls.told(text(order, "msgid"), **({} if last is None else {"last": last}))
    return log | {"wrong_secrets": world.tokens.wrong_secrets, "tokens_issued": world.tokens.issued}


async def _add_fault(world: World, order: Order) -> Told:
    return {"id": world.faults.add(order).id, "faults": world.faults.remaining()}


async def _faults(world: World, _order: Order) -> Told:
    return {"faults": world.faults.remaining()}


async def _clear_faults(world: World, _order: Order) -> Told:
    world.faults.clear()
    return {"faults": []}


async def _clock(world: World, _order: Order) -> Told:
    return {"now": iso(world.clock.now()), "offset": world.clock.offset.total_seconds()}


async def _move_clock(world: World, order: Order) -> Told:
    refuse_unknown(order, ("offset", "advance", "now"))
    if len(order) != 1:
        raise ValueError("say one of offset, advance or now")
    clock = world.clock
    try:
        if (to := text(order, "now")) is not None:
            offset = clock.offset_at(parse(to))
        elif (wanted := number(order, "offset")) is not None:
            offset = timedelta(seconds=wanted)
        else:
            offset = clock.offset + timedelta(seconds=number(order, "advance") or 0)
        clock.move(offset)
    except OverflowError:
        raise ValueError("there is no calendar that far away") from None
    world.bell.ring()
    return await _clock(world, order)


async def _switches(world: World, _order: Order) -> Told:
    return {"switches": vars(world.switches), "choices": choices()}


async def _turn(world: World, order: Order) -> Told:
    world.switches = changed(world.switches, order)
    return await _switches(world, order)


async def _revoke(world: World, order: Order) -> Told:
    refuse_unknown(order, ("errcode",))
    world.tokens.revoke(whole(order, "errcode") or errcodes.UNKNOWN_TOKEN)
    return {"tokens_issued": world.tokens.issued}


async def _reset(world: World, _order: Order) -> Told:
    world.forget()
    return {"run": world.run}


async def _healthz(world: World, _order: Order) -> Told:
    return {"kfpush_sandbox": True, "pid": os.getpid(), "run": world.run, "version": _version()}


@cache
def _version() -> str:
    try:
        return version("kfpush")
    except PackageNotFoundError:
        return "0"


ROUTES: Final[list[tuple[str, str, Doing]]] = [
    ("GET", "/sandbox/healthz", _healthz),
    *deeds.ROUTES,
    *console.ROUTES,
    ("GET", "/sandbox/words", _words),
    ("GET", "/sandbox/phones", _phones),
    ("GET", "/sandbox/calls", _calls),
    ("GET", "/sandbox/faults", _faults),
    ("POST", "/sandbox/faults", _add_fault),
    ("DELETE", "/sandbox/faults", _clear_faults),
    ("GET", "/sandbox/clock", _clock),
    ("POST", "/sandbox/clock", _move_clock),
    ("GET", "/sandbox/switches", _switches),
    ("POST", "/sandbox/switches", _turn),
    ("POST", "/sandbox/tokens/revoke", _revoke),
    ("POST", "/sandbox/reset", _reset),
]
