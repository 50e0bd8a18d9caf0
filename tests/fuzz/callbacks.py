"""Callbacks: half of them signed and encrypted rightly around a message that is wrong inside."""

import asyncio
import base64
from collections.abc import Mapping
from contextlib import suppress
from random import Random
from typing import Any, Final
from urllib.parse import parse_qs, quote

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from starlette.applications import Starlette

from producer.callback.app import LARGEST, Callback
from producer.callback.board import Board
from producer.callback.crypto import decode_aes_key
from producer.callback.letter import AccountsChanged, Noticed
from producer.callback.refusal import Cause
from producer.callback.tally import Tally
from schemas.database import Database
from tests.callbacks import (
    ACCOUNT,
    AES_KEY,
    CORP,
    SEAL,
    SYNC_TOKEN,
    Request,
    accounts,
    check,
    envelope,
    foreign,
    notice,
    posted,
    signed,
)
from tests.fuzz.mutation import WORDS, mutated
from tests.fuzz.runner import Target

KEY: Final = SEAL.keys[0]
FIELDS: Final = (
    "ToUserName",
    "FromUserName",
    "CreateTime",
    "MsgType",
    "Event",
    "Token",
    "OpenKfId",
    "AuthAddOpenKfId",
    "AuthDelOpenKfId",
    "Encrypt",
    "Unknown",
)
VALUES: Final = (
    b"event",
    b"kf_msg_or_event",
    b"kf_account_auth_change",
    b"text",
    b"click",
    ACCOUNT.encode(),
    SYNC_TOKEN.encode(),
    b"",
    b" ",
    b"k" * 65,
    b"t" * 129,
    b"1348831860",
    *WORDS,
)


class _Board(Board):
    """Remembers what was put down, and has no database."""

    def __init__(self) -> None:
        super().__init__(Database("sqlite:///nowhere.db", "own"), wall=lambda: _never("asked for the time"))
        self.put: list[Noticed | AccountsChanged] = []

    def notice(self, noticed: Noticed) -> None:
        self.put.append(noticed)

    def change(self, changed: AccountsChanged) -> None:
        self.put.append(changed)


def _never(what: str) -> Any:  # noqa: ANN401 - it never returns
    raise AssertionError(what)


class _Silent(Tally):
    """Counts, and tells nobody."""

    def refused(self, cause: Cause) -> None:
        self.count(cause.value)


BOARD: Final = _Board()
APP: Final = Starlette(routes=Callback(SEAL, BOARD, _Silent(lambda: 0.0)).routes())
LOOP: Final = asyncio.new_event_loop()


def run(chance: Random) -> str:
    """Try one: half with the message inside changed, the other half changed in every other place."""
    if chance.random() < 0.6:  # of which some are changed in no place
        return _inside(chance)
    return chance.choice((_outside, _outside, _resigned, _padded, _checked, _strange))(chance)


def _inside(chance: Random) -> str:
    """WeChat itself would have sent this: it is read, or refused as an event, and never anything else."""
    if chance.random() < 0.3:
        message = _invented(chance)
    else:
        known = (notice(), notice(None), notice(token=None), foreign(), accounts(("wk1", "wk2"), ("wk3",)))
        message = mutated(chance.choice(known), chance)
    status, body = _post(posted(message, chance=chance.randbytes(16)))
    ending = body.decode().strip()
    if len(message) > LARGEST / 2:
        assert (status, ending) in {(200, "success"), (400, "event"), (413, "too_large")}
    else:
        assert (status, ending) in {(200, "success"), (400, "event")}
    assert status == 200 or not BOARD.put
    for put in BOARD.put:
        _is_sound(put)
    kind = type(BOARD.put[0]).__name__ if BOARD.put else ending
    return f"signed, changed inside: {kind}"


def _is_sound(put: Noticed | AccountsChanged) -> None:
    """Nothing is put down that a table, a log line or WeChat could not take."""
    names = (put.open_kfid,) if isinstance(put, Noticed) else (*put.granted, *put.revoked)
    tokens = (put.token,) if isinstance(put, Noticed) else ()
    for text, longest in [*((name, 64) for name in names), *((token, 128) for token in tokens)]:
        assert text is None or (0 < len(text) <= longest and all("!" <= letter <= "~" for letter in text))


def _outside(chance: Random) -> str:
    """A stranger changed what WeChat sent: an effect only if nothing that is signed was changed."""
    original = posted(notice(), chance=chance.randbytes(16))
    query, body = original.query.encode(), original.body
    if chance.random() < 0.4:
        query = mutated(query, chance)
    if chance.random() < 0.8:
        body = mutated(body, chance)
    status, _ = _post(Request(quote(query, safe="&=%+"), body))
    assert 400 <= status < 500 or (status == 200 and _is_whole(original, query, body)), status
    assert bool(BOARD.put) == (status == 200)
    return f"changed outside: {status}"


def _strange(chance: Random) -> str:
    """Somebody else's XML, lengths that are not so, bodies that end early, and a key of any form."""
    body = _invented(chance)
    if chance.random() < 0.1:
        body = body.ljust(LARGEST + chance.randrange(-2, 3))
    told = chance.choice((None, b"0", b"65536", b"65537", b"9" * 5000, b"-1", b"x", b"\xb2"))
    cut = chance.random() < 0.1
    status, cause = _ask("POST", signed("AAAA"), body, told, cut=cut)
    assert 400 <= status < 500
    assert not BOARD.put
    key = chance.choice(
        (AES_KEY, AES_KEY[:-1] + chance.choice("ABCD"), AES_KEY[:-1], AES_KEY + "A", "$" * 43)
    )
    with suppress(ValueError):
        assert decode_aes_key(key) == KEY
    return f"a stranger's: {cause.strip().decode()}"


def _is_whole(original: Request, query: bytes, body: bytes) -> bool:
    """Whether what was signed is still there, found in another way than the callback finds it."""
    encrypted = original.body.split(b"CDATA[")[2].split(b"]]")[0]
    asked = parse_qs(quote(query, safe="&=%+"), keep_blank_values=True)
    told = parse_qs(original.query)
    pieces = body.replace(b"]]><![CDATA[", b"")
    return encrypted in pieces and all(asked.get(name) == told[name] for name in told)


def _resigned(chance: Random) -> str:
    """Any text at all, signed rightly: what is encrypted is judged on its own."""
    encrypted = original = posted(notice()).body.split(b"CDATA[")[2].split(b"]]")[0]
    encrypted = mutated(encrypted, chance)
    text = encrypted.decode("ascii", "ignore").translate({ord(letter): None for letter in "<>&]"}).strip()
    text = "".join(letter for letter in text if letter >= " ") or "AAAA"
    status, body = _post(Request(signed(text), envelope(text)))
    assert (status, body.strip()) in {(200, b"success"), (400, b"key"), (400, b"event"), (403, b"corp")}
    assert not BOARD.put or text == original.decode() or status == 200
    return f"any text, signed: {body.strip().decode()}"


def _padded(chance: Random) -> str:
    """Plaintexts whose random part, length, receiveid or padding is wrong, encrypted and signed rightly."""
    message = notice()
    length = chance.choice((len(message), len(message) + 1, 0, 1, 2**32 - 1, chance.randrange(2**32)))
    corp = chance.choice((CORP.encode(), b"", b"ww", CORP.encode() + b"x", b"\xff\xfe"))
    plain = chance.randbytes(16) + length.to_bytes(4, "big") + message + corp
    plain = plain[: chance.choice((len(plain), chance.randrange(len(plain)), 0, 15, 16, 19, 20))]
    right = 32 - len(plain) % 32
    pad = chance.choice((right, right, right, 0, 33, 255, chance.randrange(256)))
    plain += bytes([pad]) * right
    block = chance.choice((32, 32, 32, 16))
    plain = plain[: len(plain) - len(plain) % block] or bytes(block)
    if block != 32:
        plain = plain[:-16] or bytes(16)
    encryptor = Cipher(algorithms.AES(KEY), modes.CBC(KEY[:16])).encryptor()
    text = base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()
    status, body = _post(Request(signed(text), envelope(text)))
    is_right = plain[16:-right] == len(message).to_bytes(4, "big") + message + CORP.encode() and pad == right
    assert (status == 200) == (is_right and block == 32), (status, body)
    return f"wrong inside the block: {body.strip().decode()}"


def _checked(chance: Random) -> str:
    """Checks of the URL: the plaintext for what WeChat signed, a refusal for anything else."""
    text = chance.randbytes(chance.randrange(60)).hex().encode()
    original = check(text)
    query = original.query.encode() if chance.random() < 0.2 else mutated(original.query.encode(), chance)
    status, body = _ask("GET", quote(query, safe="&=%+"), b"")
    told, asked = parse_qs(original.query), parse_qs(quote(query, safe="&=%+"), keep_blank_values=True)
    told["echostr"] = [told["echostr"][0].replace("+", " ")]
    asked["echostr"] = [one.replace("+", " ") for one in asked.get("echostr", [])]
    is_whole = all(asked.get(name) == value for name, value in told.items())
    assert (status == 200) == is_whole, (status, query)
    assert body == text if is_whole else body.strip().decode() in set(Cause)
    return f"check of the URL: {status}"


def _invented(chance: Random) -> bytes:
    """A message put together by somebody who knows the names of the fields and nothing else."""
    parts = []
    for _ in range(chance.randrange(9)):
        name = chance.choice(FIELDS).encode()
        value = chance.choice(VALUES)
        if chance.random() < 0.5:
            value = b"<![CDATA[" + value + b"]]>"
        parts.append(b"<" + name + b">" + value + b"</" + name + b">")
    kind = chance.choice((b"kf_msg_or_event", b"kf_account_auth_change", b"other"))
    parts.append(b"<MsgType>event</MsgType><Event>" + kind + b"</Event>")
    chance.shuffle(parts)
    return b"<xml>" + b"".join(parts) + b"</xml>"


def _post(request: Request) -> tuple[int, bytes]:
    return _ask("POST", request.query, request.body)


def _ask(
    method: str, query: str, body: bytes, told: bytes | None = None, *, cut: bool = False
) -> tuple[int, bytes]:
    """Ask the application itself: between it and the wire is only somebody else's parser."""
    BOARD.put.clear()
    scope: Mapping[str, object] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": method,
        "path": "/wework/callback",
        "query_string": query.encode(),
        "headers": [] if told is None else [(b"content-length", told)],
    }
    pieces = [body[:1000], body[1000:]]
    answer: dict[str, Any] = {"body": b""}

    async def receive() -> dict[str, object]:
        if cut and len(pieces) == 1:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Mapping[str, Any]) -> None:
        answer["status"] = message.get("status", answer.get("status"))
        answer["body"] += message.get("body", b"")

    LOOP.run_until_complete(APP(dict(scope), receive, send))
    return int(answer["status"]), bytes(answer["body"])


TARGET: Final = Target(
    "callbacks",
    200_000,
    (
        "producer.callback.app",
        "producer.callback.crypto",
        "producer.callback.letter",
        "producer.callback.refusal",
        "producer.callback.seal",
    ),
    run,
)
