"""The part that kfpush sees: WeChat's own addresses, answered as WeChat answers them."""

import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ops.sandbox import errcodes, uploads
from ops.sandbox.calls import Call
from ops.sandbox.faults import Fault
from ops.sandbox.mailbox import read_pull
from ops.sandbox.rules import Answer
from ops.sandbox.sessions import SERVICER
from ops.sandbox.tokens import Token
from ops.sandbox.world import World

BODY_BYTES: Final = 1_000_000
_UNDATED: Final = {"gettoken", "sync_msg"}
"""Who asks for these writes down no time of the sandbox's."""

Told = dict[str, object]
Doing = Callable[[], Told]


def routes(world: World) -> list[Route]:
    """WeChat's addresses under /cgi-bin."""

    async def gettoken(request: Request) -> Response:
        return await _Exchange(world, request, "gettoken", None, b"").answer(
            lambda: _gettoken(world, request)
        )

    def posting(api: str, do: Callable[[World, object], Told]) -> Callable[[Request], Awaitable[Response]]:
        async def post(request: Request) -> Response:
            raw = await request.body()
            body = _read(raw)
            exchange = _Exchange(world, request, api, body, raw)
            return await exchange.answer(lambda: _admitted(world, request, api) or do(world, body))

        return post

    async def upload(request: Request) -> Response:
        raw = await request.body()
        part, wanted = await uploads.read(request), request.query_params.get("type", "")
        exchange = _Exchange(world, request, "media_upload", None, raw)

        def take() -> Told:
            refused = _admitted(world, request, "media_upload")
            return refused or uploads.take(world.corp.media, part, wanted, world.clock.now())

        return await exchange.answer(take)

    async def unknown(request: Request) -> Response:
        return JSONResponse(_told({"errcode": errcodes.UNKNOWN_URL}, request))

    any_method = ["GET", "POST", "PUT", "DELETE", "PATCH"]
    return [
        Route("/cgi-bin/gettoken", gettoken, methods=["GET"]),
        *(Route(path, posting(api, do), methods=["GET", "POST"]) for path, api, do in _CALLS),
        Route("/cgi-bin/media/upload", upload, methods=["POST"]),
        Route("/cgi-bin/{rest:path}", unknown, methods=any_method),
    ]


def _gettoken(world: World, request: Request) -> Told:
    asked, now = request.query_params, world.clock.now()
    if errcode := world.turnstile.judge("gettoken", now, world.switches):
        return {"errcode": errcode}
    token = world.tokens.issue(
        asked.get("corpid", ""), asked.get("corpsecret", ""), now, world.switches.token_seconds
    )
    if not isinstance(token, Token):
        return {"errcode": token}
    seconds = round((token.expires_at - now).total_seconds())
    return {"errcode": errcodes.OK, "access_token": token.text, "expires_in": seconds}


def _admitted(world: World, request: Request, api: str) -> Told | None:
    """None if the token is good and there were not too many calls; else WeChat's answer at the door."""
    now = world.clock.now()
    errcode = world.tokens.judge(request.query_params.get("access_token", ""), now)
    if errcode == errcodes.OK:
        errcode = world.turnstile.judge(api, now, world.switches)
    return None if errcode == errcodes.OK else {"errcode": errcode}


def _send_msg(world: World, body: object) -> Told:
    return _sent(world, world.corp.send(body, world.clock.now(), world.switches))


def _reply(world: World, body: object) -> Told:
    return _sent(world, world.corp.reply(body, world.clock.now(), world.switches))


def _sent(world: World, answer: Answer) -> Told:
    world.bell.ring()
    if answer.bubble is not None and answer.fail_type is not None:
        world.fail(answer.bubble, answer.fail_type)
    return {"errcode": answer.errcode} | ({"msgid": answer.msgid} if answer.msgid else {})


def _sync(world: World, body: object) -> Told:
    pull = read_pull(body)
    if isinstance(pull, int):
        return {"errcode": pull}
    if pull.open_kfid not in world.corp.accounts:
        return {"errcode": errcodes.UNKNOWN_ACCOUNT}
    now = world.clock.now()
    if pull.token is None:
        errcode = world.turnstile.judge_tokenless(now, world.switches)
    else:
        known = world.mailboxes.knows_token(pull.token, now)
        errcode = errcodes.OK if known else errcodes.STALE_SYNC_TOKEN
    if errcode != errcodes.OK:
        return {"errcode": errcode}
    page = world.mailboxes.page(pull, now, world.switches)
    return {
        "errcode": errcodes.OK,
        "next_cursor": page.next_cursor,
        "has_more": int(page.has_more),
        "msg_list": page.items,
    }


def _state(world: World, body: object) -> Told:
    now = world.clock.now()
    talk = world.corp.session(body)
    if isinstance(talk, int):
        return {"errcode": talk}
    state = talk.state_at(now)
    servicer = {"servicer_userid": talk.servicer} if state == SERVICER and talk.servicer else {}
    return {"errcode": errcodes.OK, "service_state": state, **servicer}


def _transfer(world: World, body: object) -> Told:
    answer = world.corp.transfer(body, world.clock.now())
    world.bell.ring()
    return {"errcode": answer.errcode} | ({"msg_code": answer.reply_code} if answer.reply_code else {})


_CALLS: Final[tuple[tuple[str, str, Callable[[World, object], Told]], ...]] = (
    ("/cgi-bin/kf/send_msg", "send_msg", _send_msg),
    ("/cgi-bin/kf/send_msg_on_event", "send_msg_on_event", _reply),
    ("/cgi-bin/kf/sync_msg", "sync_msg", _sync),
    ("/cgi-bin/kf/service_state/get", "service_state", _state),
    ("/cgi-bin/kf/service_state/trans", "service_state_trans", _transfer),
)


class _Exchange:
    """One call and its answer, with whatever trouble was ordered for it."""

    def __init__(self, world: World, request: Request, api: str, body: object, raw: bytes) -> None:
        self._world, self._request, self._api, self._body = world, request, api, body
        self._at = world.clock.now() if api in _UNDATED else world.clock.witness()
        self._seq = world.calls.arrive(api)
        self._sha256 = hashlib.sha256(raw).hexdigest()
        self._fault = world.faults.take(api, self._named("open_kfid"), self._named("touser"))

    def _named(self, field: str) -> object:
        return self._body.get(field) if isinstance(self._body, dict) else None

    async def answer(self, do: Doing) -> Response:
        """Do what was asked and say so, unless trouble was ordered for this call."""
        if self._fault is not None:
            return await self._go_wrong(self._fault, do)
        done = do()
        self._note(done, done)
        return JSONResponse(_told(done, self._request))

    async def _go_wrong(self, fault: Fault, do: Doing) -> Response:
        await self._world.bell.pause(fault.delay)
        done = do() if fault.is_done_first() else None
        self._let_fail(fault, done)
        if done is None and fault.errcode is not None and self._api == "send_msg":
            self._world.corp.refuse(self._body, fault.errcode, self._at, self._world.switches)
        await self._world.bell.pause(fault.delay_after)
        said: Told | None = done if fault.errcode is None else {"errcode": fault.errcode}
        is_spoilt = fault.drop or fault.status is not None or fault.body is not None
        self._note(done, None if is_spoilt else said, fault.when if fault.drop else None)
        return self._spoil(fault, said)

    def _let_fail(self, fault: Fault, done: Told | None) -> None:
        """What was taken fails later, if that was ordered."""
        if fault.fail_type is None or done is None or _code(done) != errcodes.OK:
            return
        bubble = self._world.corp.find(str(self._named("open_kfid")), str(done.get("msgid")))
        if bubble is not None:
            self._world.fail(bubble, fault.fail_type, fault.fail_after)

    def _spoil(self, fault: Fault, said: Told | None) -> Response:
        if fault.drop:
            self._request.state.hang_up()
            return Response()
        if fault.body is not None or said is None:
            return Response(fault.body or "", fault.status or 200, media_type="text/plain")
        return JSONResponse(_told(said, self._request), fault.status or 200)

    def _note(
        self,
        done: Told | None,
        said: Told | None,
        dropped: Literal["before", "after"] | None = None,
    ) -> None:
        self._world.calls.note(
            Call(
                seq=self._seq,
                at=self._at,
                api=self._api,
                open_kfid=self._named("open_kfid"),
                external_userid=self._named("touser"),
                msgid=self._named("msgid"),
                errcode=_code(done),
                answered=_code(said),
                fault=self._fault.id if self._fault else None,
                dropped=dropped,
                body_sha256=self._sha256,
            )
        )
        self._world.bell.ring()


def _code(answer: Told | None) -> int | None:
    errcode = answer.get("errcode") if answer else None
    return errcode if isinstance(errcode, int) else None


def _read(raw: bytes) -> object:
    try:
        return json.loads(raw) if len(raw) <= BODY_BYTES else None
    except (ValueError, RecursionError):
        return None


def _told(answer: Told, request: Request) -> Told:
    errcode = _code(answer) or errcodes.OK
    hint = f"{secrets.randbits(32)}_{secrets.token_hex(8)}" if errcode else ""
    ip = request.client.host if request.client else "127.0.0.1"
    return {"errcode": errcode, "errmsg": errcodes.errmsg(errcode, hint, ip)} | answer
